"""Tokens of another issuer: a little one of the test's own, with RSA keys that openssl makes."""
import base64
import http.server
import json
import pathlib
import subprocess
import tempfile
import threading
import time
import unittest

from secured import SecuredNode
from support import eventually

AUDIENCE = "orrery-api"


def encoded(value):
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *map(str, words)], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True).stdout


class Issuer:
    """Publishes its keys over HTTP and signs what it is asked to."""

    def __init__(self, folder):
        self.folder, self.keys, self.fetched = folder, {}, 0
        issuer = self

        class Keys(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetched += 1
                body = json.dumps({"keys": [issuer.public(name) for name in issuer.keys]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def make_key(self, name, bits=2048):
        file = self.folder / f"{name}.pem"
        openssl("genrsa", "-out", file, bits)
        self.keys[name] = file

    def public(self, name):
        modulus = openssl("rsa", "-in", self.keys[name], "-noout", "-modulus").decode().strip().partition("=")[2]
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "e": "AQAB",
                "n": encoded(bytes.fromhex(modulus)).decode()}

    def token(self, key, header=None, by=None, **claims):
        now = int(time.time())
        head = {"alg": "RS256", "typ": "JWT", "kid": key} | (header or {})
        body = {"iss": self.url, "sub": "dora", "aud": AUDIENCE, "exp": now + 600, "groups": ["operator"]} | claims
        text = encoded(head) + b"." + encoded(body)
        signature = openssl("dgst", "-sha256", "-sign", by or self.keys[key], stdin=text)
        return (text + b"." + encoded(signature)).decode()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class AnotherIssuer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="orrery-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.issuer = Issuer(pathlib.Path(folder.name))
        cls.addClassCleanup(cls.issuer.close)
        cls.issuer.make_key("first")
        cls.node = SecuredNode("--set", f"auth.oidc.issuer={cls.issuer.url}", f"auth.oidc.audience={AUDIENCE}",
                               f"auth.oidc.jwks={cls.issuer.url}/keys", "auth.oidc.roles=groups")
        cls.addClassCleanup(cls.node.close)

    def ask(self, token, path="/api/auth/me"):
        return self.node.ask("GET", path, token=token)

    def test_rs256_tokens_are_accepted_with_the_roles_they_name(self):
        answer = self.ask(self.issuer.token("first"))
        self.assertEqual(200, answer.status, f"{answer.body}{self.node.log()}")
        self.assertEqual("oidc:dora", answer.json["name"])
        self.assertIn("operate", answer.json["permissions"])
        self.assertNotIn("administer", answer.json["permissions"])
        self.assertEqual(403, self.ask(self.issuer.token("first"), "/api/users").status)
        self.assertEqual(200, self.ask(self.issuer.token("first", groups=["admin"]), "/api/users").status)

    def test_what_is_forged_expired_or_meant_for_others_is_refused(self):
        stranger = self.issuer.folder / "stranger.pem"
        openssl("genrsa", "-out", stranger, 2048)
        good = self.issuer.token("first")
        head, body, signature = good.split(".")
        more = encoded(json.loads(base64.urlsafe_b64decode(body + "==")) | {"groups": ["admin"]}).decode()
        for what, token in {
                "signed by another": self.issuer.token("first", by=stranger),
                "changed": f"{head}.{more}.{signature}",
                "expired": self.issuer.token("first", exp=int(time.time()) - 3600),
                "of another issuer": self.issuer.token("first", iss="https://other.example"),
                "for another audience": self.issuer.token("first", aud="another"),
                "without an end": self.issuer.token("first", exp=None),
                "of no algorithm": f"{encoded({'alg': 'none', 'kid': 'first'}).decode()}.{body}.",
                "of another algorithm": self.issuer.token("first", {"alg": "RS512"}),
                "by HMAC with the public key": self.issuer.token("first", {"alg": "HS256"}),
                "with an unknown key": self.issuer.token("first", {"kid": "nobody"})}.items():
            self.assertEqual(401, self.ask(token).status, what)
        self.assertEqual(200, self.ask(good).status)

    def test_a_new_key_is_fetched_and_a_short_one_believed_never(self):
        self.assertEqual(200, self.ask(self.issuer.token("first")).status)
        self.issuer.make_key("second")
        token = self.issuer.token("second")
        self.assertTrue(eventually(lambda: self.ask(token).status == 200, seconds=90), self.node.log())
        self.issuer.make_key("short", 1024)
        short = self.issuer.token("short")
        self.assertEqual(401, self.ask(short).status)
        before = self.issuer.fetched
        for _ in range(50):
            self.ask(self.issuer.token("first", {"kid": "made-up"}))
        self.assertLess(self.issuer.fetched - before, 5, "made-up key ids do not make us ask each time")


if __name__ == "__main__":
    unittest.main()
