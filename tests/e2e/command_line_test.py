"""The server's command line is a contract: scripts rely on it."""
import os
import signal
import subprocess
import unittest

from support import BINARY, Folder, ROOT, call, eventually, run


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


if __name__ == "__main__":
    unittest.main()
