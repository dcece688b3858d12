"""Who owns a shard, and what happens while it changes: a clean stop, a rolling restart, a zombie, a kill."""
import http.client
import json
import os
import pathlib
import signal
import sys
import threading
import time
import unittest
from datetime import datetime

from support import eventually

import checker
from evidence import Evidence, read_journal, read_views
from history import History, Operation
from leaping_clock import LeapingClock
from system import FINAL, Services, System

SHARDS = 12
ALONE = True


def seconds_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Stream(threading.Thread):
    """A stranger who gives every shard a small task all the time."""

    def __init__(self, system, every=0.02, task=None):
        super().__init__(daemon=True)
        self.system, self.every, self.count = system, every, 0
        self.task = json.dumps(task or {"kind": "noop"}).encode()
        self.producer = system.producer(linger_ms=0)
        self.stopping = threading.Event()

    def run(self):
        topic = self.system.topic("task_topic")
        while not self.stopping.is_set():
            for shard in range(self.system.shards):
                self.producer.send(topic, partition=shard, value=self.task)
                self.count += 1
            self.producer.flush()
            time.sleep(self.every)

    def end(self):
        self.stopping.set()
        self.join(60)

    def ends(self):
        """Per shard, when its tasks ended, by the clock of this machine."""
        times = {shard: [] for shard in range(self.system.shards)}
        for event in self.system.statuses("tasks"):
            if event["status"] == "SUCCEEDED":
                times[event["shard"]].append(seconds_of(event["at"]))
        return times

    def all_done(self):
        return eventually(lambda: self.system.sql("select count(*) from tasks where status = 5") ==
                          [[str(self.count)]], 60)


def longest_gap(times, begin, end):
    """The longest time without an end of a task between two moments."""
    inside = [begin, *(t for t in times if begin < t < end), end]
    return max(after - before for before, after in zip(inside, inside[1:]))


class AClock(unittest.TestCase):
    def test_that_leaps_two_hours_and_back_takes_no_shard_from_its_node(self):
        """Kafka's library waits until an instant of the wall clock; a node that so sends no heartbeat is
        put out of the group, and would go on beside those who take its shards. Without traffic, too, Kafka
        is there all the time."""
        system = System(self, shards=SHARDS)
        clock = LeapingClock(system.dir / "clock")
        self.assertTrue(clock.LIBRARY.exists(), clock.LIBRARY)
        options = ["--set", "kafka.session.timeout=2s"]
        nodes = [*system.launch("a", mesh=True, options=options),
                 *system.launch("b", mesh=True, options=options, environment=clock.environment)]
        for node in nodes:
            node.await_ready()
        system.await_owners("a", "b")
        begin = system.sql("select shard, owner, epoch from shards order by 1")
        waiting, task = [], {"kind": "noop", "delay": "PT1S"}
        for leap in (7200, 0, -7200, 0):
            clock.set(leap)
            time.sleep(3)
            code, answer = nodes[1].call("/api/tasks", task)
            self.assertEqual(200, code, f"{leap}: {answer} {system.logs()}")
            waiting.append(answer["taskId"])
        time.sleep(4)
        self.assertEqual(begin, system.sql("select shard, owner, epoch from shards order by 1"), system.logs())
        ends = lambda: [nodes[0].call(f"/api/tasks/{task}")[1].get("status") for task in waiting]
        self.assertTrue(eventually(lambda: set(ends()) == {"SUCCEEDED"}, 20), f"waits by another clock: {ends()}")


class ACleanStop(unittest.TestCase):
    def test_hands_over_with_no_failed_attempt_and_no_shard_stands_still_for_a_second(self):
        system = System(self, shards=SHARDS)
        a, b = system.start("a", "b", mesh=True)
        system.await_owners("a", "b")
        code, answer = a.call("/api/tasks/batch", [
            {"kind": "sleep", "payload": {"seconds": 4}, "retry": {"maxAttempts": 1}}] * 48)
        self.assertEqual(200, code, answer)
        stream = Stream(system)
        stream.start()
        time.sleep(2)
        before, stopped = time.time(), []
        stopping = threading.Thread(target=lambda: stopped.append(a.stop()))
        stopping.start()
        stopping.join(60)
        self.assertEqual([0], stopped, system.logs())
        time.sleep(2)
        after = time.time()
        stream.end()
        self.assertTrue(eventually(lambda: system.sql(
            "select count(*) from tasks where status = 5") == [[str(stream.count + 48)]], 60),
            system.logs())
        times = stream.ends()
        usual = max(longest_gap(one, before - 1.5, before) for one in times.values())
        gap = max(longest_gap(one, before, after) for one in times.values())
        print(f"\n    a clean stop: a shard stood still for at most {gap:.2f} s "
              f"(before, the longest gap was {usual:.2f} s)", file=sys.stderr)
        # Loaded machines make gaps of their own, which are not the hand-over's.
        self.assertLess(gap, 1.0 + usual, system.logs())
        # maxAttempts is 1: an attempt that counted as failed would have ended its task.
        reasons = {e.get("reason") for e in system.statuses("tasks") if e["status"] in FINAL}
        self.assertEqual({"succeeded"}, reasons)
        system.assert_positions_increase(system.statuses("tasks"))


