"""TLS, gateways and hostile connections, with real programs on the other side."""
import http.client
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from secured import SecuredNode, WithNode, certificate, free_port
from support import ROOT, eventually, run
from system import die_with_parent


def trusting(cert):
    context = ssl.create_default_context(cafile=cert)
    return context


class Tls(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="orrery-e2e-")
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        self.cert, self.key = certificate(self.dir)
        self.redirect = free_port()
        self.node = Plain("--auth", "off", "--set", f"http.tls.certificate={self.cert}",
                          f"http.tls.key={self.key}", f"http.redirect=127.0.0.1:{self.redirect}")
        self.addCleanup(self.node.close)

    def test_requests_by_tls_with_hsts_and_no_others(self):
        answer = self.node.ask("GET", "/healthz", tls=trusting(self.cert))
        self.assertEqual(200, answer.status)
        self.assertIn("max-age", answer.fields["strict-transport-security"])
        big = self.node.ask("GET", "/docs/swagger-ui-bundle.js", tls=trusting(self.cert))
        self.assertGreater(len(big.body), 1_000_000)
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.node.ask("GET", "/healthz")

    def test_old_protocols_are_refused(self):
        for version in ("-tls1", "-tls1_1"):
            status, text = run("openssl", "s_client", "-connect", self.node.address, version,
                               "-cipher", "ALL:@SECLEVEL=0")
            self.assertNotIn("Cipher is ECDHE", text)
            self.assertNotEqual(0, status, text)
        for version in ("-tls1_2", "-tls1_3"):
            _, text = run("openssl", "s_client", "-connect", self.node.address, version)
            self.assertRegex(text, "Cipher is (ECDHE|TLS_)")

    def test_a_new_certificate_is_taken_up_without_a_restart(self):
        new_cert, new_key = certificate(self.dir, "renewed")
        os.replace(new_key, self.key)
        os.replace(new_cert, self.cert)
        def renewed():
            with socket.create_connection((self.node.host, self.node.port), timeout=10) as raw:
                context = ssl.create_default_context(cafile=self.cert)
                try:
                    with context.wrap_socket(raw, server_hostname="localhost") as tls:
                        return dict(x[0] for x in tls.getpeercert()["subject"])["commonName"] == "renewed"
                except ssl.SSLError:
                    return False
        self.assertTrue(eventually(renewed, 15))

    def test_a_broken_certificate_changes_nothing(self):
        trusted = trusting(self.cert)
        self.cert.write_text("no certificate")
        self.assertTrue(eventually(
            lambda: self.node.ask("GET", "/healthz", tls=trusted).status == 200
            and "certificate_not_loaded" in self.node.log(), 15))
        self.assertEqual(200, self.node.ask("GET", "/healthz", tls=trusted).status)

    def test_plain_http_is_sent_to_tls(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.redirect, timeout=10)
        connection.request("GET", "/api/tasks?limit=1", headers={"Host": "orrery.example"})
        answer = connection.getresponse()
        self.assertEqual(308, answer.status)
        self.assertEqual(f"https://orrery.example:{self.node.port}/api/tasks?limit=1",
                         answer.getheader("Location"))
        connection.close()


class Plain(SecuredNode):
    """A node without accounts."""

    def __init__(self, *options):  # no first account is made
        self.folder = tempfile.TemporaryDirectory(prefix="orrery-e2e-")
        self.dir = pathlib.Path(self.folder.name)
        self.options = options
        self.start()


