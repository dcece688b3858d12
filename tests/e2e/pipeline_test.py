"""The order pipeline step by step, each with a third-party client (kafka-python) on the far side."""
import datetime
import json
import unittest
import uuid

from support import eventually
from system import Services, System

ENVELOPE = {"ce_id", "ce_type", "ce_source", "ce_time", "ce_subject", "ce_specversion"}


def value(record):
    return json.loads(record.value)


def shard_of(identity):
    """The 12 bits after the version of a UUIDv7 or v8."""
    return int(identity.replace("-", "")[13:16], 16)


class Steps:
    """The four steps; run against a broker in KRaft and in ZooKeeper mode."""

    system: System

    def answered(self, body):
        code, answer = self.node.call("/api/orders", body)
        self.assertEqual(200, code, answer)
        self.assertEqual("ACCEPTED", answer["status"])
        return answer

    def first_step_the_order_is_in_the_intake_topic(self):
        answer = self.answered({"product": "Laptop", "quantity": 1})
        order = answer["orderId"]
        [record] = self.system.records("order_topic", lambda found: len(found) >= 1)
        event = value(record)
        self.assertEqual((order, "Laptop", 1), (event["orderId"], event["product"], event["quantity"]))
        self.assertEqual(order.encode(), record.key)
        self.assertEqual(answer["shard"], record.partition)
        self.assertEqual(answer["offset"], record.offset)
        self.assertEqual(record.partition, shard_of(order))
        return order

    def second_and_third_step_the_order_gets_a_status(self, order):
        self.assertTrue(eventually(
            lambda: self.node.call(f"/api/orders/{order}")[1].get("status") == "CREATED"),
            self.system.logs())

    def fourth_step_the_status_is_in_the_status_topic(self, order):
        [record] = self.system.records("order_status_topic", lambda found: len(found) >= 1)
        self.assert_created(record, order, "Laptop", 1)

    def assert_created(self, record, order, product, quantity):
        event, headers = value(record), {name: text.decode() for name, text in record.headers}
        self.assertEqual(order.encode(), record.key)
        self.assertEqual((order, product, quantity, "CREATED"),
                         (event["orderId"], event["product"], event["quantity"], event["status"]))
        self.assertNotIn("previousStatus", event)
        self.assertEqual(record.partition, event["shard"])
        self.assertGreater(event["position"], 0)
        self.assertLessEqual(ENVELOPE, set(headers), headers)
        self.assertEqual("1.0", headers["ce_specversion"])
        self.assertEqual("io.orrery.order.created", headers["ce_type"])
        self.assertEqual(order, headers["ce_subject"])
        self.assertTrue(headers["ce_id"] and headers["ce_source"])
        for at in (event["at"], headers["ce_time"]):
            self.assertLess(abs(datetime.datetime.now(datetime.timezone.utc) -
                                datetime.datetime.fromisoformat(at)), datetime.timedelta(minutes=5))

    def walk(self):
        order = self.first_step_the_order_is_in_the_intake_topic()
        self.second_and_third_step_the_order_gets_a_status(order)
        self.fourth_step_the_status_is_in_the_status_topic(order)


