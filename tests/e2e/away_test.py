"""Two nodes and a third: the one that owns a task need not be the one that executes it."""
import os
import signal
import sys
import time
import unittest

from support import eventually
from system import System

NO_SLOTS = ("--set", "limits.slots.exec=0")


class WorkOnAnotherNode(unittest.TestCase):
    """`a` owns shards and has no slot for `exec`; `b` executes."""

    def setUp(self):
        self.system = System(self)
        self.marks = self.system.dir / "marks"
        self.marks.mkdir()
        [self.a] = self.system.start("a", mesh=True, options=NO_SLOTS)
        [self.b] = self.system.start("b", mesh=True)
        self.system.await_owners("a", "b")

    def submit(self, seconds, count=32, **more):
        code, answer = self.a.call("/api/tasks/batch", [
            {"kind": "exec", "payload": {"command": "sleep", "args": {"seconds": str(seconds)}},
             **more}] * count)
        self.assertEqual(200, code, answer)
        return [item["taskId"] for item in answer["items"]]

    def views(self, tasks, node=None):
        return [(node or self.a).call(f"/api/tasks/{task}")[1] for task in tasks]

    def owned_by(self, name, tasks):
        shards = {int(shard) for [shard] in
                  self.system.sql(f"select shard from shards where owner = '{name}'")}
        return [task for task in tasks if int(task.replace("-", "")[13:16], 16) in shards]

    def await_running(self, tasks):
        self.assertTrue(eventually(lambda: all(
            view.get("status") == "RUNNING" for view in self.views(tasks))),
            f"{self.views(tasks)[:4]}{self.system.logs()}")

    def sleeps_of(self, node):
        """The processes that this node has started."""
        group = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    fields = stat.read().rpartition(")")[2].split()
                if int(fields[1]) == node.process.pid:
                    group.append(int(entry))
            except OSError:
                pass
        return group

    def test_all_is_done_by_the_node_that_has_slots(self):
        tasks = self.submit(0.2)
        self.assertTrue(self.owned_by("a", tasks))
        self.assertTrue(eventually(lambda: all(
            view.get("status") == "SUCCEEDED" for view in self.views(tasks))), self.system.logs())
        self.assertEqual({"b"}, {view["worker"] for view in self.views(tasks)})
        with self.subTest("the load of both is seen at either"):
            import urllib.request
            text = urllib.request.urlopen(f"http://{self.a.address}/metrics").read().decode()
            self.assertIn('orrery_slots{node="a",kind="exec"} 0', text)
            self.assertIn('orrery_slots{node="b",kind="exec"} 64', text)
            self.assertRegex(text, r"orrery_attempts_away_total [1-9]")

    def test_ttl_and_cancel_reach_the_process_on_the_other_node(self):
        tasks = self.owned_by("a", self.submit(600, 32, ttl="5s"))
        cancelled, expiring = tasks[0], tasks[1]
        self.await_running(tasks)
        before = len(self.sleeps_of(self.b))
        self.assertGreater(before, 0)
        code, answer = self.a.call(f"/api/tasks/{cancelled}/cancel", {})
        self.assertEqual((200, "CANCELLED"), (code, answer["status"]))
        self.assertTrue(eventually(lambda: len(self.sleeps_of(self.b)) < before, 10))
        self.assertTrue(eventually(lambda: self.views([expiring])[0]["status"] == "EXPIRED", 20))
        self.assertTrue(eventually(lambda: not self.sleeps_of(self.b), 20),
                        "the processes are gone after their time to live")

    def test_a_killed_executor_loses_no_task(self):
        retried = self.submit(8, 32, retry={"initial": "100ms", "maxAttempts": 5})
        once = self.submit(8, 32, delivery="at-most-once")
        mine = self.owned_by("a", retried), self.owned_by("a", once)
        self.await_running(mine[0] + mine[1])
        self.b.kill()
        killed = time.monotonic()
        self.assertTrue(eventually(lambda: all(
            view.get("status") in ("RETRYING", "QUEUED") for view in self.views(mine[0])), 30),
            f"{self.views(mine[0])[:3]}{self.system.logs()}")
        noticed = time.monotonic() - killed
        print(f"\n    {len(mine[0])} attempts of a killed executor noticed as lost after "
              f"{noticed:.1f} s", file=sys.stderr)
        self.assertTrue(eventually(lambda: all(
            (view.get("status"), view.get("reason")) == ("FAILED", "lease-lost")
            for view in self.views(mine[1])), 30), f"{self.views(mine[1])[:3]}")
        for _, page in (self.a.call(f"/api/tasks/{task}/events") for task in mine[0][:3]):
            self.assertEqual("lease-lost", [e for e in page["items"]
                                            if e["type"] == "TaskRetryScheduled"][0]["reason"])
        self.system.start("c", mesh=True)
        self.assertTrue(eventually(lambda: all(
            view.get("status") == "SUCCEEDED" for view in self.views(retried)), 120),
            self.system.logs())
        self.assertEqual({"c"}, {view["worker"] for view in self.views(retried)})

    def test_a_frozen_executor_changes_nothing_when_it_comes_back(self):
        tasks = self.owned_by("a", self.submit(3, 32, retry={"initial": "1h"}))
        self.await_running(tasks)
        os.kill(self.b.process.pid, signal.SIGSTOP)
        try:
            self.assertTrue(eventually(lambda: all(
                view.get("status") == "RETRYING" for view in self.views(tasks)), 40),
                f"{self.views(tasks)[:3]}{self.system.logs()}")
        finally:
            os.kill(self.b.process.pid, signal.SIGCONT)
        self.assertTrue(eventually(lambda: not self.sleeps_of(self.b), 20))
        time_to_speak = time.monotonic() + 3
        while time.monotonic() < time_to_speak:
            self.assertEqual({"RETRYING"}, {view["status"] for view in self.views(tasks)})
            time.sleep(0.2)
        with self.subTest("it takes work again"):
            again = self.submit(0.1)
            self.assertTrue(eventually(lambda: all(
                view.get("status") == "SUCCEEDED" for view in self.views(again)), 60),
                self.system.logs())

    def test_when_the_owner_dies_the_executor_stops_its_work_and_takes_over(self):
        tasks = self.submit(600, 32, retry={"initial": "100ms"})
        mine = self.owned_by("a", tasks)
        self.await_running(tasks)
        before = set(self.sleeps_of(self.b))
        self.assertEqual(32, len(before))
        self.a.kill()
        killed = time.monotonic()
        self.assertTrue(eventually(
            lambda: len(before & set(self.sleeps_of(self.b))) <= 32 - len(mine), 15),
            f"{len(before & set(self.sleeps_of(self.b)))} of 32, {len(mine)} were a's{self.system.logs()}")
        print(f"\n    work of a killed owner was stopped after {time.monotonic() - killed:.1f} s",
              file=sys.stderr)
        self.assertTrue(eventually(lambda: all(
            view.get("status") == "RUNNING" and view["attempt"] == 2
            for view in self.views(mine, self.b)), 60), f"{self.views(mine, self.b)[:2]}")
        others = [task for task in tasks if task not in mine]
        self.assertEqual({1}, {view["attempt"] for view in self.views(others, self.b)})


if __name__ == "__main__":
    unittest.main()
