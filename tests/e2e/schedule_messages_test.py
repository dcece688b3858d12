"""Messages of schedules on a real Kafka, as a stranger reads them, while nodes are killed."""
import datetime
import random
import time
import unittest

from support import eventually
from system import System

TRANSACTIONAL = ("--set", "publish=transactional")
SCHEDULES = 12
ROUNDS = 4


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def headers_of(record):
    return dict(zip(record["headers"][::2], record["headers"][1::2]))


class Messages(unittest.TestCase):
    def setUp(self):
        self.system = System(self, shards=4)
        self.topic = self.system.topic("ticks")

    def start(self, *names, options=()):
        return self.system.start(*names, mesh=len(names) > 1,
                                 options=["--set", f"schedule.topics={self.topic}", *options])

    def body(self, name, topic=None):
        return {"name": name, "expressions": ["* * * * * ?"], "misfire": "all",
                "message": {"topic": topic or self.topic, "key": "{{name}}", "value": {"at": "{{scheduledAt}}"}}}

    def ask(self, node, path, body):
        """503 until the shards have owners that have found one another: asked again."""
        answers = []

        def settled():
            answers[:] = [node.call(path, body)]
            return answers[0][0] != 503
        self.assertTrue(eventually(settled), self.system.logs())
        return answers[0]

    def create(self, node):
        for n in range(SCHEDULES):
            code, answer = self.ask(node, "/api/schedules", self.body(f"tick-{n}"))
            self.assertEqual(201, code, answer)

    def fires(self, node, name):
        """All that there ever were, oldest first: the row's and, by its cursor, the journal's."""
        path, found = f"/api/schedules/{name}/history", {}
        cursor = ""
        while cursor is not None:
            code, page = node.call(path + (f"?limit=37&cursor={cursor}" if cursor else ""))
            self.assertEqual(200, code, page)
            found |= {item["started"]: at(item["at"]) for item in page["items"]}
            cursor = page["next"]
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def messages(self):
        """By schedule: (ce_id, fire time) as often as they came."""
        found = {}
        for record in self.system.committed("ticks"):
            headers = headers_of(record)
            self.assertEqual("io.orrery.schedule.message", headers["ce_type"])
            found.setdefault(record["key"], []).append((headers["ce_id"], at(headers["ce_time"])))
        return found

    def pause_all(self, node):
        """Once each has made up for what it missed: a pause lets that go."""
        def caught_up(n):
            code, fires = node.call(f"/api/schedules/tick-{n}/history")
            now = datetime.datetime.now(datetime.timezone.utc)
            return code == 200 and fires["items"] and now - at(fires["items"][0]["at"]) < datetime.timedelta(seconds=2)
        for n in range(SCHEDULES):
            self.assertTrue(eventually(lambda n=n: caught_up(n)), self.system.logs())
            code, answer = self.ask(node, f"/api/schedules/tick-{n}/pause", {"note": "to count"})
            self.assertEqual(200, code, answer)

    def kill_in_turn(self, names, options):
        dice = random.Random(7)
        for _ in range(ROUNDS):
            time.sleep(dice.uniform(1.0, 3.0))
            victim = dice.choice(names)
            self.system.nodes[victim].kill()
            self.system.start(victim, mesh=len(names) > 1,
                              options=["--set", f"schedule.topics={self.topic}", *options])

    def assert_complete(self, node):
        """Every second has its fire, every fire its message. Returns how many came more than once."""
        repeats = 0

        def all_there():
            told = self.messages()
            return all(set(self.fires(node, f"tick-{n}")) == {one for one, _ in told.get(f"tick-{n}", [])}
                       for n in range(SCHEDULES))
        self.assertTrue(eventually(all_there, 60), self.system.logs())
        told = self.messages()
        for n in range(SCHEDULES):
            fires = self.fires(node, f"tick-{n}")
            times = list(fires.values())
            self.assertGreater(len(times), ROUNDS)
            for before, after in zip(times, times[1:]):
                self.assertEqual(datetime.timedelta(seconds=1), after - before, f"tick-{n}")
            for one, time_for in told[f"tick-{n}"]:
                self.assertEqual(fires[one], time_for)
            repeats += len(told[f"tick-{n}"]) - len(fires)
        return repeats

    def test_kill_9_loses_no_message_and_a_repeat_has_the_same_id(self):
        self.start("a", "b")
        self.system.await_owners("a", "b")
        self.create(self.system.nodes["a"])
        self.kill_in_turn(["a", "b"], ())
        self.system.await_owners("a", "b")
        self.pause_all(self.system.nodes["a"])
        repeats = self.assert_complete(self.system.nodes["a"])
        print(f"\n{ROUNDS} kills, {repeats} messages came twice", flush=True)
        statuses = [record["payload"] for record in self.system.committed("schedule_status_topic")]
        self.assertEqual(SCHEDULES, sum('"status":"ACTIVE"' in text for text in set(statuses)))
        self.assertEqual(SCHEDULES, sum('"status":"PAUSED"' in text for text in set(statuses)))

    def test_kill_9_of_a_transactional_publisher_neither_loses_nor_doubles_a_message(self):
        self.start("a", "b", options=TRANSACTIONAL)
        self.system.await_owners("a", "b")
        self.create(self.system.nodes["a"])
        self.kill_in_turn(["a", "b"], TRANSACTIONAL)
        self.system.await_owners("a", "b")
        self.pause_all(self.system.nodes["a"])
        self.assertEqual(0, self.assert_complete(self.system.nodes["a"]))

    def test_a_topic_that_is_not_allowed_is_refused_and_ours_with_the_reason(self):
        [node] = self.start("solo")
        code, answer = self.ask(node, "/api/schedules", self.body("x", "elsewhere"))
        self.assertEqual(400, code, answer)
        self.assertIn("schedule.topics", str(answer))
        code, answer = self.ask(node, "/api/schedules", self.body("x", self.system.topic("task_topic")))
        self.assertEqual(400, code, answer)
        self.assertIn("Orrery's own", str(answer))
        with self.assertRaises(RuntimeError) as refused:
            self.system.start("other", options=["--set", "schedule.topics=order_topic"])
        self.assertIn("Orrery's own", str(refused.exception))


if __name__ == "__main__":
    unittest.main()
