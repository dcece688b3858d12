"""For the tests of what a node tells of itself: how it is read, and stand-ins for those it is sent to."""
import http.server
import json
import re
import threading
import urllib.request

from support import ROOT

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def metrics(address):
    """The text, and by name the lines: labels and value."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, labels, value = re.fullmatch(r"([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)", line).groups()
            pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))
            found.setdefault(name, []).append((pairs, float(value)))
    return text, found


def submit(address, body, **fields):
    request = urllib.request.Request(
        f"http://{address}/api/tasks", data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **fields})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def log_calls():
    """Where the program writes a line of its log, and the text of the call."""
    for room in ("actors", "app", "base", "bridge", "cluster", "http", "identity", "persistence"):
        for path in (ROOT / room).rglob("*.?pp"):
            text = path.read_text()
            for found in re.finditer(r"log::(?:debug|info|warning|error)\(", text):
                end, depth = found.end(), 1
                while depth:
                    depth += {"(": 1, ")": -1}.get(text[end], 0)
                    end += 1
                yield f"{path.relative_to(ROOT)}", text[found.start():end]


class Collector(http.server.BaseHTTPRequestHandler):
    """A stand-in for a collector and for Elasticsearch: strict about form, and fails when it is told to."""

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        self.server.take(self, body)

    def answer(self, status, body=b"{}", **fields):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Collector)
        self.guard = threading.Lock()
        self.faults = []
        self.refusals = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.server_close()


class SpanServer(Server):
    """Takes spans as an OpenTelemetry collector does (OTLP 1.x, HTTP, JSON)."""

    def __init__(self):
        super().__init__()
        self.spans = []

    def take(self, request, body):
        with self.guard:
            if self.faults:
                return request.answer(self.faults.pop(0), Retry_After="1")
            try:
                if request.path != "/v1/traces" or request.headers["Content-Type"] != "application/json":
                    raise ValueError("wrong path or type")
                for resource in json.loads(body)["resourceSpans"]:
                    names = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
                    if names["service.name"] != "orrery":
                        raise ValueError("service.name")
                    for scope in resource["scopeSpans"]:
                        self.spans += [self.checked(one) for one in scope["spans"]]
            except (KeyError, ValueError, TypeError) as why:
                self.refusals.append(repr(why))
                return request.answer(400)
        return request.answer(200, b'{"partialSuccess":{}}')

    @staticmethod
    def checked(one):
        if not re.fullmatch("[0-9a-f]{32}", one["traceId"]) or not int(one["traceId"], 16):
            raise ValueError("traceId")
        if not re.fullmatch("[0-9a-f]{16}", one["spanId"]) or not int(one["spanId"], 16):
            raise ValueError("spanId")
        if "parentSpanId" in one and not re.fullmatch("[0-9a-f]{16}", one["parentSpanId"]):
            raise ValueError("parentSpanId")
        if int(one["endTimeUnixNano"]) < int(one["startTimeUnixNano"]) or one["kind"] not in range(1, 6):
            raise ValueError("times or kind")
        return one
