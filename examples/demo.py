#!/usr/bin/env python3
"""The main job, shown and checked: `./dev demo` and `./dev demo --cluster`.

Feeds examples/orders.jsonl and tasks.jsonl to a node by HTTP and watches them: one task succeeds, one
fails and is tried again, one passes its time to live and its process is really gone. Then a node is
killed with -9 half-way through a second batch and started again, and every accepted id must have
reached its end exactly once. The exit status says whether all of it was so.

Options: --cluster (two nodes over Kafka and PostgreSQL), --once (stop everything at the end instead of
leaving it up), --dir DIR, --tasks N and --orders N (size of the second batch), --nodes N.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "build/release/bin/orrery"
CONFIG = ROOT / "examples/orrery.toml"
FINAL = {"SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED"}
FINAL_EVENTS = {"TaskSucceeded", "TaskFailed", "TaskExpired", "TaskCancelled"}
SECONDS_MAX = 120


class Unmet(Exception):
    """Something that the demo claims is not so."""


def say(text=""):
    print(text, flush=True)


def require(condition, sentence):
    if not condition:
        raise Unmet(sentence)
    say(f"  ok  {sentence}")


# --- HTTP ------------------------------------------------------------------------------------------


def call(address, path, body=None, seconds=30):
    """One request; the answer as JSON. Raises urllib.error.HTTPError and OSError."""
    request = urllib.request.Request(f"http://{address}{path}", method="GET" if body is None else "POST")
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, data=data, timeout=seconds) as answer:
        return json.loads(answer.read())


def ask(address, path, body=None):
    """As call(), but patient with 429 and 503: they say `Retry-After`, nothing was done."""
    end = time.monotonic() + SECONDS_MAX
    while True:
        try:
            return call(address, path, body)
        except urllib.error.HTTPError as refused:
            text = refused.read().decode(errors="replace")
            if refused.code not in (429, 503) or time.monotonic() > end:
                raise Unmet(f"{path} answered {refused.code}: {text}") from refused
            time.sleep(min(float(refused.headers.get("Retry-After") or 1), 2))


def read_lines(name):
    text = (ROOT / "examples" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line]


def submit(address, kind, bodies):
    """The ids of a batch, all accepted durably. kind: orders or tasks."""
    items = ask(address, f"/api/{kind}/batch", {"items": bodies})["items"]
    field = "orderId" if kind == "orders" else "taskId"
    if len(items) != len(bodies) or any(item["status"] != "ACCEPTED" for item in items):
        raise Unmet(f"a batch of {len(bodies)} was not accepted whole: {items[:3]}")
    return [item[field] for item in items]


def events_of(address, kind, identity):
    return ask(address, f"/api/{kind}/{identity}/events")["items"]


def name_of(event):
    return event.get("event") or event.get("type") or event.get("name")


# --- nodes -----------------------------------------------------------------------------------------


def process_parent(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(status.rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def is_running(pid):
    """A zombie does not count."""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def processes_below(nodes, argv):
    """Process ids with this command line that descend from one of the nodes."""
    found = set()
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")[:-1]
        except OSError:
            continue
        if [part.decode(errors="replace") for part in command] != argv:
            continue
        parent = process_parent(folder.name)
        while parent > 1 and parent not in nodes:
            parent = process_parent(parent)
        if parent in nodes:
            found.add(int(folder.name))
    return found


def free_or(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return port
        except OSError:
            pass
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Embedded:
    """One node with everything inside, nothing beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.pid_file = folder / "pid"
        self.stop()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.address = f"127.0.0.1:{free_or(8080)}"
        self.starts = 0
        self.process = None

    def start(self):
        self.starts += 1
        log = self.folder / f"log.{self.starts}"
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--config", CONFIG, "--data", self.folder / "data",
                 "--http", self.address, "--store", "sqlite", "--log", "embedded",
                 "--node", "solo", "--auth", "off"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        self.pid_file.write_text(str(self.process.pid), encoding="utf-8")
        end = time.monotonic() + 60
        while not any(line.startswith(b"ready http=") for line in log.read_bytes().splitlines()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Unmet(f"the node is not ready: {log}\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def addresses(self):
        return [self.address]

    def pids(self):
        return {self.process.pid}

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return "the node"

    def restart(self):
        self.start()

    def stop(self):
        try:
            pid = int(self.pid_file.read_text(encoding="utf-8"))
            if b"orrery" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                return
            os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            return
        end = time.monotonic() + 60
        while is_running(pid):
            if time.monotonic() > end:
                raise Unmet(f"process {pid} did not stop in order")
            time.sleep(0.05)

    def how_to_stop(self):
        return f"kill {self.process.pid}"


class Cluster:
    """Nodes over Kafka and PostgreSQL, by cluster/launch."""

    def __init__(self, folder, nodes):
        self.folder = folder
        self.nodes = nodes
        self.launch("down", "--wipe")

    def launch(self, *words):
        done = subprocess.run([ROOT / "cluster/launch", *words, "--dir", self.folder,
                               "--binary", BINARY, "--config", CONFIG],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode and words[0] != "status":
            raise Unmet(f"cluster/launch {' '.join(words)} failed: {done.stdout}")
        return done.stdout

    def start(self):
        say(self.launch("up", "--nodes", str(self.nodes)).rstrip())

    def parts(self):
        """(pid, address) of every node that is up."""
        lines = [line.split() for line in self.launch("status").splitlines()]
        return [(int(words[2].partition("=")[2]), words[3].partition("=")[2])
                for words in lines if words[0].startswith("node") and words[1] == "up"]

    def addresses(self):
        return [address for _, address in self.parts()]

    def pids(self):
        return {pid for pid, _ in self.parts()}

    def kill(self):
        self.launch("kill", str(self.nodes))
        return f"node {self.nodes} of {self.nodes}"

    def restart(self):
        self.launch("start", str(self.nodes))

    def stop(self):
        self.launch("down")

    def how_to_stop(self):
        return "./dev cluster down" + (f" --dir {self.folder}" if self.folder != ROOT / "out/cluster" else "")


# --- the first batch: watched one by one -------------------------------------------------------------


class Table:
    """Redrawn in place on a terminal; elsewhere a line is printed when it changes."""

    def __init__(self):
        self.height = 0
        self.shown = {}

    def show(self, rows):
        if sys.stdout.isatty():
            if self.height:
                print(f"\033[{self.height}A", end="")
            for row in rows.values():
                print("\033[2K" + row)
            self.height = len(rows)
        else:
            for key, row in rows.items():
                if self.shown.get(key) != row:
                    print(row)
            self.shown = dict(rows)
        sys.stdout.flush()


def row_of(kind, identity, state):
    if state["status"] == "ACCEPTED":
        return f"  ACCEPTED   {kind[:-1]} {identity}"
    if kind == "orders":
        what = f"order  {state.get('quantity', '')} x {state.get('product', '')}"
        return f"  {state['status']:<10} {what}"
    # The number of attempts so far, once there is one.
    tries = f"attempt {state['attempt']}" if state.get("attempt") else ""
    reason = state.get("reason") or ""
    return (f"  {state['status']:<10} {state.get('kind', ''):<6} {state.get('description', ''):<54}"
            f" {tries:<10} {reason if reason != 'none' else ''}").rstrip()


def watch(nodes, work, long_argv):
    """Shows the statuses until all have ended; answers with the last states and the processes seen."""
    table, states, processes = Table(), {}, set()
    address = nodes.addresses()[0]
    pids = nodes.pids()
    end = time.monotonic() + SECONDS_MAX
    while True:
        processes |= processes_below(pids, long_argv)
        for kind, identity in work:
            old = states.get(identity, {})
            if old.get("status") not in FINAL:
                states[identity] = ask(address, f"/api/{kind}/{identity}")
        table.show({identity: row_of(kind, identity, states[identity]) for kind, identity in work})
        waiting = [s for kind, i in work if (s := states[i])["status"] not in FINAL and
                   (kind == "tasks" or s["status"] == "ACCEPTED" or s.get("product") == "Concert ticket")]
        if not waiting:
            return states, processes
        if time.monotonic() > end:
            raise Unmet(f"not ended in {SECONDS_MAX} s: {[s['status'] for s in waiting]}")
        time.sleep(0.1)


def print_history(address, identity):
    for event in events_of(address, "tasks", identity):
        details = {key: value for key, value in event.items()
                   if key in ("attempt", "reason", "error", "nextAt", "clock", "worker") and value}
        say(f"      {event.get('at', '')}  {name_of(event):<20} {json.dumps(details) if details else ''}")


def first_batch(nodes):
    address = nodes.addresses()[0]
    orders, tasks = read_lines("orders.jsonl"), read_lines("tasks.jsonl")
    say(f"\n1. {len(orders)} orders and {len(tasks)} tasks, by HTTP to {address}\n")
    ids = submit(address, "orders", orders)
    task_ids = submit(address, "tasks", tasks)
    work = [("orders", i) for i in ids] + [("tasks", i) for i in task_ids]
    states, processes = watch(nodes, work, ["/bin/sleep", "60"])

    def where(test):
        return next(i for i, t in zip(task_ids, tasks) if test(t))

    succeeded = where(lambda t: t["kind"] == "sleep")
    retried = where(lambda t: t.get("payload", {}).get("command") == "fail")
    expired = where(lambda t: t.get("payload", {}).get("command") == "sleep")
    say()
    require(states[succeeded]["status"] == "SUCCEEDED", "one task has succeeded")
    names = [name_of(event) for event in events_of(address, "tasks", retried)]
    require(states[retried]["status"] == "FAILED" and names.count("TaskStarted") == 3,
            "one task has failed after three attempts")
    print_history(address, retried)
    require(states[expired]["status"] == "EXPIRED" and states[expired].get("reason") == "ttl",
            "one task has passed its time to live")
    print_history(address, expired)
    require(processes, f"its process was seen while it ran: {sorted(processes)}")
    require(not any(is_running(pid) for pid in processes), "that process is gone")
    created = [states[i]["status"] for i in ids]
    require(set(created) <= {"CREATED", "EXPIRED"} and "CREATED" in created,
            f"the orders were taken up: {', '.join(created)}")


# --- the second batch: a kill in the middle ----------------------------------------------------------


def second_bodies(count):
    """Half are over at once; the rest take a while, so that the kill finds work under way."""
    return [{"kind": "noop"} if n % 2 else {"kind": "sleep", "payload": {"seconds": 0.2 + n % 7 / 5},
             "ttl": "PT30S"} for n in range(count)]


def in_parts(bodies, size=50):
    return [bodies[n:n + size] for n in range(0, len(bodies), size)]


def check_ends(nodes, kind, ids):
    """How often each id has ended, read from its own history. Waits until all have."""
    addresses = nodes.addresses()
    end = time.monotonic() + SECONDS_MAX
    wanted = {"OrderCreated"} if kind == "orders" else FINAL_EVENTS

    def ends(numbered):
        number, identity = numbered
        while True:
            names = [name_of(e) for e in events_of(addresses[number % len(addresses)], kind, identity)]
            count = sum(name in wanted for name in names)
            if count or time.monotonic() > end:
                return count
            time.sleep(0.2)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(ends, enumerate(ids)))
    bad = {identity: count for identity, count in zip(ids, counts) if count != 1}
    if bad:
        say(f"      not exactly once: {dict(list(bad.items())[:5])}")
    return not bad


def second_batch(nodes, tasks, orders):
    addresses = nodes.addresses()
    say(f"\n2. {tasks} tasks and {orders} orders; kill -9 half-way\n")
    parts = ([("tasks", part) for part in in_parts(second_bodies(tasks))] +
             [("orders", part) for part in
              in_parts([{"product": "Pencil", "quantity": n + 1} for n in range(orders)])])
    parts = parts[::2] + parts[1::2]  # Both kinds before the kill and after it.
    accepted = {"tasks": [], "orders": []}
    half = (len(parts) + 1) // 2
    for n, (kind, bodies) in enumerate(parts[:half]):
        accepted[kind] += submit(addresses[n % len(addresses)], kind, bodies)
    say(f"  {len(accepted['tasks'])} tasks and {len(accepted['orders'])} orders accepted; "
        f"kill -9 of {nodes.kill()}")
    if nodes.addresses() and len(addresses) > 1:
        survivor = addresses[0]
        accepted["tasks"] += submit(survivor, "tasks", [{"kind": "noop"}])
        say(f"  {survivor} has gone on taking work")
    nodes.restart()
    say("  started again")
    for n, (kind, bodies) in enumerate(parts[half:]):
        accepted[kind] += submit(addresses[n % len(addresses)], kind, bodies)
    for kind, ids in accepted.items():
        require(len(set(ids)) == len(ids), f"{len(ids)} {kind} accepted, each with its own id")
        require(check_ends(nodes, kind, ids),
                "each of them ended exactly once" if kind == "tasks" else
                "each of them was created exactly once")


def print_farewell(nodes):
    address = nodes.addresses()[0]
    json_header = "-H 'content-type: application/json'"
    say(f"""
Everything was as promised, and is still up. Try:
  curl -s http://{address}/api/orders {json_header} -d '{{"product":"Laptop","quantity":1}}'
  curl -s http://{address}/api/tasks {json_header} -H 'prefer: wait=5' \\
    -d '{{"kind":"exec","payload":{{"command":"echo","args":{{"text":"hello"}}}},"ttl":"10s"}}'
  curl -s 'http://{address}/api/tasks?status=FAILED'
  curl -s -X POST http://{address}/api/tasks/ID/rerun
  curl -s http://{address}/api/tasks/ID/events
  curl -s http://{address}/metrics
Stop it:
  {nodes.how_to_stop()}""")


def main():
    options = argparse.ArgumentParser(description="The main job, shown and checked.")
    options.add_argument("--cluster", action="store_true")
    options.add_argument("--once", action="store_true")
    options.add_argument("--dir", type=pathlib.Path)
    options.add_argument("--nodes", type=int, default=2)
    options.add_argument("--tasks", type=int, default=600)
    options.add_argument("--orders", type=int, default=200)
    wish = options.parse_args()
    if not BINARY.exists():
        say(f"{BINARY} is not built yet: use ./dev demo")
        return 2
    nodes = None
    try:
        if wish.cluster:
            nodes = Cluster((wish.dir or ROOT / "out/cluster").absolute(), wish.nodes)
        else:
            nodes = Embedded((wish.dir or ROOT / "out/demo").absolute())
        nodes.start()
        first_batch(nodes)
        second_batch(nodes, wish.tasks, wish.orders)
        if not wish.once:
            print_farewell(nodes)
    except (Unmet, OSError, KeyError) as trouble:
        say(f"\nNOT AS PROMISED: {trouble!r}" if not isinstance(trouble, Unmet) else
            f"\nNOT AS PROMISED: {trouble}")
        if nodes:
            say(f"The logs are in {nodes.folder}")
            nodes.stop()
        return 1
    except KeyboardInterrupt:
        if nodes:
            nodes.stop()
        return 130
    if wish.once:
        nodes.stop()
        say("\nEverything was as promised.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
