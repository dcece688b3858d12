"""Two nodes with a mesh of mutual TLS: either answers for anything, also for what the other owns."""
import http.client
import json
import socket
import ssl
import unittest

from support import BINARY, eventually, run
from system import System

LATER = "2036-01-01T00:00:00Z"


class TheNodeThatDoesNotOwnIt(unittest.TestCase):
    def setUp(self):
        self.system = System(self)
        self.a, self.b = self.system.start("a", "b", mesh=True)
        self.system.await_owners("a", "b")
        self.assertTrue(eventually(lambda: all("mesh.connected" in node.log.read_text()
                                               for node in (self.a, self.b))), self.system.logs())

    def owner_of(self, shard):
        [[owner]] = self.system.sql(f"select owner from shards where shard = {shard}")
        return {"a": self.a, "b": self.b}[owner]

    def other_than(self, node):
        return self.b if node is self.a else self.a

    def accepted(self, kind, body, count=16):
        """As many as there are shards, and so some on every one: (id, owner, the other node)."""
        code, answer = self.a.call(f"/api/{kind}/batch", [body] * count)
        self.assertEqual(200, code, answer)
        self.assertEqual(set(range(count)), {item["shard"] for item in answer["items"]})
        return [(item["orderId" if kind == "orders" else "taskId"], owner, self.other_than(owner))
                for item in answer["items"] for owner in [self.owner_of(item["shard"])]]

    def await_status(self, node, path, status):
        self.assertEqual(status, eventually(lambda: found if (
            found := node.call(path)[1].get("status")) == status else None), node.call(path))

    def test_cancels_reruns_and_shows_a_task(self):
        for task, owner, other in self.accepted("tasks", {"kind": "noop", "runAt": LATER}):
            path = f"/api/tasks/{task}"
            self.await_status(other, path, "SCHEDULED")
            code, view = other.call(f"{path}/cancel", {"reason": "not today"})
            self.assertEqual((200, "CANCELLED", "not today"),
                             (code, view.get("status"), view.get("reasonText")), view)
            # What the owner committed is what both show, at once.
            for node in (owner, other):
                self.assertEqual("CANCELLED", node.call(path)[1]["status"])
            code, view = other.call(f"{path}/cancel", {})
            self.assertIn(code, (200, 409), view)
            code, view = other.call(f"{path}/rerun", {})
            self.assertEqual((200, 2), (code, view.get("run")), view)
            self.await_status(other, path, "SUCCEEDED")
            _, page = other.call(f"{path}/events")
            self.assertEqual(["TaskSubmitted", "TaskCancelled", "TaskRerun", "TaskStarted",
                              "TaskSucceeded"], [event["type"] for event in page["items"]])

    def test_stops_a_running_task(self):
        for task, owner, other in self.accepted("tasks", {"kind": "sleep",
                                                          "payload": {"seconds": 300}}):
            path = f"/api/tasks/{task}"
            self.await_status(other, path, "RUNNING")
            code, view = other.call(f"{path}/cancel", {"reason": "enough"})
            self.assertEqual((200, "CANCELLED", owner.name),
                             (code, view.get("status"), view.get("worker")), view)

    def test_cancels_an_order(self):
        for order, _, other in self.accepted("orders", {"product": "Laptop"}):
            path = f"/api/orders/{order}"
            self.await_status(other, path, "CREATED")
            code, view = other.call(f"{path}/cancel", {"reason": "ordered twice"})
            self.assertEqual((200, "CANCELLED", "ordered twice"),
                             (code, view.get("status"), view.get("reason")), view)
            code, problem = other.call(f"{path}/confirm", {})
            self.assertEqual(409, code, problem)

    def test_waits_for_the_end_of_what_the_other_owns(self):
        for number in range(16):
            connection = http.client.HTTPConnection(self.a.address, timeout=30)
            connection.request("POST", "/api/tasks", json.dumps(
                {"kind": "sleep", "payload": {"seconds": 0.1}, "description": str(number)}),
                {"Content-Type": "application/json", "Prefer": "wait=10"})
            answer = connection.getresponse()
            view = json.loads(answer.read())
            connection.close()
            self.assertEqual((200, "SUCCEEDED"), (answer.status, view["status"]), view)

    def test_says_503_and_when_to_ask_again_while_a_shard_has_no_owner(self):
        task, owner, other = self.accepted("tasks", {"kind": "noop", "runAt": LATER})[0]
        path = f"/api/tasks/{task}"
        self.await_status(other, path, "SCHEDULED")
        owner.kill()
        code, answer = other.call(f"{path}/cancel", {})
        self.assertIn(code, (200, 503), answer)  # 200 where the takeover was faster
        self.assertEqual(200, eventually(lambda: 200 if other.call(f"{path}/cancel", {})[0] in (200, 409)
                                         else None), self.system.logs())
        self.assertEqual("CANCELLED", other.call(path)[1]["status"])

    def test_garbage_at_the_port_of_the_mesh_ends_no_connection_between_nodes(self):
        ports = [int(row[0].rpartition(":")[2]) for row in
                 self.system.sql("select mesh_address from nodes order by name")]
        [(task, owner, other), *_] = self.accepted("tasks", {"kind": "noop", "runAt": LATER})
        for number in range(60):
            for port in ports:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
                    stranger.sendall((b"\x00" * 64, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02")[number % 3])
            code, view = other.call(f"/api/tasks/{task}/pause" if number % 2 == 0 else f"/api/tasks/{task}/resume", {})
            self.assertEqual(200, code, view)
        for node in (self.a, self.b):
            self.assertNotIn("mesh.lost", node.log.read_text())


class AStranger(unittest.TestCase):
    def test_without_a_certificate_of_this_cluster_is_not_let_into_the_mesh(self):
        system = System(self)
        [node] = system.start("a", mesh=True)
        [[address]] = system.sql("select mesh_address from nodes where name = 'a'")
        host, _, port = address.partition(":")
        system.certificate("b")
        status, text = run(BINARY, "cluster", "init", "--dir", system.dir / "other", "--node", "b")
        self.assertEqual(0, status, text)

        def greeted(pki):
            """Whether the mesh says anything to who comes with the certificate in this folder."""
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(system.dir / "pki/ca.pem")
            if pki:
                context.load_cert_chain(pki / "b.pem", pki / "b.key")
            try:
                with socket.create_connection((host, int(port)), 30) as plain, \
                        context.wrap_socket(plain) as door:
                    return bool(door.recv(1))
            except (ssl.SSLError, ConnectionError):
                return False

        self.assertTrue(greeted(system.dir / "pki"))
        self.assertFalse(greeted(system.dir / "other"))
        self.assertFalse(greeted(None))
        run("bash", "-c", 'head -c 5000 /dev/urandom >"/dev/tcp/${1/://}"', "noise", address)
        self.assertTrue(node.alive())
        self.assertEqual(200, node.call("/healthz")[0])

    def test_a_mesh_without_certificates_is_refused(self):
        system = System(self)
        status, text = run(BINARY, "serve", "--data", system.dir / "x", "--http", "127.0.0.1:0",
                           "--mesh", "127.0.0.1:0", "--auth", "off", seconds=30)
        self.assertEqual(2, status, text)
        self.assertIn("mesh", text)


if __name__ == "__main__":
    unittest.main()
