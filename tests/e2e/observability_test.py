"""What a node tells of itself: metrics, logs, traces."""
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

from support import ROOT, call, eventually, run
from tasks_test import Node

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


def named_metrics(path):
    """Metrics that a dashboard or a rule file asks for."""
    text = path.read_text()
    return set(re.findall(r"\b(?:orrery|process)_[a-z0-9_]+", text))


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


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(cls, "--set", "limits.slots.sleep=2", "--set", "workers.kinds=work")

    def value(self, name, **labels):
        _, found = metrics(self.node.address)
        return sum(value for pairs, value in found.get(name, [])
                   if all(pairs.get(k) == v for k, v in labels.items()))

    def test_promtool_finds_no_fault_in_them(self):
        submit(self.node.address, {"kind": "noop"}, Prefer="wait=5")
        text, _ = metrics(self.node.address)
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(0, checked.returncode, checked.stdout)

    def test_times_and_statuses_follow_what_is_done(self):
        before = self.value("orrery_entered_total", kind="task", status="SUCCEEDED")
        for _ in range(3):
            submit(self.node.address, {"kind": "sleep", "payload": {"duration": "20ms"}},
                   Prefer="wait=10")
        self.assertEqual(before + 3, eventually(
            lambda: (n := self.value("orrery_entered_total", kind="task",
                                     status="SUCCEEDED")) >= before + 3 and n))
        _, found = metrics(self.node.address)
        took = [v for pairs, v in found["orrery_attempt_seconds_sum"] if pairs["kind"] == "sleep"]
        count = [v for pairs, v in found["orrery_attempt_seconds_count"] if pairs["kind"] == "sleep"]
        self.assertGreaterEqual(took[0], 0.02 * count[0])
        whole = [v for pairs, v in found["orrery_task_seconds_sum"] if pairs["kind"] == "sleep"]
        self.assertGreaterEqual(whole[0], took[0])

    def test_waiting_tasks_are_told_by_queue_and_shard_with_their_age(self):
        for _ in range(6):
            submit(self.node.address, {"kind": "work", "queue": "slow"})
        self.assertTrue(eventually(
            lambda: self.value("orrery_queue_depth", queue="slow") == 6))
        _, found = metrics(self.node.address)
        shards = {pairs["shard"] for pairs, _ in found["orrery_queue_depth"]}
        self.assertTrue(all(s.isdigit() for s in shards))
        age = self.value("orrery_queue_oldest_seconds", queue="slow")
        self.assertTrue(eventually(
            lambda: self.value("orrery_queue_oldest_seconds", queue="slow") > age))

    def test_many_queue_names_do_not_become_many_lines(self):
        items = [{"kind": "work", "queue": f"q{i}"} for i in range(1500)]
        status, _ = call(self.node.address, "/api/tasks/batch", items)
        self.assertEqual(200, status)
        self.assertTrue(eventually(
            lambda: self.value("orrery_queue_depth", queue="other") > 0))
        _, found = metrics(self.node.address)
        self.assertLessEqual(len(found["orrery_queue_depth"]), 1000 + 16)

    def test_a_ttl_tells_how_late_it_was(self):
        submit(self.node.address, {"kind": "sleep", "payload": {"duration": "30s"}, "ttl": "50ms"},
               Prefer="wait=10")
        self.assertGreaterEqual(self.value("orrery_ttl_lateness_seconds_count"), 1)

    def test_requests_are_told_by_route_and_mailboxes_by_actor(self):
        submit(self.node.address, {"kind": "noop"})
        self.assertGreaterEqual(self.value("orrery_http_request_seconds_count", method="POST",
                                           route="/api/tasks"), 1)
        self.assertTrue(eventually(lambda: len(
            [1 for pairs, _ in metrics(self.node.address)[1]["orrery_mailbox_messages"]
             if pairs["actor"] == "shard"]) == 16))
        for name in ("process_cpu_seconds_total", "process_open_fds", "process_threads",
                     "process_resident_memory_bytes", "orrery_rebalances_total",
                     "orrery_commit_batch_count", "orrery_commit_seconds_count"):
            self.assertGreater(self.value(name), 0, name)

    def test_dashboard_and_rules_ask_only_for_what_there_is(self):
        submit(self.node.address, {"kind": "noop"}, Prefer="wait=5")
        submit(self.node.address, {"kind": "work", "queue": "asked"})  # waits: its queue has a depth
        paths = (ROOT / "deploy/prometheus/alerts.yml", ROOT / "deploy/grafana/orrery.json")
        wanted = set().union(*map(named_metrics, paths))
        def missing():
            return wanted - set(metrics(self.node.address)[1])
        self.assertTrue(eventually(lambda: not missing()), missing())

    def test_promtool_finds_no_fault_in_the_rules(self):
        status, text = run("promtool", "check", "rules", ROOT / "deploy/prometheus/alerts.yml")
        self.assertEqual(0, status, text)
        status, text = run("promtool", "test", "rules", ROOT / "deploy/prometheus/alerts_test.yml")
        self.assertEqual(0, status, text)


    def test_every_line_about_an_order_task_or_schedule_carries_its_trace(self):
        bare = [f"{place}: {text[:80]}" for place, text in log_calls()
                if re.search(r'\{"(order|task|schedule|id)",', text) and '"trace"' not in text]
        self.assertEqual([], bare)

    def test_the_cluster_tells_of_this_node_its_shards_and_their_lag(self):
        status, picture = call(self.node.address, "/api/cluster")
        self.assertEqual(200, status)
        self.assertEqual([True], [one["ready"] for one in picture["nodes"]])
        self.assertTrue(picture["nodes"][0]["version"])
        self.assertTrue(all(s["epoch"] >= 1 and s["waitingTasks"] >= 0 for s in picture["shards"]))


