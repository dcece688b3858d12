"""The parts fail one by one under load: brokers, database, disks, the network of one node. Nothing is lost,
nothing happens twice, the nodes recover without help and say meanwhile what is wrong."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import BINARY, ROOT, call, eventually, run

import packets
from evidence import read_journal
from system import SERVICES, Node, Services, System
from trial import Trial, fill_from

SHARDS = 6
OPTIONS = ["--set", "executors.http.allow=127.0.0.1:*", "kafka.session.timeout=2s"]


def wrong_parts(address):
    """What a node says it lacks; None where it is ready."""
    code, answer = call(address, "/readyz", seconds=30)
    if code == 200:
        return None
    return {part["name"] for part in answer.get("parts", []) if not part["ready"]}


class Parts(unittest.TestCase):
    def begin(self, services=None, options=(), **how):
        self.system = System(self, services, shards=SHARDS)
        for name, value in how.items():
            setattr(self.system, name, value)
        self.nodes = self.system.start("a", "b", mesh=True, options=[*OPTIONS, *options])
        self.system.await_owners("a", "b")
        self.trial = Trial(self, self.system.dir, lambda: [node.address for node in self.nodes],
                           fill_from(self.system)).start()

    def await_ready(self, seconds=90):
        for node in self.nodes:
            self.assertTrue(node.alive(), self.system.logs())
            self.assertTrue(eventually(lambda n=node: wrong_parts(n.address) is None, seconds),
                            self.system.logs())

    def await_told(self, part, seconds=60):
        """Every node says that it lacks this part."""
        for node in self.nodes:
            self.assertTrue(eventually(lambda n=node: part in (wrong_parts(n.address) or ()), seconds),
                            f"{part} is not told{self.system.logs()}")

    def end(self, proof, name):
        report = self.trial.verdict(self.nodes[0], proof)
        print(f"\n    {name}: {report.counts['operations']} operations, {report.counts['ok']} accepted, "
              f"{report.counts['unknown']} unknown, {report.counts['during_faults']} during the fault, "
              f"{report.counts['repeats']} statuses twice, {report.counts['effects']} effects",
              file=sys.stderr)


class ThreeBrokers(Parts):
    def setUp(self):
        self.own = Services("--brokers", "3")
        self.addCleanup(self.own.close)
        self.begin(self.own, ["kafka.replication=3"])

    def pid_of(self, broker):
        return int((self.own.folder / f"kafka/broker{broker}.pid").read_text())

    def leaders(self):
        """Which broker leads how many partitions, as kcat sees it."""
        _, text = run("kcat", "-L", "-b", self.own.kafka, "-t", self.system.topic("task_topic"))
        words = [line.split("leader ")[1].split(",")[0] for line in text.splitlines() if "leader " in line]
        return {int(word): words.count(word) for word in set(words) if word.isdigit()}

    def test_a_leader_is_killed_and_another_is_restarted_in_order(self):
        leader = max(self.leaders().items(), key=lambda one: one[1])[0]
        with self.trial.fault():
            os.kill(self.pid_of(leader), signal.SIGKILL)
            self.assertTrue(eventually(lambda: leader not in self.leaders(), 60), "no new leader")
            self.trial.await_ok(60)
        moved = leader not in self.leaders()
        self.own.start_kafka()
        other = leader % 3 + 1
        with self.trial.fault():
            os.kill(self.pid_of(other), signal.SIGTERM)
            self.assertTrue(eventually(lambda: not pathlib.Path(f"/proc/{self.pid_of(other)}").exists(), 90))
            self.own.start_kafka()
            self.trial.await_ok(60)
        self.await_ready()
        self.end(moved, "three brokers, a leader killed and one restarted")


class OneBroker(Parts):
    def test_is_stopped_and_started_in_order(self):
        self.own = Services()
        self.addCleanup(self.own.close)
        self.begin(self.own)
        before = (self.own.folder / "kafka/broker1.pid").read_text()
        with self.trial.fault():
            self.own.service("kafka-down")
            self.await_told("log")
            self.own.start_kafka()
            self.await_ready()
        self.trial.await_ok(60)
        self.end((self.own.folder / "kafka/broker1.pid").read_text() != before, "one broker restarted")


class TheDatabase(Parts):
    def setUp(self):
        self.own = Services()
        self.addCleanup(self.own.close)

    def test_is_restarted_in_order_and_without_a_warning(self):
        self.begin(self.own)
        started = self.system.sql("select pg_postmaster_start_time()")
        for how in ((), ("--now",)):
            with self.trial.fault():
                self.own.service("postgres-down", *how)
                self.await_told("store")
                self.own.start_postgres()
                self.await_ready()
            self.trial.await_ok(60)
        self.end(self.system.sql("select pg_postmaster_start_time()") != started, "PostgreSQL restarted twice")

    def test_fails_over_to_another_address(self):
        standby = Standby(self, self.own)
        host = self.own.postgres.removeprefix("postgres://orrery@")
        self.own.postgres = f"postgres://orrery@{host},127.0.0.1:{standby.port}"
        self.begin(self.own, store_options="?target_session_attrs=read-write")
        standby.follow(self.system)
        with self.trial.fault():
            self.own.service("postgres-down", "--now")
            self.await_told("store")
            standby.promote()
            self.await_ready()
        self.trial.await_ok(60)
        [[port]] = self.system.sql("show port")
        self.end(int(port) == standby.port, "PostgreSQL failed over to its standby")


class Standby:
    """A second PostgreSQL that follows the first one, which waits for it with every commit."""

    def __init__(self, test, services):
        self.services, self.test = services, test
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        _, out = run("python3", "-c", "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); "
                                      "print(s.getsockname()[1])")
        self.port = int(out)
        self.folder = services.folder / "standby"
        self.data = self.folder / "data"
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.run("pg_basebackup", "-R", "-D", self.data, "-d",
                 f"{services.postgres}/postgres?application_name=standby")
        with open(self.data / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
            conf.write(f"\nport = {self.port}\n")
        test.addCleanup(self.run, "pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        self.run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "start")

    def run(self, program, *words):
        lead = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] \
            if os.geteuid() == 0 else []
        done = subprocess.run([*lead, str(self.bin / program), *map(str, words)], cwd=self.folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, check=False)
        self.test.assertEqual(0, done.returncode, done.stderr)

    def follow(self, system):
        system.sql("alter system set synchronous_standby_names = '*'")
        system.sql("select pg_reload_conf()")
        self.test.assertTrue(eventually(lambda: system.sql(
            "select count(*) from pg_stat_replication where sync_state = 'sync'") == [["1"]]))

    def promote(self):
        # The promoted one waits for nobody.
        with open(self.data / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
            conf.write("synchronous_standby_names = ''\n")
        self.run("pg_ctl", "-D", self.data, "-w", "promote")
        self.run("pg_ctl", "-D", self.data, "reload")


def small_disk(test, folder, mebibytes):
    """A file system that fills up."""
    folder.mkdir(parents=True, exist_ok=True)
    status, text = run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", folder)
    if status:
        test.skipTest(f"no small file system can be mounted here: {text.strip()}")
    test.addCleanup(run, "umount", "-l", folder)
    return folder


def fill_up(folder):
    """Takes all that is left; the file that took it."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            pass
    return filler


