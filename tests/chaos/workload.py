"""The client: what many users would ask at once. Each value is unique, so that what becomes of it can be
told; each operation is noted before the next begins."""
import collections
import datetime
import random
import threading
import time

from history import Caller, Operation

# What a client does, and how often. `left-open` in a description: need not end during the run.
MIX = (("order", 22), ("noop", 14), ("sleep", 10), ("http", 14), ("http-once", 8), ("http-failing", 6),
       ("later", 5), ("keyed", 8), ("cancel", 6), ("rerun", 3), ("get", 14), ("refused", 4))
RETRY = {"maxAttempts": 50, "kind": "fixed", "initial": "200ms", "jitter": 0}
FINAL = ("SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED")


class Client(threading.Thread):
    """One thread, one seed, one operation after the other until it is stopped or `quota` were ok."""

    def __init__(self, work, number):
        super().__init__(name=f"client-{number}", daemon=True)
        self.work, self.number = work, number
        self.dice = random.Random(f"{work.seed}/{number}")
        self.caller = Caller(self.name, work.history, work.timeout)
        self.made, self.count, self.trouble = collections.deque(maxlen=40), 0, None
        self.avoided = {}

    def run(self):
        try:
            while not self.work.over(self):
                began = time.monotonic()
                done = self.one()
                pause = self.work.pause if done is None or done.result == "ok" else 0.05
                time.sleep(max(0.0, pause - (time.monotonic() - began)))
        except Exception as trouble:  # noqa: BLE001, told to whoever waits for us
            self.trouble = trouble
        finally:
            self.caller.close()

    def one(self):
        names, weights = zip(*self.work.mix)
        return getattr(self, "do_" + self.dice.choices(names, weights)[0].replace("-", "_"))()

    def fresh(self, kind):
        self.count += 1
        return f"{self.work.name}-{kind}-{self.number}-{self.count}"

    def call(self, operation, path, body=None, headers=None):
        now, addresses = time.monotonic(), self.work.addresses()
        address = self.dice.choice([one for one in addresses if self.avoided.get(one, 0) < now]
                                   or addresses)
        done = self.caller.call(operation, address, path, body, headers)
        if done.code is None:  # nobody there: for a moment the others are asked
            self.avoided[address] = now + 0.5
        if done.result == "ok" and done.kind.startswith("submit"):
            done.id = done.answer.get("taskId") or done.answer.get("orderId")
            if "taskId" in done.answer:
                self.made.append(done.id)
        return done

    def submit(self, name, body, headers=None):
        value = self.fresh(name)
        return self.call(Operation(None, "submit-task", value), "/api/tasks",
                         {"description": value, "retry": RETRY} | body, headers)

    def do_order(self):
        value = self.fresh("order")
        return self.call(Operation(None, "submit-order", value), "/api/orders",
                         {"product": value, "quantity": self.dice.randint(1, 9)})

    def do_sell(self):
        """An order that takes from the stock; some cannot be fulfilled, some are taken back."""
        value = self.fresh("sell")
        done = self.call(Operation(None, "submit-order", value), "/api/orders",
                         {"product": self.dice.choice(("hot", "hot", "scarce")), "customer": value,
                          "quantity": self.dice.randint(1, 3), "flow": self.dice.choice(("sell", "sell", "break"))})
        if done.result == "ok" and self.dice.random() < 0.2:
            self.call(Operation(None, "cancel-order", entity=done.id), f"/api/orders/{done.id}/cancel", {})
        return done

    def do_noop(self):
        return self.submit("noop", {"kind": "noop", "priority": self.dice.randint(1, 5)})

    def do_sleep(self):
        return self.submit("sleep", {"kind": "sleep",
                                     "payload": {"seconds": self.dice.choice((0.01, 0.3, 1.5))}})

    def do_later(self):
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
            seconds=self.dice.choice((0.2, 1.5)))
        return self.submit("later", {"kind": "noop", "runAt": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")})

    def do_exec(self):
        return self.submit("exec", {"kind": "exec", "payload": {"command": "sleep",
                                                                "args": {"seconds": "0.2"}}})

    def http_task(self, name, query, more):
        value = self.fresh(name)
        body = {"kind": "http", "description": value, "retry": RETRY, "ttl": "20s",
                "payload": {"url": f"http://{self.work.sink}/{query}", "body": {"value": value},
                            "timeout": "10s"}} | more
        return self.call(Operation(None, "submit-task", value), "/api/tasks", body)

    def do_http(self):
        return self.http_task("http", self.dice.choice(("", "?delay=0.2", "?delay=1")), {})

    def do_http_once(self):
        return self.http_task("once", self.dice.choice(("", "?delay=0.5")),
                              {"delivery": "at-most-once"})

    def do_http_failing(self):
        return self.http_task("failing", f"?fail={self.dice.randint(1, 3)}", {})

    def do_keyed(self):
        """Asks again with the same key until the answer is known: it must be the same id."""
        value = self.fresh("keyed")
        done = None
        for _ in range(self.dice.randint(1, 3)):
            done = self.call(Operation(None, "submit-task", value), "/api/tasks",
                             {"kind": "noop", "description": value, "retry": RETRY},
                             {"Idempotency-Key": value})
            if done.result == "fail" or self.work.over(self):
                break
        return done

    def do_refused(self):
        """What must be refused, and leave nothing behind."""
        value = self.fresh("refused")
        path, body = self.dice.choice((
            ("/api/tasks", {"kind": "no-such-kind", "description": value}),
            ("/api/tasks", {"kind": "noop", "ttl": "never", "description": value}),
            ("/api/orders", {"product": value, "quantity": -1}),
            ("/api/orders", {"quantity": 1, "customer": value})))
        return self.call(Operation(None, "refused", value), path, body)

    def do_get(self):
        if not self.made:
            return None
        task = self.dice.choice(self.made)
        return self.call(Operation(None, "get", entity=task), f"/api/tasks/{task}")

    def do_cancel(self):
        if not self.made:
            return None
        task = self.made[-1]
        return self.call(Operation(None, "cancel", entity=task), f"/api/tasks/{task}/cancel", {})

    def do_rerun(self):
        if not self.made:
            return None
        task = self.dice.choice(self.made)
        return self.call(Operation(None, "rerun", entity=task), f"/api/tasks/{task}/rerun", {})


class Producer(threading.Thread):
    """A stranger who writes to the intake topics: good records, some of them twice, and bad ones.

    `send(topic, key, value)` returns once the broker has it, or raises."""

    def __init__(self, work, send):
        super().__init__(name="producer", daemon=True)
        self.work, self.send, self.trouble = work, send, None
        self.dice = random.Random(f"{work.seed}/producer")

    def run(self):
        number = 0
        try:
            while not self.work.over(self):
                number += 1
                self.one(number)
                time.sleep(self.work.pause * 2)
        except Exception as trouble:  # noqa: BLE001
            self.trouble = trouble

    def one(self, number):
        value = f"{self.work.name}-kafka-{number}"
        which = self.dice.choice(("order", "task", "task", "twice", "bad", "bad"))
        if which == "bad":
            value = f"{self.work.name}-bad-{number}"
            body = self.dice.choice((
                f'{{"product":"{value}"', f'{{"quantity":"{value}"}}', f'["{value}"]',
                f'{{"kind":"no-such-kind","description":"{value}"}}',
                f'{{"kind":"noop","ttl":"never","description":"{value}"}}', value))
            return self.produce("produce-bad", "task_topic", value, value, body)
        if which == "order":
            return self.produce("produce", "order_topic", value, value,
                                f'{{"orderId":"{value}","product":"{value}"}}')
        body = f'{{"taskId":"{value}","kind":"noop","description":"{value}"}}'
        for _ in range(2 if which == "twice" else 1):
            self.produce("produce", "task_topic", value, value, body)
        return None

    def produce(self, kind, topic, value, key, body):
        operation = Operation("producer", kind, value)
        operation.invoked = time.monotonic()
        try:
            self.send(topic, key.encode(), body.encode())
            operation.result = "ok"
        except Exception as broken:  # noqa: BLE001, whatever it is: nobody knows
            operation.answer = {"error": repr(broken)}
        operation.returned = time.monotonic()
        self.work.history.add(operation)


class Work:
    """Clients and how they are ended. `addresses()`: where a client may ask now."""

    def __init__(self, name, seed, history, addresses, sink, clients=4, pause=0.02, quota=None, mix=MIX,
                 timeout=10.0):
        self.name, self.seed, self.history, self.addresses = name, seed, history, addresses
        self.sink, self.pause, self.quota, self.mix = sink, pause, quota, mix
        self.timeout = timeout
        self.stopping = threading.Event()
        self.threads = [Client(self, number) for number in range(clients)]

    def over(self, _client):
        return self.stopping.is_set() or (
            self.quota is not None and self.history.count("ok") >= self.quota)

    def add_producer(self, send):
        self.threads.append(Producer(self, send))

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        self.join()

    def join(self, seconds=120):
        end = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.1, end - time.monotonic()))
            if thread.is_alive():
                raise RuntimeError(f"{thread.name} does not end")
            if thread.trouble:
                raise RuntimeError(f"{thread.name} failed") from thread.trouble