class Retrying(threading.Thread):
    """A client behind a list of nodes, as people have: it goes on to the next where nobody listens, and
    tries again where it is told to (503 with Retry-After). All else is a failure."""

    def __init__(self, nodes, number):
        super().__init__(daemon=True)
        self.nodes, self.number, self.stopping = nodes, number, threading.Event()
        self.accepted, self.failures, self.retries, self.longest = [], [], 0, 0.0

    def run(self):
        count = 0
        while not self.stopping.is_set():
            count += 1
            began = time.monotonic()
            task = self.request("POST", "/api/tasks", {
                "kind": "sleep", "payload": {"seconds": 0.05}, "description": f"{self.number}/{count}"})
            if task:
                self.accepted.append(task["taskId"])
                self.request("POST", f"/api/tasks/{task['taskId']}/cancel", {}, (200, 409))
                self.request("GET", f"/api/tasks/{task['taskId']}", None)
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.01)

    def request(self, method, path, body, good=(200,)):
        end = time.monotonic() + 30
        turn = self.number
        while time.monotonic() < end:
            turn += 1
            address = self.nodes()[turn % len(self.nodes())]
            connection = http.client.HTTPConnection(address, timeout=30)
            try:
                connection.connect()
            except OSError:
                continue
            try:
                connection.request(method, path, None if body is None else json.dumps(body),
                                   {"Content-Type": "application/json", "Connection": "close"})
                answer = connection.getresponse()
                text = json.loads(answer.read())
                if answer.status == 503 and answer.getheader("Retry-After"):
                    self.retries += 1
                    time.sleep(0.05)
                    continue
                if answer.status not in good:
                    self.failures.append((method, path, answer.status, text))
                return text
            except (OSError, http.client.HTTPException) as broken:
                self.failures.append((method, path, repr(broken)))
                return None
            finally:
                connection.close()
        self.failures.append((method, path, "no answer in 30 s"))
        return None


class ARollingRestart(unittest.TestCase):
    def test_of_all_nodes_under_load_fails_no_request_that_is_retried_on_503(self):
        system = System(self, shards=SHARDS)
        names = ("a", "b", "c")
        nodes = dict(zip(names, system.start(*names, mesh=True)))
        system.await_owners(*names)
        clients = [Retrying(lambda: [node.address for node in nodes.values()], n) for n in range(12)]
        for client in clients:
            client.start()
        time.sleep(1)
        for name in names:
            self.assertEqual(0, nodes[name].stop(), system.logs())
            [nodes[name]] = system.start(name, mesh=True)
            system.await_owners(*names)
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(60)
        failures = [failure for client in clients for failure in client.failures]
        accepted = {task for client in clients for task in client.accepted}
        print(f"\n    a rolling restart of three nodes: {len(accepted)} tasks submitted, cancelled and read, "
              f"{sum(client.retries for client in clients)} answers of 503 retried, the slowest three "
              f"requests took {max(client.longest for client in clients):.1f} s", file=sys.stderr)
        self.assertEqual([], failures, system.logs())
        self.assertGreater(len(accepted), 100)
        self.assertTrue(eventually(lambda: system.sql(
            "select count(*) from tasks where status in (5, 8)") == [[str(len(accepted))]], 60),
            system.logs())


