"""What is done to the system. A fault begins, lasts, ends, and says whether it really happened; its number is
that of the fault matrix in docs/reliability.md."""
import os
import pathlib
import signal
import time
import urllib.request
from email.utils import parsedate_to_datetime

from support import eventually

import packets
from neighbours import Rude


def stands_still(pid):
    return bool(eventually(lambda: "\nState:\tT" in pathlib.Path(f"/proc/{pid}/status").read_text(), 2))


class Fault:
    """`world`: services, nodes by name, and how a node is started again (world.py)."""

    number, needs_root = "", False
    away = None  # what all nodes are without meanwhile, as /readyz calls it
    alone = True  # another fault of a pair needs a node too

    def __init__(self, world, dice):
        self.world, self.dice = world, dice
        self.proof = None

    def name(self):
        return f"{self.number} {type(self).__name__}"

    def pick(self, count=1):
        """Nodes that nobody else plays with, and that are up again where they had been stopped."""
        free = sorted(set(self.world.nodes) - self.world.taken)
        chosen = self.dice.sample(free, min(count, len(free)))
        self.world.taken |= set(chosen)
        for name in chosen:
            self.world.await_started(name)
        self.chosen = chosen
        return chosen

    def begin(self):
        raise NotImplementedError

    def end(self):
        """Everything is as before, and `proof` says what shows that it was not."""

    def lasts(self):
        return self.dice.uniform(2, 6)

    def long(self, low, high):
        """Now and then long enough to be noticed."""
        return self.dice.uniform(8, 12) if self.dice.random() < 0.3 else self.dice.uniform(low, high)


class Kill(Fault):
    number = "F2"

    def begin(self):
        count = self.dice.choice((1, 1, 1, 2, 3)) if self.alone else 1
        for name in self.pick(count):
            self.world.nodes[name].process.kill()

    def end(self):
        codes = [self.world.nodes[name].ended(20) for name in self.chosen]
        self.proof = bool(codes) and all(code == -signal.SIGKILL for code in codes)
        self.world.restart(self.chosen)

    def lasts(self):
        return self.dice.uniform(0.1, 5)


class Zombie(Fault):
    """Stopped for longer than the session lasts, then let go on."""
    number = "F3"

    def begin(self):
        [self.name_of] = self.pick()
        self.before = self.world.owners().get(self.name_of, 0)
        self.world.nodes[self.name_of].process.send_signal(signal.SIGSTOP)

    def end(self):
        after = self.world.owners().get(self.name_of, 0)
        self.world.nodes[self.name_of].process.send_signal(signal.SIGCONT)
        self.proof = self.before == 0 or after < self.before

    def lasts(self):
        return self.world.session_seconds * 3 + self.dice.uniform(1, 3)


class RollingRestart(Fault):
    number = "F4"

    def begin(self):
        self.codes = []
        for name in self.pick(len(self.world.nodes)):
            self.codes.append(self.world.stop(name))
            self.world.restart([name])
            self.world.await_started(name)

    def end(self):
        self.proof = len(self.codes) > 0

    def lasts(self):
        return 0


class DatabaseStop(Fault):
    """Immediate (as a crash) or fast, and up again."""
    number, away = "F5", "store"

    def begin(self):
        self.start = self.world.sql("select pg_postmaster_start_time()")
        how = self.dice.choice(("--now", "--now", None))
        self.world.services.service("postgres-down", *([how] if how else []))

    def end(self):
        self.world.again(self.world.services.start_postgres)
        self.proof = self.world.sql("select pg_postmaster_start_time()") != self.start

    def lasts(self):
        return self.long(0.2, 6)


class DatabaseHang(Fault):
    """Every process of PostgreSQL stands still; connections stay."""
    number, away = "F5", "store"

    def begin(self):
        pid = int((self.world.services.folder / "postgres/data/postmaster.pid").read_text().split()[0])
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self.pids = [pid, *map(int, children)]
        self.signal(signal.SIGSTOP)
        self.proof = stands_still(pid)

    def signal(self, which):
        for pid in self.pids:
            try:
                os.kill(pid, which)
            except ProcessLookupError:
                pass

    def end(self):
        self.signal(signal.SIGCONT)

    def lasts(self):
        return self.long(2, 6)


class BackendsKilled(Fault):
    """Connections of the nodes are ended by the server, some of them in the middle of a commit."""
    number = "F6"

    def begin(self):
        self.count = 0
        for _ in range(self.dice.randint(1, 8)):
            self.count += len(self.world.sql(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                f" and datname = '{self.world.system.database}' order by random() limit 2"))
            time.sleep(self.dice.uniform(0.05, 0.4))

    def end(self):
        self.proof = self.count > 0

    def lasts(self):
        return 0


class TableLocked(Fault):
    """Somebody holds what every commit needs."""
    number = "F6"

    def begin(self):
        seconds = self.dice.uniform(2, 6)
        rows = self.world.sql("lock table shards in access exclusive mode; "
                              f"select pg_sleep({seconds:.1f}); "
                              "select count(*) from pg_locks where not granted")
        self.proof = int(rows[-1][0]) > 0

    def lasts(self):
        return 0


class BrokerKilled(Fault):
    number, away = "F7", "log"

    def begin(self):
        self.pid = (self.world.services.folder / "kafka/broker1.pid").read_text()
        self.world.services.stop_kafka()

    def end(self):
        self.world.again(self.world.services.start_kafka)
        self.proof = (self.world.services.folder / "kafka/broker1.pid").read_text() != self.pid

    def lasts(self):
        return self.long(0.1, 6)


