"""What attempts write: read while they run, followed, after their end, and from another node."""
import json
import time
import unittest
import urllib.request

from support import Folder, call, eventually
from system import System
from tasks_test import Node

CONFIG = """
[executors.exec.commands.shell]
argv = ["/bin/sh", "-c", "{script}"]
"""


def configuration(case):
    """A file with the command that the tests run."""
    folder = Folder()
    (case.addClassCleanup if isinstance(case, type) else case.addCleanup)(folder.remove)
    (folder.path / "orrery.toml").write_text(CONFIG)
    return folder.path / "orrery.toml"


def follow(address, path, lines, ends):
    """Reads a stream to its end: the texts of its lines, and why it ended."""
    request = urllib.request.Request(f"http://{address}{path}", headers={"Accept": "text/event-stream"})
    event = None
    with urllib.request.urlopen(request, timeout=60) as answer:
        for raw in answer:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
                (lines if event == "line" else ends).append(data)


def shell(script):
    return {"kind": "exec", "payload": {"command": "shell", "args": {"script": script}}}


class Output(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(cls, "--config", configuration(cls), "--set", "workers.kinds=echo",
                        "logs.attempt.bytes=65536")

    def submit(self, body):
        status, answer = call(self.node.address, "/api/tasks", body)
        self.assertEqual(200, status, answer)
        return answer["taskId"]

    def logs(self, task, query=""):
        return call(self.node.address, f"/api/tasks/{task}/logs{query}")

    def texts(self, task, query=""):
        return [line["text"] for line in self.logs(task, query)[1].get("items", [])]

    def status(self, task):
        return call(self.node.address, f"/api/tasks/{task}")[1].get("status")

    def test_output_is_read_while_the_process_runs_and_after(self):
        task = self.submit(shell("echo begun; echo aside >&2; sleep 3; echo over"))
        self.assertTrue(eventually(lambda: self.texts(task) == ["begun", "aside"], 10))
        self.assertEqual("RUNNING", self.status(task))
        self.assertTrue(eventually(lambda: self.texts(task) == ["begun", "aside", "over"], 20))
        _, log = self.logs(task)
        self.assertEqual(["stdout", "stderr", "stdout"], [line["source"] for line in log["items"]])
        self.assertEqual((1, 1, 3, 0), (log["run"], log["attempt"], log["lines"], log["lostLines"]))
        self.assertEqual(["over"], self.texts(task, "?tail=1"))
        self.assertEqual([], self.texts(task, f"?after={log['next']}"))

    def test_each_attempt_and_run_has_its_own(self):
        task = self.submit({**shell("echo attempt $ORRERY_ATTEMPT; exit 1"),
                            "retry": {"maxAttempts": 2, "initial": "10ms"}})
        self.assertTrue(eventually(lambda: self.status(task) == "FAILED", 20))
        self.assertTrue(eventually(lambda: self.texts(task) == ["attempt 2"], 10))
        self.assertEqual(["attempt 1"], self.texts(task, "?attempt=1"))
        status, _ = call(self.node.address, f"/api/tasks/{task}/rerun", {})
        self.assertEqual(200, status)
        self.assertTrue(eventually(lambda: self.logs(task)[1].get("run") == 2
                                   and self.status(task) == "FAILED", 20))
        self.assertEqual(["attempt 2"], self.texts(task, "?run=1"))
        self.assertEqual(404, self.logs(task, "?attempt=9")[0])
        self.assertEqual(404, self.logs(task, "?run=7")[0])
        self.assertEqual(400, self.logs(task, "?attempt=x")[0])
        self.assertEqual(400, self.logs(task, "?after=x")[0])

    def test_too_much_is_cut_off_at_the_front_and_counted(self):
        task = self.submit(shell("i=0; while [ $i -lt 5000 ]; do echo line-$i-0123456789012345678901;"
                                 " i=$((i+1)); done"))
        self.assertTrue(eventually(lambda: (self.texts(task, "?tail=1") or [""])[0]
                                   .startswith("line-4999-"), 30))
        log = self.logs(task, "?tail=100000")[1]
        self.assertEqual(5000, log["lines"] + log["lostLines"])
        self.assertLessEqual(log["bytes"], 65536)
        numbers = [int(line["text"].split("-")[1]) for line in log["items"]]
        self.assertEqual(list(range(5000 - len(numbers), 5000)), numbers)

    def test_a_stream_follows_an_attempt_to_its_end(self):
        task = self.submit(shell("for i in 1 2 3 4 5; do echo step $i; sleep 0.3; done"))
        # Before its shard has taken it up, the answer is 503.
        self.assertTrue(eventually(lambda: self.logs(task)[0] == 200, 10))
        lines, ends = [], []
        follow(self.node.address, f"/api/tasks/{task}/logs?follow=true", lines, ends)
        self.assertEqual([f"step {i}" for i in range(1, 6)], [line["text"] for line in lines])
        self.assertEqual([{"reason": "complete"}], ends)

    def test_lines_of_a_worker_come_with_its_lease_alone(self):
        task = self.submit({"kind": "echo", "heartbeat": "30s"})
        _, answer = call(self.node.address, "/api/workers/lease",
                         {"worker": "w", "kinds": ["echo"], "wait": "10s"})
        [item] = answer["items"]
        lease = f"/api/leases/{item['lease']}"
        status, told = call(self.node.address, lease + "/logs",
                            {"lines": ["one\ntwo", {"text": "three", "source": "stderr"}]})
        self.assertEqual((200, 3), (status, told.get("lines")), told)
        status, told = call(self.node.address, lease + "/heartbeat", {"progress": 0.5,
                                                                      "lines": ["four"]})
        self.assertEqual(200, status, told)
        self.assertTrue(eventually(lambda: self.texts(task) == ["one", "two", "three", "four"], 10))
        forged = lease[:-4] + ("0000" if not lease.endswith("0000") else "1111")
        self.assertEqual(409, call(self.node.address, forged + "/logs", {"lines": ["no"]})[0])
        self.assertEqual(400, call(self.node.address, lease + "/logs", {"lines": [7]})[0])
        self.assertEqual(400, call(self.node.address, lease + "/logs", {"lines": ["x"] * 1001})[0])
        self.assertEqual(200, call(self.node.address, lease + "/complete", {"result": 1})[0])
        self.assertEqual(409, call(self.node.address, lease + "/logs", {"lines": ["late"]})[0])
        time.sleep(1)
        self.assertEqual(["one", "two", "three", "four"], self.texts(task))


class ManyNodes(unittest.TestCase):
    def test_any_node_tells_what_an_attempt_on_another_wrote(self):
        system = System(self)
        a, b = system.start("a", "b", mesh=True)
        system.await_owners("a", "b")
        bodies = [{"kind": "exec", "payload": {"command": "echo", "args": {"text": f"here is {i}"}}}
                  for i in range(16)]
        _, answer = a.call("/api/tasks/batch", bodies)
        tasks = [item["taskId"] for item in answer["items"]]
        for node in (a, b):
            for i, task in enumerate(tasks):
                self.assertTrue(eventually(lambda: [
                    line["text"] for line in node.call(f"/api/tasks/{task}/logs")[1].get("items", [])]
                    == [f"here is {i}"], 30), system.logs())
        writers = {b.call(f"/api/tasks/{task}/logs")[1]["node"] for task in tasks}
        self.assertLessEqual(writers, {"a", "b"})
        self.assertEqual(2, len(writers), writers)


if __name__ == "__main__":
    unittest.main()
