"""Rows whose time is over are deleted, by rule, on nodes that die while they do it."""
import unittest

from support import eventually
from system import System

KEEP = ["--set", "retention.tasks=2s,FAILED=never,mail=never", "retention.orders=2s,COMPLETED=never",
        "retention.look=200ms", "workers.kinds=mail"]


class Retention(unittest.TestCase):
    def setUp(self):
        self.system = System(self, shards=4)
        self.a, self.b = self.system.start("a", "b", mesh=True, options=KEEP)
        self.system.await_owners("a", "b")

    def submit(self, body):
        code, answer = self.a.call("/api/tasks", body)
        self.assertEqual(200, code, answer)
        return answer["taskId"]

    def rows(self, table="tasks"):
        return {row[0] for row in self.system.sql(f"select id from {table}")}

    def await_rows(self, ids, table="tasks"):
        self.assertTrue(eventually(lambda: self.rows(table) == set(ids)), self.system.logs())

    def test_what_is_over_goes_and_what_a_rule_a_pin_or_its_state_keeps_stays(self):
        code, answer = self.a.call("/api/tasks/batch", [{"kind": "noop"}] * 300)
        self.assertEqual(200, code, answer)
        failed = self.submit({"kind": "exec", "payload": {"command": "fail"}, "retry": {"maxAttempts": 1}})
        waiting = self.submit({"kind": "noop", "runAt": "2036-01-01T00:00:00Z"})
        of_kind = self.submit({"kind": "mail"})
        pinned = self.submit({"kind": "sleep", "payload": {"seconds": 1}})
        code, answer = self.b.call(f"/api/tasks/{pinned}/pin", {})
        self.assertEqual(200, code, answer)
        code, order = self.a.call("/api/orders", {"product": "Globe"})
        self.assertEqual(200, code, order)
        self.assertTrue(eventually(
            lambda: self.a.call(f"/api/orders/{order['orderId']}")[0] == 200))
        code, answer = self.b.call(f"/api/orders/{order['orderId']}/cancel", {"reason": "no"})
        self.assertEqual(200, code, answer)
        self.await_rows([failed, waiting, of_kind, pinned])
        self.await_rows([], "orders")
        self.assertEqual(404, self.b.call(f"/api/orders/{order['orderId']}")[0])
        for node in (self.a, self.b):
            code, page = node.call("/api/tasks?limit=100")
            self.assertEqual({failed, waiting, of_kind, pinned},
                             {task["taskId"] for task in page["items"]})
        # And all of them were told of before they went.
        self.assertTrue(eventually(lambda: len(
            {e["taskId"] for e in self.system.statuses("tasks") if e["status"] == "SUCCEEDED"}) == 301))
        code, answer = self.a.call(f"/api/tasks/{pinned}/pin", {"pinned": False})
        self.assertEqual(200, code, answer)
        self.await_rows([failed, waiting, of_kind])

    def test_a_node_that_dies_while_it_deletes_leaves_counts_that_agree_with_the_rows(self):
        for turn in range(3):
            for _ in range(10):
                code, answer = self.a.call("/api/tasks/batch", [{"kind": "noop"}] * 500)
                self.assertEqual(200, code, answer)
            self.assertTrue(eventually(lambda: self.erased() > turn * 4000 + 500), self.system.logs())
            self.b.kill()
            [self.b] = self.system.start("b", mesh=True, options=KEEP)
            self.system.await_owners("a", "b")
        last = self.submit({"kind": "noop", "runAt": "2036-01-01T00:00:00Z"})
        # Between what a dead node had begun and what still lay in its intake there may be a moment without rows.
        self.assertTrue(eventually(lambda: self.system.sql("select sum(tasks_next) from shards") == [["15001"]], 60),
                        self.system.logs())
        self.await_rows([last])
        self.assertEqual([["1"]], self.system.sql(
            "select sum(n) from shards, unnest(task_counts[1:9]) as n"))
        self.assertEqual([["1"]], self.system.sql(
            "select sum(n) from queue_counts, unnest(counts) as n"))

    def erased(self):
        """Of all that was accepted, by the journal: what a dead node has counted is lost."""
        [[done, there]] = self.system.sql(
            "select (select coalesce(sum(last - first + 1), 0) from journal),"
            " (select count(*) from tasks)")
        # A task that has gone has left submitted, started, succeeded and erased; one that is there at most three.
        return (int(done) - 3 * int(there)) // 4


if __name__ == "__main__":
    unittest.main()
