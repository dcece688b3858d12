"""The checker is believed only because it finds what is planted: a good record passes, and each mistake in
it is found under its own name."""
import copy
import unittest

from good_record import good_record, ok

import checker


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


if __name__ == "__main__":
    unittest.main()
