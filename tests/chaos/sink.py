"""Where `http` tasks leave their effects: a process of its own, which the product knows nothing of.

Every request that arrives whole is one line, synced before it is answered. `?fail=N` answers 503 to the
first N of a key, after having kept the effect; `?delay=S` answers after S seconds.
"""
import collections
import http.server
import json
import os
import pathlib
import signal
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """Whoever asked has gone: the effect has happened all the same."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802, the library's name
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if len(body) < size:
            return
        wish = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        key = self.headers.get("Idempotency-Key", "")
        with self.server.guard:
            self.server.seen[key] += 1
            times = self.server.seen[key]
            line = {"n": self.server.count, "key": key, "task": self.headers.get("Orrery-Task"),
                    "attempt": self.headers.get("Orrery-Attempt"), "value": json.loads(body)["value"],
                    "at": time.monotonic()}
            self.server.count += 1
            self.server.file.write(json.dumps(line) + "\n")
            self.server.file.flush()
            os.fsync(self.server.file.fileno())
        time.sleep(float(wish.get("delay", ["0"])[0]))
        good = times > int(wish.get("fail", ["0"])[0])
        answer = json.dumps({"seen": times}).encode()
        self.send_response(200 if good else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *words):
        pass


def serve(file):
    server = Server(("127.0.0.1", 0), Handler)
    server.guard, server.seen = threading.Lock(), collections.Counter()
    server.file, server.count = open(file, "a", encoding="utf-8"), 0
    print(server.server_address[1], flush=True)
    server.serve_forever()


class Sink:
    """The process, from outside."""

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "effects.jsonl"
        self.process = subprocess.Popen([sys.executable, __file__, self.file], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        start_new_session=True)
        self.address = f"127.0.0.1:{self.process.stdout.readline().strip()}"

    def effects(self):
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.getppid() != 1:
        import ctypes
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    serve(sys.argv[1])