class Logs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(cls)

    def lines(self, query):
        status, answer = call(self.node.address, "/api/logs?" + query)
        self.assertEqual(200, status, answer)
        return answer

    def fail_one(self, **fields):
        """Makes a line that belongs to a task."""
        made = submit(self.node.address, {"kind": "sleep", "retry": {"maxAttempts": 1},
                                          "payload": {"duration": "1ms", "fail": "no luck"}},
                      Prefer="wait=5", **fields)
        return made["taskId"]

    def test_lines_of_a_task_are_found_by_its_trace(self):
        task = self.fail_one(traceparent=f"00-{TRACE}-{PARENT}-00")
        other = self.fail_one()
        found = self.lines(f"trace={TRACE}")["items"]
        self.assertEqual([("attempt.not_succeeded", task)], [(l["event"], l["task"]) for l in found])
        own = [l for l in self.lines("text=" + other)["items"] if l.get("task") == other]
        self.assertRegex(own[0]["trace"], "^[0-9a-f]{32}$")
        self.assertNotEqual(TRACE, own[0]["trace"])

    def test_lines_are_found_by_level_text_time_and_node(self):
        found = self.lines("text=NODE.READY")["items"]
        self.assertEqual(["node.ready"], [one["event"] for one in found])
        self.assertEqual([], self.lines("text=node.ready&level=error")["items"])
        self.assertEqual([], self.lines("text=node.ready&to=2001-01-01T00:00:00Z")["items"])
        at = found[0]["time"].replace("+", "%2B")
        self.assertEqual(1, len(self.lines(f"text=node.ready&from={at}")["items"]))
        self.assertEqual(1, len(self.lines("text=node.ready&node=node1")["items"]))
        self.assertEqual(404, call(self.node.address, "/api/logs?node=elsewhere")[0])
        self.assertEqual(400, call(self.node.address, "/api/logs?trace=abc")[0])

    def test_pages_go_back_to_the_first_line_without_a_gap(self):
        whole = self.lines("limit=1000")["items"]
        pages, cursor = [], ""
        while True:
            page = self.lines("limit=3" + cursor)
            pages = page["items"] + pages
            if page["next"] is None:
                break
            cursor = "&cursor=" + page["next"].replace("+", "%2B")
        self.assertEqual(whole, pages[:len(whole)])

    def test_the_file_holds_json_lines(self):
        file = self.node.folder.path / "data" / "orrery.log.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        self.assertIn("node.ready", {one["event"] for one in lines})
        self.assertTrue(all(one["time"] and one["level"] and one["node"] for one in lines))

    def test_who_follows_gets_lines_as_they_are_written(self):
        request = urllib.request.Request(
            f"http://{self.node.address}/api/logs/follow?text=not_succeeded")
        with urllib.request.urlopen(request, timeout=30) as stream:
            self.assertEqual("text/event-stream", stream.headers["Content-Type"].partition(";")[0])
            tasks = [self.fail_one() for _ in range(3)]
            got = []
            while len(got) < 3:
                line = stream.readline().decode()
                if line.startswith("data: "):
                    got.append(json.loads(line[6:])["task"])
            self.assertEqual(tasks, got)


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