class AnEmbeddedNode(unittest.TestCase):
    def begin(self, folder, environment=None):
        self.dir, self.environment = folder, {
            name: value for name, value in os.environ.items() if not name.startswith("ORRERY_")}
        self.node = Node(self, "solo", ["--shards", str(SHARDS), "--store", "sqlite", "--log", "embedded",
                                        "--config", ROOT / "examples/orrery.toml", "--set",
                                        "executors.http.allow=127.0.0.1:*"], BINARY, environment)
        self.addCleanup(lambda: self.node.alive() and self.node.kill())
        self.node.await_ready()

        def fill(found):
            found.journal = read_journal(SHARDS, ["--data", self.node.dir])

        logs = pathlib.Path(tempfile.mkdtemp(prefix="orrery-parts-"))
        self.addCleanup(shutil.rmtree, logs, ignore_errors=True)
        self.trial = Trial(self, logs, lambda: [self.node.address], fill, published=False).start()

    def test_on_a_full_disk_refuses_and_goes_on_when_there_is_room(self):
        disk = small_disk(self, pathlib.Path(tempfile.mkdtemp(prefix="orrery-disk-")), 48)
        self.begin(disk)
        with self.trial.fault():
            filler = fill_up(disk)
            self.assertTrue(eventually(lambda: "full" in self.node.log.read_text(errors="replace") or
                                       wrong_parts(self.node.address), 60), self.node.tail())
            refused = eventually(lambda: self.trial.history.count("fail") +
                                 self.trial.history.count("unknown") > 20, 60)
            told = wrong_parts(self.node.address)
            filler.unlink()
        self.assertTrue(self.node.alive(), self.node.tail())
        self.assertTrue(eventually(lambda: wrong_parts(self.node.address) is None), self.node.tail())
        self.trial.await_ok(200)
        self.assertTrue(told & {"store", "log"}, f"readiness said {told} while nothing could be stored")
        report = self.trial.verdict(self.node, bool(refused))
        print(f"\n    SQLite on a full disk: {report.counts['ok']} accepted, readiness said {told}",
              file=sys.stderr)

    def test_on_a_slow_disk_is_slow_and_right(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="orrery-slow-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.begin(folder, slow_disk(self, folder, 150))
        with self.trial.fault():
            self.trial.await_ok(150)
        report = self.trial.verdict(self.node, True)
        print(f"\n    SQLite on a disk that takes 150 ms: {report.counts['ok']} accepted", file=sys.stderr)


def slow_disk(test, folder, milliseconds):
    """Variables under which a program waits longer for its disk."""
    library = folder / "slow_disk.so"
    status, text = run("cc", "-shared", "-fPIC", "-o", library, ROOT / "tests/chaos/slow_disk.c", "-ldl")
    test.assertEqual(0, status, text)
    return {"LD_PRELOAD": str(library), "ORRERY_DISK_DELAY_MS": str(milliseconds)}


class TheDiskOfTheDatabase(Parts):
    def setUp(self):
        self.own = Services(postgres=False)
        self.addCleanup(self.own.close)

    def test_runs_full_and_has_room_again(self):
        disk = small_disk(self, self.own.folder / "postgres", 200)
        self.own.start_postgres()
        self.addCleanup(self.own.stop_postgres)
        self.begin(self.own)
        log = disk / "postgres.log"
        with self.trial.fault():
            filler = fill_up(disk)
            # Which node comes first to need a page more is chance.
            self.assertTrue(eventually(lambda: any(
                "store" in (wrong_parts(node.address) or ()) for node in self.nodes), 60), self.system.logs())
            filler.unlink()
            self.own.start_postgres()  # where the lack of room ended it
            self.await_ready()
        self.trial.await_ok(60)
        self.end("No space left" in log.read_text(errors="replace") or not log.exists(),
                 "PostgreSQL's disk ran full")

    def test_is_slow(self):
        slow = slow_disk(self, self.own.folder, 100)
        status, text = run(SERVICES, "postgres-up", self.own.folder, environment=slow)
        self.assertEqual(0, status, text)
        self.own.start_postgres()
        self.addCleanup(self.own.stop_postgres)
        self.begin(self.own)
        with self.trial.fault():
            self.trial.await_ok(200)
        self.end(True, "PostgreSQL on a disk that takes 100 ms")


@unittest.skipUnless(packets.possible(), "needs root and nft")
class ANodeCutOff(Parts):
    def test_from_everything_is_replaced_and_comes_back_by_itself(self):
        user = 64800 + os.getpid() % 60
        self.system = System(self, shards=SHARDS)
        cut = packets.Filter(f"orrery_parts_{os.getpid()}")
        cut.open()
        self.addCleanup(cut.close)
        prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                  "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--pdeathsig", "KILL"]
        [a] = self.system.start("a", mesh=True, options=OPTIONS, prefix=prefix)
        [b] = self.system.start("b", mesh=True, options=OPTIONS)
        self.nodes = [b, a]
        self.system.await_owners("a", "b")
        self.trial = Trial(self, self.system.dir, lambda: [node.address for node in self.nodes],
                           fill_from(self.system)).start()
        mesh = [int(row[0].rpartition(":")[2]) for row in self.system.sql("select mesh_address from nodes")]
        kafka = {int(one.rpartition(":")[2]) for one in self.system.services.kafka.split(",")}
        postgres = int(self.system.services.postgres.rpartition(":")[2])
        with self.trial.fault():
            cut.drop(user, {*mesh, *kafka, postgres})
            self.assertTrue(eventually(lambda: self.system.owners() == {"b": SHARDS}, 60),
                            self.system.logs())
            self.assertTrue(eventually(lambda: {"store", "log"} <= (wrong_parts(a.address) or set()), 60),
                            self.system.logs())
            self.trial.await_ok(60)
            dropped = cut.dropped()
            cut.heal()
            self.system.await_owners("a", "b", seconds=90)
        self.await_ready()
        self.trial.await_ok(60)
        self.end(dropped > 0, f"a node cut off ({dropped} packets dropped)")


if __name__ == "__main__":
    unittest.main()
