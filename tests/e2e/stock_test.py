"""Stock and orders agree, in one file and in two databases: whatever dies, and at whichever step between them.

`ORRERY_STOCK_RUNS=200` repeats the kills that often; without it each point is taken once.
"""
import concurrent.futures
import http.client
import itertools
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

from flows_test import Node as SoloNode
from support import BINARY, CRASH_BINARY, eventually, run
from system import SERVICES, System, services

# How often each is passed before it kills.
POINTS = {"stock-held": 3, "stock-prepare": 3, "stock-prepared": 3, "stock-decided": 3, "stock-finished": 3,
          "stock-forgotten": 1}
RUNS = int(os.environ.get("ORRERY_STOCK_RUNS", len(POINTS) * 2))
ORDERS = 120
TAKES = {"CONFIRMED", "FULFILLING", "COMPLETED"}
REST = {"COMPLETED", "REJECTED", "FAILED", "CANCELLED", "EXPIRED", "COMPENSATION_FAILED"}

RESERVE = {"name": "reserve", "kind": "stock.reserve", "compensate": {"kind": "stock.release"},
           "retry": {"maxAttempts": 50, "initial": "PT0.1S", "max": "PT0.5S"}}
FLOWS = [
    {"name": "sell", "steps": [RESERVE, {"name": "send", "kind": "noop"}]},
    {"name": "break", "steps": [RESERVE, {"name": "send", "kind": "sleep", "retry": {"maxAttempts": 1},
                                          "payload": {"duration": "PT0.02S", "fail": "broke"}}]},
]


def all_of(ask, path):
    items, cursor = [], None
    while True:
        code, page = ask(f"{path}?limit=1000" + (f"&cursor={cursor}" if cursor else ""))
        assert code == 200, page
        items += page["items"]
        cursor = page.get("next")
        if not cursor:
            return items


def retrying(ask, path, body=None):
    """A client that does not give up: the answer to one request, sent again under its key until it comes."""
    for _ in range(300):
        try:
            code, answer = ask(path, body)
            if code < 500 and code != 429:
                return code, answer
        except (OSError, http.client.HTTPException, ValueError):
            pass
        time.sleep(0.1)
    raise AssertionError("no answer")


class Shop:
    """Products and orders, and what must hold between them."""

    def __init__(self, test, ask):
        self.test, self.ask, self.accepted = test, ask, []

    def open(self, **products):
        for flow in FLOWS:
            code, answer = self.ask("/api/flows", flow)
            self.test.assertEqual(200, code, answer)
        for product, available in products.items():
            code, answer = self.ask("/api/products", {"product": product, "available": available})
            self.test.assertEqual(201, code, answer)

    def order(self, number):
        product = ("hot", "hot", "rare", "plain")[number % 4]
        wish = {"product": product, "quantity": 1 + number % 3, "flow": "break" if number % 5 == 0 else "sell"}
        code, answer = retrying(self.ask, "/api/orders", wish)
        self.test.assertEqual(200, code, answer)
        self.accepted.append(answer["orderId"])
        return answer["orderId"]

    def stock(self):
        return {one["product"]: one for one in all_of(self.ask, "/api/products")}

    def agrees(self):
        """Nothing under way, and every unit is where the orders say. The difference, or nothing."""
        orders = all_of(self.ask, "/api/orders")
        # What waits in the intake would move stock after we have looked.
        if unseen := set(self.accepted) - {one["orderId"] for one in orders}:
            return f"{len(unseen)} orders are not seen yet: {sorted(unseen)[:5]}"
        open_ones = [one["status"] for one in orders if one["status"] not in REST]
        if open_ones:
            return f"{len(open_ones)} orders are open: {open_ones[:5]}"
        taken = {}
        for one in orders:
            if one["status"] in TAKES:
                taken[one["product"]] = taken.get(one["product"], 0) + one["quantity"]
        for product, one in self.stock().items():
            if one["available"] < 0 or one["held"] or one["released"] or one["taken"] != taken.get(product, 0):
                return f"{one}, and orders have {taken.get(product, 0)}"
        return ""

    def comes_to_agree(self, seconds=60):
        self.test.assertTrue(eventually(lambda: not self.tolerant(self.agrees), seconds), self.tolerant(self.agrees))

    @staticmethod
    def tolerant(question):
        try:
            return question()
        except (OSError, http.client.HTTPException, ValueError, AssertionError) as away:
            return repr(away)


