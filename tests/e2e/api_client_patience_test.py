"""What `orrery` as a client sends again, for how long, and what it never does; against a stand-in that fails."""
import http.server
import socket
import threading
import unittest

from api_client import Client


class Stub(http.server.BaseHTTPRequestHandler):
    """Answers what the test has put down, one after the other; None = hangs up."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, self.headers.get("Idempotency-Key")))
        answer = self.server.answers.pop(0)
        if answer is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        status, fields, body = answer
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_):
        pass


class Patience(Client):
    def serve(self, *answers):
        stub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
        stub.answers, stub.seen = list(answers), []
        thread = threading.Thread(target=stub.serve_forever, args=(0.05,))
        thread.start()
        self.addCleanup(lambda: (stub.shutdown(), thread.join(), stub.server_close()))
        self.environment["ORRERY_SERVER"] = f"http://127.0.0.1:{stub.server_port}"
        return stub

    busy = (503, {"Retry-After": "1"}, b'{"type":"about:blank","title":"Not available just now","status":503}')
    fine = (200, {}, b'{"taskId":"t","status":"ACCEPTED","shard":0}')

    def test_a_submission_is_sent_again_under_the_same_key(self):
        stub = self.serve(self.busy, None, self.fine)
        self.orrery("tasks", "submit", "--kind", "noop")
        self.assertEqual(3, len(stub.seen))
        self.assertEqual(1, len({key for _, _, key in stub.seen}))
        self.assertTrue(stub.seen[0][2])

    def test_what_may_have_happened_and_has_no_key_is_not_sent_again(self):
        stub = self.serve(None, self.fine)
        self.orrery("api", "POST", "/api/tasks/t/cancel", code=7)
        self.assertEqual(1, len(stub.seen))

    def test_patience_ends_with_the_timeout(self):
        self.serve(*[self.busy] * 9)
        self.orrery("tasks", "get", "t", "--timeout", "2s", code=7)

    def test_an_answer_that_does_not_come_is_not_waited_for_longer(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            self.orrery("tasks", "get", "t", "--timeout", "300ms", "--server",
                        f"http://127.0.0.1:{silent.getsockname()[1]}", code=6)

    def test_what_is_no_http_is_said(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()

            def greet():
                connection, _ = other.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"220 mail.example ESMTP\r\n\r\n")
            thread = threading.Thread(target=greet)
            thread.start()
            self.orrery("tasks", "get", "t", "--server", f"http://127.0.0.1:{other.getsockname()[1]}", code=1)
            thread.join()


if __name__ == "__main__":
    unittest.main()
