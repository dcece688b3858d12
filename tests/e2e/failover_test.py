"""Two nodes: one is killed in the middle of much work, one is stopped in order."""
import collections
import json
import sys
import time
import unittest

from support import eventually
from system import FINAL, System

ORDERS = TASKS = 2000
ALONE = True


def of_run(event):
    return event["taskId"], event["run"]


class AKilledNode(unittest.TestCase):
    def setUp(self):
        self.system = System(self)
        self.a, self.b = self.system.start("a", "b", mesh=True)
        self.system.await_owners("a", "b")

    def submit_half(self, kind, bodies):
        """By batch, half of them on each node; the ids."""
        ids, half = [], len(bodies) // 2
        for node, part in ((self.a, bodies[:half]), (self.b, bodies[half:])):
            code, answer = node.call(f"/api/{kind}/batch", part)
            self.assertEqual(200, code, answer)
            self.assertEqual(len(part), len(answer["items"]))
            ids += [item["orderId" if kind == "orders" else "taskId"] for item in answer["items"]]
        return ids

    def produce(self, topic, bodies, name):
        """By a stranger, each with an id of its own."""
        producer = self.system.producer(linger_ms=5)
        sent = [producer.send(self.system.topic(topic), key=body[name].encode(),
                              value=json.dumps(body).encode()) for body in bodies]
        for future in sent:
            future.get(30)

    def submit_all(self):
        """Half by HTTP, half by Kafka. The tasks take a moment each, so that many are under way."""
        orders = self.submit_half("orders", [{"product": f"Order {n}"} for n in range(ORDERS // 2)])
        tasks = self.submit_half("tasks", [{"kind": "sleep", "payload": {"seconds": 0.5 + n % 40 / 10}}
                                           for n in range(TASKS // 2)])
        self.produce("order_topic", [{"orderId": f"order-{n}", "product": f"Order {ORDERS // 2 + n}"}
                                     for n in range(ORDERS // 2)], "orderId")
        self.produce("task_topic", [{"taskId": f"task-{n}", "kind": "sleep",
                                     "payload": {"seconds": 0.5 + n % 40 / 10}}
                                    for n in range(TASKS // 2)], "taskId")
        return set(orders), set(tasks)

    def counts(self):
        return [int(row[0]) for row in self.system.sql(
            "select count(*) from orders union all "
            "select count(*) from tasks where status in (5, 6, 7, 8)")]

    def test_the_survivor_finishes_all_and_nothing_is_told_twice(self):
        owned = self.system.owners()["a"]
        orders, tasks = self.submit_all()
        self.assertTrue(eventually(lambda: self.counts()[1] >= TASKS // 5), self.system.logs())
        before = self.counts()
        self.assertLess(before[1], TASKS, "the kill must come in the middle")
        self.a.kill()
        killed = time.monotonic()

        self.assertTrue(eventually(lambda: self.system.owners() == {"b": 16}, 60), self.system.logs())
        taken_over = time.monotonic() - killed
        done = eventually(lambda: self.counts() == [ORDERS, TASKS], 120)
        finished = time.monotonic() - killed
        self.assertTrue(done, f"{self.counts()}{self.system.logs()}")
        print(f"\n    killed with {before[1]} of {TASKS} tasks ended, {owned} shards; "
              f"taken over after {taken_over:.1f} s, all finished after {finished:.1f} s",
              file=sys.stderr)

        self.assertTrue(eventually(
            lambda: sum(e["status"] in FINAL for e in self.system.statuses("tasks")) >= TASKS
            and len(self.system.statuses("orders")) >= ORDERS, 60), self.system.logs())
        self.each_order_was_created_once(orders)
        self.each_task_ended_once(tasks)

    def each_order_was_created_once(self, accepted):
        events = self.system.statuses("orders")
        created = collections.Counter(e["orderId"] for e in events if e["status"] == "CREATED")
        self.assertEqual({}, {order: n for order, n in created.items() if n != 1})
        self.assertEqual(ORDERS, len(created))
        self.assertEqual(set(), accepted - set(created), "accepted by HTTP, and lost")
        self.assertEqual({f"order-{n}" for n in range(ORDERS // 2)},
                         {e["reference"] for e in events if "reference" in e})
        self.assertEqual({f"Order {n}" for n in range(ORDERS)}, {e["product"] for e in events})
        self.system.assert_positions_increase(events)

    def each_task_ended_once(self, accepted):
        events = self.system.statuses("tasks")
        ended = collections.Counter(of_run(e) for e in events if e["status"] in FINAL)
        self.assertEqual({}, {which: n for which, n in ended.items() if n != 1})
        self.assertEqual(TASKS, len(ended))
        self.assertEqual({1}, {run for _, run in ended})
        self.assertEqual(set(), accepted - {task for task, _ in ended}, "accepted by HTTP, and lost")
        self.assertEqual({f"task-{n}" for n in range(TASKS // 2)},
                         {e["reference"] for e in events if "reference" in e})
        self.assertEqual({"SUCCEEDED"}, {e["status"] for e in events if e["status"] in FINAL})
        self.system.assert_positions_increase(events)
        # Nothing follows the end, and every step follows from the one before.
        last = {}
        for event in events:
            before = last.get(of_run(event))
            self.assertEqual(before, event.get("previousStatus"), event)
            self.assertNotIn(before, FINAL, event)
            last[of_run(event)] = event["status"]
        # What ran on the killed node was lost, and counts as an attempt.
        lost = [e for e in events if e["status"] == "RETRYING"]
        self.assertEqual({"lease-lost"}, {e.get("reason") for e in lost})


class AStoppedNode(unittest.TestCase):
    def test_hands_its_running_tasks_over_and_none_of_them_counts_as_lost(self):
        system = System(self)
        a, b = system.start("a", "b", mesh=True)
        system.await_owners("a", "b")
        code, answer = a.call("/api/tasks/batch", [{"kind": "sleep", "payload": {"seconds": 6},
                                                    "retry": {"maxAttempts": 1}}] * 64)
        self.assertEqual(200, code, answer)
        tasks = [item["taskId"] for item in answer["items"]]

        def running():
            _, page = b.call("/api/tasks?status=RUNNING&limit=1000")
            return page["items"] if len(page["items"]) == 64 else None

        on_a = {item["taskId"] for item in eventually(running) or [] if item["worker"] == "a"}
        self.assertTrue(0 < len(on_a) < 64, f"{len(on_a)}{system.logs()}")

        status = a.stop()
        self.assertEqual(0, status, system.logs())
        self.assertTrue(eventually(lambda: system.owners() == {"b": 16}), system.logs())

        def ended():
            _, page = b.call("/api/tasks?status=SUCCEEDED&limit=1000")
            return page["items"] if len(page["items"]) == 64 else None

        views = eventually(ended)
        self.assertTrue(views, f"{b.call('/api/tasks?limit=64')[1]}{system.logs()}")
        self.assertEqual(set(tasks), {view["taskId"] for view in views})
        disturbed = []
        for view in views:
            _, page = b.call(f"/api/tasks/{view['taskId']}/events")
            names = [event["type"] for event in page["items"]]
            if view["taskId"] in on_a:
                # maxAttempts is 1: had the interrupted attempt counted, there would be no second.
                self.assertEqual(["TaskSubmitted", "TaskStarted", "TaskInterrupted", "TaskStarted",
                                  "TaskSucceeded"], names)
                self.assertEqual(("b", 2), (view["worker"], view["attempt"]))
            elif names != ["TaskSubmitted", "TaskStarted", "TaskSucceeded"]:
                disturbed.append(names)
        with self.subTest("the node that stays goes on with what it runs"):
            self.assertEqual([], disturbed, system.logs())
        events = system.statuses("tasks")
        ends = collections.Counter(event["taskId"] for event in events if event["status"] in FINAL)
        self.assertEqual(dict.fromkeys(tasks, 1), dict(ends))
        system.assert_positions_increase(events)
        self.assertEqual(0, b.stop())


if __name__ == "__main__":
    unittest.main()
