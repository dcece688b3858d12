"""The checker, of what clients saw: histories and times of answers whose verdict is known."""
import unittest

from good_record import ok

import checker
import linear
import neighbours
from history import Caller


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
