"""`./dev chaos`: three real nodes on a real Kafka and a real PostgreSQL, clients outside, faults by the seed,
and at the end everything is compared with everything.

The same seed draws the same faults and the same operations; the machine decides how they fall together.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from support import ROOT, eventually, run  # noqa: E402, needs the path
from system import Services, System  # noqa: E402

import checker  # noqa: E402
import faults  # noqa: E402
import neighbours  # noqa: E402
import packets  # noqa: E402
import ledger  # noqa: E402
from evidence import Evidence, read_journal, read_letters, read_stock, read_views  # noqa: E402
from history import History  # noqa: E402
from leaping_clock import LeapingClock  # noqa: E402
from neighbours import Witness  # noqa: E402
from sink import Sink  # noqa: E402
from workload import MIX, Work  # noqa: E402

NODES = ("a", "b", "c")
JUMPER = "c"  # the one whose clock can jump
SHARDS = 12
FIRST_USER = 64900
# How long after the last fault everything must be at rest; a broker takes its time.
REST_SECONDS, REST_SECONDS_BROKER = 30, 60


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


class Chaos:
    """One run."""

    def __init__(self, minutes, seed, folder, clients=6, timed=True):
        """Without `timed`, how long things take is counted and is no finding: others may need the machine."""
        self.timed = timed
        self.seconds, self.seed, self.folder = minutes * 60, seed, folder
        self.dice = random.Random(seed)
        self.history = History(folder / "history.jsonl")
        self.world = World(folder)
        self.clients, self.windows, self.proofs = clients, [], []
        self.outages, self.calm, self.rude, self.well_after = [], [], [], [0.0]
        self.broker_fault, self.commit = False, commit()

    def work(self):
        work = Work(f"chaos{self.seed}", self.seed, self.history, self.world.addresses,
                    self.world.sink.address, clients=self.clients, pause=0.05, timeout=5.0,
                    mix=[*MIX, ("exec", 2), ("sell", 14)])
        producer = self.world.system.producer(request_timeout_ms=10000, max_block_ms=10000)
        work.add_producer(lambda topic, key, value: producer.send(
            self.world.system.topic(topic), key=key, value=value).get(10))
        return work

    def fault(self):
        world = self.world
        fault = faults.draw(world, self.dice)
        begin = time.monotonic()
        with open(self.folder / "faults.jsonl", "a", encoding="utf-8") as out:
            out.write(json.dumps({"at": begin, "fault": fault.name(), "what": "begin"}) + "\n")
        fault.begin()
        away_from = time.monotonic()
        time.sleep(fault.lasts())
        if fault.away:
            self.outages.append((fault.away, away_from, time.monotonic()))
        fault.end()
        end = time.monotonic()
        if isinstance(fault, faults.RudeClients):
            self.calm.append(fault.calm)
            self.rude.append(fault.window)
        if fault.away:
            self.await_well(fault)
        world.taken.clear()
        self.windows.append((begin, end))
        self.proofs.append((fault.name(), bool(fault.proof)))
        self.broker_fault = "Broker" in fault.name()
        with open(self.folder / "faults.jsonl", "a", encoding="utf-8") as out:
            out.write(json.dumps({"at": end, "fault": fault.name(), "what": "end",
                                  "proof": bool(fault.proof)}) + "\n")
        say(f"  {end - self.began:6.0f} s  {fault.name()} {getattr(fault, 'told', '')} "
            f"{end - begin:.1f} s{'' if fault.proof else ', WITHOUT A PROOF'}; "
            f"{self.history.count('ok')} ok of {self.history.count()}")

    def await_well(self, fault):
        """L4, the other half: what all nodes need is back, and they say so before long."""
        began = time.monotonic()
        if not eventually(self.world.well, neighbours.WELL_SECONDS) and self.timed:
            self.world.complain(f"L4 honesty: not ready {neighbours.WELL_SECONDS} s after {fault.name()}")
        self.well_after.append(time.monotonic() - began)

    def run(self):
        self.world.start()
        self.began = time.monotonic()
        work = self.work().start()
        try:
            time.sleep(2)
            while time.monotonic() - self.began < self.seconds:
                self.fault()
                time.sleep(self.dice.uniform(1, 4))
                self.world.look_for_deaths()
        finally:
            work.stop()
        return self.verdict()

    def verdict(self):
        world = self.world
        world.heal()
        healed = time.monotonic()
        limit = REST_SECONDS_BROKER if self.broker_fault else REST_SECONDS
        rested = eventually(lambda: world.at_rest(self.history), limit)
        rest_seconds = time.monotonic() - healed
        if not rested:
            world.trouble.append(f"L1 rest: not at rest {limit} s after the last fault")
            eventually(lambda: world.at_rest(self.history), 60)
        found = world.evidence()
        report = checker.check(self.history.operations, found)
        proofs = [one for one in self.proofs if one[1]] or self.proofs
        checker.check_worth(report, self.history.operations, self.windows, proofs)
        self.check_proofs(report)
        self.check_sizes(report)
        neighbours.check_honesty(report, [one for witness in world.witnesses for one in witness.samples],
                                 self.outages)
        neighbours.check_neighbours(report, self.history.operations, self.calm, self.rude, self.timed)
        report.counts["well_after_ms"] = round(max(self.well_after) * 1000)
        report.findings += world.trouble
        report.counts["faults"] = len(self.proofs)
        report.counts["rest_seconds"] = round(rest_seconds)
        return report

    def close(self):
        """Once more does nothing."""
        if self.world.ended:
            return
        for log in self.world.system.dir.glob("*.log"):
            shutil.copy(log, self.folder)
        self.world.close()
        self.history.close()

    def check_proofs(self, report):
        """A single fault may miss (a partition of two that had nothing to say); a kind may not."""
        kinds = collections.defaultdict(list)
        for name, proof in self.proofs:
            kinds[name].append(proof)
        report.find("no verdict", "kinds of faults were tried at least three times and never happened",
                    [name for name, proofs in kinds.items() if len(proofs) > 2 and not any(proofs)])
        report.counts["unproven"] = sum(not proof for _, proof in self.proofs)

    def check_sizes(self, report):
        """L3: what a node holds comes back to what it held."""
        before, after = self.world.baseline, self.world.sizes()
        report.find("L3 leaks", "nodes hold more (threads, descriptors, MiB) than at the start",
                    [(name, before[name], now) for name, now in after.items()
                     if now[0] > before[name][0] + 8 or now[1] > before[name][1] + 60
                     or now[2] > before[name][2] + 250])


def summary(chaos, report):
    kinds = collections.Counter(name for name, _ in chaos.proofs)
    return "\n".join([
        f"seed {chaos.seed}, {chaos.seconds / 60:g} minutes, commit {chaos.commit}",
        "faults: " + ", ".join(f"{name} {count}" for name, count in sorted(kinds.items())),
        f"starts: {dict(chaos.world.starts)}", checker.text_of(report)])


def commit():
    done = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() or "unknown"


def main(words=None):
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--keep", action="store_true", help="keep history and logs of a good run too")
    how = parser.parse_args(words)
    seed = how.seed if how.seed is not None else random.SystemRandom().randrange(1 << 31)
    folder = ROOT / f"out/chaos-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"chaos: seed {seed}, {how.minutes:g} minutes; records in {folder}")
    chaos = Chaos(how.minutes, seed, folder, how.clients)
    try:
        report = chaos.run()
        text = summary(chaos, report)
        (folder / "verdict.txt").write_text(text + "\n")
        run("pg_dump", "-f", folder / "database.sql",
            f"{chaos.world.services.postgres}/{chaos.world.system.database}")
    finally:
        chaos.close()
    print(text)
    if report.good() and not how.keep:
        shutil.rmtree(folder)
    return 0 if report.good() else 1


if __name__ == "__main__":
    sys.exit(main())
