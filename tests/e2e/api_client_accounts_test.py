"""`orrery` as a client of a node that asks who is there: sign-in, users, keys, profiles, TLS."""
import os
import re
import stat
import unittest

from api_client import Client, OpenNode
from secured import PASSWORD, SecuredNode, certificate


class Accounts(Client):
    def setUp(self):
        super().setUp()
        self.node = SecuredNode()
        self.addCleanup(self.node.close)
        self.environment["ORRERY_SERVER"] = f"http://{self.node.address}"

    def login(self, *words, code=0, password=PASSWORD):
        return self.orrery("login", "--user", "root", *words, stdin=password + "\n", code=code)

    def test_signing_in_keeps_a_key_and_signing_out_revokes_it(self):
        self.orrery("tasks", "list", code=5)
        self.login(code=5, password="wrong wrong wrong")
        self.login()
        file = self.environment["ORRERY_CLI_CONFIG"]
        self.assertEqual(0o600, stat.S_IMODE(os.stat(file).st_mode))
        with open(file, encoding="utf-8") as profiles:
            text = profiles.read()
        self.assertNotIn(PASSWORD, text)
        key = re.search(r'token = ["\'](.+)["\']', text).group(1)
        self.assertEqual("root", self.json("auth", "whoami")["name"])
        self.assertEqual(1, len(self.json("keys", "list")["items"]))
        self.assertEqual([], self.json("sessions", "list", "root")["items"][1:],
                         "the session by which the key was made has ended")
        self.orrery("logout")
        self.orrery("auth", "whoami", code=5)
        self.orrery("auth", "whoami", "--token", key, code=5)

    def test_users_keys_audit(self):
        self.login()
        self.json("users", "create", "--name", "ann", "--password", "-", "--roles", "viewer",
                  stdin=PASSWORD + "\n")
        self.orrery("users", "create", "--name", "bob", "--password", "typed in the open", code=2)
        self.assertIn("--password", self.error)
        self.assertIn("ann", self.orrery("users", "list"))
        ann = self.json("users", "get", "ann")
        self.orrery("users", "update", "ann", "--disabled", "--if-match", f'"{ann["version"] + 7}"', code=4)
        self.assertTrue(self.json("users", "update", "ann", "--disabled")["disabled"])
        made = self.json("keys", "create", "--name", "robot", "--scopes", "read", "--expires-in", "1h")
        self.orrery("tasks", "list", "--token", made["key"])
        self.orrery("tasks", "submit", "--kind", "noop", "--token", made["key"], code=5)
        self.orrery("keys", "delete", made["id"])
        self.orrery("tasks", "list", "--token", made["key"], code=5)
        self.orrery("users", "delete", "ann")
        self.assertIn("ACTION", self.orrery("audit", "list"))
        self.assertGreater(len(self.json("audit", "list", "--all", "--limit", 2)["items"]), 4)

    def test_profiles(self):
        self.environment.pop("ORRERY_SERVER")
        self.orrery("profiles", "set", "here", "--server", f"http://{self.node.address}", "--token", "-",
                    stdin=self.node.admin + "\n")
        self.orrery("profiles", "set", "there", "--server", "http://127.0.0.1:1")
        self.assertEqual("root", self.json("auth", "whoami")["name"])
        self.orrery("auth", "whoami", "--profile", "there", code=7)
        self.orrery("auth", "whoami", "--profile", "nowhere", code=2)
        self.orrery("profiles", "use", "there")
        self.orrery("auth", "whoami", code=7)
        self.assertIn("* there", self.orrery("profiles", "list"))
        self.assertNotIn(self.node.admin, self.orrery("profiles", "list"))
        self.assertIn("***", self.orrery("profiles", "get", "here"))
        self.assertNotIn(self.node.admin, self.orrery("profiles", "get", "here"))
        self.orrery("profiles", "get", "nowhere", code=3)
        self.orrery("profiles", "delete", "there")
        os.chmod(self.environment["ORRERY_CLI_CONFIG"], 0o644)
        self.orrery("auth", "whoami", "--profile", "here", code=1)
        self.assertIn("chmod 600", self.error)


class Tls(Client):
    def test_the_certificate_and_the_name_are_checked(self):
        cert, key = certificate(self.folder.path)
        node = OpenNode(self.folder.path, "--set", f"http.tls.certificate={cert}", "--set", f"http.tls.key={key}")
        self.addCleanup(node.kill)
        port = node.address.rpartition(":")[2]
        self.orrery("tasks", "list", "--server", f"https://127.0.0.1:{port}", "--ca", cert)
        self.orrery("tasks", "list", "--server", f"https://localhost:{port}", "--ca", cert)
        self.orrery("tasks", "list", "--server", f"https://127.0.0.1:{port}", code=1)
        self.assertIn("certificate", self.error)
        other, _ = certificate(self.folder.path, "other")
        self.orrery("tasks", "list", "--server", f"https://127.0.0.1:{port}", "--ca", other, code=1)
        self.orrery("tasks", "list", "--server", f"https://127.0.0.1:{port}", "--ca", "/nowhere.pem", code=2)


if __name__ == "__main__":
    unittest.main()
