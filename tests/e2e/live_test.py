"""Server-sent events: a reader that loses its node goes on at another, without a gap or a repeat."""
import json
import threading
import unittest
import urllib.request

from support import eventually
from system import System


class Reader(threading.Thread):
    """A plain client of server-sent events that comes back with its last id, at whatever node lives."""

    def __init__(self, nodes):
        super().__init__(daemon=True)
        self.nodes, self.events, self.last, self.stopped, self.connections = nodes, [], None, False, 0
        self.start()

    def run(self):
        while not self.stopped:
            for node in [n for n in self.nodes if n.alive()]:
                try:
                    self.read(node)
                except OSError:
                    continue

    def read(self, node):
        headers = {"Accept": "text/event-stream"}
        if self.last is not None:
            headers["Last-Event-ID"] = self.last
        request = urllib.request.Request(f"http://{node.address}/api/events", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            self.connections += 1
            place, data = None, None
            for line in answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    place = value
                elif name == "data":
                    data = json.loads(value)
                elif not name and self.stopped:
                    return
                elif not name:
                    self.last = place or self.last
                    if data and "position" in data:
                        self.events.append(data)
                    data = None


class LiveEvents(unittest.TestCase):
    def setUp(self):
        self.system = System(self)
        self.a, self.b = self.system.start("a", "b", mesh=True)
        self.system.await_owners("a", "b")

    def submit(self, node, count):
        code, answer = node.call("/api/tasks/batch", [{"kind": "noop"} for _ in range(count)])
        self.assertEqual(200, code, answer)

    def positions(self):
        return sum(int(row[0]) for row in self.system.sql("select position from shards"))

    def test_a_reader_sees_all_nodes_and_survives_the_loss_of_its_own(self):
        reader = Reader([self.a, self.b])
        self.assertTrue(eventually(lambda: reader.connections > 0))
        base = self.positions()
        for _ in range(10):
            self.submit(self.a, 50)
            self.submit(self.b, 50)
        self.assertTrue(eventually(lambda: len(reader.events) > 100), self.system.logs())
        self.a.kill()
        for _ in range(10):
            self.submit(self.b, 50)
        finals = lambda: sum(e["type"] == "TaskSucceeded" for e in reader.events)
        self.assertTrue(eventually(lambda: finals() == 1500, 90), f"{finals()}{self.system.logs()}")
        self.assertTrue(eventually(lambda: len(reader.events) == self.positions() - base))
        reader.stopped = True
        seen = {}
        for event in reader.events:
            shard = seen.setdefault(event["shard"], [])
            shard.append(event["position"])
        for shard, positions in seen.items():
            self.assertEqual(list(range(positions[0], positions[0] + len(positions))), positions,
                             f"shard {shard}")
        self.assertGreater(reader.connections, 1)


if __name__ == "__main__":
    unittest.main()
