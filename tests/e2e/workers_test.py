"""External workers over real HTTP: Python, C++, and by hand; limits and pauses of their queues."""
import json
import subprocess
import sys
import time
import unittest

from support import BINARY, ROOT, eventually
from system import System, die_with_parent

EXTERNAL = ("--set", "workers.kinds=echo,mail", "workers.heartbeat=3s")


class ExternalWorkers(unittest.TestCase):
    def setUp(self):
        self.system = System(self)
        self.a, self.b = self.system.start("a", "b", mesh=True, options=EXTERNAL)
        self.system.await_owners("a", "b")
        self.assertTrue(eventually(lambda: all("mesh.connected" in node.log.read_text()
                                               for node in (self.a, self.b))), self.system.logs())
        self.workers = []

    def tearDown(self):
        for process in self.workers:
            if process.poll() is None:
                process.kill()
            process.wait()

    def worker(self, node, *options):
        process = subprocess.Popen(
            [sys.executable, ROOT / "examples/worker.py", "--server", f"http://{node.address}",
             *options], stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
        self.workers.append(process)
        return process

    def submit(self, count=16, node=None, **body):
        code, answer = (node or self.a).call("/api/tasks/batch", [{"kind": "echo", **body}] * count)
        self.assertEqual(200, code, answer)
        return [item["taskId"] for item in answer["items"]]

    def lease(self, node, **wish):
        code, answer = node.call("/api/workers/lease", {"worker": "by-hand", "kinds": ["echo"],
                                                        "wait": "10s", **wish})
        self.assertEqual(200, code, answer)
        return answer["items"]

    def report(self, node, item, verb, **body):
        return node.call(f"/api/leases/{item['lease']}/{verb}", body)

    def view(self, task, node=None):
        return (node or self.b).call(f"/api/tasks/{task}")[1]

    def await_all(self, tasks, status, seconds=60):
        self.assertTrue(eventually(lambda: all(
            self.view(task).get("status") == status for task in tasks), seconds),
            f"{[self.view(task) for task in tasks][:3]}{self.system.logs()}")

    def test_a_worker_at_one_node_gets_the_work_of_both(self):
        self.worker(self.a, "--name", "w1", "--most", "8")
        tasks = self.submit(32, payload={"n": 1})
        self.await_all(tasks, "SUCCEEDED")
        views = [self.view(task) for task in tasks]
        self.assertEqual({"w1"}, {view["worker"] for view in views})
        self.assertEqual({1}, {view["attempt"] for view in views})
        self.assertEqual({"echo": {"n": 1}, "worker": "w1"}, views[0]["result"])

    def test_the_worker_in_cplusplus_does_the_same(self):
        binary = BINARY.parent / "example_worker"
        if not binary.exists():
            self.skipTest("the example is not built beside the node")
        host, port = self.b.address.split(":")
        process = subprocess.Popen([binary, host, port, "echo"], preexec_fn=die_with_parent)
        self.workers.append(process)
        tasks = self.submit(16, payload={"text": "abc"})
        self.await_all(tasks, "SUCCEEDED")
        self.assertEqual({"bytes": 14}, self.view(tasks[0])["result"])

    def test_a_killed_worker_loses_nothing(self):
        first = self.worker(self.a, "--name", "first", "--most", "16")
        tasks = self.submit(16, payload={"seconds": 4}, onTimeout="retry",
                            retry={"initial": "100ms"})
        self.await_all(tasks, "RUNNING")
        time.sleep(1.5)  # so that it has left cursors
        first.kill()
        self.worker(self.b, "--name", "second", "--most", "16")
        self.await_all(tasks, "SUCCEEDED")
        for task in tasks:
            view = self.view(task)
            self.assertEqual(("second", 2), (view["worker"], view["attempt"]))
            events = self.b.call(f"/api/tasks/{task}/events")[1]["items"]
            ends = [event for event in events if event["type"] == "TaskRetryScheduled"]
            self.assertEqual(["heartbeat"], [event["reason"] for event in ends])

    def test_a_worker_goes_on_when_the_owner_of_its_task_dies(self):
        tasks = self.submit(16, heartbeat="30s")
        items = []
        while len(items) < 16:
            items += self.lease(self.b, max=16)
        self.a.kill()
        self.assertTrue(eventually(lambda: self.system.owners() == {"b": 16}), self.system.logs())
        for item in items:
            code, answer = eventually(lambda: (told if (
                told := self.report(self.b, item, "complete", result={"ok": 1}))[0] == 200 else None),
                20) or (0, self.system.logs())
            self.assertEqual((200, "SUCCEEDED"), (code, answer.get("status")), answer)
        for task in tasks:
            self.assertEqual((1, {"ok": 1}), (self.view(task)["attempt"], self.view(task)["result"]))

    def test_heartbeats_carry_progress_cursor_and_more_time_and_tell_of_a_cancel(self):
        [task] = self.submit(1, ttl="4s", totalTtl="20s", heartbeat="30s")
        [item] = self.lease(self.b)
        self.assertEqual(task, item["taskId"])
        code, answer = self.report(self.a, item, "heartbeat", progress=0.5, message="halfway",
                                   cursor={"page": 7}, extend="1h")
        self.assertEqual((200, "RUNNING", False), (code, answer["status"], answer["cancel"]))
        view = self.view(task)
        self.assertEqual((0.5, "halfway"), (view.get("progress"), view.get("message")))
        time.sleep(5)
        self.assertEqual("RUNNING", self.view(task)["status"], "it got more time")
        code, _ = self.a.call(f"/api/tasks/{task}/cancel", {})
        self.assertEqual(200, code)
        code, answer = self.report(self.a, item, "heartbeat")
        self.assertEqual((200, True, "CANCELLED"), (code, answer["cancel"], answer["status"]))

    def test_a_late_answer_is_refused_says_what_happened_and_is_kept(self):
        [task] = self.submit(1, ttl="1s")
        [item] = self.lease(self.a)
        self.await_all([task], "EXPIRED")
        code, problem = self.report(self.b, item, "complete", result={"late": True})
        self.assertEqual(409, code, problem)
        self.assertIn("EXPIRED", problem["detail"])
        self.assertIn("ttl", problem["detail"])
        self.assertEqual("EXPIRED", self.view(task)["status"])
        code, view = self.a.call(f"/api/tasks/{task}/adopt", {"run": 1, "attempt": 1})
        self.assertEqual((200, "SUCCEEDED", {"late": True}),
                         (code, view.get("status"), view.get("result")), view)

    def test_a_lease_cannot_be_guessed_and_another_text_is_none(self):
        [task] = self.submit(1)
        [item] = self.lease(self.a)
        wrong = item["lease"][:-1] + ("0" if item["lease"][-1] != "0" else "1")
        code, _ = self.report(self.a, {"lease": wrong}, "complete")
        self.assertEqual(404, code)
        code, _ = self.report(self.a, {"lease": "x"}, "complete")
        self.assertEqual(404, code)
        self.assertEqual("RUNNING", self.view(task)["status"])

    def test_task_topic_takes_complete_and_fail_by_lease(self):
        tasks = self.submit(2, retry={"maxAttempts": 1})
        items = []
        while len(items) < 2:
            items += self.lease(self.a, max=2)
        producer = self.system.producer()
        for item, verb in zip(items, ("complete", "fail")):
            shard = int(item["taskId"].replace("-", "")[13:16], 16)
            body = {"command": verb, "lease": item["lease"]}
            body |= {"result": {"by": "topic"}} if verb == "complete" else {"error": "no"}
            producer.send(self.system.topic("task_topic"), partition=shard, key=item["taskId"].encode(),
                          value=json.dumps(body).encode()).get(30)
        self.await_all([items[0]["taskId"]], "SUCCEEDED")
        self.await_all([items[1]["taskId"]], "FAILED")
        self.assertEqual({"by": "topic"}, self.view(items[0]["taskId"])["result"])
        self.assertEqual(set(tasks), {item["taskId"] for item in items})

    def test_labels_and_a_quiet_worker(self):
        self.submit(1, labels=["gpu"])
        self.assertEqual([], self.lease(self.a, wait="1s"))
        code, answer = self.b.call("/api/workers/by-hand/quiet", {})
        self.assertEqual((200, True), (code, answer["quiet"]))
        self.assertTrue(eventually(lambda: self.a.call(
            "/api/workers/lease", {"worker": "by-hand", "wait": "10s"})[1].get("quiet")))
        self.b.call("/api/workers/by-hand/resume", {})
        self.assertTrue(eventually(lambda: not self.a.call(
            "/api/workers/lease", {"worker": "by-hand", "wait": "100ms", "kinds": ["no"]})[1]["quiet"]))
        [item] = self.lease(self.a, labels=["gpu", "eu"])
        self.assertEqual(200, self.report(self.b, item, "snooze", delay="1s")[0])
        self.assertTrue(eventually(lambda: self.lease(self.b, labels=["gpu"], wait="2s")))

    def test_a_limit_of_a_queue_holds_on_both_nodes_together(self):
        code, rule = self.a.call("/api/queues/narrow", {"concurrency": 3}, method="PUT")
        self.assertEqual((200, 3), (code, rule.get("concurrency")), rule)
        self.assertTrue(eventually(lambda: self.b.call("/api/queues/narrow")[1].get("concurrency") == 3))
        time.sleep(11)  # the keeper of the queue is careful at first
        tasks = self.submit(32, kind="sleep", payload={"seconds": 0.3}, queue="narrow")
        most, end = 0, time.monotonic() + 60
        while time.monotonic() < end:
            running = [page for page in self.b.call(
                "/api/tasks?status=RUNNING&queue=narrow&limit=100")[1]["items"]]
            most = max(most, len(running))
            self.assertLessEqual(len(running), 3)
            if all(self.view(task)["status"] == "SUCCEEDED" for task in tasks[-4:]) and \
                    all(self.view(task)["status"] == "SUCCEEDED" for task in tasks):
                break
        self.assertEqual(3, most)
        self.await_all(tasks, "SUCCEEDED")

    def test_pause_resume_and_drain_reach_all_nodes_and_survive_a_restart(self):
        code, rule = self.a.call("/api/queues/held/pause", {"note": "moving"})
        self.assertEqual((200, True), (code, rule["paused"]), rule)
        self.assertTrue(eventually(lambda: self.b.call("/api/queues/held")[1]["paused"]))
        time.sleep(1)
        tasks = self.submit(16, kind="noop", queue="held")
        others = self.submit(16, kind="noop")
        self.await_all(others, "SUCCEEDED")
        self.assertEqual({"QUEUED"}, {self.view(task)["status"] for task in tasks})
        self.assertEqual(0, self.b.stop())
        self.system.start("b", mesh=True, options=EXTERNAL)
        self.b = self.system.nodes["b"]
        self.system.await_owners("a", "b")
        self.assertEqual({"QUEUED"}, {self.view(task)["status"] for task in tasks})
        self.assertEqual(200, self.b.call("/api/queues/held/resume", {})[0])
        self.await_all(tasks, "SUCCEEDED")
        self.assertEqual(200, self.a.call("/api/kinds/mail/drain", {})[0])
        self.assertTrue(eventually(lambda: self.b.call("/api/tasks", {"kind": "mail"})[0] == 409))


if __name__ == "__main__":
    unittest.main()
