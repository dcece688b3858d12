"""Bad input at the door of the real program: a problem that names the field, and life goes on."""
import http.client
import json
import socket
import unittest

from support import Folder, eventually
from system import Node

JSON = {"Content-Type": "application/json"}
UNKNOWN = "01890a5d-ac96-7003-8000-0000000000a7"


class Alone:
    """What a node needs to know of its system: here one embedded node, nothing beside it."""

    def __init__(self, folder):
        self.dir, self.environment = folder, None


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Folder()
        cls.addClassCleanup(folder.remove)
        cls.node = Node(Alone(folder.path), "solo", ["--store", "sqlite", "--log", "embedded"])
        cls.addClassCleanup(lambda: cls.node.alive() and cls.node.kill())
        cls.node.await_ready()
        # Commands are answered by the owner of the shard: all shards run.
        if not eventually(lambda: cls.node.call("/readyz")[0] == 200):
            raise RuntimeError(cls.node.tail())

    def tearDown(self):
        # Never a crash, a hang, or a silent drop.
        self.assertTrue(self.node.alive(), self.node.tail())
        code, answer = self.node.call("/api/orders?wait", {"product": "Lamp"})
        self.assertEqual(400, code, answer)
        code, answer = self.node.call("/api/orders", {"product": "Lamp"})
        self.assertEqual(200, code, answer)
        self.assertTrue(eventually(lambda: self.node.call(
            f"/api/orders/{answer['orderId']}")[1].get("status") == "CREATED"))

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.node.address, timeout=30)
        try:
            try:
                connection.request(method, path, body, JSON if headers is None else headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all of it was sent: the answer is there
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, dict(answer.getheaders()), text
        finally:
            connection.close()

    def refused(self, method, path, body=None, status=400, field=None, headers=None):
        with self.subTest(f"{method} {path[:60]} {str(body)[:60]}"):
            code, told, text = self.ask(method, path, body, headers)
            self.assertEqual(status, code, text[:500])
            self.assertEqual("application/problem+json",
                             told.get("Content-Type", "").partition(";")[0])
            problem = json.loads(text)
            self.assertEqual(status, problem["status"])
            self.assertTrue(problem["type"] and problem["title"])
            if field is not None:
                self.assertEqual(field, problem["errors"][0]["field"], problem)
                self.assertTrue(problem["errors"][0]["message"])
            return problem

    def test_that_is_no_json(self):
        for body in (b"", b"{", b"{not json", b'{"product":"Lamp"', b'{"product":"Lamp"}}',
                     b'{"product":"Lamp",}', b"nul", b"[", b'{"product":"\\ud800"}', b"\x00",
                     b'{"product":"La\x00mp"}', b'{"product":"\xff\xfe"}', b'{"product":"\xc3"}',
                     b'\xef\xbb\xbf{"product"', b"\xff\xfe{\x00}\x00", b'{"product":"a\nb"}',
                     b'{"product":1e', b'{"quantity":0x10}', b'{"quantity":NaN}', b"'a'"):
            for path in ("/api/orders", "/api/tasks", "/api/orders/batch", "/api/tasks/batch"):
                self.refused("POST", path, body)

    def test_of_the_wrong_type(self):
        for body, field in (('{"product":17}', "product"), ('{"product":null}', "product"),
                            ('{"product":["Lamp"]}', "product"), ('{"product":{}}', "product"),
                            ('{"product":""}', "product"), ('{"quantity":2}', "product"),
                            ('{"product":"Lamp","quantity":"1"}', "quantity"),
                            ('{"product":"Lamp","quantity":1.5}', "quantity"),
                            ('{"product":"Lamp","quantity":true}', "quantity"),
                            ('{"product":"Lamp","customer":5}', "customer"),
                            ('{"product":"Lamp","metadata":[]}', "metadata"),
                            ('{"product":"Lamp","orderId":5}', "orderId"),
                            ('{"product":"Lamp","expiresIn":"soon"}', "expiresIn")):
            self.refused("POST", "/api/orders", body, field=field)
        for body, field in (("{}", "kind"), ('{"kind":5}', "kind"), ('{"kind":"noop","ttl":5}', None),
                            ('{"kind":"noop","ttl":"later"}', "ttl"),
                            ('{"kind":"noop","tags":"a"}', "tags"),
                            ('{"kind":"noop","tags":[1]}', "tags[0]"),
                            ('{"kind":"noop","retry":5}', "retry"),
                            ('{"kind":"noop","retry":{"maxAttempts":"3"}}', "retry.maxAttempts"),
                            ('{"kind":"noop","delivery":"perhaps"}', "delivery"),
                            ('{"kind":"noop","onTimeout":"explode"}', "onTimeout"),
                            ('{"kind":"noop","priority":"high"}', "priority"),
                            ('{"kind":"noop","runAt":"tomorrow"}', "runAt")):
            if field:
                self.refused("POST", "/api/tasks", body, field=field)
        for body in ("[]", '"text"', "17", "null", "true"):
            self.refused("POST", "/api/orders", body)

    def test_of_an_unknown_kind(self):
        _, before = self.node.call("/api/tasks")
        self.refused("POST", "/api/tasks", '{"kind":"teleport"}', field="kind")
        self.refused("POST", "/api/tasks", '{"kind":"exec","payload":{"command":"rm -rf /"}}')
        self.refused("POST", "/api/tasks", '{"kind":"exec"}')
        self.refused("POST", "/api/tasks", '{"kind":"http","payload":{"url":"file:///etc/passwd"}}')
        self.refused("POST", "/api/tasks/batch", '[{"kind":"noop"},{"kind":"teleport"}]',
                     field="items[1].kind")
        self.refused("POST", "/api/tasks/batch", '[{"kind":"noop"},{"kind":"noop","ttl":"-1s"}]',
                     field="items[1].ttl")
        _, after = self.node.call("/api/tasks")
        self.assertEqual(before["items"], after["items"], "all or none")

    def test_of_negative_and_huge_numbers(self):
        for number in ("-1", "0", "1000001", "9223372036854775808", "1e400", "-1e400",
                       "99999999999999999999999999", "1" * 400):
            self.refused("POST", "/api/orders", '{"product":"Lamp","quantity":%s}' % number,
                         field=None if "e400" in number or len(number) > 30 else "quantity")
        for member, value in (("ttl", '"-1s"'), ("ttl", '"0s"'), ("ttl", '"999999999999d"'),
                              ("ttl", '"P99999Y"'), ("priority", "0"), ("priority", "6"),
                              ("priority", "-99999999999"), ("queueTtl", '"-PT1S"'),
                              ("runAt", '"9999-12-31T00:00:00Z"'),
                              ("runAt", '"99999-01-01T00:00:00Z"')):
            self.refused("POST", "/api/tasks", '{"kind":"noop","%s":%s}' % (member, value),
                         field=member)
        for member, value in (("maxAttempts", "0"), ("maxAttempts", "1001"), ("maxAttempts", "-1"),
                              ("factor", "-2"), ("jitter", "7"), ("initial", '"-1s"')):
            self.refused("POST", "/api/tasks", '{"kind":"noop","retry":{"%s":%s}}' % (member, value),
                         field=f"retry.{member}")
        for query, field in (("limit=0", "limit"), ("limit=-1", "limit"), ("limit=1001", "limit"),
                             ("limit=x", "limit"), ("status=GONE", "status"), ("colour=red", "colour"),
                             ("createdFrom=yesterday", "createdFrom"), ("order=up", "order"),
                             ("cursor=%00", None), ("cursor=bogus", "cursor"), ("status=%ff", None)):
            self.refused("GET", f"/api/tasks?{query}", field=field)

    def test_that_is_too_large(self):
        ten = 10 * 1024 * 1024
        self.refused("POST", "/api/orders", b'{"product":"' + b"x" * ten + b'"}', status=413)
        self.refused("POST", "/api/tasks", b" " * ten, status=413)
        self.refused("POST", "/api/tasks/batch", b"[" + b" " * (17 * 1024 * 1024) + b"]", status=413)
        # A batch may have 10 MB, its items not.
        self.refused("POST", "/api/tasks/batch", b'[{"kind":"noop","description":"' + b"x" * ten +
                     b'"}]', field="items[0].description")
        self.refused("POST", "/api/tasks/batch",
                     b"[" + b",".join([b'{"kind":"noop"}'] * 10_001) + b"]")
        self.refused("POST", "/api/orders", json.dumps({"product": "x" * 129}), field="product")
        self.refused("POST", "/api/tasks", json.dumps({"kind": "noop", "tags": ["t"] * 33}),
                     field="tags")
        self.refused("POST", "/api/tasks", json.dumps({"kind": "noop", "payload": "x" * 270_000}),
                     field="payload")
        self.refused("GET", "/api/orders/" + "x" * 20_000, status=431)
        self.refused("GET", "/healthz", status=431, headers={"X": "y" * 20_000})

    def test_that_is_nested_too_deep(self):
        for depth in (65, 5_000, 40_000):
            self.refused("POST", "/api/tasks", '{"kind":"noop","payload":' + "[" * depth +
                         "]" * depth + "}")
            self.refused("POST", "/api/orders", '{"product":"Lamp","metadata":' + '{"a":' * depth +
                         "1" + "}" * depth + "}")
            self.refused("POST", "/api/tasks/batch", "[" * depth)
        many = ",".join(f'"k{n}":1' for n in range(10_001))
        self.refused("POST", "/api/tasks", '{"kind":"noop","payload":{' + many + "}}")

    def test_about_what_does_not_exist(self):
        for path in (UNKNOWN, "no-such-reference", "0", "%00", "..%2f..%2fetc", "%F0%9F%A6%96",
                     "00000000-0000-0000-0000-000000000000"):
            for kind in ("orders", "tasks"):
                code = self.ask("GET", f"/api/{kind}/{path}")[0]
                self.assertIn(code, (400, 404), path)
        for verb in ("cancel", "rerun", "pause", "resume"):
            self.refused("POST", f"/api/tasks/{UNKNOWN}/{verb}", "{}", status=404)
        self.refused("POST", f"/api/orders/{UNKNOWN}/cancel", "{}", status=404)
        self.refused("GET", f"/api/tasks/{UNKNOWN}/events", status=404)
        self.refused("GET", "/api/nothing", status=404)
        self.refused("GET", "/api/orders/%zz")
        code, answer = self.node.call("/api/tasks", {"kind": "noop"})
        self.assertEqual(200, code)
        self.refused("GET", f"/api/orders/{answer['taskId']}", status=404)  # a task is no order
        code, _, text = self.ask("POST", f"/api/tasks/{answer['taskId']}/explode", "{}")
        self.assertIn(code, (400, 404), text)

    def test_by_unknown_methods_and_forms(self):
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "BREW"):
            code, headers, text = self.ask(method, "/api/orders", "{}")
            self.assertIn(code, (405, 501), text)
            if code == 405:
                self.assertEqual({"GET", "HEAD", "POST", "OPTIONS"},
                                 set(headers["Allow"].replace(",", " ").split()))
        self.refused("DELETE", f"/api/orders/{UNKNOWN}", status=405)
        self.refused("POST", "/api/orders", '{"product":"Lamp"}', status=415,
                     headers={"Content-Type": "text/plain"})
        self.refused("POST", "/api/orders", "product=Lamp", status=415,
                     headers={"Content-Type": "application/x-www-form-urlencoded"})

    def test_that_is_no_http(self):
        host, _, port = self.node.address.partition(":")
        for noise in (b"\x00" * 1000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n",
                      b"GET / HTTP/9.9\r\n\r\n", b"POST /api/orders HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Length: -5\r\n\r\n", b"POST /api/orders HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                      b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"):
            with self.subTest(str(noise[:50])), socket.create_connection((host, int(port)), 30) as door:
                door.settimeout(30)
                door.sendall(noise)
                answer = door.recv(4000)
                # Closed, or told that it is wrong; never taken for an order.
                self.assertTrue(answer == b"" or answer.split()[1].startswith((b"4", b"5")), answer)


if __name__ == "__main__":
    unittest.main()
