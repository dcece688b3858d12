"""What two nodes over Kafka and PostgreSQL tell of each other: one trace, one log, one cluster."""
import json
import unittest
import uuid

from observability_test import PARENT, TRACE, SpanServer, metrics
from support import eventually
from system import System


class TwoNodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.spans = SpanServer()
        cls.addClassCleanup(cls.spans.close)

    def setUp(self):
        self.system = System(self)
        # `a` executes nothing of the kind `exec`: what it owns goes to `b`.
        trace = ("--set", f"traces.endpoint={self.spans.url}")
        [self.a] = self.system.start("a", mesh=True, options=(*trace, "limits.slots.exec=0"))
        [self.b] = self.system.start("b", mesh=True, options=trace)
        self.system.await_owners("a", "b")

    def test_a_trace_goes_from_a_foreign_producer_to_the_process_on_another_node_and_out(self):
        producer = self.system.producer()
        for _ in range(16):
            body = {"command": "submit", "kind": "exec", "ttl": "30s",
                    "payload": {"command": "echo", "args": {"text": "x"}}}
            producer.send(self.system.topic("task_topic"), json.dumps(body).encode(),
                          key=str(uuid.uuid4()).encode(),
                          headers=[("traceparent", f"00-{TRACE}-{PARENT}-01".encode())])
        producer.flush()
        def of(name):
            with self.spans.guard:
                return [s for s in self.spans.spans if s["name"] == name and s["traceId"] == TRACE]
        self.assertTrue(eventually(lambda: len(of("attempt exec")) >= 16, 60), self.system.logs())
        tasks = {s["spanId"]: s for s in of("task exec")}
        self.assertEqual({PARENT}, {s["parentSpanId"] for s in tasks.values()})
        self.assertTrue(all(s["parentSpanId"] in tasks for s in of("attempt exec")))
        workers = {a["value"]["stringValue"] for s in of("attempt exec") for a in s["attributes"]
                   if a["key"] == "orrery.worker"}
        self.assertEqual({"b"}, workers)
        told = self.system.records("task_status_topic", lambda all: sum(
            json.loads(r.value)["status"] in ("SUCCEEDED", "FAILED") for r in all) >= 16)
        contexts = {dict(r.headers)["traceparent"].decode() for r in told}
        self.assertEqual({f"00-{TRACE}-{span}-01" for span in tasks}, contexts)

    def test_the_log_of_both_is_read_at_either_and_one_that_is_gone_is_named(self):
        def nodes(query=""):
            _, answer = self.a.call("/api/logs?text=node.ready" + query)
            return {line["node"] for line in answer["items"]}
        self.assertTrue(eventually(lambda: nodes() == {"a", "b"}))
        self.assertEqual({"b"}, nodes("&node=b"))
        self.b.kill()
        def told():
            status, answer = self.a.call("/api/logs?text=node.ready")
            return status == 200 and "b" in answer["missing"]
        self.assertTrue(eventually(told) or nodes() == {"a"})

    def test_the_cluster_tells_versions_owners_lag_and_health_of_both(self):
        def seen():
            return self.b.call("/api/cluster")[1]
        self.assertTrue(eventually(
            lambda: [n.get("ready") for n in seen()["nodes"]] == [True, True]), seen())
        picture = seen()
        self.assertEqual({"a", "b"}, {n["name"] for n in picture["nodes"]})
        self.assertEqual(1, len({n["version"] for n in picture["nodes"]}))
        self.assertEqual({"a", "b"}, {s["owner"] for s in picture["shards"]})
        self.assertTrue(all(s["epoch"] >= 1 for s in picture["shards"]), picture)
        # What waits is left out while the log does not answer in time.
        self.assertTrue(eventually(lambda: all(
            s.get("waitingTasks", -1) >= 0 and s.get("waitingOrders", -1) >= 0
            for s in seen()["shards"])), seen())
        self.assertTrue(eventually(lambda: metrics(self.a.address)[1].get("orrery_intake_lag")))


if __name__ == "__main__":
    unittest.main()