class Embedded(unittest.TestCase):
    """One node on SQLite: the stock moves in the journal's own transaction."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="orrery-e2e-")
        self.addCleanup(folder.cleanup)
        self.node = SoloNode(pathlib.Path(folder.name) / "data")
        self.addCleanup(lambda: self.node.kill())
        self.shop = Shop(self, self.node.call)

    def ends(self, order, status):
        self.assertTrue(eventually(lambda: self.node.call(f"/api/orders/{order}")[1].get("status") == status),
                        self.node.call(f"/api/orders/{order}"))
        return self.node.call(f"/api/orders/{order}")[1]

    def send(self, **wish):
        code, answer = self.node.call("/api/orders", {"flow": "sell", **wish})
        self.assertEqual(200, code, answer)
        return answer["orderId"]

    def test_products_are_made_adjusted_and_read(self):
        call = self.node.call
        self.assertEqual((201, 7), (lambda code, one: (code, one["available"]))(
            *call("/api/products", {"product": "Lamp", "available": 7})))
        self.assertEqual(409, call("/api/products", {"product": "Lamp"})[0])
        self.assertEqual(4, call("/api/products/Lamp/adjust", {"by": -3, "reason": "broken"})[1]["available"])
        self.assertEqual(409, call("/api/products/Lamp/adjust", {"by": -5})[0])
        for _ in range(2):
            self.assertEqual(9, call("/api/products/Lamp/adjust", {"by": 5, "key": "delivery"})[1]["available"])
        self.assertEqual(404, call("/api/products/Sofa")[0])
        self.assertEqual(404, call("/api/products/Sofa/adjust", {"by": 1})[0])
        self.assertEqual(["Lamp"], [one["product"] for one in call("/api/products")[1]["items"]])

    def test_bad_input_is_refused_with_the_place(self):
        for path, body, place in [
                ("/api/products", {"product": "x", "available": -1}, "available"),
                ("/api/products", {"product": "x", "available": 1.5}, "available"),
                ("/api/products", {"product": "", "available": 1}, "product"),
                ("/api/products", {"product": "x", "avialable": 1}, "avialable"),
                ("/api/products/x/adjust", {}, "by"),
                ("/api/orders", {"product": "x", "quantity": 0}, "quantity"),
                ("/api/orders", {"product": "x", "quantity": 10**9}, "quantity"),
                ("/api/orders", {"product": "x", "quantity": -1}, "quantity"),
                ("/api/tasks", {"kind": "stock.reserve", "ttl": "10s"}, "kind"),
                ("/api/flows", {"name": "f", "steps": [{"name": "a", "kind": "stock.release",
                                                        "compensate": {"kind": "noop"}}]}, "steps[0].compensate"),
                ("/api/flows", {"name": "f", "steps": [{"name": "a", "kind": "stock.reserve", "payload": 3}]},
                 "steps[0].payload"),
                ("/api/flows", {"name": "f", "steps": [{"name": "a", "kind": "noop",
                                                        "compensate": {"kind": "stock.reserve"}}]},
                 "steps[0].compensate.kind"),
                ("/api/flows", {"name": "f", "steps": [{"name": "a", "kind": "nonsense"}]}, "steps[0].kind")]:
            with self.subTest(path=path, body=body):
                code, problem = self.node.call(path, body)
                self.assertIn(code, (400, 422), problem)
                self.assertIn(place, [error["field"] for error in problem["errors"]], problem)

    def test_an_order_takes_or_is_rejected_and_gives_back_what_it_undoes(self):
        self.shop.open(hot=5)
        self.ends(self.send(product="hot", quantity=3), "COMPLETED")
        self.assertIn("too little of hot", self.ends(self.send(product="hot", quantity=3), "REJECTED")["reason"])
        self.assertIn("no product", self.ends(self.send(product="sofa"), "REJECTED")["reason"])
        self.ends(self.send(product="hot", quantity=2, flow="break"), "FAILED")
        self.shop.comes_to_agree()
        self.assertEqual((2, 3), (lambda one: (one["available"], one["taken"]))(self.shop.stock()["hot"]))

    def test_nobody_but_the_node_says_that_stock_is_reserved(self):
        self.shop.open(hot=5)
        order = self.send(product="hot")
        self.ends(order, "COMPLETED")
        task = self.node.call(f"/api/orders/{order}")[1]["steps"][0]["taskId"]
        code, answer = self.node.call(f"/api/tasks/{task}/complete", {"run": 1, "attempt": 1, "result": {}})
        self.assertGreaterEqual(code, 400, answer)

    def test_a_step_that_has_ended_takes_or_gives_back_nothing_by_a_rerun(self):
        self.shop.open(hot=5)
        sold = self.send(product="hot", quantity=2)
        self.ends(sold, "COMPLETED")
        failed = self.send(product="hot", quantity=2, flow="break")
        self.ends(failed, "FAILED")
        self.shop.comes_to_agree()
        for order in (sold, failed):
            for step in self.node.call(f"/api/orders/{order}")[1]["steps"]:
                for task in {step.get("taskId"), step.get("compensationTaskId")} - {None}:
                    if self.node.call(f"/api/tasks/{task}")[1]["kind"].startswith("stock."):
                        code, answer = self.node.call(f"/api/tasks/{task}/rerun", {})
                        self.assertEqual(409, code, answer)
        self.assertEqual("", self.shop.agrees())

    def test_killed_at_any_moment_it_agrees(self):
        self.shop.open(hot=60, rare=10, plain=1000)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            sent = [pool.submit(self.shop.order, number) for number in range(ORDERS)]
            for pause in (0.2, 0.5, 0.3):
                time.sleep(pause)
                self.node.kill()
                self.node.start()
            for one in sent:
                one.result()
        self.shop.comes_to_agree()


class SecondPostgres:
    """The stock's own server."""

    def __init__(self, test):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orrery-stock-"))
        self.folder.chmod(0o755)
        test.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.start()
        test.addCleanup(self.stop)

    def start(self):
        status, text = run(SERVICES, "postgres-up", self.folder)
        assert status == 0, text
        found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.server = found["postgres"].rpartition("/")[0]

    def stop(self):
        run(SERVICES, "postgres-down", self.folder, "--now")

    def sql(self, database, text):
        status, out = run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", f"{self.server}/{database}", "-c", text)
        assert status == 0, out
        return out.split()


