"""`./dev chaos`: three real nodes on a real Kafka and a real PostgreSQL, clients outside, faults by the seed,
and at the end everything is compared with everything.

The same seed draws the same faults and the same operations; the machine decides how they fall together.
"""
import argparse
import collections
import json
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from support import ROOT, eventually, run  # noqa: E402, needs the path

import checker  # noqa: E402
import faults  # noqa: E402
import neighbours  # noqa: E402
from history import History  # noqa: E402
from workload import MIX, Work  # noqa: E402
from world import World, say  # noqa: E402

# How long after the last fault everything must be at rest; a broker takes its time.
REST_SECONDS, REST_SECONDS_BROKER = 30, 60


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
