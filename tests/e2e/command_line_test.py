"""The server's command line is a contract: scripts rely on it."""
import signal
import subprocess
import unittest

from support import BINARY, Folder, ROOT, call, eventually, run


class TheCommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)

    def test_refuses_a_bad_configuration_with_status_2(self):
        status, text = run(BINARY, "serve", "--data", self.folder.path / "data", "--http", "nowhere",
                           "--store", "papyrus", "--auth", "off", seconds=30)
        self.assertEqual(2, status, text)
        # Every problem at once.
        self.assertIn("http", text)
        self.assertIn("store", text)

    def test_refuses_to_serve_the_world_without_authentication(self):
        status, text = run(BINARY, "serve", "--data", self.folder.path / "data", "--http", "0.0.0.0:0",
                           "--auth", "off", seconds=30)
        self.assertEqual(2, status, text)

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
