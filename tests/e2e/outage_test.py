"""Kafka away, PostgreSQL away: what is answered meanwhile, and what happens when they are back."""
import http.client
import json
import threading
import time
import unittest

from support import eventually
from system import System

# An answer must come in this time, whatever is broken behind it. Not a measurement: the delivery
# timeout (10 s), with room for a machine under load.
BOUND = 25


def ask(address, path, body=None):
    """Status, headers and JSON."""
    connection = http.client.HTTPConnection(address, timeout=BOUND)
    try:
        connection.request("GET" if body is None else "POST", path,
                           None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), json.loads(answer.read())
    finally:
        connection.close()


class Submitter(threading.Thread):
    """Submits one order after the other, each with a number of its own; keeps every answer."""

    def __init__(self, address, name):
        super().__init__(daemon=True)
        self.address, self.label = address, name
        self.accepted, self.refused, self.broken = {}, {}, []
        self.stopping = threading.Event()

    def run(self):
        number = 0
        while not self.stopping.is_set():
            product = f"{self.label} {number}"
            number += 1
            try:
                code, headers, answer = ask(self.address, "/api/orders", {"product": product})
            except OSError as why:
                self.broken.append(f"{product}: {why!r}")
                continue
            if code == 200:
                self.accepted[product] = answer["orderId"]
            else:
                self.refused[product] = code, headers, answer

    def end(self):
        self.stopping.set()
        self.join(BOUND + 5)
        return self


def created_products(system):
    return [event["product"] for event in system.statuses("orders") if event["status"] == "CREATED"]


class KafkaStopped(unittest.TestCase):
    def setUp(self):
        self.system = System(self)
        [self.node] = self.system.start("solo")
        self.addCleanup(self.system.services.start_kafka)

    def test_post_answers_503_with_retry_after_and_nothing_is_half_done(self):
        system, node = self.system, self.node
        before = Submitter(node.address, "before")
        before.start()
        self.assertTrue(eventually(lambda: len(before.accepted) >= 50))
        system.services.stop_kafka()  # kill -9, while orders are on their way
        self.assertTrue(eventually(lambda: len(before.refused) >= 3), system.logs())
        before.end()
        self.assertEqual([], before.broken, "each POST is answered, and in bounded time")
        self.assertEqual({503}, {code for code, _, _ in before.refused.values()})

        # Once it is known that Kafka is away, the refusal is certain: nothing was sent.
        refused = {}
        for number in range(20):
            for kind, body in (("orders", {"product": f"refused {number}"}), ("tasks", {"kind": "noop"})):
                code, headers, problem = ask(node.address, f"/api/{kind}", body)
                self.assertEqual(503, code, problem)
                self.assertGreaterEqual(int(headers["Retry-After"]), 1)
                self.assertEqual("application/problem+json",
                                 headers["Content-Type"].partition(";")[0])
                self.assertIn("Kafka", problem["detail"])
                refused[f"refused {number}"] = code
        code, headers, problem = ask(node.address, "/api/tasks/batch", [{"kind": "noop"}] * 100)
        self.assertEqual(503, code, problem)
        # Reading needs no Kafka; being ready does.
        self.assertEqual(200, ask(node.address, "/healthz")[0])
        self.assertEqual(503, ask(node.address, "/readyz")[0])
        order = next(iter(before.accepted.values()))
        self.assertEqual(200, ask(node.address, f"/api/orders/{order}")[0])

        system.services.start_kafka()
        # By itself: the process is the same.
        self.assertTrue(eventually(lambda: ask(node.address, "/readyz")[0] == 200), system.logs())
        code, _, answer = ask(node.address, "/api/orders", {"product": "after"})
        self.assertEqual(200, code, answer)
        self.assertTrue(eventually(lambda: "after" in created_products(system)), system.logs())
        self.assertTrue(node.alive())

        wanted = set(before.accepted) | {"after"}
        eventually(lambda: wanted <= set(created_products(system)))
        products = created_products(system)
        self.assertEqual(set(), wanted - set(products), "answered 200, and lost")
        self.assertEqual(len(products), len(set(products)), "one CREATED each")
        # An order nobody said yes to exists only where its record was on the way at the kill: its
        # answer said that it was not known whether Kafka had taken it.
        more = set(products) - wanted
        self.assertEqual(set(), more - set(before.refused))
        for product in more:
            self.assertEqual("/problems/in_doubt", before.refused[product][2]["type"])
        self.assertEqual([["0"]], system.sql("select count(*) from tasks"))
        rows = system.sql("select product from orders")
        self.assertEqual(sorted(products), sorted(row[0] for row in rows))


class PostgresStopped(unittest.TestCase):
    def setUp(self):
        self.system = System(self)
        self.nodes = self.system.start("a", "b", mesh=True)
        self.system.await_owners("a", "b")
        self.addCleanup(self.system.services.start_postgres)

    def submit(self, number):
        node = self.nodes[number % 2]
        code, _, order = ask(node.address, "/api/orders", {"product": f"Order {number}"})
        self.assertEqual(200, code, order)
        code, _, task = ask(node.address, "/api/tasks", {"kind": "noop"})
        self.assertEqual(200, code, task)
        return order["orderId"], task["taskId"]

    def test_post_is_accepted_and_each_is_processed_once_when_it_is_back(self):
        system, services = self.system, self.system.services
        early = [self.submit(number) for number in range(20)]
        services.stop_postgres()
        late = [self.submit(number) for number in range(20, 120)]
        for number, (order, task) in enumerate(late[-10:]):
            for node in self.nodes:  # the one that was asked, and the other
                for path in (f"/api/orders/{order}", f"/api/tasks/{task}"):
                    started = time.monotonic()
                    code, headers, answer = ask(node.address, path)
                    self.assertLess(time.monotonic() - started, BOUND)
                    self.assertIn(code, (200, 503), answer)
                    if code == 200:
                        self.assertEqual("ACCEPTED", answer["status"])
                    else:
                        self.assertIn("Retry-After", headers)
        for node in self.nodes:
            self.assertEqual(200, ask(node.address, "/healthz")[0])
            self.assertEqual(503, ask(node.address, "/readyz")[0])
        services.start_postgres()

        everything = early + late
        self.assertTrue(eventually(lambda: system.sql(
            "select (select count(*) from orders), (select count(*) from tasks where status = 5)") ==
            [[str(len(everything))] * 2], 90), system.logs())
        for node in self.nodes:
            self.assertTrue(node.alive(), "without a restart")
            self.assertTrue(eventually(lambda n=node: ask(n.address, "/readyz")[0] == 200),
                            system.logs())
        self.assertTrue(eventually(
            lambda: len(system.statuses("orders")) >= len(everything) and
            sum(e["status"] == "SUCCEEDED" for e in system.statuses("tasks")) >= len(everything)),
            system.logs())
        orders, tasks = system.statuses("orders"), system.statuses("tasks")
        self.assertEqual(sorted(order for order, _ in everything),
                         sorted(event["orderId"] for event in orders))
        self.assertEqual(sorted(task for _, task in everything),
                         sorted(e["taskId"] for e in tasks if e["status"] == "SUCCEEDED"))
        system.assert_positions_increase(orders)
        system.assert_positions_increase(tasks)
        for order, task in late[:5]:
            code, _, view = ask(self.nodes[0].address, f"/api/orders/{order}")
            self.assertEqual((200, "CREATED"), (code, view["status"]))
            code, _, view = ask(self.nodes[1].address, f"/api/tasks/{task}")
            self.assertEqual((200, "SUCCEEDED"), (code, view["status"]))


if __name__ == "__main__":
    unittest.main()
