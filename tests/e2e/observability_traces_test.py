"""What a node tells of itself: traces."""
import json
import unittest
import urllib.request

from observability import PARENT, TRACE, SpanServer, metrics, submit
from support import call, eventually
from tasks_test import Node


class Traces(unittest.TestCase):
    def setUp(self):
        self.server = SpanServer()
        self.addCleanup(self.server.close)

    def node(self, *options):
        return Node(self, "--set", f"traces.endpoint={self.server.url}", *options)

    def spans(self, enough, trace=TRACE):
        def of_trace():
            with self.server.guard:
                return {one["name"]: one for one in self.server.spans if one["traceId"] == trace}
        self.assertTrue(eventually(lambda: enough <= set(of_trace()), 30),
                        (of_trace(), self.server.refusals))
        return of_trace()

    def test_a_request_its_message_the_task_and_the_attempt_are_one_trace(self):
        node = self.node("--set", "workers.kinds=work")
        made = submit(node.address, {"kind": "work"}, traceparent=f"00-{TRACE}-{PARENT}-01",
                      tracestate="vendor=1")
        status, leased = call(node.address, "/api/workers/lease",
                              {"worker": "w", "max": 1, "wait": "10s"})
        self.assertEqual(200, status, leased)
        item = leased["items"][0]
        status, answer = call(node.address, f"/api/leases/{item['lease']}/complete", {"result": {}})
        self.assertEqual(200, status, answer)
        found = self.spans({"POST /api/tasks", "task_topic send", "task work", "attempt work"})
        chain = [found["POST /api/tasks"], found["task_topic send"], found["task work"],
                 found["attempt work"]]
        self.assertEqual(PARENT, chain[0]["parentSpanId"])
        for above, below in zip(chain, chain[1:]):
            self.assertEqual(above["spanId"], below["parentSpanId"], (above, below))
        self.assertEqual(item["traceparent"], f"00-{TRACE}-{chain[3]['spanId']}-01")
        self.assertEqual("vendor=1", chain[0]["traceState"])
        ids = {a["key"]: a["value"]["stringValue"] for a in chain[2]["attributes"]}
        self.assertEqual(made["taskId"], ids["orrery.task.id"])

    def test_an_order_its_tasks_and_their_worker_are_one_trace(self):
        node = self.node("--set", "workers.kinds=work")
        status, stored = call(node.address, "/api/flows", {"name": "pack", "steps": [
            {"name": "pick", "kind": "work"}, {"name": "post", "kind": "noop", "dependsOn": ["pick"]}]})
        self.assertEqual(200, status, stored)
        request = urllib.request.Request(
            f"http://{node.address}/api/orders", headers={
                "Content-Type": "application/json", "traceparent": f"00-{TRACE}-{PARENT}-01"},
            data=json.dumps({"product": "Laptop", "flow": "pack"}).encode())
        urllib.request.urlopen(request, timeout=10).close()
        status, leased = call(node.address, "/api/workers/lease", {"worker": "w", "wait": "10s"})
        item = leased["items"][0]
        call(node.address, f"/api/leases/{item['lease']}/complete", {"result": {}})
        found = self.spans({"POST /api/orders", "order_topic send", "order pack", "task work",
                            "attempt work", "task noop", "attempt noop"})
        parents = {name: one.get("parentSpanId") for name, one in found.items()}
        self.assertEqual(found["POST /api/orders"]["spanId"], parents["order_topic send"])
        self.assertEqual(found["order_topic send"]["spanId"], parents["order pack"])
        self.assertEqual(found["order pack"]["spanId"], parents["task work"])
        self.assertEqual(found["order pack"]["spanId"], parents["task noop"])
        self.assertEqual(found["task work"]["spanId"], parents["attempt work"])
        self.assertIn(f"-{TRACE}-{found['attempt work']['spanId']}-", item["traceparent"])

    def test_a_schedule_begins_a_trace_of_its_own(self):
        node = self.node()
        status, made = call(node.address, "/api/schedules", {
            "name": "soon", "expressions": ["* * * * * ?"], "task": {"kind": "noop"}})
        self.assertEqual(201, status, made)
        def roots():
            with self.server.guard:
                return [one for one in self.server.spans
                        if one["name"] == "task noop" and "parentSpanId" not in one]
        self.assertTrue(eventually(roots, 30))

    def test_what_begins_here_is_recorded_by_the_part_that_is_configured(self):
        none = self.node("--set", "traces.sample=0")
        submit(none.address, {"kind": "noop"}, Prefer="wait=5")
        # Asked for by the client, it is recorded all the same.
        submit(none.address, {"kind": "noop"}, Prefer="wait=5", traceparent=f"00-{TRACE}-{PARENT}-01")
        self.spans({"task noop"})
        with self.server.guard:
            self.assertEqual({TRACE}, {one["traceId"] for one in self.server.spans})

    def test_a_collector_that_fails_loses_nothing_and_one_that_refuses_is_counted(self):
        self.server.faults = [503, 429]
        node = self.node()
        submit(node.address, {"kind": "noop"}, Prefer="wait=5", traceparent=f"00-{TRACE}-{PARENT}-01")
        self.spans({"task noop", "POST /api/tasks"})
        _, found = metrics(node.address)
        self.assertEqual(2, found["orrery_span_failures_total"][0][1])
        self.server.faults = [400]
        submit(node.address, {"kind": "noop"}, Prefer="wait=5", traceparent=f"00-{TRACE}-{PARENT}-01")
        self.assertTrue(eventually(lambda: [
            v for pairs, v in metrics(node.address)[1]["orrery_spans_total"]
            if pairs["outcome"] == "refused"][0] > 0))

    def test_a_failed_attempt_is_told_as_an_error(self):
        node = self.node()
        submit(node.address, {"kind": "sleep", "payload": {"duration": "1ms", "fail": "no luck"},
                              "retry": {"maxAttempts": 1}},
               Prefer="wait=5", traceparent=f"00-{TRACE}-{PARENT}-01")
        found = self.spans({"attempt sleep", "task sleep"})
        self.assertEqual(2, found["attempt sleep"]["status"]["code"])
        self.assertIn("no luck", found["attempt sleep"]["status"]["message"])
        self.assertEqual(2, found["task sleep"]["status"]["code"])


if __name__ == "__main__":
    unittest.main()
