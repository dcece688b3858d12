"""`orrery` as a client of the API, as a person and as a script would use it, against a real node."""
import json
import socket
import subprocess
import threading
import unittest

from api_client import Client, OpenNode
from support import BINARY, call, eventually


class EveryNoun(Client):
    def setUp(self):
        super().setUp()
        self.node = OpenNode(self.folder.path)
        self.addCleanup(lambda: self.node.process.poll() is None and self.node.kill())
        self.environment["ORRERY_SERVER"] = "http://" + self.node.address

    def test_orders(self):
        order = self.orrery("orders", "submit", "--product", "Globe", "--quantity", 2, "--customer", "ann",
                            "--metadata", '{"note":"a b"}', "-o", "name").strip()
        self.assertTrue(eventually(lambda: self.json("orders", "get", order)["status"] == "CREATED"))
        self.assertEqual({"note": "a b"}, self.json("orders", "get", order)["metadata"])
        table = self.orrery("orders", "list", "--customer", "ann").splitlines()
        self.assertEqual(["ID", "STATUS", "PRODUCT", "QUANTITY", "CUSTOMER", "AGE"], table[0].split())
        self.assertEqual([order, "CREATED", "Globe", "2", "ann"], table[1].split()[:5])
        self.assertIn(order, self.orrery("orders", "confirm", order))
        self.assertEqual("CANCELLED", self.json("orders", "cancel", order, "--reason", "changed my mind",
                                                "--wait")["status"])
        self.orrery("orders", "confirm", order, code=4)
        types = [event["type"] for event in self.json("orders", "events", order)["items"]]
        self.assertEqual(["OrderCreated", "OrderConfirmed", "OrderCancelled"], types)
        self.orrery("orders", "wait", order, code=8, stdin="")

    def test_tasks(self):
        done = self.json("tasks", "submit", "--kind", "noop", "--tags", "a", "--tags", "b", "--wait")
        self.assertEqual(("SUCCEEDED", ["a", "b"]), (done["status"], done["tags"]))
        task = done["taskId"]
        self.assertEqual([1], [run["run"] for run in self.json("tasks", "runs", task)["items"]])
        self.assertEqual("SUCCEEDED", self.json("tasks", "result", task)["status"])
        self.assertEqual(2, self.json("tasks", "rerun", task, "--wait=30s")["run"])
        late = self.orrery("tasks", "submit", "--kind", "noop", "--delay", "1h", "-o", "name").strip()
        self.assertTrue(eventually(lambda: self.json("tasks", "get", late)["status"] == "SCHEDULED"))
        self.assertIn("blocker", self.json("tasks", "why", late))
        self.assertEqual("PAUSED", self.json("tasks", "pause", late, "--reason", "wait")["status"])
        self.assertEqual("SCHEDULED", self.json("tasks", "resume", late)["status"])
        self.assertIn("pinned", self.json("tasks", "pin", late))
        self.orrery("tasks", "wait", late, "--for", "200ms", code=6)
        self.assertEqual("CANCELLED", self.json("tasks", "kill", late)["status"])
        self.orrery("tasks", "wait", late, code=8)
        self.orrery("tasks", "get", "01940000-0000-7000-8000-000000000000", code=3)
        self.assertEqual(1, self.json("tasks", "counts")["total"]["CANCELLED"])

    def test_batches_from_files_and_standard_input(self):
        lines = "".join(json.dumps({"taskId": f"b-{n}", "kind": "noop"}) + "\n" for n in range(120))
        self.orrery("tasks", "submit-batch", "-f", "-", stdin=lines)
        self.assertTrue(eventually(lambda: len(self.json("tasks", "list", "--all", "--limit", 50)["items"]) == 120))
        self.assertEqual(50, len(self.json("tasks", "list", "--limit", 50)["items"]))
        names = self.orrery("tasks", "list", "--all", "--limit", 50, "-o", "name").split()
        self.assertEqual(120, len(set(names)))
        jsonl = self.orrery("tasks", "list", "--all", "-o", "jsonl").splitlines()
        self.assertEqual(120, len([json.loads(line) for line in jsonl]))
        file = self.folder.path / "orders.json"
        file.write_text('[{"product":"Globe","quantity":1},\n{"product":"Map","quantity":2}]')
        self.assertEqual(2, len(self.json("orders", "submit-batch", "-f", file)["items"]))

    def test_schedules_and_flows(self):
        self.json("schedules", "create", "--name", "nightly", "--expressions", "0 0 3 * * ?", "--task",
                  '{"kind":"noop"}')
        self.assertIn("nightly", self.orrery("schedules", "list"))
        self.assertEqual(3, len(self.json("schedules", "preview", "nightly", "--limit", 3)["items"]))
        self.assertEqual("PAUSED", self.json("schedules", "pause", "nightly", "--note", "x")["status"])
        self.json("schedules", "resume", "nightly")
        self.json("schedules", "trigger", "nightly")
        self.assertTrue(eventually(lambda: len(self.json("schedules", "history", "nightly")["items"]) == 1))
        self.orrery("schedules", "delete", "nightly")
        flow = self.folder.path / "flow.json"
        flow.write_text('{"name":"ship","steps":[{"name":"pack","kind":"noop"}]}')
        self.assertEqual(1, self.json("flows", "store", "-f", flow)["version"])
        self.assertIn("ship: 1 steps", self.orrery("flows", "check", flow))
        self.assertEqual("COMPLETED", self.json("orders", "submit", "--product", "Map", "--quantity", 1,
                                                "--flow", "ship", "--wait")["status"])
        self.assertIn("ship", self.orrery("flows", "list"))

    def test_rules_operations_letters_workers(self):
        self.assertTrue(self.json("queues", "pause", "mail", "--note", "x")["paused"])
        self.assertIn("mail", self.orrery("queues", "list"))
        self.assertEqual(3, self.json("queues", "set", "mail", "--concurrency", 3)["concurrency"])
        self.assertTrue(self.json("kinds", "pause", "external")["paused"])
        self.json("kinds", "resume", "external")
        self.orrery("tasks", "submit", "--kind", "noop", "--delay", "1h")
        self.assertTrue(eventually(lambda: len(self.json("tasks", "list")["items"]) == 1))
        done = self.json("operations", "start", "--action", "cancel", "--filter", '{"status":["SCHEDULED"]}',
                         "--reason", "x", "--wait")
        self.assertEqual(("DONE", 1), (done["state"], done["applied"]))
        self.assertIn(done["operationId"], self.orrery("operations", "list"))
        self.assertEqual([], self.json("letters", "list")["items"])
        leased = self.json("workers", "lease", "--worker", "w-1", "--wait", "1ms")
        self.assertEqual([], leased["items"])
        self.assertIn("w-1", self.orrery("workers", "list"))
        self.assertTrue(self.json("workers", "quiet", "w-1")["quiet"])

    def test_the_system(self):
        self.assertEqual("solo", self.orrery("nodes", "list", "--no-headers").split()[0])
        self.assertTrue(eventually(lambda: self.json("cluster", "get")["ready"]))
        self.assertIn("OWNER", self.orrery("shards", "list").splitlines()[0])
        self.assertIn("orrery_", self.orrery("server", "metrics"))
        self.assertEqual("3.1.0", self.json("server", "openapi")["openapi"])
        self.assertIn("status: ok", self.orrery("server", "health", "-o", "yaml").lower())
        self.assertIn('"items"', self.orrery("api", "GET", "/api/tasks?limit=1"))
        self.orrery("api", "GET", "/api/nothing", code=3)

    def test_watching(self):
        task = self.orrery("tasks", "submit", "--kind", "sleep", "--payload", '{"seconds":0.3}', "-o",
                           "name").strip()
        seen = [json.loads(line) for line in self.orrery("tasks", "watch", task, "-o", "jsonl").splitlines()]
        self.assertEqual("TaskSucceeded", seen[-1]["type"])
        positions = [event["position"] for event in seen]
        self.assertEqual(sorted(set(positions)), positions)
        self.orrery("tasks", "watch", "no-such-task", code=3)
        with subprocess.Popen([BINARY, "events", "watch", "--count", "2", "--kind", "order", "-o", "name"],
                              env=self.environment, stdout=subprocess.PIPE, text=True) as watcher:
            order = ""

            def submitted():
                nonlocal order
                order = self.orrery("orders", "submit", "--product", "P", "--quantity", 1, "-o", "name").strip()
                return watcher.poll() is not None
            self.assertTrue(eventually(submitted))
            self.assertEqual(0, watcher.wait(30))
            self.assertEqual(2, len(watcher.stdout.read().split()))

    def test_logs_are_read_and_followed_to_the_end_of_the_attempt(self):
        task = self.json("tasks", "submit", "--kind", "exec", "--payload",
                         '{"command":"echo","args":{"text":"hello\\u001b[31m you"}}', "--wait")["taskId"]
        self.assertEqual(["hello [31m you"], self.orrery("tasks", "logs", task, "-f").splitlines())
        table = self.orrery("tasks", "logs", task).splitlines()
        self.assertEqual(["AT", "SOURCE", "TEXT"], table[0].split())
        self.assertIn("stdout", table[1])
        line = json.loads(self.orrery("tasks", "logs", task, "--follow", "-o", "jsonl"))
        self.assertEqual("hello\x1b[31m you", line["text"])
        self.orrery("tasks", "logs", task, "--run", 7, code=3)
        self.orrery("tasks", "logs", "no-such-task", "-f", code=3)

    def test_the_log_of_the_node_is_read_and_followed(self):
        table = self.orrery("logs", "list", "--text", "node.ready").splitlines()
        self.assertEqual(["TIME", "LEVEL", "NODE", "EVENT", "TASK"], table[0].split())
        self.assertEqual(["info", "solo", "node.ready"], table[1].split()[1:4])
        self.assertEqual(table, self.orrery("logs", "--text", "node.ready").splitlines(), "the noun alone lists")
        self.orrery("logs", "-f", "--node", "elsewhere", code=3)
        with subprocess.Popen([BINARY, "logs", "-f", "--text", "not_succeeded"], env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as follower:
            lines = []
            reader = threading.Thread(target=lambda: lines.extend(follower.stdout), daemon=True)
            reader.start()

            def failed():
                self.orrery("tasks", "submit", "--kind", "sleep", "--retry", '{"maxAttempts":1}', "--payload",
                            '{"duration":"1ms","fail":"no \\u001b luck"}')
                return lines
            self.assertTrue(eventually(failed))
            follower.kill()
            reader.join(30)
        self.assertRegex(lines[0], r"^\S+  info  solo  attempt\.not_succeeded  task=\S+ .*  error=no   luck")

    def test_names_that_people_bring_from_elsewhere(self):
        task = self.orrery("task", "start", "--kind", "noop", "--wait", "-o", "name").strip()
        self.assertEqual(task, self.json("task", "describe", task)["taskId"])
        self.assertEqual(2, self.json("tasks", "retry", task, "--wait")["run"])
        self.assertIn(task, self.orrery("task", "ls"))
        self.assertEqual([], self.json("dlq", "ls")["items"])
        for noun in ("order", "schedule", "queue", "worker", "node", "shard", "operation", "flow"):
            self.orrery(noun, "ls")

    def test_forms_and_patience_by_variable_and_profile(self):
        self.orrery("tasks", "submit", "--kind", "noop", "--wait")
        self.environment["ORRERY_OUTPUT"] = "json"
        self.assertEqual(1, len(json.loads(self.orrery("tasks", "list"))["items"]))
        self.assertIn("STATUS", self.orrery("tasks", "list", "-o", "text"), "an option counts more")
        self.environment["ORRERY_OUTPUT"] = "papyrus"
        self.orrery("tasks", "list", code=2)
        self.assertIn("--output", self.error)
        del self.environment["ORRERY_OUTPUT"]
        self.orrery("profiles", "set", "here", "--output", "yaml", "--timeout", "300ms")
        self.orrery("profiles", "set", "here", "--output", "papyrus", code=2)
        self.orrery("profiles", "set", "here", "--timeout", "soon", code=2)
        self.assertTrue(self.orrery("tasks", "list").startswith("items:"))
        self.assertEqual({"output": "yaml", "timeout": "300ms"}, dict(
            line.split() for line in self.orrery("profiles", "get", "here").splitlines()))
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            self.environment["ORRERY_SERVER"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
            self.orrery("tasks", "list", code=6)
            self.environment["ORRERY_TIMEOUT"] = "soon"
            self.orrery("tasks", "list", code=2)

    def test_tables_show_times_as_ages_or_as_they_are(self):
        self.orrery("tasks", "submit", "--kind", "noop", "--wait")
        self.assertRegex(self.orrery("tasks", "list", "--no-headers").split()[-1], r"^\d+s$")
        self.assertRegex(self.orrery("tasks", "list", "--no-headers", "--time-format", "iso").split()[-1],
                         r"^\d{4}-\d\d-\d\dT")
        self.orrery("tasks", "list", "--time-format", "lunar", code=2)

    def test_nothing_is_sent_on_a_dry_run(self):
        text = self.orrery("tasks", "submit", "--kind", "noop", "--dry-run")
        self.assertIn(f"POST http://{self.node.address}/api/tasks", text)
        self.assertIn("Idempotency-Key: cli-", text)
        self.assertIn('{"kind":"noop"}', text)
        self.assertEqual([], self.json("tasks", "list")["items"])

    def test_a_key_of_ones_own_makes_one_task_of_two(self):
        first = self.json("tasks", "submit", "--kind", "noop", "--idempotency-key", "k")
        again = self.json("tasks", "submit", "--kind", "noop", "--idempotency-key", "k")
        self.assertEqual((first["taskId"], True), (again["taskId"], again["deduplicated"]))
        self.orrery("tasks", "submit", "--kind", "sleep", "--idempotency-key", "k", code=4)

    def test_a_command_under_a_key_is_carried_out_once_also_after_a_kill(self):
        task = self.json("tasks", "submit", "--kind", "noop", "--wait")["taskId"]
        first = self.json("tasks", "rerun", task, "--idempotency-key", "again")
        self.assertEqual(2, self.json("tasks", "wait", task)["run"])
        self.assertEqual(first, self.json("tasks", "rerun", task, "--idempotency-key", "again"))
        self.node.kill()
        self.node = OpenNode(self.folder.path, address=self.node.address)
        self.assertEqual(first, self.json("tasks", "rerun", task, "--idempotency-key", "again"))
        self.assertEqual(2, self.json("tasks", "get", task)["run"])
        self.orrery("tasks", "pin", task, "--idempotency-key", "again", code=4)
        self.json("tasks", "rerun", task)
        self.assertTrue(eventually(lambda: self.json("tasks", "get", task)["run"] == 3))

    def test_a_command_for_a_version_is_for_no_other(self):
        task = self.orrery("tasks", "submit", "--kind", "noop", "--delay", "1h", "-o", "name").strip()
        self.assertTrue(eventually(lambda: self.json("tasks", "get", task)["status"] == "SCHEDULED"))
        seen = self.json("tasks", "get", task)["version"]
        self.json("tasks", "pause", task, "--if-match", f'"{seen}"')
        self.orrery("tasks", "cancel", task, "--if-match", f'"{seen}"', code=4)
        self.assertIn("412", self.error)
        self.assertEqual("PAUSED", self.json("tasks", "get", task)["status"])

    def test_mistakes_are_named(self):
        self.orrery("tasks", "submit", "--kind", "noop", "--ttl", "tomorrow", code=2)
        self.assertIn("ttl", self.error)
        self.assertIn("400", self.error)
        self.orrery("tasks", "submit", "--priority", "high", code=2)
        self.assertIn("--priority", self.error)
        self.orrery("tasks", "conjure", code=2)
        self.orrery("tasks", "list", "-o", "papyrus", code=2)
        self.orrery("tasks", "list", "--server", "ftp://x", code=2)
        self.orrery("tasks", "list", "--timeout", "soon", code=2)
        self.orrery("tasks", "submit", "-f", self.folder.path / "missing.json", code=2)
        self.assertIn("missing.json", self.error)

    def test_a_server_that_is_gone_is_said_at_once_and_one_that_comes_back_is_waited_for(self):
        with subprocess.Popen([BINARY, "tasks", "submit", "--kind", "sleep", "--payload", '{"seconds":2}',
                               "--wait", "-o", "json"], env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as waiting:
            self.assertTrue(eventually(lambda: call(self.node.address, "/api/tasks")[1]["items"]))
            self.node.kill()
            self.orrery("tasks", "list", code=7)
            self.assertIn(self.node.address, self.error)
            self.assertIsNone(waiting.poll())
            self.node = OpenNode(self.folder.path, address=self.node.address)
            out, error = waiting.communicate(timeout=60)
            self.assertEqual(0, waiting.returncode, error)
            self.assertEqual("SUCCEEDED", json.loads(out)["status"])

    def test_a_watch_goes_on_over_the_loss_of_its_server(self):
        task = self.orrery("tasks", "submit", "--kind", "noop", "--delay", "1h", "-o", "name").strip()
        with subprocess.Popen([BINARY, "tasks", "watch", task, "-o", "jsonl"], env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watcher:
            first = json.loads(watcher.stdout.readline())
            self.node.kill()
            self.node = OpenNode(self.folder.path, address=self.node.address)
            self.orrery("tasks", "cancel", task)
            out, error = watcher.communicate(timeout=60)
            self.assertEqual(0, watcher.returncode, error)
            events = [first] + [json.loads(line) for line in out.splitlines()]
            self.assertEqual("TaskCancelled", events[-1]["type"])
            positions = [event["position"] for event in events]
            self.assertEqual(sorted(set(positions)), positions, "no event twice, none out of order")


if __name__ == "__main__":
    unittest.main()
