"""Tasks in full on one embedded node: keys, options, control, results, why, search, bulk operations."""
import json
import signal
import subprocess
import threading
import time
import unittest
import urllib.request

from support import BINARY, Folder, call, eventually

LATER = time.strftime("%Y-01-01T00:00:00Z", time.gmtime(time.time() + 2 * 366 * 86400))
SLOW = {"kind": "sleep", "payload": {"duration": "60s"}}


class Node:
    """`orrery serve` in a folder of its own; can be killed and started again."""

    def __init__(self, case, *options):
        self.folder = Folder()
        self.options = options
        (case.addClassCleanup if isinstance(case, type) else case.addCleanup)(self.close)
        self.start()

    def start(self):
        log = open(self.folder.path / "log", "a")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", self.folder.path / "data", "--http", "127.0.0.1:0",
             "--auth", "off", *self.options],
            stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        ready = self.process.stdout.readline()
        self.address = ready.partition("http=")[2].split()[0]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
        self.folder.remove()


class Tasks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(cls)

    def call(self, path, body=None, code=200):
        status, answer = call(self.node.address, path, body)
        self.assertEqual(code, status, answer)
        return answer

    def submit(self, body, **more):
        return self.call("/api/tasks", {**body, **more})

    def task(self, identity):
        return self.call(f"/api/tasks/{identity}")

    def await_status(self, identity, status):
        self.assertTrue(eventually(lambda: self.task(identity)["status"] == status, 20),
                        self.task(identity))
        return self.task(identity)

    def test_a_unique_key_is_held_until_done_and_free_again_after_a_kill(self):
        first = self.submit(SLOW, uniqueKey="until-done")["taskId"]
        self.await_status(first, "RUNNING")
        second = self.submit(SLOW, uniqueKey="until-done")
        self.assertEqual((first, True), (second["taskId"], second.get("deduplicated")))
        self.call(f"/api/tasks/{first}/kill", {})
        third = self.submit(SLOW, uniqueKey="until-done")
        self.assertNotEqual(first, third["taskId"])
        self.call(f"/api/tasks/{third['taskId']}/kill", {})

    def test_a_unique_key_counts_among_the_tasks_of_its_limit_key(self):
        first = self.submit(SLOW, uniqueKey="invoice", limitKey="acme")["taskId"]
        self.await_status(first, "RUNNING")
        again = self.submit(SLOW, uniqueKey="invoice", limitKey="acme")
        self.assertEqual((first, True), (again["taskId"], again.get("deduplicated")))
        other = self.submit(SLOW, uniqueKey="invoice", limitKey="globex")["taskId"]
        plain = self.submit(SLOW, uniqueKey="invoice")["taskId"]
        self.assertEqual(3, len({first, other, plain}))
        for identity in (other, plain):
            self.await_status(identity, "RUNNING")
        for identity in (first, other, plain):
            self.call(f"/api/tasks/{identity}/kill", {})
        freed = self.submit(SLOW, uniqueKey="invoice", limitKey="acme")["taskId"]
        self.assertNotEqual(first, freed)
        self.call(f"/api/tasks/{freed}/kill", {})

    def test_many_at_once_with_one_key_make_one_task(self):
        answers = []

        def one():
            answers.append(self.submit(SLOW, uniqueKey="race")["taskId"])

        threads = [threading.Thread(target=one) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(eventually(lambda: all(
            self.task(identity)["status"] in ("RUNNING", "CANCELLED") for identity in answers), 20))
        running = {identity for identity in answers if self.task(identity)["status"] == "RUNNING"}
        self.assertEqual(1, len(running), answers)
        for identity in set(answers) - running:
            self.assertEqual("duplicate", self.task(identity)["reason"])
        self.call(f"/api/tasks/{running.pop()}/kill", {})

    def test_an_idempotency_key_with_another_body_may_replace_what_runs(self):
        def send(body):
            request = urllib.request.Request(
                f"http://{self.node.address}/api/tasks", data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json", "Idempotency-Key": "replace-1"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())

        first = send(SLOW)["taskId"]
        self.await_status(first, "RUNNING")
        self.assertTrue(send(SLOW)["deduplicated"])
        quick = {"kind": "sleep", "payload": {"duration": "1ms"},
                 "idempotency": {"running": "replace"}}
        self.assertEqual(first, send(quick)["taskId"])
        self.assertEqual(2, self.await_status(first, "SUCCEEDED")["run"])

    def test_why_names_the_holder_of_a_limit_and_the_pause_of_a_queue(self):
        def rule(**members):
            status, answer = call(self.node.address, "/api/queues/narrow", members, method="PUT")
            self.assertEqual(200, status, answer)

        def why(task):
            return self.call(f"/api/tasks/{task}/why")["blocker"]

        def taken_up(task):
            return call(self.node.address, f"/api/tasks/{task}/why")[0] == 200

        rule(concurrency=1)
        self.addCleanup(rule)
        first, second = (self.call("/api/tasks", {**SLOW, "queue": "narrow"})["taskId"]
                         for _ in range(2))
        self.assertTrue(eventually(lambda: taken_up(first) and taken_up(second), 10))
        self.assertTrue(eventually(lambda: {why(first)["code"], why(second)["code"]}
                                   == {"none", "limit-of-queue"}, 10))
        waiting, holder = sorted((first, second), key=lambda task: why(task)["code"])
        self.assertTrue(eventually(lambda: [one["taskId"] for one in why(waiting).get("holders", [])]
                                   == [holder], 10), why(waiting))
        self.call("/api/queues/narrow/pause", {"note": "the printer is away"})
        self.assertTrue(eventually(lambda: why(waiting)["code"] == "rule-pause", 10))
        self.assertIn("the printer is away", why(waiting)["text"])
        for task in (first, second):
            self.call(f"/api/tasks/{task}/cancel", {})

    def test_delay_reschedule_and_why(self):
        identity = self.submit({"kind": "noop"}, delay="1h")["taskId"]
        self.await_status(identity, "SCHEDULED")
        blocker = self.call(f"/api/tasks/{identity}/why")["blocker"]
        self.assertEqual("delay", blocker["code"])
        self.assertIn("until", blocker)
        self.call(f"/api/tasks/{identity}/reschedule", {})
        self.await_status(identity, "SUCCEEDED")
        self.assertEqual("none", self.call(f"/api/tasks/{identity}/why")["blocker"]["code"])

    def test_the_result_is_waited_for(self):
        identity = self.submit({"kind": "sleep", "payload": {"duration": "500ms"}})["taskId"]
        self.call(f"/api/tasks/{identity}/result", code=202)
        self.assertEqual("SUCCEEDED", self.call(f"/api/tasks/{identity}/result?wait=20s")["status"])

    def test_runs_are_kept(self):
        identity = self.submit({"kind": "noop"})["taskId"]
        self.await_status(identity, "SUCCEEDED")
        self.call(f"/api/tasks/{identity}/rerun", {"payload": {"n": 2}})
        self.await_status(identity, "SUCCEEDED")
        runs = self.call(f"/api/tasks/{identity}/runs")["items"]
        self.assertEqual([1, 2], [run["run"] for run in runs])
        self.assertEqual("succeeded", runs[0]["attempts"][0]["reason"])

    def test_a_heartbeat_keeps_an_attempt_alive_and_silence_ends_it(self):
        identity = self.submit(SLOW, heartbeat="1s")["taskId"]
        token = {"run": 1, "attempt": self.await_status(identity, "RUNNING")["attempt"]}
        until = time.monotonic() + 2
        while time.monotonic() < until:
            self.call(f"/api/tasks/{identity}/heartbeat",
                      {**token, "progress": "25%", "cursor": {"page": 17}})
            time.sleep(0.2)
        alive = self.task(identity)
        self.assertEqual(("RUNNING", 0.25, {"page": 17}),
                         (alive["status"], alive["progress"], alive["cursor"]))
        self.assertEqual("heartbeat", self.await_status(identity, "EXPIRED")["reason"])
        self.call(f"/api/tasks/{identity}/complete", {**token, "result": 42}, 409)
        self.assertEqual(42, self.task(identity)["lateResults"][0]["result"])
        self.assertEqual("SUCCEEDED", self.call(f"/api/tasks/{identity}/adopt", token)["status"])

    def test_a_batch_item_by_item_and_search(self):
        answer = self.call("/api/tasks/batch?atomic=false", [
            {"kind": "noop", "description": "The Quarterly Report", "tags": ["q3"]},
            {"kind": "noop", "priority": 99}])["items"]
        self.assertEqual("priority", answer[1]["error"]["field"])
        identity = answer[0]["taskId"]
        self.await_status(identity, "SUCCEEDED")
        for query in ("text=quarterly", f"text={identity[:20]}", "tag=q3&status=SUCCEEDED"):
            found = self.call(f"/api/tasks?{query}")["items"]
            self.assertIn(identity, [task["taskId"] for task in found], query)

    def test_counts_agree_with_the_lists(self):
        for _ in range(3):
            self.submit({"kind": "noop"}, queue="counted", runAt=LATER)
        self.assertTrue(eventually(lambda: [
            row["counts"]["SCHEDULED"] for row in self.call("/api/tasks/counts")["items"]
            if row["queue"] == "counted"] == [3], 20), self.call("/api/tasks/counts"))


class BulkOperations(unittest.TestCase):
    def test_an_operation_goes_on_after_its_node_was_killed(self):
        node = Node(self)

        def ask(path, body=None, code=200):
            status, answer = call(node.address, path, body)
            self.assertEqual(code, status, answer)
            return answer

        ask("/api/tasks/batch", [
            {"kind": "noop", "queue": "bulk", "runAt": LATER} for _ in range(250)])
        self.assertTrue(eventually(lambda: len(
            ask("/api/tasks?queue=bulk&status=SCHEDULED&limit=1000")["items"]) == 250, 30))
        wish = {"action": "cancel", "filter": {"queue": "bulk"}, "reason": "not needed"}
        dry = ask("/api/operations", {**wish, "dryRun": True}, 202)["operationId"]
        self.assertTrue(eventually(lambda: ask(f"/api/operations/{dry}")["state"] == "DONE", 30))
        self.assertEqual((250, 0), (ask(f"/api/operations/{dry}")["matched"],
                                    ask(f"/api/operations/{dry}")["applied"]))

        slow = ask("/api/operations", {**wish, "rate": 20}, 202)["operationId"]
        self.assertTrue(eventually(
            lambda: ask(f"/api/operations/{slow}")["applied"] >= 20, 30))
        node.kill()
        node.start()
        self.assertTrue(eventually(
            lambda: ask(f"/api/operations/{slow}")["applied"] >= 60, 60),
            ask(f"/api/operations/{slow}"))
        ask(f"/api/operations/{slow}/stop", {})
        self.assertTrue(eventually(lambda: ask(f"/api/operations/{slow}")["state"] == "STOPPED", 30))
        left = ask("/api/tasks?queue=bulk&status=SCHEDULED&limit=1000")["items"]
        self.assertTrue(0 < len(left) < 250, len(left))

        rest = ask("/api/operations", wish, 202)["operationId"]
        self.assertTrue(eventually(lambda: ask(f"/api/operations/{rest}")["state"] == "DONE", 60))
        self.assertEqual([], ask("/api/tasks?queue=bulk&status=SCHEDULED")["items"])


if __name__ == "__main__":
    unittest.main()
