"""What a node tells of itself: its log, as it is asked for and as it is shipped."""
import json
import unittest
import urllib.request

from observability import PARENT, TRACE, Server, metrics, submit
from support import call, eventually
from tasks_test import Node


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
