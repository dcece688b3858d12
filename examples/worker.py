#!/usr/bin/env python3
"""An external worker, with nothing but Python's standard library.

    examples/worker.py --server http://127.0.0.1:8080 --kinds email,resize [--token T] [--labels gpu,eu]

Takes attempts of the kinds it is asked to, runs `handle` for each in a thread, tells the node that it is
alive, and reports the result. Give handlers of your own in HANDLERS.

What a worker owes: it speaks at least every `heartbeat`; it stops when an answer says `cancel` or
`terminate`; it takes no more work after `quiet`; and a 409 means that the attempt is over, whatever it
has done. The lease is the fence: hand it on to what must not be changed twice.
"""
import argparse
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request


class Cancelled(Exception):
    """The attempt is not wanted any more."""


class Attempt:
    """What a handler sees of its attempt."""

    def __init__(self, worker, item):
        self.worker, self.item = worker, item
        self.payload, self.cursor = item.get("payload"), item.get("cursor")
        self.ended = threading.Event()
        self.cancelled = threading.Event()

    def heartbeat(self, **body):
        """Progress (0 to 1), message, cursor, extend; raises Cancelled where it is over."""
        code, answer = self.worker.report(self.item["lease"], "heartbeat", body)
        if code in (404, 409) or answer.get("cancel") or answer.get("terminate"):
            self.cancelled.set()
            raise Cancelled(answer.get("detail", answer.get("status")))
        if answer.get("quiet"):
            self.worker.quiet.set()

    def keep_alive(self):
        every = seconds_of(self.item.get("heartbeat", "PT60S")) / 3
        while not self.ended.wait(every):
            try:
                self.heartbeat()
            except Cancelled:
                return
            except OSError:
                pass  # the node is away: tried again, as long as the lease lasts


class Worker:
    def __init__(self, server, token="", name="", kinds=(), queues=(), labels=(), most=4):
        self.server, self.token = server.rstrip("/"), token
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.wish = {"worker": self.name, "kinds": list(kinds), "queues": list(queues),
                     "labels": list(labels), "wait": "20s"}
        self.free = threading.Semaphore(most)
        self.most = most
        self.quiet, self.stopping = threading.Event(), threading.Event()

    def call(self, path, body, seconds=30):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.server + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            text = refused.read()
            return refused.code, json.loads(text) if text.startswith(b"{") else {}

    def report(self, lease, verb, body):
        return self.call(f"/api/leases/{lease}/{verb}", body)

    def tell_for_certain(self, lease, verb, body):
        """The node may be away for a moment, or the shard on its way to another."""
        for pause in (0.1, 0.3, 1, 3, 5, 5, 5, 5, 5, 5):
            try:
                code, answer = self.report(lease, verb, body)
                if code not in (429, 500, 502, 503, 504):
                    return code, answer
            except OSError:
                pass
            time.sleep(pause)
        return 503, {}

    def run(self, handlers):
        while not (self.stopping.is_set() or self.quiet.is_set()):
            self.free.acquire()  # one at least must be free before more is asked for
            self.free.release()
            try:
                code, answer = self.call("/api/workers/lease", {**self.wish, "max": 1})
            except OSError as trouble:
                print(f"{self.name}: {trouble}; again in a second", file=sys.stderr)
                time.sleep(1)
                continue
            if code != 200:
                print(f"{self.name}: {code} {answer.get('detail', '')}", file=sys.stderr)
                time.sleep(1)
                continue
            if answer.get("quiet") or answer.get("terminate"):
                self.quiet.set()
            for item in answer["items"]:
                self.free.acquire()
                threading.Thread(target=self.work, args=(Attempt(self, item), handlers),
                                 daemon=True).start()
        for _ in range(self.most):  # what runs is finished
            self.free.acquire()

    def work(self, attempt, handlers):
        threading.Thread(target=attempt.keep_alive, daemon=True).start()
        lease = attempt.item["lease"]
        try:
            result = handlers[attempt.item["kind"]](attempt)
            if not attempt.cancelled.is_set():
                self.tell_for_certain(lease, "complete", {"result": result})
        except Cancelled:
            pass
        except Exception as trouble:  # whatever a handler does wrong is the attempt's failure
            self.tell_for_certain(lease, "fail", {"error": str(trouble),
                                                  "errorCode": type(trouble).__name__})
        finally:
            attempt.ended.set()
            self.free.release()


def seconds_of(iso):
    days, hours, minutes, seconds = re.fullmatch(
        r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?", iso).groups()
    return (int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes or 0) * 60
            + float(seconds or 0))


def echo(attempt):
    """The handler of every kind here: says what it got, after `seconds` of the payload."""
    payload = attempt.payload if isinstance(attempt.payload, dict) else {}
    done, end = attempt.cursor or 0, payload.get("seconds", 0)
    while done < end:
        time.sleep(min(0.1, end - done))
        done = min(end, done + 0.1)
        attempt.heartbeat(progress=done / end, cursor=done)
    if payload.get("fail"):
        raise RuntimeError(payload["fail"])
    return {"worker": attempt.worker.name, "echo": attempt.payload}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--server", default="http://127.0.0.1:8080")
    options.add_argument("--token", default=os.environ.get("ORRERY_TOKEN", ""))
    options.add_argument("--name", default="")
    options.add_argument("--kinds", default="echo")
    options.add_argument("--queues", default="")
    options.add_argument("--labels", default="")
    options.add_argument("--most", type=int, default=4, help="attempts at a time")
    given = options.parse_args()
    words = lambda text: [word for word in text.split(",") if word]
    worker = Worker(given.server, given.token, given.name, words(given.kinds), words(given.queues),
                    words(given.labels), given.most)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    worker.run({kind: echo for kind in words(given.kinds)})


if __name__ == "__main__":
    main()
