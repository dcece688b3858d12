"""Clients, one fault and the verdict, for tests of a single fault."""
import contextlib
import time

import checker
from evidence import Evidence, read_journal, read_letters, read_views
from history import History
from sink import Sink
from support import eventually
from workload import MIX, Work


class Trial:
    """`addresses()`: where clients ask; `fill(evidence)`: journal, and where there are topics, statuses."""

    def __init__(self, test, folder, addresses, fill, published=True):
        self.test, self.addresses, self.fill, self.published = test, addresses, fill, published
        self.history, self.sink = History(), Sink(folder)
        test.addCleanup(self.sink.close)
        self.windows = []
        self.work = Work(test.id().rpartition(".")[2], 1, self.history, addresses, self.sink.address,
                         clients=4, pause=0.03, timeout=5.0, mix=MIX)
        test.addCleanup(self.work.stopping.set)

    def start(self, ok=60):
        self.work.start()
        self.await_ok(ok)
        return self

    def await_ok(self, more, seconds=90):
        """So many operations more were ok."""
        start = self.history.count("ok")
        self.test.assertTrue(eventually(lambda: self.history.count("ok") >= start + more, seconds),
                             f"{self.history.count('ok') - start} ok in {seconds} s")

    @contextlib.contextmanager
    def fault(self):
        begin = time.monotonic()
        yield
        self.windows.append((begin, time.monotonic()))

    def rest(self, node):
        """Whether all is ended, as one node sees it."""
        try:
            views = read_views(node.call)
        except (OSError, RuntimeError, ValueError):
            return False
        if checker.unseen(self.history.operations, views):
            return False
        return all(view["status"] in (checker.FINAL if "taskId" in view else checker.ORDERS_REST)
                   for view in views.values())

    def verdict(self, node, proof, seconds=90):
        """Ends the clients, waits for rest and compares. The report has nothing to say, or the test fails."""
        self.work.stop()
        self.test.assertTrue(eventually(lambda: self.rest(node), seconds), f"no rest{node.tail()}")
        found = Evidence()
        found.views = read_views(node.call)
        self.fill(found)
        found.effects = self.sink.effects()
        report = checker.check(self.history.operations, found, self.published)
        checker.check_worth(report, self.history.operations, self.windows, [("fault", proof)], 0.02)
        self.test.assertEqual([], report.findings, checker.text_of(report))
        return report


def fill_from(system, binary=None):
    """Evidence of nodes on Kafka and PostgreSQL."""
    def fill(found):
        how = {"binary": binary} if binary else {}
        found.journal = read_journal(system.shards, [
            "--store", system.store(), "--log", f"kafka://{system.services.kafka}"], **how)
        wanted = sum(checker.status_after(event) is not None for event in found.journal)

        def published():
            found.statuses = [one | {"topic": kind} for kind in ("orders", "tasks")
                              for one in system.statuses(kind)]
            return len({(one["shard"], one["position"]) for one in found.statuses}) >= wanted

        eventually(published, 60)
        found.letters, found.traces = read_letters(system.sql), system.traces
    return fill
