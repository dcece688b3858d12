"""`cluster/launch`: a whole system on this machine, and the examples against it."""
import json
import sys
import unittest

from support import Cluster, ROOT, call, eventually, run

LATER = "2036-01-01T00:00:00Z"


def status_of(address, kind, identity):
    code, view = call(address, f"/api/{kind}/{identity}")
    return view["status"] if code == 200 else code


class TwoNodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster("--nodes", "2")
        cls.addClassCleanup(cls.cluster.close)
        cls.nodes = [cls.cluster.node(1), cls.cluster.node(2)]
        cls.kafka = cls.cluster.value("kafka")

    def submit(self, address, kind, body):
        code, answer = call(address, f"/api/{kind}", body)
        self.assertEqual(200, code, answer)
        self.assertEqual("ACCEPTED", answer["status"])
        return answer["orderId" if kind == "orders" else "taskId"]

    def test_a_foreign_producer_and_a_foreign_consumer_take_either_side(self):
        status, text = run(sys.executable, ROOT / "examples/produce_order.py", "--broker", self.kafka,
                           "--count", "20", "--product", "Telescope")
        self.assertEqual(0, status, text)

        def created():
            _, lines = run("kcat", "-C", "-b", self.kafka, "-t", "order_status_topic", "-o", "beginning",
                           "-e", "-q", "-X", "isolation.level=read_committed")
            events = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
            return [e for e in events if e["product"] == "Telescope" and e["status"] == "CREATED"]

        events = eventually(lambda: found if len(found := created()) >= 20 else None)
        self.assertEqual(20, len(events or created()))
        self.assertEqual(20, len({event["orderId"] for event in events}))
        for event in events:
            self.assertNotIn("previousStatus", event)

    def test_the_watcher_prints_what_the_api_was_asked(self):
        self.submit(self.nodes[0], "orders", {"product": "Globe", "quantity": 3})
        status, text = run(sys.executable, ROOT / "examples/watch_statuses.py", "--broker", self.kafka,
                           "--from-beginning", "--topic", "order_status_topic", "--count", "1",
                           "--seconds", "30")
        self.assertEqual(0, status, text)
        self.assertIn("CREATED", text)

    def test_either_node_answers_for_anything(self):
        # Enough of them that both nodes own some.
        for number in range(24):
            here, there = self.nodes[number % 2], self.nodes[(number + 1) % 2]
            task = self.submit(here, "tasks", {"kind": "noop", "runAt": LATER})
            self.assertEqual("SCHEDULED",
                             eventually(lambda: "SCHEDULED" if status_of(there, "tasks", task) ==
                                        "SCHEDULED" else None))
            code, view = call(there, f"/api/tasks/{task}/cancel", {"reason": "not today"})
            self.assertEqual((200, "CANCELLED"), (code, view.get("status")), view)
            code, view = call(here, f"/api/tasks/{task}/rerun", {})
            self.assertEqual(200, code, view)
            self.assertEqual("SUCCEEDED",
                             eventually(lambda: "SUCCEEDED" if status_of(there, "tasks", task) ==
                                        "SUCCEEDED" else None))

    def test_what_was_asked_twice_with_one_id_happens_once(self):
        body = {"taskId": "nightly-17", "kind": "noop"}
        first = self.submit(self.nodes[0], "tasks", body)
        second = self.submit(self.nodes[1], "tasks", body)
        self.assertEqual(first, second)

    def test_z_the_survivor_goes_on_when_a_node_is_killed(self):
        status, text = self.cluster.launch("kill", "2")
        self.assertEqual(0, status, text)
        status, text = self.cluster.launch("status")
        self.assertEqual(1, status)
        self.assertIn("node2 down", text)
        tasks = [self.submit(self.nodes[0], "tasks", {"kind": "noop"}) for _ in range(32)]
        for task in tasks:
            self.assertEqual("SUCCEEDED",
                             eventually(lambda t=task: "SUCCEEDED" if status_of(self.nodes[0], "tasks", t)
                                        == "SUCCEEDED" else None))
        status, text = self.cluster.launch("start", "2")
        self.assertEqual(0, status, text)
        status, text = self.cluster.launch("stop", "1")
        self.assertEqual(0, status, text)
        task = self.submit(self.nodes[1], "tasks", {"kind": "noop"})
        self.assertEqual("SUCCEEDED",
                         eventually(lambda: "SUCCEEDED" if status_of(self.nodes[1], "tasks", task) ==
                                    "SUCCEEDED" else None))


if __name__ == "__main__":
    unittest.main()