class Traces(unittest.TestCase):
    def setUp(self):
        self.server = SpanServer()
        self.addCleanup(self.server.close)

    def node(self, *options):
        return Node(self, "--set", f"traces.endpoint={self.server.url}", *options)

    def spans(self, enough, trace=TRACE):
        def of_trace():
            with self.server.guard:
                return {one["name"]: one for one in self.server.spans if one["traceId"] == trace}
        self.assertTrue(eventually(lambda: enough <= set(of_trace()), 30),
                        (of_trace(), self.server.refusals))
        return of_trace()

    def test_a_request_its_message_the_task_and_the_attempt_are_one_trace(self):
        node = self.node("--set", "workers.kinds=work")
        made = submit(node.address, {"kind": "work"}, traceparent=f"00-{TRACE}-{PARENT}-01",
                      tracestate="vendor=1")
        status, leased = call(node.address, "/api/workers/lease",
                              {"worker": "w", "max": 1, "wait": "10s"})
        self.assertEqual(200, status, leased)
        item = leased["items"][0]
        status, answer = call(node.address, f"/api/leases/{item['lease']}/complete", {"result": {}})
        self.assertEqual(200, status, answer)
        found = self.spans({"POST /api/tasks", "task_topic send", "task work", "attempt work"})
        chain = [found["POST /api/tasks"], found["task_topic send"], found["task work"],
                 found["attempt work"]]
        self.assertEqual(PARENT, chain[0]["parentSpanId"])
        for above, below in zip(chain, chain[1:]):
            self.assertEqual(above["spanId"], below["parentSpanId"], (above, below))
        self.assertEqual(item["traceparent"], f"00-{TRACE}-{chain[3]['spanId']}-01")
        self.assertEqual("vendor=1", chain[0]["traceState"])
        ids = {a["key"]: a["value"]["stringValue"] for a in chain[2]["attributes"]}
        self.assertEqual(made["taskId"], ids["orrery.task.id"])

    def test_an_order_its_tasks_and_their_worker_are_one_trace(self):
        node = self.node("--set", "workers.kinds=work")
        status, stored = call(node.address, "/api/flows", {"name": "pack", "steps": [
            {"name": "pick", "kind": "work"}, {"name": "post", "kind": "noop", "dependsOn": ["pick"]}]})
        self.assertEqual(200, status, stored)
        request = urllib.request.Request(
            f"http://{node.address}/api/orders", headers={
                "Content-Type": "application/json", "traceparent": f"00-{TRACE}-{PARENT}-01"},
            data=json.dumps({"product": "Laptop", "flow": "pack"}).encode())
        urllib.request.urlopen(request, timeout=10).close()
        status, leased = call(node.address, "/api/workers/lease", {"worker": "w", "wait": "10s"})
        item = leased["items"][0]
        call(node.address, f"/api/leases/{item['lease']}/complete", {"result": {}})
        found = self.spans({"POST /api/orders", "order_topic send", "order pack", "task work",
                            "attempt work", "task noop", "attempt noop"})
        parents = {name: one.get("parentSpanId") for name, one in found.items()}
        self.assertEqual(found["POST /api/orders"]["spanId"], parents["order_topic send"])
        self.assertEqual(found["order_topic send"]["spanId"], parents["order pack"])
        self.assertEqual(found["order pack"]["spanId"], parents["task work"])
        self.assertEqual(found["order pack"]["spanId"], parents["task noop"])
        self.assertEqual(found["task work"]["spanId"], parents["attempt work"])
        self.assertIn(f"-{TRACE}-{found['attempt work']['spanId']}-", item["traceparent"])

    def test_a_schedule_begins_a_trace_of_its_own(self):
        node = self.node()
        status, made = call(node.address, "/api/schedules", {
            "name": "soon", "expressions": ["* * * * * ?"], "task": {"kind": "noop"}})
        self.assertEqual(201, status, made)
        def roots():
            with self.server.guard:
                return [one for one in self.server.spans
                        if one["name"] == "task noop" and "parentSpanId" not in one]
        self.assertTrue(eventually(roots, 30))

    def test_what_begins_here_is_recorded_by_the_part_that_is_configured(self):
        none = self.node("--set", "traces.sample=0")
        submit(none.address, {"kind": "noop"}, Prefer="wait=5")
        # Asked for by the client, it is recorded all the same.
        submit(none.address, {"kind": "noop"}, Prefer="wait=5", traceparent=f"00-{TRACE}-{PARENT}-01")
        self.spans({"task noop"})
        with self.server.guard:
            self.assertEqual({TRACE}, {one["traceId"] for one in self.server.spans})

    def test_a_collector_that_fails_loses_nothing_and_one_that_refuses_is_counted(self):
        self.server.faults = [503, 429]
        node = self.node()
        submit(node.address, {"kind": "noop"}, Prefer="wait=5", traceparent=f"00-{TRACE}-{PARENT}-01")
        self.spans({"task noop", "POST /api/tasks"})
        _, found = metrics(node.address)
        self.assertEqual(2, found["orrery_span_failures_total"][0][1])
        self.server.faults = [400]
        submit(node.address, {"kind": "noop"}, Prefer="wait=5", traceparent=f"00-{TRACE}-{PARENT}-01")
        self.assertTrue(eventually(lambda: [
            v for pairs, v in metrics(node.address)[1]["orrery_spans_total"]
            if pairs["outcome"] == "refused"][0] > 0))

    def test_a_failed_attempt_is_told_as_an_error(self):
        node = self.node()
        submit(node.address, {"kind": "sleep", "payload": {"duration": "1ms", "fail": "no luck"},
                              "retry": {"maxAttempts": 1}},
               Prefer="wait=5", traceparent=f"00-{TRACE}-{PARENT}-01")
        found = self.spans({"attempt sleep", "task sleep"})
        self.assertEqual(2, found["attempt sleep"]["status"]["code"])
        self.assertIn("no luck", found["attempt sleep"]["status"]["message"])
        self.assertEqual(2, found["task sleep"]["status"]["code"])


