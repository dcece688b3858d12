"""One Kafka and one PostgreSQL for a whole test run; to each test its own topics, database and nodes.

Nothing outlives the run: nodes die with this process, and a watchman stops the services and removes the
folder also where this process was killed.
"""
import atexit
import ctypes
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from support import BINARY, ROOT, call, eventually, run

SHARDS = 16
STATUS_OF = {"orders": "order_status_topic", "tasks": "task_status_topic"}
FINAL = {"SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED"}
SERVICES = ROOT / "cluster/services"

WATCHMAN = """
trap '' INT TERM HUP
while kill -0 "$1" 2>/dev/null; do sleep 0.5; done
"$2" kafka-down "$3" --now
"$2" postgres-down "$3" --now
rm -rf "$3"
"""


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Services:
    """Kafka and PostgreSQL in a folder of their own, on free ports, which they keep when they are
    stopped and started again."""

    def __init__(self, *kafka_options, postgres=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orrery-e2e-"))
        self.folder.chmod(0o755)  # PostgreSQL has a user of its own
        self.kafka_options = kafka_options
        self.kafka = self.postgres = None
        self.watchman = subprocess.Popen(
            ["bash", "-c", WATCHMAN, "watchman", str(os.getpid()), SERVICES, str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        atexit.register(self.close)
        self.start_kafka()
        if postgres:
            self.start_postgres()

    def service(self, verb, *options):
        status, text = run(SERVICES, verb, self.folder, *options)
        if status:
            raise RuntimeError(f"cluster/services {verb}: {text}")
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def start_kafka(self):
        self.kafka = self.service("kafka-up", *self.kafka_options)["kafka"]

    def stop_kafka(self):
        """Without a warning, as a machine that fails."""
        self.service("kafka-down", "--now")

    def start_postgres(self):
        self.postgres = self.service("postgres-up")["postgres"].rpartition("/")[0]

    def stop_postgres(self):
        self.service("postgres-down", "--now")

    def sql(self, database, text):
        """The rows of a question, columns by tabs."""
        status, out = run("psql", "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d",
                          f"{self.postgres}/{database}", "-c", text)
        if status:
            raise RuntimeError(out)
        return [line.split("\t") for line in out.splitlines()]

    def close(self):
        if self.folder.exists():
            for verb in ("kafka-down", "postgres-down"):
                run(SERVICES, verb, self.folder, "--now")
            shutil.rmtree(self.folder, ignore_errors=True)
            self.watchman.kill()
            self.watchman.wait()


_shared = []


def services():
    """Those of the whole run; started at the first wish."""
    if not _shared:
        _shared.append(Services())
    return _shared[0]


class Node:
    """One real process."""

    def __init__(self, system, name, options, binary=BINARY, environment=None, prefix=()):
        self.name, self.dir = name, system.dir / name
        self.log = system.dir / f"{name}.log"
        self.address = None
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*prefix, binary, "serve", "--data", self.dir, "--http", "127.0.0.1:0", "--node", name,
                 "--auth", "off", *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                env={**(os.environ if system.environment is None else system.environment),
                     **(environment or {})},
                preexec_fn=die_with_parent, start_new_session=True)

    def await_ready(self):
        line = self.process.stdout.readline()
        if not line.startswith("ready http="):
            self.kill()
            raise RuntimeError(f"{self.name} did not become ready: {line}{self.tail()}")
        self.address = line.split()[1].removeprefix("http=")
        return self

    def tail(self, size=4000):
        return self.log.read_text(errors="replace")[-size:]

    def call(self, path, body=None, seconds=30, method=None):
        return call(self.address, path, body, seconds, method)

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        return self.ended(30)

    def stop(self, seconds=60):
        """In order; the exit status."""
        self.process.terminate()
        return self.ended(seconds)

    def ended(self, seconds):
        status = self.process.wait(timeout=seconds)
        self.process.stdout.close()
        return status


class System:
    """Nodes over the shared services with topics, database and data of their own."""

    numbers = itertools.count(1)

    def __init__(self, test, using=None, shards=SHARDS):
        number = next(System.numbers)
        self.services = using or services()
        self.test, self.shards = test, shards
        self.store_options = ""  # of the database's URL
        self.prefix = f"e{number}-"
        self.database = f"e{number}"
        self.dir = self.services.folder / self.database
        self.dir.mkdir()
        self.nodes = {}
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("ORRERY_")}
        self.environment["ORRERY_TOPIC_PREFIX"] = self.prefix
        self.services.sql("postgres", f"create database {self.database}")
        test.addCleanup(self.close)

    def start(self, *names, mesh=False, options=(), **how):
        """Starts nodes side by side and waits until all are ready."""
        return [node.await_ready() for node in self.launch(*names, mesh=mesh, options=options, **how)]

    def launch(self, *names, mesh=False, options=(), **how):
        """Starts nodes side by side. `how`: binary and more of the environment."""
        started = []
        for name in names:
            own = ["--store", self.store(),
                   "--log", f"kafka://{self.services.kafka}", "--shards", str(self.shards),
                   "--config", ROOT / "examples/orrery.toml"]
            if mesh:
                own += ["--mesh", "127.0.0.1:0", *self.certificate(name)]
            self.nodes[name] = Node(self, name, [*own, *options], **how)
            started.append(self.nodes[name])
        return started

    def certificate(self, name):
        pki = self.dir / "pki"
        made = (pki / f"{name}.pem").exists()
        for words in [] if made else ([] if pki.exists() else [["init"]]) + [["issue", "--node", name]]:
            status, text = run(BINARY, "cluster", words[0], "--dir", pki, *words[1:])
            self.test.assertEqual(0, status, text)
        return ["--set", f"mesh.certificate={pki / name}.pem", f"mesh.key={pki / name}.key",
                f"mesh.ca={pki / 'ca.pem'}"]

    def store(self):
        return f"{self.services.postgres}/{self.database}{self.store_options}"

    def topic(self, name):
        return self.prefix + name

    def sql(self, text):
        return self.services.sql(self.database, text)

    def owners(self):
        """Which node owns how many shards, by what the database says."""
        return dict((owner, int(count)) for owner, count in
                    self.sql("select owner, count(*) from shards where owner <> '' group by 1"))

    def await_owners(self, *names, seconds=60):
        """All shards are shared out among these nodes, each has some, and each node runs its own."""
        def shared():
            owners = self.owners()
            return set(owners) == set(names) and sum(owners.values()) == self.shards and all(
                self.nodes[name].call("/readyz")[0] == 200 for name in names)
        self.test.assertTrue(eventually(shared, seconds), f"owners: {self.owners()}{self.logs()}")

    def logs(self):
        return "".join(f"\n--- {node.name}, exit status {node.process.poll()}\n{node.tail(8000)}"
                       for node in self.nodes.values())

    # What a stranger sees of the topics.

    def producer(self, **how):
        producer = KafkaProducer(bootstrap_servers=self.services.kafka, acks="all", retries=10,
                                 retry_backoff_ms=500, **how)
        self.test.addCleanup(producer.close)
        return producer

    def consumer(self, topic):
        """kafka-python on all partitions of a topic, from the beginning."""
        consumer = KafkaConsumer(bootstrap_servers=self.services.kafka, enable_auto_commit=False,
                                 auto_offset_reset="earliest", group_id=None)
        self.test.addCleanup(consumer.close)
        name = self.topic(topic)
        found = eventually(lambda: consumer.partitions_for_topic(name))
        self.test.assertTrue(found, f"{name} is not there")
        places = [TopicPartition(name, partition) for partition in found]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        return consumer

    def records(self, topic, enough, seconds=60):
        """What kafka-python reads until `enough(records)` is true."""
        consumer, records = self.consumer(topic), []
        end = time.monotonic() + seconds
        while not enough(records):
            self.test.assertLess(time.monotonic(), end,
                                 f"{topic} has {[record.value for record in records[:20]]}{self.logs()}")
            for batch in consumer.poll(timeout_ms=200).values():
                records += batch
        return records

    def committed(self, topic):
        """All that a reader with `read_committed` sees of a topic up to its end."""
        status, text = run("kcat", "-C", "-J", "-q", "-e", "-b", self.services.kafka, "-t",
                           self.topic(topic), "-o", "beginning", "-X",
                           "isolation.level=read_committed", "-X", "check.crcs=true")
        self.test.assertEqual(0, status, text[-2000:])
        return [json.loads(line) for line in text.splitlines()]

    def traces(self, values):
        """Where what was lost is still to be seen: places in the intake, what the shards say of these,
        dead letters, and what the nodes warned of."""
        places = [f"{r['topic']}/{r['partition']}@{r['offset']} {value}" for topic in ("order_topic", "task_topic")
                  for r in self.committed(topic) for value in values if f'"{value}"' in (r["payload"] or "")]
        letters = [row for row in self.sql("select reason, convert_from(value, 'SQL_ASCII') from dead_letters")
                   if any(value in row[-1] for value in values)]
        dull = ("attempt.not_succeeded", "intake.dead_letter")
        warned = [line[:300] for node in self.nodes.values() for line in node.tail(1 << 20).splitlines()
                  if ("level=warning" in line or "level=error" in line) and not any(d in line for d in dull)]
        shards = self.sql("select shard, owner, epoch, position, orders_next, tasks_next from shards order by 1")
        return {"intake": places, "letters": letters, "shards": shards, "warned": warned[-20:]}

    def statuses(self, kind):
        """Status events as objects, each with its `partition`, in order of each partition."""
        records = sorted(self.committed(STATUS_OF[kind]), key=lambda r: (r["partition"], r["offset"]))
        return [json.loads(r["payload"]) | {"partition": r["partition"]} for r in records]

    def assert_positions_increase(self, events):
        """Within a partition; a repeat of the last ones may only come from an owner that was cut off,
        and none is allowed here."""
        last = {}
        for event in events:
            self.test.assertEqual(event["shard"], event["partition"], event)
            before = last.get(event["shard"], 0)
            self.test.assertGreater(event["position"], before, event)
            last[event["shard"]] = event["position"]

    def close(self):
        for node in self.nodes.values():
            if node.alive():
                node.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
