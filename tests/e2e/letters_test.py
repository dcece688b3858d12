"""Dead letters, with a stranger (kafka-python) that sends garbage."""
import json
import unittest

from support import eventually
from system import Services, System


class DeadLetters(unittest.TestCase):
    def setUp(self):
        self.system = System(self, shards=4)

    def call(self, path, body=None, code=200, method=None):
        status, answer = self.node.call(path, body, method=method)
        self.assertEqual(code, status, answer)
        return answer

    def letters(self, query=""):
        return self.call(f"/api/dead-letters{query}")["items"]

    def await_letters(self, count, query=""):
        self.assertTrue(eventually(lambda: len(self.letters(query)) >= count),
                        f"{self.letters()}{self.system.logs()}")
        return self.letters(query)

    def orders(self):
        return self.call("/api/orders")["items"]

    def test_garbage_is_kept_whole_mended_and_sent_again(self):
        [self.node] = self.system.start("solo")
        garbage = b'{"product":"Globe","quantity":0}\xff'
        self.system.producer().send(self.system.topic("order_topic"), garbage, key=b"k", partition=2,
                                    headers=[("who", b"stranger"), ("who", b"\x80")]).get(30)
        [letter] = self.await_letters(1, "?topic=order_topic&state=OPEN")
        whole = self.call(f"/api/dead-letters/{letter['id']}")
        self.assertEqual([{"name": "who", "value": "stranger"}, {"name": "who", "valueBase64": "gA=="}],
                         whole["headers"])
        self.assertEqual(len(garbage), whole["valueBytes"])
        [copy] = self.system.records("order_topic.DLT", lambda found: len(found) >= 1)
        self.assertEqual([("who", b"stranger"), ("who", b"\x80")], copy.headers[:2])
        self.assertEqual(garbage, copy.value)

        refused = self.call(f"/api/dead-letters/{letter['id']}/redrive",
                            {"value": {"product": "Globe", "quantity": -1}}, 400)
        self.assertEqual("value.quantity", refused["errors"][0]["field"])
        after = self.call(f"/api/dead-letters/{letter['id']}/redrive",
                          {"value": {"product": "Globe", "quantity": 3}})
        self.assertEqual("REDRIVEN", after["state"])
        self.assertTrue(eventually(lambda: len(self.orders()) == 1), self.system.logs())
        self.assertEqual(3, self.orders()[0]["quantity"])
        records = self.system.records("order_topic", lambda found: len(found) >= 2)
        again = max(records, key=lambda record: record.offset)
        self.assertEqual((2, b"k", after["redriven"]["offset"]),
                         (again.partition, again.key, again.offset))
        headers = dict(again.headers)
        self.assertTrue(headers["orrery-origin"].startswith(b"order_topic/2/0@"), headers)
        self.call(f"/api/dead-letters/{letter['id']}/redrive", {}, 409)
        self.call(f"/api/dead-letters/{letter['id']}/discard", {"reason": "late"}, 409)

    def test_many_are_redriven_or_discarded_by_filter(self):
        [self.node] = self.system.start("solo")
        producer = self.system.producer()
        for number in range(30):
            producer.send(self.system.topic("order_topic"), b"spam %d" % number, partition=number % 4)
            producer.send(self.system.topic("task_topic"),
                          json.dumps({"kind": "not-yet", "taskId": f"t-{number}"}).encode(),
                          partition=number % 4)
        producer.flush()
        self.await_letters(60, "?limit=100")
        page = self.call("/api/dead-letters?limit=7")
        self.assertEqual(7, len(page["items"]))
        second = self.call(f"/api/dead-letters?limit=100&cursor={page['next']}")
        self.assertEqual(53, len(second["items"]))
        tally = self.call("/api/dead-letters/discard", {"topic": "order_topic", "limit": 1000,
                                                        "note": "spam"})
        self.assertEqual((30, [], False), (tally["done"], tally["refused"], tally["more"]))
        tally = self.call("/api/dead-letters/redrive", {"reason": "NO EXECUTOR", "limit": 10})
        self.assertEqual((10, True), (tally["done"], tally["more"]))
        # They die again, as new letters; the open ones are as many as before.
        self.await_letters(30, "?state=OPEN&limit=100")
        self.assertEqual(10, len(self.letters("?state=REDRIVEN&limit=100")))
        self.assertEqual(30, len(self.letters("?state=DISCARDED&limit=100")))

    def test_copies_that_the_broker_missed_are_made_when_it_is_back_also_by_the_next_process(self):
        using = Services()
        self.addCleanup(using.close)
        self.system = System(self, using, shards=4)
        [self.node] = self.system.start("solo")
        self.system.producer().send(self.system.topic("task_topic"), b"first", partition=1).get(30)
        self.await_letters(1)
        self.system.records("task_topic.DLT", lambda found: len(found) >= 1)
        # Given a letter that is in the store and not in the topic, as after a kill between the two.
        self.assertTrue(eventually(lambda: self.letters()[0]["copied"]))
        self.node.kill()
        self.system.sql("update dead_letters set copied = false")
        [self.node] = self.system.start("solo")
        copies = self.system.records("task_topic.DLT", lambda found: len(found) >= 2)
        self.assertEqual([b"first"] * 2, [copy.value for copy in copies])
        self.assertTrue(eventually(lambda: self.letters()[0]["copied"]))


if __name__ == "__main__":
    unittest.main()
