"""The checker is believed only because it finds what is planted: a good record passes, and each mistake in
it is found under its own name."""
import copy
import unittest

import support  # noqa: F401, finds the folder of the checker

import checker
import ledger
import linear
import neighbours
from evidence import Evidence
from history import Caller, Operation


def ok(kind, value="", entity=None, at=0.0, answer=None, result="ok", code=200):
    operation = Operation("c", kind, value, entity)
    operation.invoked, operation.returned = at, at + 0.5
    operation.result, operation.code, operation.answer = result, code, answer or {}
    return operation


def good_record():
    """Two orders, three tasks: one by HTTP with two attempts, one at-most-once, one cancelled and run
    again; one submit whose answer was lost and one that never arrived; one bad record."""
    found = Evidence()
    at = "2026-11-21T08:00:00.000000Z"

    def event(shard, position, entity, name, **more):
        found.journal.append({"shard": shard, "position": position, "id": entity, "type": name,
                              "at": at} | more)

    event(0, 1, "o1", "OrderCreated", product="order-1")
    event(0, 2, "t1", "TaskSubmitted", description="task-1", kind="http")
    event(0, 3, "t1", "TaskStarted")
    event(0, 4, "t1", "TaskRetryScheduled")
    event(0, 5, "t1", "TaskQueued")
    event(0, 6, "t1", "TaskStarted")
    event(0, 7, "t1", "TaskSucceeded")
    event(0, 8, "o2", "OrderCreated", product="order-unknown")
    event(1, 1, "t2", "TaskSubmitted", description="task-2", kind="http", delivery="at-most-once")
    event(1, 2, "t2", "TaskStarted")
    event(1, 3, "t2", "TaskSucceeded")
    event(1, 4, "t3", "TaskSubmitted", description="task-3", kind="noop")
    event(1, 5, "t3", "TaskCancelled")
    event(1, 6, "t3", "TaskRerun")
    event(1, 7, "t3", "TaskStarted")
    event(1, 8, "t3", "TaskSucceeded")
    before = {}
    for one in found.journal:
        status, entity = checker.status_after(one), one["id"]
        name = "orderId" if entity.startswith("o") else "taskId"
        told = {name: entity, "status": status, "shard": one["shard"], "partition": one["shard"],
                "topic": name, "position": one["position"]}
        if entity in before:
            told["previousStatus"] = before[entity]
        found.statuses.append(told)
        before[entity] = status
        view = found.views.setdefault(entity, {name: entity, "version": 0})
        view["status"] = status
        view["version"] += 1
    found.effects = [{"task": "t1", "attempt": "1/1/3", "value": "task-1", "key": "t1-1"},
                     {"task": "t1", "attempt": "1/2/4", "value": "task-1", "key": "t1-1"},
                     {"task": "t2", "attempt": "1/1/3", "value": "task-2", "key": "t2-1"}]
    found.letters = ['{"product":"bad-1"']
    found.intake = [
        {"topic": topic, "partition": partition, "offset": offset, "payload": payload}
        for topic, partition, offset, payload in (
            ("orders", 0, 0, '{"product":"order-1"}'), ("orders", 0, 1, '{"product":"bad-1"'),
            ("orders", 0, 2, '{"product":"order-unknown"}'), ("tasks", 0, 0, '{"description":"task-1"}'),
            ("tasks", 1, 0, '{"description":"task-2"}'), ("tasks", 1, 1, '{"description":"task-3"}'),
            ("tasks", 1, 2, '{"description":"task-2"}'))]
    history = [
        ok("submit-order", "order-1", "o1", 0), ok("submit-task", "task-1", "t1", 1),
        ok("submit-task", "task-2", "t2", 2), ok("submit-task", "task-3", "t3", 3),
        ok("submit-order", "order-unknown", None, 4, result="unknown", code=None),
        ok("submit-order", "order-gone", None, 4, result="unknown", code=None),
        ok("produce-bad", "bad-1", None, 5),
        ok("get", entity="t1", at=6, answer={"taskId": "t1", "status": "RETRYING", "run": 1, "version": 3}),
        ok("get", entity="t1", at=7, answer={"taskId": "t1", "status": "SUCCEEDED", "run": 1,
                                             "version": 6}),
        ok("cancel", entity="t3", at=4, answer={"taskId": "t3", "status": "CANCELLED", "run": 1,
                                                "version": 2}),
        ok("rerun", entity="t3", at=5, answer={"taskId": "t3", "status": "QUEUED", "run": 2,
                                               "version": 3}),
        ok("get", entity="t3", at=6, answer={"taskId": "t3", "status": "SUCCEEDED", "run": 2,
                                             "version": 5}),
        ok("cancel", entity="t1", at=8, result="fail", code=409),
        ok("refused", "refused-1", at=9, result="fail", code=422),
    ]
    return history, found


