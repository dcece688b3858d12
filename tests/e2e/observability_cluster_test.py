"""What two nodes over Kafka and PostgreSQL tell of each other: one trace, one log, one cluster."""
import json
import subprocess
import threading
import unittest
import urllib.request
import uuid

from observability import PARENT, TRACE, SpanServer, metrics
from support import BINARY, eventually
from system import System, die_with_parent


class Follower(threading.Thread):
    """Reads one stream of lines to its end; never comes back."""

    def __init__(self, node, query):
        super().__init__(daemon=True)
        self.lines, self.nodes, self.others, self.over = [], {}, [], False
        self.stream = urllib.request.urlopen(
            f"http://{node.address}/api/logs/follow?{query}", timeout=60)
        self.start()

    def run(self):
        event = None
        try:
            for line in self.stream:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "log":
                    self.lines.append(json.loads(value))
                elif name == "data" and event == "nodes":
                    self.nodes = json.loads(value)
                elif name == "data":
                    self.others.append((event, value))
        except OSError:
            pass
        self.over = True


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

    def fail_some(self, count):
        """Each is a line at the node that owns it."""
        status, answer = self.a.call("/api/tasks/batch", [
            {"kind": "sleep", "retry": {"maxAttempts": 1}, "payload": {"duration": "1ms", "fail": "no luck"}}
            for _ in range(count)])
        self.assertEqual(200, status, answer)
        return {item["taskId"] for item in answer["items"]}

    def test_who_follows_at_one_node_hears_all_and_those_that_come_and_outlives_those_that_go(self):
        self.assertEqual(404, self.a.call("/api/logs/follow?node=elsewhere")[0])
        all_lines = Follower(self.a, "level=info")
        of_b = Follower(self.a, "node=b&text=not_succeeded")
        self.assertTrue(eventually(lambda: all_lines.nodes == {"nodes": ["a", "b"], "missing": []}
                                   and of_b.nodes == {"nodes": ["b"], "missing": []}), all_lines.nodes)

        def failed(follower, node=None):
            return [l["task"] for l in follower.lines
                    if l["event"] == "attempt.not_succeeded" and node in (None, l["node"])]
        first = self.fail_some(32)
        self.assertTrue(eventually(lambda: len(failed(all_lines)) >= 32), self.system.logs())
        self.assertEqual(sorted(first), sorted(failed(all_lines)), "each line once")
        self.assertTrue(failed(all_lines, "a") and failed(all_lines, "b"))
        self.assertTrue(eventually(lambda: len(of_b.lines) >= len(failed(all_lines, "b"))))
        self.assertEqual(failed(all_lines, "b"), failed(of_b), "and of the node that was named only")

        self.b.kill()
        self.assertTrue(eventually(lambda: "b" not in all_lines.nodes["nodes"]), all_lines.nodes)
        self.system.start("c", mesh=True)
        self.system.await_owners("a", "c")
        self.assertTrue(eventually(lambda: any(
            (l["node"], l["event"]) == ("c", "node.ready") for l in all_lines.lines)),
            "a node is heard from its first lines on")
        second = self.fail_some(32)
        self.assertTrue(eventually(lambda: second <= set(failed(all_lines))), self.system.logs())
        self.assertTrue(failed(all_lines, "c"))
        self.assertFalse(all_lines.over or of_b.over, "a node that goes ends no stream")
        self.assertEqual({"nodes": [], "missing": ["b"]}, of_b.nodes)
        self.assertEqual([], all_lines.others, "no line was lost")

    def test_the_command_line_follows_all_nodes(self):
        words = [BINARY, "logs", "-f", "--text", "not_succeeded", "-o", "jsonl", "--server",
                 f"http://{self.a.address}"]
        with subprocess.Popen(words, env=self.system.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent) as orrery:
            self.addCleanup(orrery.kill)
            lines = []
            reader = threading.Thread(target=lambda: lines.extend(map(json.loads, orrery.stdout)), daemon=True)
            reader.start()

            def both():
                self.fail_some(16)
                return {line["node"] for line in lines} == {"a", "b"}
            self.assertTrue(eventually(both), self.system.logs())
            orrery.kill()
            reader.join(30)

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