_second = []


class TwoDatabases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        services()
        cls.stock = SecondPostgres(cls)

    @classmethod
    def addCleanup(cls, *what, **how):  # both for the class and for each test
        cls.addClassCleanup(*what, **how)

    def system(self, binary=BINARY, nodes=("n1",), environment=None):
        system = System(self, shards=4)
        self.stock.sql("postgres", f"create database {system.database}")
        system.binary = binary
        system.options = ["--set", f"resources.inventory={self.stock.server}/{system.database}",
                          "kafka.session.timeout=2s"]
        system.start(*nodes, mesh=len(nodes) > 1, options=system.options, binary=binary,
                     **({"environment": environment} if environment else {}))
        return system

    def shop_of(self, system):
        def ask(path, body=None):
            living = [node for node in system.nodes.values() if node.alive() and node.address]
            if not living:
                raise OSError("no node lives")
            return living[0].call(path, body, 10)
        return Shop(self, ask)

    def left_prepared(self, system):
        return self.stock.sql(system.database, "select gid from pg_prepared_xacts where database = "
                                               "current_database()")

    def judge(self, system, shop):
        healed = time.monotonic()
        shop.comes_to_agree(90)
        wait = max(0.1, healed + 30 - time.monotonic())
        self.assertTrue(eventually(lambda: not self.left_prepared(system), wait), self.left_prepared(system))
        taken = self.stock.sql(system.database, "select coalesce(sum(quantity), 0) from stock_reservations "
                                                "where state = 1")
        self.assertEqual([str(sum(one["taken"] for one in shop.stock().values()))], taken)

    def orders_until_dead(self, node, shop, pool):
        """Many orders may go with few commits: more come until the point has been passed often enough."""
        sent = [pool.submit(shop.order, number) for number in range(ORDERS)]
        later = itertools.count(ORDERS)

        def reached():
            if node.alive():
                sent.append(pool.submit(shop.order, next(later)))
            return not node.alive()

        self.assertTrue(eventually(reached, 60), f"the point was not reached {node.tail()}")
        return sent

    def one_crash(self, point, nth):
        system = self.system(CRASH_BINARY, environment={"CRASH_AT": f"{point}:{nth}"})
        shop = self.shop_of(system)
        shop.open(hot=60, rare=10, plain=1000)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            node = system.nodes["n1"]
            sent = self.orders_until_dead(node, shop, pool)
            self.assertIn(f"crash point {point} reached", node.log.read_text(errors="replace"))
            system.start("n1", options=system.options, binary=CRASH_BINARY)
            for one in sent:
                one.result()
        self.judge(system, shop)
        system.nodes["n1"].kill()

    @staticmethod
    def nth(point, repeat):
        """Sooner or later; a decision is forgotten once in five seconds, so that the first has to do."""
        return POINTS[point] + (0 if point == "stock-forgotten" else repeat * 2 % 12)

    def test_killed_at_each_step_between_the_two_they_agree(self):
        points = list(POINTS)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = [(point := points[number % len(points)], pool.submit(
                self.one_crash, point, self.nth(point, number // len(points)))) for number in range(RUNS)]
            for point, one in runs:
                with self.subTest(point=point):
                    one.result()
        print(f"\n    {RUNS} kills between the two databases, {ORDERS} orders each", file=sys.stderr)

    def test_either_database_may_be_restarted(self):
        system = self.system(nodes=("n1", "n2"))
        shop = self.shop_of(system)
        shop.open(hot=200, rare=10, plain=1000)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            sent = [pool.submit(shop.order, number) for number in range(3 * ORDERS)]
            for server, stop, start in [("stock", self.stock.stop, self.stock.start),
                                        ("store", system.services.stop_postgres, system.services.start_postgres)] * 2:
                time.sleep(0.5)
                stop()
                time.sleep(0.5)
                start()
            for one in sent:
                one.result()
        self.judge(system, shop)

    def test_orders_without_stock_go_on_while_the_stock_is_away(self):
        system = self.system()
        shop = self.shop_of(system)
        shop.open(hot=5)
        self.assertEqual(200, shop.ask("/api/flows", {"name": "plain", "steps": [{"name": "a", "kind": "noop"}]})[0])
        self.stock.stop()
        try:
            for _ in range(8):
                waiting = shop.ask("/api/orders", {"product": "hot", "flow": "sell"})[1]["orderId"]
            for _ in range(8):
                order = shop.ask("/api/orders", {"product": "advice", "flow": "plain"})[1]["orderId"]
                self.assertTrue(eventually(lambda: shop.ask(f"/api/orders/{order}")[1].get("status") == "COMPLETED", 30))
            self.assertEqual("CREATED", shop.ask(f"/api/orders/{waiting}")[1]["status"])
        finally:
            self.stock.start()
        self.judge(system, shop)

    def test_a_node_that_died_leaves_nothing_prepared_to_the_other(self):
        system = self.system(CRASH_BINARY, ("n1",), {"CRASH_AT": "stock-prepared:2"})
        shop = self.shop_of(system)
        shop.open(hot=60, rare=10, plain=1000)
        system.start("n2", options=system.options, binary=BINARY)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for one in self.orders_until_dead(system.nodes["n1"], shop, pool):
                one.result()
        self.judge(system, shop)

    def test_a_server_that_prepares_nothing_is_refused_at_start(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="orrery-bare-"))
        folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        status, text = run(SERVICES, "postgres-up", folder)
        self.assertEqual(0, status, text)
        url = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)["postgres"]
        run("psql", "-qAtX", "-d", url, "-c", "alter system set max_prepared_transactions = 0")
        run(SERVICES, "postgres-down", folder, "--now")
        self.assertEqual(0, run(SERVICES, "postgres-up", folder)[0])
        self.addCleanup(run, SERVICES, "postgres-down", folder, "--now")
        system = System(self, shards=4)
        node = system.launch("n1", options=["--set", f"resources.inventory={url}"])[0]
        self.assertEqual(2, node.ended(60))
        self.assertIn("max_prepared_transactions", node.log.read_text())


if __name__ == "__main__":
    unittest.main()