def without(things, **fields):
    return [one for one in things if any(one.get(name) != value for name, value in fields.items())]


class PlantedMistakes(unittest.TestCase):
    def verdict(self, plant=None):
        history, found = copy.deepcopy(good_record())
        if plant:
            history = plant(history, found) or history
        return checker.check(history, found).findings

    def assert_found(self, name, plant):
        findings = self.verdict(plant)
        self.assertTrue(any(one.startswith(name) for one in findings), f"{name} not in {findings}")

    def test_a_good_record_passes(self):
        self.assertEqual([], self.verdict())

    def test_a_lost_record_is_found(self):
        def plant(_, found):
            found.journal = without(found.journal, id="o1")
        self.assert_found("S1 lost", plant)

    def test_another_order_than_that_of_the_intake_is_found(self):
        def plant(_, found):
            found.intake[4]["offset"], found.intake[5]["offset"] = 1, 0
        self.assert_found("S7 order", plant)

    def test_a_record_that_took_effect_in_another_shard_is_found(self):
        def plant(_, found):
            found.intake[3]["partition"] = 1
        self.assert_found("S7 order", plant)

    def test_what_nobody_asked_for_is_found(self):
        self.assert_found("S2 unexpected", lambda history, _: history[1:])

    def test_a_record_that_took_effect_twice_is_found(self):
        def plant(_, found):
            found.journal += [found.journal[0] | {"id": "o9", "position": 9, "shard": 0}]
        self.assert_found("S1 duplicated", plant)

    def test_an_answer_with_another_id_is_found(self):
        def plant(history, _):
            history[0].id = "o7"
        self.assert_found("S9 another id", plant)

    def test_bad_input_without_a_dead_letter_is_found(self):
        def plant(_, found):
            found.letters = []
        self.assert_found("S1 bad input", plant)

    def test_a_trace_of_what_was_refused_is_found(self):
        def in_journal(_, found):
            found.journal += [{"shard": 1, "position": 9, "id": "t9", "type": "TaskSubmitted", "at": "",
                               "description": "refused-1", "kind": "noop"}]

        def as_letter(_, found):
            found.letters += ['{"product":"refused-1"}']
        self.assert_found("S11 trace in journal", in_journal)
        self.assert_found("S11 trace in dead letters", as_letter)

    def test_what_had_to_be_refused_and_was_accepted_is_found(self):
        def plant(history, _):
            history[-1].result = "ok"
        self.assert_found("S11 accepted", plant)

    def test_a_gap_in_the_journal_is_found(self):
        def plant(_, found):
            found.journal = without(found.journal, shard=0, position=4)
        self.assert_found("S6 positions", plant)

    def test_a_forbidden_step_is_found(self):
        def plant(_, found):
            found.journal[4]["type"] = "TaskSucceeded"  # after RETRYING
        self.assert_found("S6 steps", plant)

    def test_a_run_that_ends_twice_is_found(self):
        def plant(_, found):
            found.journal += [{"shard": 1, "position": 9, "id": "t3", "type": "TaskFailed", "at": ""}]
        self.assert_found("S6 ends", plant)

    def test_at_most_once_work_started_again_is_found(self):
        def plant(_, found):
            found.journal += [{"shard": 1, "position": 9, "id": "t2", "type": "TaskStarted", "at": ""}]
        self.assert_found("S6 at-most-once", plant)

    def test_a_view_that_is_behind_is_found(self):
        def plant(_, found):
            found.views["t1"]["version"] -= 1
        self.assert_found("S6 views", plant)

    def test_a_view_that_says_something_else_is_found(self):
        def plant(_, found):
            found.views["t2"]["status"] = "FAILED"
        self.assert_found("S6 views", plant)

    def test_a_status_that_was_never_published_is_found(self):
        def plant(_, found):
            del found.statuses[-1]
        self.assert_found("S10 unpublished", plant)

    def test_a_status_without_a_commit_is_found(self):
        def plant(_, found):
            found.statuses += [found.statuses[-1] | {"position": 9}]
        self.assert_found("S10 invented", plant)

    def test_a_status_that_says_something_else_is_found(self):
        def plant(_, found):
            found.statuses[-1]["status"] = "FAILED"
        self.assert_found("S10 invented", plant)

    def test_statuses_out_of_order_are_found(self):
        def plant(_, found):
            found.statuses[2], found.statuses[3] = found.statuses[3], found.statuses[2]
        self.assert_found("S10 order", plant)

    def test_a_repeated_tail_of_statuses_is_allowed_and_counted(self):
        history, found = good_record()
        found.statuses += copy.deepcopy(found.statuses[-2:])
        report = checker.check(history, found)
        self.assertEqual(([], 2), (report.findings, report.counts["repeats"]))

    def test_a_doubled_effect_is_found(self):
        def plant(_, found):
            found.effects.append(found.effects[0])
        self.assert_found("S4 doubled", plant)

    def test_a_missing_effect_is_found(self):
        def plant(_, found):
            del found.effects[2]
        self.assert_found("S4 no effect", plant)

    def test_a_second_effect_of_at_most_once_work_is_found(self):
        def plant(_, found):
            found.effects.append(found.effects[2] | {"attempt": "1/1/4"})
        self.assert_found("S4 at-most-once", plant)

    def test_an_effect_from_nowhere_is_found(self):
        def plant(_, found):
            found.effects.append({"task": "t8", "attempt": "1/1/1", "value": "task-8", "key": ""})
        self.assert_found("S2 effects", plant)

    def test_work_that_never_ends_is_found(self):
        def plant(_, found):
            found.views["t3"]["status"] = "RUNNING"
        self.assert_found("L1 unfinished", plant)

    def test_a_read_of_the_past_is_found(self):
        def plant(history, _):
            history.append(ok("get", entity="t1", at=9, answer={"taskId": "t1", "status": "SUCCEEDED",
                                                                "run": 1, "version": 5}))
        self.assert_found("S8 backwards", plant)

    def test_a_cancel_that_was_answered_and_forgotten_is_found(self):
        def plant(history, _):
            history.append(ok("get", entity="t3", at=4.6, answer={"taskId": "t3", "status": "RUNNING",
                                                                  "run": 1}))
        self.assert_found("S8 history", plant)

    def test_a_run_without_faults_or_success_is_no_verdict(self):
        history, _ = good_record()
        for windows, proofs, change in (([], [("kill", True)], None), ([(0, 9)], [], None),
                                        ([(0, 9)], [("kill", False)], None),
                                        ([(0, 9)], [("kill", True)], "fail")):
            report = checker.Report()
            for one in history:
                one.result = change or one.result
            checker.check_worth(report, history, windows, proofs)
            self.assertTrue(report.findings and report.findings[0].startswith("no verdict"))
        report = checker.Report()
        checker.check_worth(report, good_record()[0], [(0, 9)], [("kill", True)])
        self.assertEqual([], report.findings)


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