class BulkServer(Server):
    """A stand-in for Elasticsearch's bulk API, named as such: strict about NDJSON, type and ids."""

    def __init__(self, port=0):
        super().__init__(port)
        self.stored = {}
        self.posts = 0
        self.bad_items = []  # statuses for the first items of coming posts

    def take(self, request, body):
        with self.guard:
            self.posts += 1
            if self.faults:
                return request.answer(self.faults.pop(0))
            if request.headers["Content-Type"] != "application/x-ndjson" or not body.endswith(b"\n"):
                self.refusals.append("type or end")
                return request.answer(400)
            lines = body.decode().split("\n")[:-1]
            items, errors = [], False
            for action, document in zip(lines[::2], lines[1::2], strict=True):
                key = json.loads(action)["create"]["_id"]
                line = json.loads(document)
                if "@timestamp" not in line:
                    self.refusals.append("no @timestamp")
                status = self.bad_items.pop(0) if self.bad_items else 409 if key in self.stored else 201
                if status == 201:
                    self.stored[key] = line
                errors |= status >= 400
                items.append({"create": {"_index": "orrery-logs", "_id": key, "status": status}})
            return request.answer(200, json.dumps({"took": 1, "errors": errors, "items": items}).encode())

    def events(self):
        with self.guard:
            return [line["event"] for line in self.stored.values()]


class Shipping(unittest.TestCase):
    def node(self, server, *options):
        return Node(self, "--set", f"logging.elastic.url={server.url}", *options)

    def test_lines_come_to_the_index_each_once(self):
        server = BulkServer()
        self.addCleanup(server.close)
        node = self.node(server)
        self.assertTrue(eventually(lambda: "node.ready" in server.events()))
        self.assertEqual(1, server.events().count("node.ready"))
        self.assertEqual([], server.refusals)
        node.close()
        self.assertIn("node.stopped", server.events())

    def test_items_that_are_refused_for_now_come_again_and_others_do_not(self):
        server = BulkServer()
        self.addCleanup(server.close)
        server.bad_items = [429, 400, 503]
        node = self.node(server)
        file = node.folder.path / "data" / "orrery.log.jsonl"
        def figures():
            return {pairs["outcome"]: value for pairs, value in
                    metrics(node.address)[1]["orrery_log_lines_shipped_total"]}
        # Whichever line was the one that is refused for good: all others come to be stored.
        self.assertTrue(eventually(lambda: not server.bad_items and figures()["refused"] == 1
                                   and figures()["stored"] >= len(file.read_text().splitlines()) - 1),
                        figures())
        self.assertEqual(1, figures()["refused"])
        self.assertEqual(0, figures()["dropped"])

    def test_lines_wait_on_disk_for_a_server_that_is_away_also_over_a_restart(self):
        away = BulkServer()
        url, port = away.url, away.server_address[1]
        away.close()
        node = Node(self, "--set", f"logging.elastic.url={url}")
        spool = node.folder.path / "data" / "log-spool"
        self.assertTrue(eventually(lambda: any(f.stat().st_size for f in spool.glob("*.ndjson"))))
        submit(node.address, {"kind": "noop"}, Prefer="wait=5")  # the node works on
        node.kill()
        server = BulkServer(port)
        self.addCleanup(server.close)
        node.start()
        self.assertTrue(eventually(lambda: server.events().count("node.ready") == 2))
        self.assertEqual([], server.refusals)

    def test_no_secret_comes_into_a_line(self):
        server = BulkServer()
        self.addCleanup(server.close)
        node = self.node(server, "--set", "logging.elastic.user=u",
                         "--set", "logging.elastic.password=pass-4711", "--set", "token=tok-4711")
        self.assertTrue(eventually(lambda: "node.ready" in server.events()))
        file = node.folder.path / "data" / "orrery.log.jsonl"
        self.assertNotIn("4711", file.read_text() + (node.folder.path / "log").read_text())


if __name__ == "__main__":
    unittest.main()
