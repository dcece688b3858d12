"""`orrery` as a client of the API, for the tests of it: its calls, and a node that lets everybody in."""
import json
import os
import subprocess
import unittest

from support import BINARY, ROOT, Folder
from system import die_with_parent


class Client(unittest.TestCase):
    """`orrery …` with its profiles in a folder of the test."""

    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith("ORRERY_")}
        self.environment["ORRERY_CLI_CONFIG"] = str(self.folder.path / "config" / "cli.toml")

    def orrery(self, *words, code=0, stdin="", seconds=60):
        done = subprocess.run([str(BINARY), *map(str, words)], input=stdin, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=seconds, check=False)
        self.assertEqual(code, done.returncode, f"{words}\n{done.stdout}\n{done.stderr}")
        if code:
            self.assertNotEqual("", done.stderr, "what went wrong is said")
        else:
            self.assertEqual("", done.stderr)
        self.error = done.stderr
        return done.stdout

    def json(self, *words, **more):
        return json.loads(self.orrery(*words, "-o", "json", **more))


class OpenNode:
    def __init__(self, folder, *options, address="127.0.0.1:0"):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", ROOT / "examples/orrery.toml", "--data", folder / "data", "--http",
             address, "--auth", "off", "--node", "solo", *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=die_with_parent)
        self.address = self.process.stdout.readline().split()[1].removeprefix("http=")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