class BrokerHangs(Fault):
    number, away = "F7", "log"

    def begin(self):
        self.pid = int((self.world.services.folder / "kafka/broker1.pid").read_text())
        os.kill(self.pid, signal.SIGSTOP)
        self.proof = stands_still(self.pid)

    def end(self):
        os.kill(self.pid, signal.SIGCONT)

    def lasts(self):
        return self.long(2, 9)


class RebalanceStorm(Fault):
    """A fourth node comes and goes, in order and not."""
    number = "F8"

    def begin(self):
        self.rounds = 0
        for _ in range(self.dice.randint(2, 3)):
            node = self.world.visitor()
            time.sleep(self.dice.uniform(0.2, 2))
            if self.dice.random() < 0.5 or not node.alive():
                node.kill()
            else:
                node.stop(60)
            self.rounds += 1
        self.proof = self.rounds > 0

    def lasts(self):
        return 0


class Partition(Fault):
    """A node loses the broker, the database, its peers, or all: by silence, by resets, or one way."""
    number, needs_root = "F9", True

    def begin(self):
        [name] = self.pick()
        self.name_of = name
        ports = self.world.ports()
        which = self.dice.choice((("kafka",), ("postgres",), ("mesh",), ("kafka", "postgres", "mesh")))
        chosen = {port for one in which for port in ports[one]}
        how = self.dice.choice(("drop", "drop", "reject with tcp reset"))
        self.told = f"{name} from {'+'.join(which)} by {how}"
        if chosen:
            self.world.filter.drop(self.world.users[name], chosen, how)
        if "mesh" in which and self.world.mesh_port(name):
            self.world.filter.drop(self.world.users[name], {self.world.mesh_port(name)}, how, "sport")

    def end(self):
        # Two peers that have nothing to say to each other lose nothing for a while.
        self.proof = self.world.filter.dropped() > 0
        self.world.filter.heal()

    def lasts(self):
        return self.dice.uniform(3, 10)


class Loss(Fault):
    """Three packets in ten of one node are lost on their way to everything."""
    number, needs_root = "F10", True

    def begin(self):
        [name] = self.pick()
        ports = self.world.ports()
        self.world.filter.drop(self.world.users[name], ports["kafka"] | ports["postgres"],
                               "numgen random mod 100 < 30|drop")

    def end(self):
        self.proof = self.world.filter.dropped() > 0
        self.world.filter.heal()

    def lasts(self):
        return self.dice.uniform(4, 8)


class ClockJump(Fault):
    """The wall clock of one node jumps, and back again."""
    number = "F13"

    def begin(self):
        self.seconds = self.dice.choice((7200, -7200, 30, -30))
        self.world.clock.set(self.seconds)
        self.proof = False

    def end(self):
        told = self.world.clock_of_jumper()
        self.proof = told is None or abs(told - time.time() - self.seconds) < 10
        self.world.clock.set(0)

    def lasts(self):
        return self.dice.uniform(2, 5)


class RudeClients(Fault):
    """Headers that never end, floods, bombs and garbage, while nothing else is wrong."""
    number = "F18"

    def begin(self):
        self.world.await_well()
        began = time.monotonic()
        time.sleep(3)
        self.calm = (began, time.monotonic())
        self.rude = Rude(self.world.addresses(), self.world.meshes())
        self.rude.begin()
        began, seconds = time.monotonic(), self.dice.uniform(4, 7)
        while time.monotonic() - began < seconds:
            self.rude.go_on()
        self.window = (began, time.monotonic())

    def end(self):
        self.proof = self.rude.end() > 0

    def lasts(self):
        return 0


class Both(Fault):
    """Two at once."""
    number = "F24"

    def __init__(self, world, dice, first, second):
        super().__init__(world, dice)
        self.parts = [first(world, dice), second(world, dice)]
        for part in self.parts:
            part.alone = False

    def name(self):
        return f"{self.number} {type(self.parts[0]).__name__}+{type(self.parts[1]).__name__}"

    def begin(self):
        for part in self.parts:
            part.begin()

    def end(self):
        for part in self.parts:
            part.end()
        self.proof = all(part.proof for part in self.parts)

    def lasts(self):
        return max(part.lasts() for part in self.parts)


SINGLE = [Kill, Kill, Kill, Zombie, RollingRestart, DatabaseStop, DatabaseStop, DatabaseHang, BackendsKilled,
          TableLocked, BrokerKilled, BrokerHangs, RebalanceStorm, Partition, Partition, Loss, ClockJump,
          RudeClients]
# Those whose halves leave each other alone.
PAIRS = [(Kill, Partition), (Zombie, DatabaseStop), (ClockJump, Kill), (Kill, BrokerKilled),
         (DatabaseStop, Kill), (Loss, Zombie), (BrokerHangs, DatabaseStop)]


def draw(world, dice):
    """The next fault, from what this machine allows."""
    def allowed(kind):
        return world.filter is not None or not kind.needs_root

    if dice.random() < 0.2:
        pairs = [pair for pair in PAIRS if all(allowed(kind) for kind in pair)]
        return Both(world, dice, *dice.choice(pairs))
    return dice.choice([kind for kind in SINGLE if allowed(kind)])(world, dice)


def date_of(address):
    """The wall clock that a node answers with; None where it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{address}/healthz", timeout=5) as answer:
            words = answer.headers["Date"]
    except OSError:
        return None
    return parsedate_to_datetime(words).timestamp()
