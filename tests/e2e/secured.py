"""A node that asks who it is, and ways to ask it."""
import http.client
import json
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import unittest

from support import BINARY, run
from system import die_with_parent

PASSWORD = "correct horse battery"


def certificate(folder, name="orrery"):
    """A self-signed certificate for localhost and 127.0.0.1: two files."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    status, text = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                       "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                       "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert)
    if status:
        raise RuntimeError(text)
    return cert, key


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None


class SecuredNode:
    """One embedded node with accounts; `admin` is a token of its first account."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="orrery-e2e-")
        self.dir = pathlib.Path(self.folder.name)
        self.options = options
        self.start()
        link = re.search(r"/start#([0-9a-f]+)", self.log())
        made = self.ask("POST", "/api/auth/bootstrap",
                        {"token": link.group(1), "name": "root", "password": PASSWORD})
        self.admin = made.json["accessToken"]

    def start(self):
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--data", self.dir / "data", "--http", "127.0.0.1:0", *self.options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                preexec_fn=die_with_parent)
        line = self.process.stdout.readline()
        if not line.startswith("ready http="):
            raise RuntimeError(self.log())
        self.address = line.split()[1].removeprefix("http=")
        self.host, _, port = self.address.partition(":")
        self.port = int(port)

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def ask(self, method, path, body=None, token=None, fields=None, tls=None):
        headers = dict(fields or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        connection = (http.client.HTTPSConnection(self.host, self.port, timeout=30, context=tls) if tls
                      else http.client.HTTPConnection(self.host, self.port, timeout=30))
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            fields = {k.lower(): v for k, v in answer.getheaders()}
            endless = fields.get("content-type", "").startswith("text/event-stream")
            return Answer(answer.status, fields, answer.readline() if endless else answer.read())
        finally:
            connection.close()

    def user(self, name, *roles):
        """Makes a user and signs him in."""
        made = self.ask("POST", "/api/users", {"name": name, "password": PASSWORD, "roles": list(roles)},
                        self.admin)
        if made.status != 201:
            raise RuntimeError(made.body)
        return self.ask("POST", "/api/auth/login", {"name": name, "password": PASSWORD}).json["accessToken"]

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024

    def stop(self):
        self.process.terminate()
        status = self.process.wait(60)
        self.process.stdout.close()
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        self.folder.cleanup()


class WithNode(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.node = SecuredNode(*cls.options)

    @classmethod
    def tearDownClass(cls):
        cls.node.close()
