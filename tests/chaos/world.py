"""The system under `./dev chaos`: services, three nodes with a mesh, and what may be done to them."""
import collections
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest

import checker
import faults
import ledger
import packets
from evidence import Evidence, read_journal, read_letters, read_stock, read_views
from leaping_clock import LeapingClock
from neighbours import Witness
from sink import Sink
from support import eventually, run
from system import Services, System

NODES = ("a", "b", "c")
JUMPER = "c"  # the one whose clock can jump
SHARDS = 12
FIRST_USER = 64900


def say(text):
    print(text, file=sys.stderr, flush=True)


class World:
    """The system and what may be done to it."""

    def __init__(self, folder, session_seconds=3):
        self.folder, self.session_seconds = folder, session_seconds
        self.test = unittest.TestCase()
        self.services = Services()
        self.system = System(self.test, self.services, shards=SHARDS)
        self.stock = self.system.database + "_stock"  # on the same server, and another database all the same
        self.services.sql("postgres", f"create database {self.stock}")
        self.nodes, self.taken, self.trouble, self.guard = {}, set(), [], threading.Lock()
        self.starting, self.ended, self.witnesses = {}, False, []
        # For as long as the run: a node dies with the thread that started it.
        self.starters = concurrent.futures.ThreadPoolExecutor(len(NODES))
        self.starts = collections.Counter()
        root_only = packets.possible()
        self.filter = packets.Filter(f"orrery_chaos_{os.getpid()}") if root_only else None
        self.users = {name: FIRST_USER + os.getpid() % 60 * 8 + i
                      for i, name in enumerate((*NODES, "visitor"))} if root_only else {}
        if self.filter:
            self.filter.open()
        self.clock = LeapingClock(self.services.folder / "clock")
        self.sink = Sink(folder)

    # Nodes.

    def launch(self, name):
        environment, prefix = {}, []
        if name in self.users:
            user = self.users[name]
            prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                      "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--pdeathsig", "KILL"]
        if name == JUMPER:
            environment = self.clock.environment
        options = ["--set", f"kafka.session.timeout={self.session_seconds}s",
                   "executors.http.allow=127.0.0.1:*",
                   f"resources.inventory={self.services.postgres}/{self.stock}"]
        self.starts[name] += 1
        with self.guard:  # the certificates are made one by one
            return self.system.launch(name, mesh=True, options=options, environment=environment,
                                      prefix=prefix)[0]

    def start(self):
        for name in NODES:
            self.nodes[name] = self.launch(name)
        for node in self.nodes.values():
            node.await_ready()
        self.system.await_owners(*NODES)
        self.open_shop()
        self.baseline = self.sizes()
        self.witnesses = [Witness(name, lambda name=name: self.nodes[name].address) for name in NODES]
        for witness in self.witnesses:
            witness.start()

    def open_shop(self):
        call = self.nodes["a"].call
        for path, bodies in (("/api/flows", ledger.FLOWS), ("/api/products", [
                {"product": name, "available": units} for name, units in ledger.PRODUCTS.items()])):
            for body in bodies:
                code, answer = call(path, body)
                if code not in (200, 201):
                    raise RuntimeError(f"{path}: {code} {answer}")

    def restart(self, names):
        """Starts ended nodes again, in the background: what they need may be away just now."""
        for name in names:
            self.starting[name] = self.starters.submit(self.start_again, name)

    @staticmethod
    def again(start, tries=4):
        """A service that does not come up in time, on a machine that has other things to do."""
        for left in reversed(range(tries)):
            try:
                return start()
            except RuntimeError:
                if not left:
                    raise
        return None

    def await_started(self, name):
        if name in self.starting:
            concurrent.futures.wait([self.starting[name]], 120)

    def start_again(self, name):
        end = time.monotonic() + 120
        while not self.ended:
            try:
                node = self.launch(name)
                node.await_ready()
            except (RuntimeError, AssertionError) as why:
                if time.monotonic() > end:
                    self.complain(f"{name} could not be started again: {why}")
                    return
                time.sleep(0.5)
                continue
            self.nodes[name] = node
            return

    def stop(self, name, seconds=40):
        """In order. One that does not end is a finding; where it hangs goes to its log."""
        node = self.nodes[name]
        try:
            code = node.stop(seconds)
        except subprocess.TimeoutExpired:
            stacks = run("gdb", "-p", node.process.pid, "-batch", "-ex", "thread apply all bt 12")[1] \
                if shutil.which("gdb") else "gdb would tell where"
            with open(node.log, "a", encoding="utf-8") as log:
                log.write(stacks)
            self.complain(f"L1 stop: {name} did not end in {seconds} s: {node.tail(1500)}")
            return node.kill()
        if code != 0:
            self.complain(f"L1 stop: {name} ended a clean stop with status {code}: {node.tail(1500)}")
        return code

    def visitor(self):
        node = self.launch("visitor")
        try:
            return node.await_ready()
        except RuntimeError:
            return node

    def look_for_deaths(self):
        """A node that ends without having been asked to is a finding."""
        for name, node in list(self.nodes.items()):
            busy = name in self.taken or (name in self.starting and not self.starting[name].done())
            if not busy and not node.alive():
                self.complain(f"{name} ended by itself with status {node.process.returncode}: "
                              f"{node.tail(1500)}")
                self.restart([name])

    def complain(self, text):
        self.trouble.append(text)
        say(text)

    def addresses(self):
        found = [node.address for node in list(self.nodes.values()) if node.address]
        return found or ["127.0.0.1:1"]

    # What the faults ask for.

    def sql(self, text):
        return self.system.sql(text)

    def owners(self):
        try:
            return self.system.owners()
        except RuntimeError:
            return {}

    def ports(self):
        def port(address):
            return int(address.rpartition(":")[2])

        mesh = set()
        try:
            mesh = {port(row[0]) for row in self.sql("select mesh_address from nodes")}
        except RuntimeError:
            pass
        return {"kafka": {port(one) for one in self.services.kafka.split(",")},
                "postgres": {port(self.services.postgres)}, "mesh": mesh}

    def meshes(self):
        return [row[0] for row in self.sql("select mesh_address from nodes")]

    def well(self):
        return all(Witness.ask(node.address) for node in list(self.nodes.values()) if node.alive())

    def await_well(self):
        eventually(self.well, 60)

    def mesh_port(self, name):
        rows = self.sql(f"select mesh_address from nodes where name = '{name}'")
        return int(rows[0][0].rpartition(":")[2]) if rows else None

    def clock_of_jumper(self):
        address = self.nodes[JUMPER].address
        return faults.date_of(address) if address else None

    def sizes(self):
        """Threads, descriptors and MiB of each node."""
        found = {}
        for name, node in self.nodes.items():
            status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
            fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
            found[name] = (int(fields["Threads"]), len(os.listdir(f"/proc/{node.process.pid}/fd")),
                           int(fields["VmRSS"].split()[0]) // 1024)
        return found

    # The end.

    def heal(self):
        if self.filter:
            self.filter.heal()
        self.clock.set(0)
        concurrent.futures.wait(list(self.starting.values()), 150)
        self.taken.clear()
        self.look_for_deaths()

    def at_rest(self, history):
        try:
            if any(node.call("/readyz", seconds=5)[0] != 200 for node in self.nodes.values()):
                return False
            views = read_views(self.nodes["a"].call)
            if self.stock_under_way() or checker.unseen(history.operations, views):
                return False
        except (OSError, RuntimeError, KeyError, ValueError):
            return False
        return all(ledger.rests(view, set(checker.FINAL), checker.ORDERS_REST) for view in views.values())

    def stock_under_way(self):
        """Prepared, or given back and not yet counted. What is only held may be left over for a minute."""
        stock, _, prepared = read_stock(self.nodes["a"].call, lambda text: self.services.sql(self.stock, text))
        return prepared or any(one["released"] for one in stock.values())

    def evidence(self):
        found = Evidence()
        found.views = read_views(self.nodes["a"].call)
        found.journal = read_journal(SHARDS, ["--store", f"{self.services.postgres}/{self.system.database}",
                                              "--log", f"kafka://{self.services.kafka}"])
        wanted = sum(checker.status_after(event) is not None for event in found.journal)

        def published():
            found.statuses = [one | {"topic": kind} for kind in ("orders", "tasks")
                              for one in self.system.statuses(kind)]
            return len({(one["shard"], one["position"]) for one in found.statuses}) >= wanted

        eventually(published, 60)
        found.letters, found.traces = read_letters(self.sql), self.system.traces
        found.intake = [one for topic in ("order_topic", "task_topic") for one in self.system.committed(topic)]

        def settled():
            found.stock, found.reservations, found.prepared = read_stock(
                self.nodes["a"].call, lambda text: self.services.sql(self.stock, text))
            return not any(one["held"] or one["released"] for one in found.stock.values())

        eventually(settled, 90)  # what a dead node had set aside is found by its age, a minute
        found.effects = self.sink.effects()
        return found

    def close(self):
        self.ended = True
        for witness in self.witnesses:
            witness.ended.set()
        if self.filter:
            self.filter.close()
        self.test.doCleanups()
        self.starters.shutdown()
        self.sink.close()
        self.services.close()
