"""The server's command line is a contract: scripts rely on it."""
import json
import os
import pathlib
import re
import signal
import subprocess
import unittest

from support import BINARY, Folder, ROOT, call, eventually, run
from system import die_with_parent


class TheCommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)

    def serve(self, *words):
        return run(BINARY, "serve", "--data", self.folder.path / "data", *words, seconds=30)

    def test_names_every_fault_of_a_configuration_at_once_and_ends_with_status_2(self):
        file = self.folder.path / "faulty.toml"
        file.write_text('colour = "red"\nthreads = 0\n[limits]\nlive_per_shard = "many"\n'
                        "[executors.exec.commands.broken]\nargv = []\n")
        before = os.environ.get("ORRERY_KAFKA_SESSION_TIMEOUT")
        os.environ["ORRERY_KAFKA_SESSION_TIMEOUT"] = "an hour"
        try:
            status, text = self.serve(
                "--config", file, "--http", "nowhere", "--store", "papyrus", "--log", "stone",
                "--auth", "perhaps", "--mesh", "127.0.0.1:0", "--shards", "5000", "--node", "n" * 65,
                "--log-level", "loud", "--set", "no.such.key=1")
        finally:
            os.environ.pop("ORRERY_KAFKA_SESSION_TIMEOUT")
            if before is not None:
                os.environ["ORRERY_KAFKA_SESSION_TIMEOUT"] = before
        self.assertEqual(2, status, text)
        for fault in ("colour", "threads", "limits.live.per.shard", "executors.exec.commands",
                      "kafka.session.timeout (environment)", "http:", "store:", "log:", "auth:",
                      "mesh:", "shards (flag)", "node:", "logging.level", "no.such.key"):
            self.assertIn(fault, text)
        self.assertNotIn("ready", text)
        self.assertFalse((self.folder.path / "data").exists(), "nothing was begun")

    def test_refuses_a_file_that_is_not_there_or_is_no_toml(self):
        broken = self.folder.path / "broken.toml"
        broken.write_text("[limits\n")
        for file in (broken, self.folder.path / "missing.toml"):
            status, text = self.serve("--config", file, "--auth", "off")
            self.assertEqual(2, status, text)
            self.assertIn(file.name, text)

    def test_refuses_to_serve_the_world_without_authentication(self):
        status, text = self.serve("--http", "0.0.0.0:0", "--auth", "off")
        self.assertEqual(2, status, text)

    def test_shows_the_configuration_without_its_secrets(self):
        status, text = run(BINARY, "config", "--store", "postgres://me:hidden@db/orrery", "--log",
                           "kafka://k:9092", "--set", "token=secret-token", seconds=30)
        self.assertEqual(0, status, text)
        self.assertIn("postgres://me:***@db/orrery", text)
        self.assertNotIn("hidden", text)
        self.assertNotIn("secret-token", text)

    def test_says_ready_on_one_line_and_stops_in_order(self):
        with subprocess.Popen(
                [BINARY, "serve", "--config", ROOT / "examples/orrery.toml", "--data",
                 self.folder.path / "data", "--http", "127.0.0.1:0", "--store", "sqlite", "--log",
                 "embedded", "--node", "solo", "--auth", "off"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True) as node:
            self.addCleanup(node.kill)
            ready = node.stdout.readline().split()
            self.assertEqual(["ready", "node=solo"], [ready[0], ready[2]])
            address = ready[1].removeprefix("http=")
            code, answer = call(address, "/api/orders", {"product": "Laptop", "quantity": 1})
            self.assertEqual(200, code, answer)
            order = answer["orderId"]
            self.assertTrue(eventually(
                lambda: call(address, f"/api/orders/{order}")[1]["status"] == "CREATED"))
            node.send_signal(signal.SIGTERM)
            self.assertEqual(0, node.wait(timeout=60))


class ANodeToTryThingsWith(unittest.TestCase):
    """`orrery server dev`, which says by itself how it is used."""

    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        # A developer's shell may be full of settings of the real system: none of them counts.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ORRERY_")}
        self.environment |= {"TMPDIR": str(self.folder.path), "ORRERY_STORE": "postgres://nowhere.invalid/orrery",
                             "ORRERY_LOG": "kafka://nowhere.invalid:9092", "ORRERY_AUTH": "off",
                             "ORRERY_CLI_CONFIG": str(self.folder.path / "cli.toml")}

    def start(self, *words):
        node = subprocess.Popen([BINARY, "server", "dev", "--http", "127.0.0.1:0", *words], env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                text=True, preexec_fn=die_with_parent)
        self.addCleanup(lambda: (node.kill(), node.wait(), node.stdout.close()))
        text = ""
        while not text.splitlines()[-1:] or not text.splitlines()[-1].startswith("ready "):
            line = node.stdout.readline()
            self.assertTrue(line, text)
            text += line
        return node, text

    def orrery(self, *words, secret="", **environment):
        done = subprocess.run([str(BINARY), *words], input=secret, env=self.environment | environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def test_says_all_that_is_needed_and_leaves_nothing(self):
        node, text = self.start()
        server, token = re.search(r"ORRERY_SERVER=(\S+) ORRERY_TOKEN=(\S+)", text).groups()
        data = pathlib.Path(re.search(r"data +(\S+)", text).group(1))
        self.assertTrue((data / "orrery.db").exists(), "SQLite, whatever the environment says")
        self.assertEqual(self.folder.path, data.parent)
        self.assertEqual(0o700, data.stat().st_mode & 0o777)
        done = json.loads(self.orrery("tasks", "submit", "--kind", "noop", "--wait", "-o", "json",
                                      ORRERY_SERVER=server, ORRERY_TOKEN=token))
        self.assertEqual("SUCCEEDED", done["status"])
        password = re.search(r"account  admin  password (\S+)", text).group(1)
        self.orrery("login", "--server", server, "--user", "admin", secret=password + "\n")
        who = json.loads(self.orrery("auth", "whoami", "-o", "json"))
        self.assertEqual(("admin", ["admin"]), (who["name"], who["roles"]))
        partitions = json.loads(self.orrery("kafka", "lag", "-o", "json"))["shards"]
        self.assertEqual(1, sum(one["position"] > 0 for one in partitions), "one has had the task")
        self.assertEqual({0}, {one["waitingOrders"] + one["waitingTasks"] for one in partitions})
        self.assertEqual("PARTITION", self.orrery("kafka", "lag").split()[0])
        self.assertIn("channels", json.loads(self.orrery("kafka", "topics", "-o", "json")))
        node.send_signal(signal.SIGINT)
        self.assertEqual(0, node.wait(timeout=60))
        self.assertFalse(data.exists())

    def test_watches_a_schedule_until_it_is_deleted(self):
        _, text = self.start()
        server, token = re.search(r"ORRERY_SERVER=(\S+) ORRERY_TOKEN=(\S+)", text).groups()
        self.environment |= {"ORRERY_SERVER": server, "ORRERY_TOKEN": token}
        self.orrery("schedules", "create", "--name", "nightly", "--expressions", "0 0 3 * * ?", "--task",
                    '{"kind":"noop"}')
        self.orrery("tasks", "submit", "--kind", "noop", "--wait")
        with subprocess.Popen([BINARY, "schedules", "watch", "nightly", "-o", "jsonl"], env=self.environment,
                              stdout=subprocess.PIPE, text=True) as watcher:
            self.assertEqual("ScheduleCreated", json.loads(watcher.stdout.readline())["type"])
            self.orrery("schedules", "pause", "nightly", "--note", "x")
            self.assertEqual("SchedulePaused", json.loads(watcher.stdout.readline())["type"])
            self.orrery("schedules", "delete", "nightly")
            self.assertEqual("ScheduleDeleted", json.loads(watcher.stdout.readline())["type"])
            self.assertEqual(0, watcher.wait(30))

    def test_keeps_what_it_is_told_to_keep(self):
        data = self.folder.path / "kept"
        node, text = self.start("--data", str(data))
        token = re.search(r"ORRERY_TOKEN=(\S+)", text).group(1)
        node.send_signal(signal.SIGTERM)
        self.assertEqual(0, node.wait(timeout=60))
        _, again = self.start("--data", str(data))
        self.assertEqual(token, re.search(r"ORRERY_TOKEN=(\S+)", again).group(1))
        self.assertIn("as it was made here before", again)


if __name__ == "__main__":
    unittest.main()
