"""Figures about orders are those of the journal, whatever was killed; and views that are not, are found and mended."""
import collections
import contextlib
import pathlib
import sqlite3
import tempfile
import time
import unittest

from flows_test import Node
from support import BINARY, eventually, run


class Statistics(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="orrery-e2e-")
        self.addCleanup(folder.cleanup)
        self.data = pathlib.Path(folder.name) / "data"
        self.node = Node(self.data)
        self.addCleanup(lambda: self.node.kill())

    def work(self, count):
        self.assertEqual(200, self.node.call("/api/flows", {"name": "one", "steps": [{"name": "a", "kind": "noop"}]})[0])
        for number in range(count):
            wish = {"product": f"p{number % 3}", "quantity": 1 + number % 2, **({"flow": "one"} if number % 2 else {})}
            code, answer = self.node.call("/api/orders", wish)
            self.assertEqual(200, code, answer)

    def figures(self, **filters):
        words = "&".join(f"{name}={value}" for name, value in filters.items())
        code, page = self.node.call(f"/api/statistics/orders?limit=1000&{words}")
        self.assertEqual(200, code, page)
        sums = collections.Counter()
        for row in page["items"]:
            sums[row["product"], row["status"]] += row["orders"]
            sums[row["product"], row["status"], "quantity"] += row["quantity"]
        return sums

    def counted(self):
        """The same from the orders themselves: each was created, and those of the flow went all the way."""
        sums = collections.Counter()
        for order in self.node.call("/api/orders?limit=1000")[1]["items"]:
            ways = ["CREATED"] + (["CONFIRMED", "FULFILLING", "COMPLETED"] if order["status"] == "COMPLETED" else [])
            for status in ways:
                sums[order["product"], status] += 1
                sums[order["product"], status, "quantity"] += order["quantity"]
        return sums

    def test_they_follow_the_journal_through_kills(self):
        for _ in range(3):
            self.work(20)
            self.node.kill()
            self.node.start()
        wanted = lambda: self.node.call("/api/orders?limit=1000")[1]["items"]
        self.assertTrue(eventually(lambda: sum(o["status"] == "COMPLETED" for o in wanted()) == 30))
        self.assertTrue(eventually(lambda: self.figures() == self.counted(), 20), (self.figures(), self.counted()))
        only = self.figures(product="p1", status="COMPLETED,FAILED")
        self.assertEqual({"p1"}, {key[0] for key in only})
        self.assertEqual({"COMPLETED"}, {key[1] for key in only})
        self.assertFalse(self.figures(to="2020-01-01T00:00:00Z"))
        for words, place in [("status=NONE", "status"), ("from=yesterday", "from"), ("limit=0", "limit"),
                             ("colour=red", "colour")]:
            code, problem = self.node.call(f"/api/statistics/orders?{words}")
            self.assertEqual(400, code, problem)
            self.assertIn(place, str(problem))

    def rebuild(self, *options):
        return run(BINARY, "views", "rebuild", "--data", self.data, *options)

    def test_a_rebuild_proves_them_equal_or_says_where_not_and_mends_it(self):
        self.work(30)
        self.assertTrue(eventually(lambda: self.figures() == self.counted(), 20))
        status, text = self.rebuild()  # beside the node at work
        self.assertEqual(0, status, text)
        self.assertIn(": 0 differences", text)
        self.node.kill()
        order = self.damage()
        status, text = self.rebuild()
        self.assertEqual(1, status, text)
        self.assertRegex(text, f"order {order}: the journal says COMPLETED.*listed under another status")
        self.assertIn("is missing", text)
        self.assertIn("the statistics are not those of the journal", text)
        self.assertIn("the counts by status are not those of the journal", text)
        status, text = self.rebuild("--repair")
        self.assertEqual(0, status, text)
        status, text = self.rebuild()
        self.assertEqual((0, True), (status, ": 0 differences" in text), text)
        self.node.start()
        self.assertTrue(eventually(lambda: self.figures() == self.counted(), 20), (self.figures(), self.counted()))
        self.assertEqual("COMPLETED", self.node.call(f"/api/orders/{order}")[1]["status"])

    def damage(self):
        """One order is filed under another status, one task is gone, a figure and a count are wrong. The order's id."""
        with contextlib.closing(sqlite3.connect(self.data / "orrery.db")) as database:
            one = database.execute("select id from orders where status = 4 limit 1").fetchone()
            database.execute("update orders set status = 0 where id = ?", one)
            database.execute("delete from tasks where id in (select id from tasks limit 1)")
            database.execute("update order_statistics set orders = orders + 1")
            shard, counts = database.execute(
                "select a.shard, b.counts from shards a, shards b where a.counts <> b.counts limit 1").fetchone()
            database.execute("update shards set counts = ? where shard = ?", (counts, shard))
            database.commit()
            text = one[0].hex()
            return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


if __name__ == "__main__":
    unittest.main()