class ThePipeline(Steps, unittest.TestCase):
    def setUp(self):
        self.system = System(self)
        [self.node] = self.system.start("solo")

    def test_an_order_by_http_goes_through_all_four_steps(self):
        self.walk()

    def test_a_foreign_producer_takes_the_place_of_the_api(self):
        order = "01890a5d-ac96-7003-8000-0000000000a7"  # a UUIDv7 of shard 3
        self.system.producer().send(
            self.system.topic("order_topic"), key=order.encode(), partition=3,
            value=json.dumps({"orderId": order, "product": "Telescope", "quantity": 2,
                              "colour": "a field that Orrery does not know"}).encode()).get(30)
        [record] = self.system.records("order_status_topic", lambda found: len(found) >= 1)
        self.assert_created(record, order, "Telescope", 2)
        code, view = self.node.call(f"/api/orders/{order}")
        self.assertEqual((200, "CREATED"), (code, view["status"]))

    def test_a_foreign_service_takes_the_place_of_the_processing(self):
        # Given no node at all that could process: what the API accepted lies in the topic.
        order = self.answered({"product": "Globe", "quantity": 3})["orderId"]
        self.node.kill()
        # When a stranger does the processing, then a stranger can read its answer as if it were ours.
        [taken] = self.system.records("order_topic", lambda found: len(found) >= 1)
        self.system.producer().send(
            self.system.topic("order_status_topic"), key=taken.key, partition=15,
            value=json.dumps({"orderId": value(taken)["orderId"], "status": "CREATED",
                              "product": value(taken)["product"],
                              "quantity": value(taken)["quantity"]}).encode()).get(30)
        records = self.system.records("order_status_topic",
                                      lambda found: any(r.partition == 15 for r in found))
        self.assertEqual({order}, {value(record)["orderId"] for record in records})

    def test_orders_without_key_and_without_id_are_each_one_order(self):
        producer = self.system.producer()
        sent = [producer.send(self.system.topic("order_topic"),
                              json.dumps({"product": f"Pen {number}"}).encode())
                for number in range(40)]
        places = [future.get(30) for future in sent]
        records = self.system.records("order_status_topic", lambda found: len(found) >= 40)
        events = [value(record) for record in records]
        self.assertEqual({f"Pen {number}" for number in range(40)},
                         {event["product"] for event in events})
        self.assertEqual(40, len({event["orderId"] for event in events}))
        for record in records:
            event = value(record)
            self.assertEqual((1, "CREATED"), (event["quantity"], event["status"]))
            self.assertEqual(event["shard"], shard_of(event["orderId"]))
            self.assertEqual(places[int(event["product"][4:])].partition, event["shard"])
            uuid.UUID(event["orderId"])

    def test_a_foreign_id_is_kept_as_reference_and_the_same_twice_is_one_order(self):
        producer = self.system.producer()
        for reference in ("shop-77", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"):
            for _ in range(2):
                place = producer.send(
                    self.system.topic("order_topic"), key=reference.encode(),
                    value=json.dumps({"orderId": reference, "product": "Atlas"}).encode()).get(30)
            # Behind them on the same partition: when it is there, both were read.
            producer.send(self.system.topic("order_topic"), partition=place.partition,
                          value=json.dumps({"product": f"behind {reference}"}).encode()).get(30)
            self.system.records("order_status_topic", lambda found, r=reference: any(
                value(record)["product"] == f"behind {r}" for record in found))
            _, page = self.node.call(f"/api/orders?reference={reference}")
            [item] = page["items"]
            self.assertEqual((reference, "CREATED"), (item["reference"], item["status"]))
            self.assertNotEqual(reference, item["orderId"])
            code, view = self.node.call(f"/api/orders/{reference}")
            self.assertEqual((200, item["orderId"]), (code, view.get("orderId")), view)
        events = [event for event in self.system.statuses("orders") if event["product"] == "Atlas"]
        self.assertEqual({"shop-77", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
                         {event["reference"] for event in events})
        self.assertEqual(2, len(events), "one CREATED each")

    def test_the_same_foreign_id_by_http_and_by_kafka_is_one_order(self):
        answer = self.answered({"orderId": "shop-78", "product": "Atlas"})
        self.assertEqual("shop-78", answer["reference"])
        place = self.system.producer().send(
            self.system.topic("order_topic"), key=b"shop-78",
            value=json.dumps({"orderId": "shop-78", "product": "Atlas"}).encode()).get(30)
        # kafka-python's own partitioner, murmur2 as Java's, goes where ours went.
        self.assertEqual(answer["shard"], place.partition)
        self.system.producer().send(self.system.topic("order_topic"), partition=place.partition,
                                    value=b'{"product":"behind"}').get(30)
        self.system.records("order_status_topic", lambda found: any(
            value(record)["product"] == "behind" for record in found))
        self.assertEqual([answer["orderId"]], [event["orderId"]
                                               for event in self.system.statuses("orders")
                                               if event["product"] == "Atlas"])

    def test_unreadable_records_become_dead_letters_byte_for_byte_and_those_behind_go_on(self):
        bad = [b"{not json", b"", b"\x00\xff\xfe\x80 no text", b'{"product": 17}', b'{"quantity": 1}',
               b'{"product":"x","quantity":-1}', b'{"product":"x","quantity":1e400}', b"[]", b"null",
               b'{"command":"explode","orderId":"a"}', b'{"a":' * 5000, b'"' + b"x" * 400_000 + b'"']
        producer = self.system.producer()
        places = {}
        for text in bad:
            place = producer.send(self.system.topic("order_topic"), text, partition=5,
                                  key=b"their key").get(30)
            places[place.offset] = text
        producer.send(self.system.topic("order_topic"), b'{"product":"Sextant"}', partition=5).get(30)

        [created] = self.system.records("order_status_topic", lambda found: len(found) >= 1)
        self.assertEqual("Sextant", value(created)["product"])
        letters = self.system.records("order_topic.DLT", lambda found: len(found) >= len(bad))
        self.assertEqual(len(bad), len(letters))
        for letter in letters:
            headers = dict(letter.headers)
            self.assertEqual(self.system.topic("order_topic"), headers["orrery-source-topic"].decode())
            self.assertEqual(b"5", headers["orrery-source-partition"])
            self.assertEqual(places.pop(int(headers["orrery-source-offset"])), letter.value or b"")
            self.assertEqual(b"their key", letter.key)
            self.assertTrue(headers["orrery-reason"])
        self.assertEqual({}, places)
        _, page = self.node.call("/api/dead-letters")
        self.assertEqual(len(bad), len(page["items"]))


class OnZooKeeper(Steps, unittest.TestCase):
    def test_an_order_goes_through_all_four_steps_in_zookeeper_mode(self):
        using = Services("--zookeeper")
        self.addCleanup(using.close)
        self.assertTrue((using.folder / "kafka/zookeeper.port").exists())
        self.system = System(self, using)
        [self.node] = self.system.start("solo")
        self.walk()


if __name__ == "__main__":
    unittest.main()