class Linearizability(unittest.TestCase):
    """Histories whose verdict is known: (call, end, operation, result, answer)."""

    submit = (0, 1, "submit", "ok", {})

    def get(self, begin, end, status, run=1):
        return begin, end, "get", "ok", {"status": status, "run": run}

    def assert_good(self, *calls):
        self.assertIsNone(linear.first_impossible(calls))

    def assert_bad(self, *calls):
        self.assertIsNotNone(linear.first_impossible(calls))

    def test_a_life_from_submit_to_success(self):
        self.assert_good(self.submit, self.get(2, 3, "RUNNING"), self.get(4, 5, "SUCCEEDED"))

    def test_a_read_at_the_same_time_may_see_either(self):
        cancel = (2, 6, "cancel", "ok", {"run": 1})
        self.assert_good(self.submit, cancel, self.get(3, 4, "RUNNING"))
        self.assert_good(self.submit, cancel, self.get(3, 4, "CANCELLED"))

    def test_two_reads_may_not_go_back(self):
        self.assert_bad(self.submit, self.get(2, 3, "SUCCEEDED"), self.get(4, 5, "RUNNING"))

    def test_overlapping_reads_may_be_told_in_either_order(self):
        self.assert_good(self.submit, self.get(2, 5, "SUCCEEDED"), self.get(3, 4, "RUNNING"))

    def test_a_task_does_not_exist_before_it_is_asked_for(self):
        self.assert_bad((4, 5, "submit", "ok", {}), self.get(1, 2, "QUEUED"))

    def test_what_was_accepted_is_never_absent(self):
        self.assert_bad(self.submit, self.get(2, 3, "ABSENT"))
        self.assert_good(self.submit, self.get(0.5, 3, "ABSENT"))

    def test_cancel_and_complete_never_both_win(self):
        cancel = (2, 3, "cancel", "ok", {"run": 1})
        self.assert_bad(self.submit, cancel, self.get(4, 5, "SUCCEEDED"))
        self.assert_bad(self.submit, self.get(1, 2, "SUCCEEDED"), (3, 4, "cancel", "ok", {"run": 1}))
        self.assert_good(self.submit, self.get(1, 2, "SUCCEEDED"), (3, 4, "cancel", "refused", {}))
        self.assert_bad(self.submit, (1, 2, "cancel", "refused", {}), self.get(3, 4, "RUNNING"))

    def test_a_rerun_begins_the_next_run(self):
        again = (4, 5, "rerun", "ok", {})
        self.assert_good(self.submit, self.get(2, 3, "FAILED"), again, self.get(6, 7, "RUNNING", 2))
        self.assert_bad(self.submit, self.get(2, 3, "FAILED"), again, self.get(6, 7, "FAILED", 1))
        self.assert_bad(self.submit, self.get(2, 3, "FAILED"), self.get(6, 7, "RUNNING", 2))

    def test_an_unknown_cancel_may_have_happened_late_or_never(self):
        unknown = (2, 3, "cancel", "unknown", {})
        self.assert_good(self.submit, unknown, self.get(4, 5, "RUNNING"), self.get(6, 7, "CANCELLED"))
        self.assert_good(self.submit, unknown, self.get(4, 5, "SUCCEEDED"))
        self.assert_bad(self.submit, self.get(1.5, 1.8, "CANCELLED"), unknown)

    def test_an_unknown_submit_may_appear_and_not_disappear(self):
        unknown = (0, 1, "submit", "unknown", {})
        self.assert_good(unknown, self.get(2, 3, "ABSENT"), self.get(4, 5, "QUEUED"))
        self.assert_bad(unknown, self.get(2, 3, "QUEUED"), self.get(4, 5, "ABSENT"))

    def test_twenty_operations_at_once_are_judged(self):
        calls = [(0, 100, "get", "ok", {"status": "QUEUED" if n % 2 else "RUNNING", "run": 1})
                 for n in range(18)]
        self.assert_good(self.submit, *calls, self.get(101, 102, "SUCCEEDED"))


