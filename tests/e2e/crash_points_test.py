"""The program dies by SIGKILL at each of its commit steps, on both stores, under load; then it is started
again, and what a client outside was promised is compared with what is there.

docs/reliability.md says what each point is. `CRASH_BINARY` has them.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
import unittest

from support import BINARY, CRASH_BINARY, ROOT, eventually

import checker
from evidence import Evidence, read_journal, read_letters, read_views
from history import History
from sink import Sink
from system import Node, System, services
from workload import MIX, Work

OPERATIONS = 200
SHARDS = 4
# How often a point is passed before it kills, so that it comes in the middle.
POINTS = {
    "submit-read": 60, "submit-before-durable": 60, "submit-after-durable": 60, "start-committed": 3,
    "attempt-before-work": 10, "attempt-done": 8, "commit-before": 60, "commit-after": 60,
    "publish-before": 40, "publish-acked": 40, "publish-marked": 3, "intake-polled": 40,
    "commit-told": 60, "rebalance": 1, "timer-fired": 3, "retry-stored": 4, "dead-letter": 2,
    "cancel-decided": 3, "attempt-takeover": 1, "wal-checkpoint": 40, "migration-between": 1,
    "drain": 1, "child-running": 2, "sweep-between": 1,
}
# SQLite's own, and the intake of Kafka is swept by Kafka.
EMBEDDED_ONLY = {"wal-checkpoint", "sweep-between"}
# Passed while a node starts, and no sooner.
AT_START = {"migration-between"}
# These need more than the usual to be passed at all.
MORE_WORK = {"wal-checkpoint", "sweep-between"}


def packed(number):
    """As persistence/sqlite/packed_records.cpp writes a number."""
    rest, out = number << 1, bytearray()
    while rest >= 0x80:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes(out) + bytes([rest])


class Embedded:
    """A node on SQLite."""

    options = ["--shards", str(SHARDS), "--store", "sqlite", "--log", "embedded",
               "--config", ROOT / "examples/orrery.toml"]

    def __init__(self, test):
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("ORRERY_")}
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="orrery-crash-"))
        test.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def launch(self, name, options, environment, binary=CRASH_BINARY):
        return Node(self, name, [*self.options, *options], binary, environment)

    def fill(self, found, node):
        found.journal = read_journal(SHARDS, ["--data", node.dir], binary=CRASH_BINARY)

    @staticmethod
    def write_bad(node):
        """What no door lets in, in the intake of every shard: the node is dead."""
        data = b"\1" + packed(int(time.time() * 1e6)) + packed(3) + b"bad" + packed(4) + b"{bad" + packed(0)
        with contextlib.closing(sqlite3.connect(node.dir / "orrery.db")) as database:
            for shard in range(SHARDS):
                [[end]] = database.execute("select coalesce(max(last_offset), -1) + 1 from intake_log "
                                           "where topic = 1 and shard = ?", [shard])
                database.execute("insert into intake_log (topic, shard, first_offset, last_offset, data) "
                                 "values (1, ?, ?, ?, ?)", [shard, end, end, data])
            database.commit()


class Cluster:
    """Nodes on Kafka and PostgreSQL with topics and a database of their own."""

    def __init__(self, test):
        self.system = System(test, shards=SHARDS)

    def launch(self, name, options, environment):
        return self.system.launch(name, mesh=False, options=options, binary=CRASH_BINARY,
                                  environment=environment)[0]

    def write_bad(self, _node):
        producer = self.system.producer()
        for _ in range(4):
            producer.send(self.system.topic("task_topic"), b"{bad").get(30)

    def fill(self, found, _node):
        system = self.system
        options = ["--store", f"{system.services.postgres}/{system.database}",
                   "--log", f"kafka://{system.services.kafka}"]
        found.journal = read_journal(SHARDS, options, binary=CRASH_BINARY)
        published = lambda: [one | {"topic": kind} for kind in ("orders", "tasks")
                             for one in system.statuses(kind)]
        wanted = sum(checker.status_after(event) is not None for event in found.journal)
        eventually(lambda: len({(e["shard"], e["position"]) for e in published()}) >= wanted, 20)
        found.statuses = published()
        found.letters, found.traces = read_letters(system.sql), system.traces


class Crash:
    """One point in one place, from the start to the verdict."""

    def __init__(self, place, point, sink):
        self.place, self.point, self.sink = place, point, sink
        self.name = f"{type(place).__name__.lower()}-{point}"
        self.history, self.node, self.nodes, self.died = History(), None, [], None
        self.began = time.monotonic()

    def launch(self, crash, name="solo"):
        options = ["--set", "executors.http.allow=127.0.0.1:*", "kafka.session.timeout=1s"]
        node = self.place.launch(name, options,
                                 {"CRASH_AT": f"{self.point}:{POINTS[self.point]}"} if crash else {})
        self.nodes.append(node)
        return node

    def start(self, crash):
        self.node = self.launch(crash)
        try:
            self.node.await_ready()
        except RuntimeError:
            if not crash:
                raise

    def addresses(self):
        return [self.node.address or "127.0.0.1:1"]

    def work(self):
        extra = {"child-running": [("exec", 10)]}
        mix = [*MIX, *extra.get(self.point, [])]
        pause = 0.02
        if self.point in MORE_WORK:
            mix, pause = [("order", 4), ("noop", 6), ("http", 1)], 0
        return Work(self.name, self.name, self.history, self.addresses, self.sink.address, clients=4,
                    pause=pause, mix=mix)

    def await_ok(self, more):
        start = self.history.count("ok")
        done = eventually(lambda: self.history.count("ok") >= start + more, 60)
        assert done, f"only {self.history.count('ok') - start} operations were ok{self.node.tail()}"

    def await_death(self, node):
        assert eventually(lambda: not node.alive(), 60), f"the point was not reached{node.tail()}"
        self.died = time.monotonic()
        assert node.process.returncode == -9, node.process.returncode
        assert f"crash point {self.point} reached" in node.log.read_text(errors="replace"), node.tail()

    def crash(self):
        """Brings the node to its point, by whatever leads there."""
        if self.point in AT_START or (self.point == "rebalance" and isinstance(self.place, Embedded)):
            return self.await_death(self.node)
        if self.point == "rebalance":
            self.await_ok(60)
            return self.await_death(self.launch(True, "joiner"))
        if self.point == "attempt-takeover":
            self.await_ok(120)
            self.node.kill()
            self.start(True)
        elif self.point == "dead-letter":
            self.await_ok(60)
            if isinstance(self.place, Embedded):
                self.node.kill()
            self.place.write_bad(self.node)
            if isinstance(self.place, Embedded):
                self.start(True)
        elif self.point == "drain":
            self.await_ok(100)
            self.node.process.terminate()
        return self.await_death(self.node)

    def while_dead(self):
        """Nothing."""

    def run(self):
        first_is_plain = self.point == "attempt-takeover" or self.point == (
            "rebalance" if isinstance(self.place, Cluster) else "dead-letter")
        self.start(not first_is_plain)
        work = self.work().start()
        try:
            self.crash()
            self.while_dead()
            time.sleep(0.3)
            if not self.node.alive():
                self.start(False)
            back = time.monotonic()
            self.await_ok(max(60, OPERATIONS - self.history.count("ok")))
        finally:
            work.stop()
        report = self.judge(back)
        self.node.stop()
        return report

    def settled(self):
        code, page = self.node.call("/readyz")
        if code != 200:
            return False
        views = read_views(self.node.call)
        if checker.unseen(self.history.operations, views):
            return False
        return all(view["status"] in (checker.FINAL if "taskId" in view else checker.ORDERS_REST)
                   for view in views.values())

    def judge(self, back):
        eventually(self.settled, 60)
        found = Evidence()
        found.views = read_views(self.node.call)
        self.place.fill(found, self.node)
        found.effects = [e for e in self.sink.effects() if e["value"].startswith(self.name + "-")]
        report = checker.check(self.history.operations, found, isinstance(self.place, Cluster))
        # What was under way or tried while the program was dead; of these runs of a second it is little.
        checker.check_worth(report, self.history.operations, [(self.died - 0.01, back)],
                            [(self.point, self.died is not None)], share=0.01)
        return report

    def outcome(self):
        """The report; a failure of the test itself is a finding too."""
        try:
            report = self.run()
        except Exception:  # noqa: BLE001, of a thread
            report = checker.Report()
            report.findings.append(traceback.format_exc())
        finally:
            for node in self.nodes:
                if node.alive():
                    node.kill()
        report.seconds = time.monotonic() - self.began
        return report


class TamperedWith(Crash):
    """Somebody deletes a commit from the journal while the program is dead."""

    def while_dead(self):
        with contextlib.closing(sqlite3.connect(self.node.dir / "orrery.db")) as database:
            changed = database.execute("delete from journal where (shard, first_position) in "
                                       "(select shard, max(first_position) from journal group by shard)")
            assert changed.rowcount > 0
            database.commit()


class CrashPoints(unittest.TestCase):
    def run_all(self, place, points, at_once):
        sink = Sink(tempfile.mkdtemp(prefix="orrery-sink-"))
        self.addCleanup(shutil.rmtree, sink.file.parent, ignore_errors=True)
        self.addCleanup(sink.close)
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            crashes = {point: Crash(place(self), point, sink) for point in points}
            reports = {point: pool.submit(one.outcome) for point, one in crashes.items()}
            totals = checker.Report()
            for point, report in reports.items():
                with self.subTest(point=point):
                    self.assertEqual([], report.result().findings, point)
                totals.counts.update(report.result().counts)
        print(f"\n    {len(points)} points, {totals.counts['operations']} operations, "
              f"{totals.counts['ok']} accepted, {totals.counts['unknown']} unknown of which "
              f"{totals.counts['recovered']} were there, {totals.counts['effects']} effects, "
              f"{totals.counts['histories']} histories", file=sys.stderr)

    def test_a_loss_is_found(self):
        sink = Sink(tempfile.mkdtemp(prefix="orrery-sink-"))
        self.addCleanup(shutil.rmtree, sink.file.parent, ignore_errors=True)
        self.addCleanup(sink.close)
        findings = TamperedWith(Embedded(self), "commit-told", sink).outcome().findings
        for name in ("S6 positions", "S6 views"):
            self.assertTrue(any(one.startswith(name) for one in findings), findings)

    def test_the_program_of_every_day_takes_no_notice(self):
        node = Embedded(self).launch("plain", [], {"CRASH_AT": "submit-after-durable:1"}, BINARY)
        self.addCleanup(node.kill)
        node.await_ready()
        code, answer = node.call("/api/orders", {"product": "Laptop", "quantity": 1})
        self.assertLess(code, 300, answer)
        self.assertEqual(0, node.stop())

    def test_a_misspelled_point_ends_the_program(self):
        node = Embedded(self).launch("misspelled", [], {"CRASH_AT": "submit-after-durabel:1"})
        self.addCleanup(node.kill)
        with self.assertRaises(RuntimeError):
            node.await_ready()
        self.assertEqual(2, node.ended(30))

    def test_an_embedded_node_loses_nothing_at_any_of_them(self):
        self.run_all(Embedded, list(POINTS), at_once=3)

    def test_a_node_on_kafka_and_postgres_loses_nothing_at_any_of_them(self):
        services()
        self.run_all(Cluster, [point for point in POINTS if point not in EMBEDDED_ONLY], at_once=3)


if __name__ == "__main__":
    unittest.main()
