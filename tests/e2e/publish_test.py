"""Publishing, as a stranger with `read_committed` sees it: what comes, how often, and after what."""
import json
import os
import random
import signal
import threading
import time
import unittest

from kafka.admin import KafkaAdminClient

from support import eventually, run
from system import SERVICES, System

TRANSACTIONAL = ("--set", "publish=transactional")
ROUNDS = int(os.environ.get("ORRERY_KILL_ROUNDS", "6"))

# kafka-python does not know how to delete records.
EMPTY = """
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.TopicPartition;
class Empty {
  public static void main(String[] words) throws Exception {
    var all = new HashMap<TopicPartition, RecordsToDelete>();
    for (int shard = 0; shard < Integer.parseInt(words[2]); ++shard)
      all.put(new TopicPartition(words[1], shard), RecordsToDelete.beforeOffset(-1));
    try (var admin = Admin.create(Map.of("bootstrap.servers", (Object) words[0]))) {
      admin.deleteRecords(all).all().get();
    }
  }
}
"""


class Publishing(unittest.TestCase):
    def setUp(self):
        self.system = System(self, shards=4)
        self.sent = 0

    def submit(self, count):
        """Orders by a stranger, straight into the topic; each makes one event, so that positions have
        no gap."""
        producer = self.system.producer()
        for _ in range(count):
            producer.send(self.system.topic("order_topic"),
                          json.dumps({"orderId": f"o-{self.sent}", "product": "Globe"}).encode(),
                          partition=self.sent % self.system.shards)
            self.sent += 1
        producer.flush()

    def positions(self):
        """Per shard, in order of the topic."""
        found = {shard: [] for shard in range(self.system.shards)}
        for event in self.system.statuses("orders"):
            found[event["shard"]].append(event["position"])
        return found

    def count(self):
        return sum(len(of_shard) for of_shard in self.positions().values())

    def await_all(self, seconds=90):
        self.assertTrue(eventually(lambda: self.count() >= self.sent, seconds),
                        f"{self.count()} of {self.sent}{self.system.logs()}")

    def assert_each_exactly_once(self):
        self.await_all()
        for shard, positions in self.positions().items():
            self.assertEqual(list(range(1, len(positions) + 1)), positions, f"shard {shard}")
        self.assertEqual(self.sent, self.count())

    def admin(self):
        admin = KafkaAdminClient(bootstrap_servers=self.system.services.kafka)
        self.addCleanup(admin.close)
        return admin

    def start_expecting_refusal(self, name, options=()):
        with self.assertRaises(RuntimeError) as refused:
            self.system.start(name, options=[*TRANSACTIONAL, *options])
        return str(refused.exception)


class Transactional(Publishing):
    def test_kill_9_under_load_neither_doubles_nor_loses_an_event(self):
        dice = random.Random(7)
        self.system.start("a", "b", mesh=True, options=TRANSACTIONAL)
        self.system.await_owners("a", "b")
        stop = threading.Event()

        def load():
            while not stop.is_set():
                self.submit(200)

        sender = threading.Thread(target=load)
        sender.start()
        try:
            for _ in range(ROUNDS):
                time.sleep(dice.uniform(1.0, 3.0))
                victim = dice.choice(["a", "b"])
                self.system.nodes[victim].kill()
                self.system.start(victim, mesh=True, options=TRANSACTIONAL)
        finally:
            stop.set()
            sender.join()
        self.assert_each_exactly_once()
        print(f"\n{ROUNDS} kills, {self.sent} events, each once", flush=True)

    def test_a_zombie_adds_nothing_when_it_wakes(self):
        self.system.start("a", "b", mesh=True, options=TRANSACTIONAL)
        self.system.await_owners("a", "b")
        self.submit(400)
        zombie = self.system.nodes["a"]
        zombie.process.send_signal(signal.SIGSTOP)
        self.submit(400)
        self.assertTrue(eventually(lambda: set(self.system.owners()) == {"b"}, 60),
                        f"{self.system.owners()}{self.system.logs()}")
        self.await_all()
        zombie.process.send_signal(signal.SIGCONT)
        self.submit(400)
        self.system.await_owners("a", "b")
        self.submit(400)
        self.assert_each_exactly_once()

    def test_a_node_refuses_to_start_on_a_store_that_is_behind_what_was_published(self):
        [node] = self.system.start("solo", options=TRANSACTIONAL)
        self.submit(40)
        self.assert_each_exactly_once()
        self.assertEqual(0, node.stop())
        # Given the database of an hour ago.
        self.system.sql("delete from orders; delete from journal; update shards set position = 0, "
                        "published = 0, orders_next = 0, order_counts = '{}'")
        text = self.start_expecting_refusal("solo")
        self.assertIn("restored from a backup", text)
        self.assertIn("publish_resume", text)
        # When an operator has decided, it goes on.
        self.system.start("solo", options=[*TRANSACTIONAL, "--set", "publish_resume=store"])
        self.assertTrue(eventually(lambda: self.count() >= 80, 60), self.system.logs())

    def test_going_over_from_the_idempotent_producer_and_back_repeats_nothing(self):
        for options in ((), TRANSACTIONAL, (), TRANSACTIONAL):
            [node] = self.system.start("solo", options=options)
            self.submit(100)
            self.await_all()
            node.kill()
        self.assert_each_exactly_once()


class Resuming(Publishing):
    """The default: by the tail of the status topic, and from the store where the topic was emptied."""

    def published_and_down(self):
        [node] = self.system.start("solo")
        self.submit(40)
        self.await_all()
        self.assertTrue(eventually(
            lambda: self.system.sql("select sum(position - published) from shards") == [["0"]]))
        self.assertEqual(0, node.stop())

    def after_emptying(self):
        # The store knows all but the last two of each shard to be published.
        self.system.sql("update shards set published = position - 2")
        self.system.start("solo")
        self.assertTrue(eventually(lambda: self.count() >= 8, 60), self.system.logs())
        self.submit(40)
        self.assertTrue(eventually(lambda: self.count() >= 48, 60), self.system.logs())
        for positions in self.positions().values():
            self.assertEqual(list(range(9, 21)), positions)

    def test_by_the_tail_nothing_is_repeated_whatever_the_store_remembers(self):
        self.published_and_down()
        self.system.sql("update shards set published = 0")
        self.system.start("solo")
        self.submit(40)
        self.assert_each_exactly_once()

    def test_from_the_store_where_the_records_were_deleted(self):
        self.published_and_down()
        topic = self.system.topic("order_status_topic")
        program = self.system.dir / "Empty.java"
        program.write_text(EMPTY)
        jars = run(SERVICES, "jars")[1].strip()
        status, text = run("java", "-cp", f"{jars}/*", program, self.system.services.kafka, topic,
                           str(self.system.shards))
        self.assertEqual(0, status, text)
        self.assertEqual(0, self.count(), text)
        self.after_emptying()

    def test_from_the_store_where_the_topic_was_deleted(self):
        self.published_and_down()
        self.admin().delete_topics([self.system.topic("order_status_topic")])
        time.sleep(2)
        self.after_emptying()


if __name__ == "__main__":
    unittest.main()
