"""What the end-to-end tests share: the program, and a cluster of it in a folder of its own."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("ORRERY_BINARY", ROOT / "build/release/bin/orrery"))
# The same with crash points (base/crash_point.hpp).
CRASH_BINARY = pathlib.Path(os.environ.get("ORRERY_CRASH_BINARY", BINARY.with_name("orrery_crash")))
sys.path.insert(0, str(ROOT / "tests/chaos"))  # the outside client, its checker, the faults


def run(*words, seconds=300, environment=None, folder=None):
    """A command to its end, in `folder`: status and all it printed. `environment`: more variables."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=seconds, check=False, cwd=folder,
                          env=os.environ | environment if environment else None)
    return done.returncode, done.stdout


def call(address, path, body=None, seconds=30, method=None):
    """One request: status and JSON. A body of bytes is sent as it is."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data=data, method=method,
                                     headers={"Content-Type": "application/json"} if data else {})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


def eventually(question, seconds=60):
    """The first true answer; the last one where there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.05)


class Folder:
    """Removed with all it holds, unless the test asks to keep it."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="orrery-e2e-"))

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Cluster:
    """Kafka, PostgreSQL and nodes by cluster/launch."""

    def __init__(self, *options):
        self.folder = Folder()
        self.dir = self.folder.path / "cluster"
        status, text = self.launch("up", *options)
        if status:
            logs = "".join(f"\n--- {log.name}\n{log.read_text(errors='replace')[-3000:]}"
                           for log in sorted(self.dir.glob("node*.log")))
            self.close()
            raise RuntimeError(f"cluster/launch up failed: {text}{logs}")

    def launch(self, *words):
        return run(ROOT / "cluster/launch", *words, "--dir", self.dir)

    def value(self, name):
        """`kafka` or `postgres`: its address."""
        _, text = self.launch("status")
        return next(line.partition("=")[2] for line in text.splitlines() if line.startswith(name + "="))

    def node(self, number):
        return f"127.0.0.1:{(self.dir / f'node{number}.port').read_text().strip()}"

    def close(self):
        self.launch("down", "--wipe")
        self.folder.remove()