class WhatAClientKnows(unittest.TestCase):
    def test_a_timeout_and_a_broken_connection_are_never_a_certain_failure(self):
        self.assertEqual("unknown", Caller.judge(500, {}))
        self.assertEqual("unknown", Caller.judge(504, {}))
        self.assertEqual("unknown", Caller.judge(503, {"type": "/problems/in_doubt"}))
        self.assertEqual("fail", Caller.judge(503, {"type": "/problems/unavailable"}))
        self.assertEqual("fail", Caller.judge(409, {}))
        self.assertEqual("ok", Caller.judge(200, {}))


class Neighbours(unittest.TestCase):
    """L2 and L4."""

    @staticmethod
    def calls(count, begin, seconds, code=200):
        made = []
        for number in range(count):
            one = ok("submit-task", f"v{begin}-{number}", at=begin + number * 0.01, code=code)
            one.returned = one.invoked + seconds
            made.append(one)
        return made

    def findings(self, history):
        report = checker.Report()
        neighbours.check_neighbours(report, history, [(0, 10)], [(20, 60)])
        return report.findings

    def test_who_asks_in_order_is_answered_as_before(self):
        self.assertEqual([], self.findings(self.calls(100, 0, 0.1) + self.calls(100, 20, 0.3)))

    def test_refusals_and_silence_beside_others_are_found(self):
        for code in (503, 429, None):
            found = self.findings(self.calls(100, 0, 0.1) + self.calls(98, 20, 0.1) + self.calls(2, 30, 0.1, code))
            self.assertTrue(found and found[0].startswith("L2 neighbours: 2 of 100"), found)

    def test_slowness_beside_others_is_found(self):
        found = self.findings(self.calls(100, 0, 0.1) + self.calls(100, 20, 2.0))
        self.assertTrue(found and found[0].startswith("L2 neighbours: p99"), found)

    def test_a_node_that_says_it_is_ready_without_its_database_is_found(self):
        for ready, found in ((False, 0), (None, 0), (True, 1)):
            report = checker.Report()
            neighbours.check_honesty(report, [(1.0, 1.1, "a", True), (8.0, 8.1, "a", ready)],
                                     [("store", 0.5, 10.0)])
            self.assertEqual(found, len(report.findings), report.findings)


if __name__ == "__main__":
    unittest.main()
