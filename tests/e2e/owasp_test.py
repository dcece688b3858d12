"""The OWASP API Security Top 10 (2023), by name, against the real program."""
import base64
import json
import re
import time
import unittest

from secured import PASSWORD, WithNode
from support import eventually

ROLES = ["viewer", "producer", "worker", "operator", "admin"]
ALLOWED = {"signed-in": set(ROLES), "read": set(ROLES), "submit": {"producer", "operator", "admin"},
           "work": {"worker", "operator", "admin"}, "operate": {"operator", "admin"},
           "administer": {"admin"}}


class Owasp(WithNode):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api = cls.node.ask("GET", "/openapi.json").json
        cls.tokens = {role: cls.node.user(f"{role}-user", role) for role in ROLES}

    def routes(self):
        for path, methods in self.api["paths"].items():
            for method, what in methods.items():
                yield method.upper(), re.sub(r"\{[a-zA-Z]+\}", "x-1", path), what

    def test_api1_broken_object_level_authorization(self):
        """What belongs to a user is neither seen nor changed by another, on every route that names one."""
        alice, bob = self.node.user("alice", "operator"), self.node.user("bob", "viewer")
        key = self.node.ask("POST", "/api/keys", {"name": "k", "scopes": ["read"]}, bob).json
        session = self.node.ask("GET", "/api/users/bob/sessions", token=bob).json["items"][0]["id"]
        for method, path, body in [
                ("GET", "/api/users/bob", None), ("GET", "/api/users/bob/sessions", None),
                ("DELETE", f"/api/users/bob/sessions/{session}", None),
                ("DELETE", f"/api/users/alice/sessions/{session}", None),
                ("DELETE", f"/api/keys/{key['id']}", None), ("DELETE", "/api/users/bob", None),
                ("PATCH", "/api/users/bob", {"password": PASSWORD})]:
            with self.subTest(f"{method} {path}"):
                self.assertIn(self.node.ask(method, path, body, alice).status, (403, 404))
        self.assertNotIn(key["id"], self.node.ask("GET", "/api/keys", token=alice).body.decode())
        self.assertEqual(200, self.node.ask("GET", "/api/users/bob", token=bob).status)
        self.assertEqual(200, self.node.ask("GET", "/api/tasks", token=key["key"]).status)

    def test_api2_broken_authentication(self):
        """Unsigned, changed, foreign and outdated tokens; guessing is slowed down."""
        header, payload, signature = self.tokens["viewer"].split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claims["roles"] = ["admin"]
        encode = lambda what: base64.urlsafe_b64encode(json.dumps(what).encode()).rstrip(b"=").decode()
        forged = encode(claims)
        for token in [f"{header}.{forged}.{signature}", f"{header}.{payload}.",
                      f"{encode({'alg': 'none', 'typ': 'at+jwt'})}.{forged}.", f"{header}.{payload}",
                      "ork_" + "0" * 16 + "_" + "A" * 43, "x" * 9000, "null"]:
            self.assertEqual(401, self.node.ask("GET", "/api/tasks", token=token).status, token[:80])
        self.node.user("victim", "viewer")
        told = [self.node.ask("POST", "/api/auth/login", {"name": "victim", "password": "guess"}).status
                for _ in range(12)]
        self.assertEqual([401] * 5, told[:5])
        self.assertIn(429, told)
        self.assertNotIn(200, told)

    def test_api3_broken_object_property_level_authorization(self):
        """Nobody sets what is the server's or an administrator's to set."""
        for member in ("status", "shard", "version", "createdAt", "worker"):
            answer = self.node.ask("POST", "/api/tasks", {"kind": "noop", member: "x"}, self.tokens["producer"])
            self.assertEqual((400, member), (answer.status, answer.json["errors"][0]["field"]))
        for path, body in [("/api/keys", {"name": "k", "scopes": ["read"], "secret": "mine"}),
                           ("/api/auth/password", {"oldPassword": PASSWORD, "newPassword": PASSWORD, "roles": ["admin"]}),
                           ("/api/auth/login", {"name": "root", "password": PASSWORD, "role": "admin"})]:
            self.assertEqual(400, self.node.ask("POST", path, body, self.tokens["viewer"]).status, path)
        users = self.node.ask("GET", "/api/users", token=self.node.admin).body.decode()
        self.assertNotIn("argon2", users)
        self.assertNotIn("password", users)

    def test_api4_unrestricted_resource_consumption(self):
        """Sizes, depth and numbers are bounded, each with its own answer."""
        token = self.tokens["producer"]
        deep = b'{"kind":"noop","payload":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
        many = b'{"kind":"noop","payload":{' + b",".join(b'"k%d":1' % i for i in range(20_000)) + b"}}"
        long = json.dumps({"kind": "noop", "payload": "x" * 300_000}).encode()
        self.assertEqual(400, self.node.ask("POST", "/api/tasks", deep, token).status)
        self.assertEqual(400, self.node.ask("POST", "/api/tasks", many, token).status)
        self.assertIn(self.node.ask("POST", "/api/tasks", long, token).status, (400, 413))
        items = b"[" + b",".join([b'{"kind":"noop"}'] * 10_001) + b"]"
        self.assertEqual(400, self.node.ask("POST", "/api/tasks/batch", items, token).status)
        self.assertEqual(400, self.node.ask("GET", "/api/tasks?limit=100000", token=token).status)
        self.assertEqual(431, self.node.ask("GET", "/healthz", fields={"X-A": "a" * 20_000}).status)
        self.assertEqual(431, self.node.ask("GET", "/healthz", fields={f"X-{i}": "a" for i in range(200)}).status)

    def test_api5_broken_function_level_authorization(self):
        """Every route, with every role: allowed exactly where the table says so."""
        for method, path, what in self.routes():
            needed = what["x-permission"]
            if needed == "open" or path in ("/api/auth/logout", "/api/auth/rotate-keys"):
                continue
            self.assertEqual(401, self.node.ask(method, path).status, f"{method} {path}")
            for role in ROLES:
                if role in ALLOWED[needed]:
                    continue
                with self.subTest(f"{role}: {method} {path}"):
                    self.assertEqual(403, self.node.ask(method, path, token=self.tokens[role]).status)

    def test_api6_unrestricted_access_to_sensitive_business_flows(self):
        """Registration is closed, and accounts cannot be made by who may not."""
        body = {"name": "mallory", "password": PASSWORD}
        self.assertEqual(403, self.node.ask("POST", "/api/auth/register", body).status)
        self.assertEqual(403, self.node.ask("POST", "/api/users", body | {"roles": []}, self.tokens["operator"]).status)
        self.assertEqual(401, self.node.ask("POST", "/api/auth/bootstrap", body | {"token": "0" * 32}).status)

    def test_api7_server_side_request_forgery(self):
        """Tasks of kind http reach no private address, in whatever spelling."""
        urls = ["http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0177.0.0.1/",
                "http://0x7f.1/", "http://0.0.0.0/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
                "http://169.254.169.254/", "http://10.0.0.1/", "http://192.168.0.1/", "http://100.64.0.1/",
                "http://user@localhost/", "http://localhost./", "file:///etc/passwd", "gopher://localhost/",
                "http://localhost:5432/"]
        ended = {}
        for url in urls:
            answer = self.node.ask("POST", "/api/tasks",
                                   {"kind": "http", "payload": {"url": url}, "retry": {"maxAttempts": 1}},
                                   self.tokens["producer"])
            if answer.status == 200:
                ended[answer.json["taskId"]] = url
            else:
                self.assertEqual(400, answer.status, url)
        for task, url in ended.items():
            view = lambda: self.node.ask("GET", f"/api/tasks/{task}", token=self.tokens["viewer"]).json
            self.assertTrue(eventually(lambda: view().get("status") == "FAILED", 20), f"{url}: {view()}")
            self.assertIn(view()["errorCode"], ("refused", "resolve", "invalid"), url)

    def test_api8_security_misconfiguration(self):
        """No stack, no SQL, no version; pages are locked down; no origin is allowed."""
        answer = self.node.ask("GET", "/api/tasks/%27%3B%20drop%20table%20tasks--", token=self.tokens["viewer"])
        self.assertEqual(404, answer.status)
        for word in ("sql", "exception", "0x", ".cpp", "stack"):
            self.assertNotIn(word, answer.body.decode().lower())
        page = self.node.ask("GET", "/docs", fields={"Origin": "https://evil.example"})
        self.assertIn("default-src 'none'", page.fields["content-security-policy"])
        self.assertEqual("nosniff", page.fields["x-content-type-options"])
        self.assertNotIn("access-control-allow-origin", page.fields)
        self.assertEqual("orrery", page.fields["server"])
        for method in ("TRACE", "CONNECT", "DEBUG", "PROPFIND"):
            self.assertIn(self.node.ask(method, "/api/tasks", token=self.tokens["admin"]).status, (400, 405), method)

    def test_api9_improper_inventory_management(self):
        """Each described route is served, and what is served is described."""
        for method, path, what in self.routes():
            if what["operationId"] in ("logout", "rotateKeys"):
                continue
            answer = self.node.ask(method, path, token=self.tokens["viewer"])
            text = answer.body.decode(errors="replace")
            self.assertNotIn("there is no such path", text, f"{method} {path}")
            self.assertNotEqual(405, answer.status, f"{method} {path}")
        for path in ("/api/v0/tasks", "/admin", "/debug", "/api", "/.env", "/server-status", "/api/internal"):
            self.assertEqual(404, self.node.ask("GET", path, token=self.tokens["admin"]).status, path)
            self.assertEqual(401, self.node.ask("GET", path).status, path)

    def test_api10_unsafe_consumption_of_apis(self):
        """What comes from outside is checked as a stranger's: bodies that lie about what they are."""
        token = self.tokens["producer"]
        for body in (b"\xff\xfe{", b"\x00", b'{"kind":"no\\u0000op"}', b'{"kind":"\xc3\x28"}', b"[]", b"null", b'"x"'):
            self.assertEqual(400, self.node.ask("POST", "/api/tasks", body, token).status, body)
        self.assertEqual(415, self.node.ask("POST", "/api/tasks", b"<a/>", token, {"Content-Type": "text/xml"}).status)
        self.assertEqual(415, self.node.ask("POST", "/api/tasks", b"x", token, {"Content-Encoding": "gzip"}).status)

    def test_refused_access_is_in_the_audit_log(self):
        self.node.ask("GET", "/api/users", token=self.tokens["viewer"], fields={"X-Request-Id": "audited-1"})
        found = lambda: [e for e in self.node.ask("GET", "/api/audit?outcome=refused&limit=1000",
                                                  token=self.node.admin).json["items"]
                         if e.get("requestId") == "audited-1"]
        self.assertTrue(eventually(found, 10))
        self.assertEqual(("viewer-user", "listUsers"), (found()[0]["actor"], found()[0]["action"]))

    def test_no_secret_is_in_the_log(self):
        self.node.ask("GET", "/api/tasks", token=self.tokens["admin"])
        log = self.node.log()
        self.assertNotIn(PASSWORD, log)
        self.assertNotIn(self.tokens["admin"], log)
        self.assertNotIn(self.tokens["admin"].split(".")[2], log)


if __name__ == "__main__":
    unittest.main()