def children(pid):
    """Processes that a node has started."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            found += (task / "children").read_text().split()
        except FileNotFoundError:  # a thread that has just ended
            pass
    return found


class AZombie(unittest.TestCase):
    """A node that stands still for longer than its session, and then goes on as if nothing had been."""

    def setUp(self):
        self.system = System(self, shards=SHARDS)
        self.options = ["--set", "kafka.session.timeout=2s"]
        self.a, self.b = self.system.start("a", "b", mesh=True, options=self.options)
        self.system.await_owners("a", "b")
        self.history = History()
        self.addCleanup(self.wake)

    def wake(self):
        if self.a.alive():
            self.a.process.send_signal(signal.SIGCONT)

    def submit(self, bodies):
        for number, body in enumerate(bodies):
            value = f"zombie-{body['kind']}-{number}"
            operation = Operation("t", "submit-task", value)
            operation.invoked = time.monotonic()
            code, answer = self.b.call("/api/tasks", body | {"description": value})
            self.assertEqual(200, code, answer)
            operation.returned, operation.result = time.monotonic(), "ok"
            operation.id = answer["taskId"]
            self.history.add(operation)

    def test_changes_nothing_is_refused_by_its_epoch_stops_its_work_and_joins_again(self):
        system, a, b = self.system, self.a, self.b
        # Each time the node stands still costs an attempt of what ran there: more of them than times.
        self.submit([{"kind": "exec", "payload": {"command": "sleep", "args": {"seconds": "600"}},
                      "retry": {"maxAttempts": 10, "initial": "100ms"}}] * 12)
        # And at any moment some run there that end by its clock: what it commits when it goes on.
        stream = Stream(system, task={"kind": "sleep", "payload": {"seconds": 0.5}, "retry": {
            "maxAttempts": 10, "initial": "100ms"}})
        stream.start()
        self.assertTrue(eventually(lambda: len(children(a.process.pid)) > 0), system.logs())
        running_on_a = set(children(a.process.pid))
        for _ in range(3):
            self.stand_still()
            if self.refusals() > 0:
                break
        stream.end()
        self.assertGreater(self.refusals(), 0, "no commit was refused by its epoch")
        for one in self.history.operations:
            code, answer = b.call(f"/api/tasks/{one.id}/cancel", {})
            self.assertEqual(200, code, answer)
        self.assertTrue(eventually(lambda: system.sql(
            "select count(*) from tasks where status in (5, 8)") ==
            [[str(stream.count + len(self.history.operations))]], 60), system.logs())
        self.compare()
        ours = {one.id for one in self.history.operations}
        lost = {e["taskId"] for e in system.statuses("tasks") if e.get("reason") == "lease-lost"} & ours
        self.assertGreaterEqual(len(lost), len(running_on_a), "what ran there was lost, and counts")

    def stand_still(self):
        system, a = self.system, self.a
        running = set(children(a.process.pid))
        epochs = dict(system.sql("select shard, epoch from shards where owner = 'a'"))
        a.process.send_signal(signal.SIGSTOP)
        self.assertTrue(eventually(lambda: system.owners() == {"b": SHARDS}, 60), system.logs())
        a.process.send_signal(signal.SIGCONT)
        # Its work is stopped: the processes of before are gone although they have ten minutes to run.
        self.assertTrue(eventually(
            lambda: not any(os.path.exists(f"/proc/{pid}") for pid in running), 20), system.logs())
        system.await_owners("a", "b")  # and it joins again, by itself
        self.assertTrue(a.alive())
        after = dict(system.sql("select shard, epoch from shards"))
        for shard, epoch in epochs.items():
            self.assertGreater(int(after[shard]), int(epoch), "a new owner, a new epoch")

    def compare(self):
        """With the eyes of the checker: journal, views and statuses agree, one end per run."""
        system, found, report = self.system, Evidence(), checker.Report()
        found.views = read_views(self.b.call)
        found.journal = read_journal(SHARDS, [
            "--store", f"{system.services.postgres}/{system.database}", "--log",
            f"kafka://{system.services.kafka}"])

        def published():
            found.statuses = [one | {"topic": "tasks"} for one in system.statuses("tasks")]
            return len({(e["shard"], e["position"]) for e in found.statuses}) >= len(found.journal)

        self.assertTrue(eventually(published, 60), system.logs())
        checker.check_positions(report, found.journal)
        checker.check_lives(report, found)
        checker.check_statuses(report, found)
        self.assertEqual([], report.findings)
        print(f"\n    a zombie: {len(found.journal)} events, {report.counts['repeats']} statuses published "
              f"twice, {self.refusals()} commits of the zombie refused", file=sys.stderr)

    def refusals(self):
        connection = http.client.HTTPConnection(self.a.address, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return int(next(line.split()[1] for line in text.splitlines()
                        if line.startswith("orrery_commit_refusals_total")))


class AKill(unittest.TestCase):
    def failover(self, services, session):
        system = System(self, services, shards=SHARDS)
        options = ["--set", f"kafka.session.timeout={session}"]
        a, b = system.start("a", "b", mesh=True, options=options)
        system.await_owners("a", "b")
        stream = Stream(system)
        stream.start()
        time.sleep(2)
        a.kill()
        killed = time.time()
        self.assertTrue(eventually(lambda: system.owners() == {"b": SHARDS}, 60), system.logs())
        time.sleep(1)
        stream.end()
        self.assertTrue(stream.all_done(), system.logs())
        first = {shard: min(t for t in times if t > killed + 0.05)
                 for shard, times in stream.ends().items()}
        system.assert_positions_increase(system.statuses("tasks"))
        self.assertTrue(b.alive())
        return max(first.values()) - killed

    def test_is_over_in_ten_seconds_with_a_broker_as_it_comes(self):
        own = Services("--session-min", "6000")
        self.addCleanup(own.close)
        seconds = self.failover(own, "6s")
        print(f"\n    kill -9, session 6 s: all shards are processed again after {seconds:.1f} s",
              file=sys.stderr)
        self.assertLess(seconds, 10)

    def test_is_over_in_three_seconds_with_shorter_sessions(self):
        seconds = self.failover(None, "2s")
        print(f"\n    kill -9, session 2 s: all shards are processed again after {seconds:.1f} s",
              file=sys.stderr)
        self.assertLess(seconds, 3)


if __name__ == "__main__":
    unittest.main()
