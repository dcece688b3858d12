"""Orders that follow a flow, from outside: stored flows, compensation, an operator's wishes, and kill -9 at any moment."""
import json
import pathlib
import subprocess
import tempfile
import unittest
import xml.dom.minidom

from support import BINARY, ROOT, call, eventually, run


class Node:
    """One embedded node on a folder, which may be killed and started again."""

    def __init__(self, data, *options):
        self.data, self.options = data, options
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", self.data, "--http", "127.0.0.1:0", "--auth", "off", "--node", "solo",
             *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready http="), line
        self.address = line.split()[1].removeprefix("http=")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def call(self, path, body=None):
        return call(self.address, path, body)


def sleeps(name, length="PT0.02S", fails=False, **more):
    payload = {"duration": length, **({"fail": "broke"} if fails else {})}
    return {"name": name, "kind": "sleep", "payload": payload, "retry": {"maxAttempts": 1}, **more}


def undo(length="PT0.02S", fails=False):
    step = sleeps("undo", length, fails)
    del step["name"]
    return {"compensate": step}


class Flows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="orrery-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.node = Node(self.folder / "data")
        self.addCleanup(lambda: self.node.kill())

    def store(self, name, *steps):
        code, stored = self.node.call("/api/flows", {"name": name, "steps": list(steps)})
        self.assertEqual(200, code, stored)
        return stored

    def order(self, flow, **more):
        code, answer = self.node.call("/api/orders", {"product": "Laptop", "flow": flow, **more})
        self.assertEqual(200, code, answer)
        return answer["orderId"]

    def state(self, order):
        return self.node.call(f"/api/orders/{order}")[1]

    def comes_to(self, order, status):
        self.assertTrue(eventually(lambda: self.state(order).get("status") == status, 60), self.state(order))
        return self.state(order)

    def test_an_order_keeps_the_version_it_began_with(self):
        self.assertEqual(1, self.store("shop", sleeps("pay", "PT2S"), sleeps("send"))["version"])
        self.assertEqual(1, self.store("shop", sleeps("pay", "PT2S"), sleeps("send"))["version"])
        order = self.order("shop")
        self.comes_to(order, "FULFILLING")
        self.assertEqual(2, self.store("shop", sleeps("pay"))["version"])
        done = self.comes_to(order, "COMPLETED")
        self.assertEqual(1, done["flowVersion"])
        self.assertEqual(["pay", "send"], [step["name"] for step in done["steps"]])
        self.assertEqual(2, self.comes_to(self.order("shop"), "COMPLETED")["flowVersion"])

    def test_a_failure_undoes_what_began_the_last_first(self):
        self.store("undone", sleeps("a", **undo()), sleeps("b", **undo()), sleeps("c", fails=True, **undo()),
                   sleeps("d", **undo()))
        order = self.order("undone")
        done = self.comes_to(order, "FAILED")
        self.assertEqual(["UNDONE", "UNDONE", "UNDONE", "PENDING"], [step["status"] for step in done["steps"]])
        events = self.node.call(f"/api/orders/{order}/events")[1]["items"]
        self.assertEqual([2, 1, 0], [event.get("step", 0) for event in events
                                     if event["type"] == "OrderStepStarted" and event.get("compensation")])

    def test_a_dry_run_says_what_a_cancellation_undoes_and_changes_nothing(self):
        self.store("long", sleeps("a", **undo()), sleeps("b", "PT60S", **undo()))
        order = self.order("long")
        self.assertTrue(eventually(lambda: self.state(order).get("steps", [{}])[0].get("status") == "SUCCEEDED"))
        code, plan = self.node.call(f"/api/orders/{order}/compensation")
        self.assertEqual((200, ["b", "a"]), (code, plan["steps"]))
        self.assertEqual("FULFILLING", self.state(order)["status"])
        self.assertEqual(200, self.node.call(f"/api/orders/{order}/cancel", {"reason": "dear"})[0])
        self.assertEqual("dear", self.comes_to(order, "CANCELLED")["reason"])

    def test_a_compensation_that_failed_waits_for_a_person(self):
        self.store("stuck", sleeps("a", **undo(fails=True)), sleeps("b", fails=True))
        order = self.order("stuck")
        self.comes_to(order, "COMPENSATION_FAILED")
        code, answer = self.node.call(f"/api/orders/{order}/skip-step", {"step": "a", "reason": "by hand"})
        self.assertEqual(200, code, answer)
        self.comes_to(order, "FAILED")

    def test_a_bad_flow_is_refused_with_the_place(self):
        for place, steps in {
                "steps[0].dependsOn": [sleeps("a", dependsOn=["b"]), sleeps("b", dependsOn=["a"])],
                "steps[1].dependsOn": [sleeps("a"), sleeps("b", dependsOn=["nobody"])],
                "steps[0].kind": [{"name": "a", "kind": "no-such-kind"}],
                "steps[0].compensate.kind": [sleeps("a", compensate={"kind": "no-such-kind"})]}.items():
            code, problem = self.node.call("/api/flows", {"name": "bad", "steps": steps})
            self.assertIn(code, (400, 422), problem)
            self.assertIn(place, json.dumps(problem))
        self.assertEqual(404, self.node.call("/api/flows/bad")[0])

    def test_a_node_that_is_killed_again_and_again_loses_no_step(self):
        self.store("many", *[sleeps(f"s{i}", "PT0.05S", **undo()) for i in range(5)])
        self.store("undone", sleeps("a", **undo()), sleeps("b", **undo()), sleeps("c", fails=True))
        orders = [self.order(flow) for flow in ("many", "undone") for _ in range(20)]
        for _ in range(5):
            self.node.kill()
            self.node.start()
            eventually(lambda: any(self.state(order).get("status") == "FULFILLING" for order in orders), 2)
        for order in orders[:20]:
            # An attempt that died with its node is a failed one here, so some end undone; none hangs.
            self.assertTrue(eventually(
                lambda: self.state(order).get("status") in ("COMPLETED", "FAILED", "COMPENSATION_FAILED"), 60),
                self.state(order))
        for order in orders:
            done = self.state(order)
            self.assertTrue(eventually(lambda: self.state(order).get("status") in
                                       ("COMPLETED", "FAILED", "COMPENSATION_FAILED"), 60), done)
            events = self.node.call(f"/api/orders/{order}/events")[1]["items"]
            started = [event["taskId"] for event in events if event["type"] == "OrderStepStarted"]
            ended = [event["taskId"] for event in events if event["type"] == "OrderStepEnded"]
            self.assertEqual(sorted(started), sorted(ended))
            self.assertEqual(len(started), len(set(started)))


class WithoutAServer(unittest.TestCase):
    def test_a_file_is_checked_and_drawn(self):
        example = ROOT / "examples/shop_flow.json"
        self.assertEqual((0, "shop: 4 steps\n"), run(BINARY, "flows", "check", example))
        code, drawn = run(BINARY, "flows", "bpmn", example)
        self.assertEqual(0, code)
        self.assertEqual(4, len([task for task in xml.dom.minidom.parseString(drawn).getElementsByTagName(
            "bpmn:serviceTask") if not task.getAttribute("isForCompensation")]))

    def test_the_life_of_an_order_is_the_one_in_the_documents(self):
        for what in ("order", "task"):
            self.assertEqual((0, (ROOT / f"docs/process/{what}.bpmn").read_text()), run(BINARY, "process", what))


if __name__ == "__main__":
    unittest.main()
