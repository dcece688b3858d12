"""As checker_test.py, of what is sold: mistakes in the stock and in what is undone are found."""
import copy
import unittest

from good_record import good_record, ok

import checker
import ledger


def good_sales():
    """Two orders with stock in one shard: one sold, one whose last step failed and whose steps were undone."""
    history, found = good_record()
    at = "2026-11-21T08:00:00.000000Z"
    told = [("a", "OrderCreated", {"product": "hot", "quantity": 2, "customer": "sell-1", "flow": "sell"}),
            ("a", "OrderFlowBegun", {}), ("a", "OrderStepStarted", {"step": 0, "taskId": "a0"}),
            ("a0", "TaskSubmitted", {"kind": "stock.reserve"}), ("a0", "TaskStarted", {}), ("a0", "TaskSucceeded", {}),
            ("a", "OrderStepEnded", {"step": 0, "taskId": "a0"}), ("a", "OrderConfirmed", {}),
            ("a", "OrderFulfilmentStarted", {}), ("a", "OrderCompleted", {}),
            ("b", "OrderCreated", {"product": "hot", "quantity": 1, "customer": "sell-2", "flow": "break"}),
            ("b", "OrderStepStarted", {"step": 0, "taskId": "b0"}), ("b0", "TaskSubmitted", {"kind": "stock.reserve"}),
            ("b0", "TaskStarted", {}), ("b0", "TaskSucceeded", {}),
            ("b", "OrderConfirmed", {}), ("b", "OrderFulfilmentStarted", {}),
            ("b", "OrderStepStarted", {"step": 1, "taskId": "b1"}), ("b1", "TaskSubmitted", {"kind": "sleep"}),
            ("b1", "TaskStarted", {}), ("b1", "TaskSucceeded", {}),
            ("b", "OrderCompensationStarted", {}),
            ("b", "OrderStepStarted", {"step": 1, "taskId": "b1u", "compensation": True}),
            ("b1u", "TaskSubmitted", {"kind": "noop"}), ("b1u", "TaskStarted", {}), ("b1u", "TaskSucceeded", {}),
            ("b", "OrderStepStarted", {"step": 0, "taskId": "b0u", "compensation": True}),
            ("b0u", "TaskSubmitted", {"kind": "stock.release"}), ("b0u", "TaskStarted", {}),
            ("b0u", "TaskSucceeded", {}), ("b", "OrderFailed", {})]
    before = {}
    for position, (entity, name, more) in enumerate(told, 1):
        event = {"shard": 2, "position": position, "id": entity, "type": name, "at": at} | more
        found.journal.append(event)
        key = "orderId" if entity in "ab" else "taskId"
        view = found.views.setdefault(entity, {key: entity, "version": 0})
        view["version"] += 1
        status = checker.status_after(event)
        if status:
            one = {key: entity, "status": status, "shard": 2, "partition": 2, "topic": key, "position": position}
            found.statuses.append(one | ({"previousStatus": before[entity]} if entity in before else {}))
            before[entity] = view["status"] = status
    found.stock = {"hot": {"product": "hot", "available": ledger.PRODUCTS["hot"] - 2, "held": 0, "taken": 2,
                           "released": 0},
                   "scarce": {"product": "scarce", "available": ledger.PRODUCTS["scarce"], "held": 0, "taken": 0,
                              "released": 0}}
    found.reservations = [("a0", "a", "hot", "2", "1"), ("b0", "b", "hot", "1", "3")]
    return history + [ok("submit-order", "sell-1", "a", 0), ok("submit-order", "sell-2", "b", 0)], found


class PlantedMistakesOfTheStock(unittest.TestCase):
    def findings(self, plant):
        history, found = copy.deepcopy(good_sales())
        plant(found)
        return checker.check(history, found).findings

    def assert_found(self, name, plant):
        findings = self.findings(plant)
        self.assertTrue(any(one.startswith(name) for one in findings), f"{name} not in {findings}")

    def test_a_good_record_passes(self):
        self.assertEqual([], self.findings(lambda _: None))

    def test_stock_that_was_taken_for_nobody_or_not_taken_is_found(self):
        self.assert_found("S12 ledger", lambda found: found.stock["hot"].update(taken=3))
        self.assert_found("S12 ledger", lambda found: found.stock["hot"].update(available=5))
        self.assert_found("S12 below zero", lambda found: found.stock["scarce"].update(available=-1))
        self.assert_found("S12 left over", lambda found: found.stock["hot"].update(held=1))
        self.assert_found("S12 prepared", lambda found: found.prepared.append("orrery/x"))

        def not_given_back(found):
            found.reservations[1] = ("b0", "b", "hot", "1", "1")
        self.assert_found("S12 reservations", not_given_back)

        def not_taken(found):
            found.reservations[0] = ("a0", "a", "hot", "2", "3")
        self.assert_found("S12 reservations", not_taken)

    def test_what_was_not_undone_or_in_another_order_is_found(self):
        def forgotten(found):
            found.journal = [one for one in found.journal if one.get("taskId") != "b0u" and one["id"] != "b0u"]
        self.assert_found("S13 compensation", forgotten)

        def in_the_wrong_order(found):
            places = {one["taskId"]: one for one in found.journal if one.get("compensation")}
            places["b0u"].update(step=1, taskId="b1u")
            places["b1u"].update(step=0, taskId="b0u")
            first = [one for one in found.journal if one.get("compensation")][0]
            first.update(step=0, taskId="b0u")
        self.assert_found("S13 compensation", in_the_wrong_order)

        def failed(found):
            for one in found.journal:
                if one["id"] == "b1u" and one["type"] == "TaskSucceeded":
                    one["type"] = "TaskFailed"
        self.assert_found("S13 compensation", failed)

        def of_one_that_was_sold(found):
            found.journal.append({"shard": 2, "position": len(found.journal), "id": "a", "type": "OrderStepStarted",
                                  "at": "", "step": 0, "taskId": "a0u", "compensation": True})
        self.assert_found("S13 compensation", of_one_that_was_sold)

    def test_an_order_whose_flow_stands_still_is_found(self):
        def stands(found):
            found.views["a"].update(status="CONFIRMED", flow="sell")
        self.assert_found("L1 unfinished", stands)


if __name__ == "__main__":
    unittest.main()