class BrowsersAndCaches(WithNode):
    """What a page of another origin may do, and what a version is good for, at a real node."""
    options = ("--set", "http.cors=https://app.example")

    def preflight(self, origin, path="/api/tasks"):
        return self.node.ask("OPTIONS", path, fields={
            "Origin": origin, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type"})

    def test_a_page_of_a_listed_origin_asks_first_then_sends_its_token(self):
        asked = self.preflight("https://app.example")
        self.assertEqual((204, "https://app.example", "Origin"), (
            asked.status, asked.fields["access-control-allow-origin"], asked.fields["vary"]))
        self.assertIn("Authorization", asked.fields["access-control-allow-headers"])
        self.assertIn("POST", asked.fields["access-control-allow-methods"])
        self.assertNotIn("access-control-allow-credentials", asked.fields)
        made = self.node.ask("POST", "/api/tasks", {"kind": "noop"}, self.node.admin,
                             {"Origin": "https://app.example"})
        self.assertEqual((200, "https://app.example"), (made.status, made.fields["access-control-allow-origin"]))
        self.assertNotIn("access-control-allow-credentials", made.fields)

    def test_a_page_of_any_other_origin_is_told_nothing(self):
        for origin in ("https://evil.example", "https://app.example:8443", "http://app.example", "null"):
            asked = self.preflight(origin)
            self.assertEqual((401, "Origin"), (asked.status, asked.fields["vary"]))
            made = self.node.ask("GET", "/api/tasks", token=self.node.admin, fields={"Origin": origin})
            self.assertEqual(200, made.status)
            for answer in (asked, made):
                self.assertEqual([], [f for f in answer.fields if f.startswith("access-control-")], origin)

    def test_what_has_not_changed_is_not_sent_and_what_has_changed_is_not_overwritten(self):
        def ask(method, path, body=None, **fields):
            return self.node.ask(method, path, body, self.node.admin,
                                 {name.replace("_", "-"): value for name, value in fields.items()})
        task = ask("POST", "/api/tasks", {"kind": "noop", "delay": "1h"}).json["taskId"]
        order = ask("POST", "/api/orders", {"product": "Globe", "quantity": 1}).json["orderId"]
        schedule = ask("POST", "/api/schedules", {"name": "s", "expressions": ["0 0 3 * * ?"],
                                                  "task": {"kind": "noop"}})
        self.assertLess(schedule.status, 300, schedule.body)
        user = ask("POST", "/api/users", {"name": "bob", "password": "correct horse", "roles": ["viewer"]})
        self.assertEqual(201, user.status, user.body)
        for path, method, change, body in (
                (f"/api/tasks/{task}", "POST", "/pause", {}), (f"/api/orders/{order}", "POST", "/confirm", {}),
                ("/api/schedules/s", "POST", "/pause", {}),
                ("/api/users/bob", "PATCH", "", {"roles": ["operator"]})):
            with self.subTest(path):
                self.assertTrue(eventually(lambda p=path: "etag" in ask("GET", p).fields
                                           and ask("GET", p).json.get("status") != "ACCEPTED"))
                tag = ask("GET", path).fields["etag"]
                same = ask("GET", path, If_None_Match=tag)
                self.assertEqual((304, b"", tag), (same.status, same.body, same.fields["etag"]))
                stale = ask(method, path + change, body, If_Match='"999999"')
                self.assertEqual((412, "application/problem+json"),
                                 (stale.status, stale.fields["content-type"].partition(";")[0]), stale.body)
                self.assertEqual(304, ask("GET", path, If_None_Match=tag).status, "nothing was done")
                done = ask(method, path + change, body, If_Match=tag)
                self.assertIn(done.status, (200, 202), done.body)
                again = ask("GET", path, If_None_Match=tag)
                self.assertEqual(200, again.status, "another version now")
                self.assertNotEqual(tag, again.fields["etag"])
                self.assertEqual(412, ask(method, path + change, body, If_Match=tag).status)
        self.assertEqual(404, ask("GET", "/api/tasks/01940000-0000-7000-8000-00000000dead", If_None_Match="*").status)


class Gateways(unittest.TestCase):
    """The configurations of deploy/ in the real programs, with names and ports of this test."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="orrery-e2e-")
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        self.dir.chmod(0o755)
        self.cert, self.key = certificate(self.dir)
        self.plain, self.secure = free_port(), free_port()
        self.nodes = [SecuredNode("--set", "http.proxies=127.0.0.1") for _ in range(2)]
        for node in self.nodes:
            self.addCleanup(node.close)

    def begin(self, *words):
        with open(self.dir / "gateway.log", "wb") as log:
            process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=log,
                                       preexec_fn=die_with_parent)
        def end():
            process.terminate()
            process.wait(20)
        self.addCleanup(end)

    def ask(self, method, path, fields=None, body=None):
        connection = http.client.HTTPSConnection("localhost", self.secure, timeout=30,
                                                 context=trusting(self.cert))
        connection.request(method, path, body=body, headers=fields or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer, text

    def check(self):
        def up():
            try:
                return self.ask("GET", "/healthz")[0].status == 200
            except OSError:
                return False
        self.assertTrue(eventually(up, 20), (self.dir / "gateway.log").read_text())
        answer, _ = self.ask("GET", "/healthz")
        self.assertIn("max-age", answer.getheader("Strict-Transport-Security"))
        # Who asked is known behind the gateway, and cannot be made up before it.
        self.ask("GET", "/api/tasks", {"X-Forwarded-For": "6.6.6.6", "X-Request-Id": "gateway-1"})
        def noted():
            return [entry for node in self.nodes
                    for entry in node.ask("GET", "/api/audit", token=node.admin).json["items"]
                    if entry.get("requestId") == "gateway-1"]
        self.assertTrue(eventually(noted, 10))
        self.assertIn(noted()[0]["address"], ("127.0.0.1", "::1"))
        connection = http.client.HTTPConnection("127.0.0.1", self.plain, timeout=10)
        connection.request("GET", "/docs", headers={"Host": "localhost"})
        answer = connection.getresponse()
        self.assertEqual(308, answer.status)
        self.assertTrue(answer.getheader("Location").startswith("https://localhost"))
        connection.close()
        # A node goes: the other answers.
        self.nodes[0].stop()
        statuses = [self.ask("GET", "/healthz")[0].status for _ in range(20)]
        self.assertEqual([200] * 20, statuses[-20:])

    def test_nginx(self):
        text = (ROOT / "deploy/nginx/orrery.conf").read_text()
        for old, new in [("node1:8080", self.nodes[0].address), ("node2:8080", self.nodes[1].address),
                         ("listen [::]:80;", ""), ("listen [::]:443 ssl http2;", ""),
                         ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
                         ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.secure} ssl http2;"),
                         ("/etc/ssl/orrery/certificate.pem", self.cert), ("/etc/ssl/orrery/key.pem", self.key)]:
            self.assertIn(old, text)
            text = text.replace(old, str(new))
        (self.dir / "nginx.conf").write_text(
            f"daemon off; pid {self.dir}/pid; error_log {self.dir}/error.log; events {{}}\n"
            f"http {{ access_log off; client_body_temp_path {self.dir}/b; proxy_temp_path {self.dir}/p;"
            f" fastcgi_temp_path {self.dir}/f; uwsgi_temp_path {self.dir}/u; scgi_temp_path {self.dir}/s;\n{text}\n}}")
        self.begin("nginx", "-c", self.dir / "nginx.conf", "-p", self.dir)
        self.check()

    def test_haproxy(self):
        both = self.dir / "both.pem"
        both.write_text(self.cert.read_text() + self.key.read_text())
        text = (ROOT / "deploy/haproxy/orrery.cfg").read_text()
        for old, new in [("node1 node1:8080", f"node1 {self.nodes[0].address}"),
                         ("node2 node2:8080", f"node2 {self.nodes[1].address}"),
                         ("bind :80", f"bind 127.0.0.1:{self.plain}"),
                         ("bind :443", f"bind 127.0.0.1:{self.secure}"), ("/etc/ssl/orrery/both.pem", both)]:
            self.assertIn(old, text)
            text = text.replace(old, str(new))
        (self.dir / "haproxy.cfg").write_text(text)
        self.begin("haproxy", "-db", "-f", self.dir / "haproxy.cfg")
        self.check()


class HostileConnections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Plain("--auth", "off")

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    def connect(self):
        return socket.create_connection((self.node.host, self.node.port), timeout=30)

    def test_ten_thousand_idle_connections_cost_less_than_200_mb(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 11_000:
            self.skipTest(f"this machine allows {hard} open files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        node = Plain("--auth", "off")
        self.addCleanup(node.close)
        before, idle = node.resident_bytes(), []
        try:
            for _ in range(9_990):
                one = socket.create_connection((node.host, node.port), timeout=30)
                one.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
                idle.append(one)
            for one in idle:
                self.assertTrue(one.recv(4096).startswith(b"HTTP/1.1 200"))
            used = node.resident_bytes() - before
            print(f"\n9,990 idle connections: {used / 1e6:.1f} MB", flush=True)
            self.assertLess(used, 200e6)
            self.assertEqual(200, node.ask("GET", "/healthz").status)
        finally:
            for one in idle:
                one.close()

    def test_slowloris_is_cut_off_and_harms_nobody(self):
        slow = []
        for _ in range(300):
            one = self.connect()
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\nX-A: ")
            slow.append(one)
        end = time.monotonic() + 25
        open_ones = list(slow)
        while open_ones and time.monotonic() < end:
            for one in list(open_ones):
                try:
                    one.sendall(b"a")
                    one.setblocking(False)
                    one.recv(100)  # an answer or the end
                    open_ones.remove(one)
                except BlockingIOError:
                    one.setblocking(True)
                except OSError:
                    open_ones.remove(one)
            self.assertEqual(200, self.node.ask("GET", "/healthz").status)
            time.sleep(0.2)
        self.assertEqual([], open_ones, "a header that never ends is cut off")
        for one in slow:
            one.close()

    def test_header_floods_and_chunk_bombs_end_the_connection(self):
        before = self.node.resident_bytes()
        flood = b"GET / HTTP/1.1\r\nHost: t\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(100_000))
        bomb = (b"POST /api/tasks HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                + b"ffffffff\r\n" + b"x" * 1_000_000)
        extension = (b"POST /api/tasks HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                     + b"1;" + b"a" * 1_000_000)
        for attack in (flood, bomb, extension):
            for _ in range(20):
                with self.connect() as one:
                    try:
                        one.sendall(attack)
                        answer = one.recv(100)
                    except OSError:
                        continue
                    self.assertIn(answer[9:12], (b"431", b"413", b"400", b""), answer)
        self.assertEqual(200, self.node.ask("GET", "/healthz").status)
        self.assertLess(self.node.resident_bytes() - before, 50e6)


if __name__ == "__main__":
    unittest.main()
