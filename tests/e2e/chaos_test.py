"""Ninety seconds of `./dev chaos` with a seed of its own each time, which is printed; and a run without any fault,
which must have no verdict."""
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

import support  # noqa: F401, finds the folder of the chaos run

import chaos
import checker

MINUTES = 1.5
ALONE = True


class NinetySeconds(unittest.TestCase):
    def test_of_random_faults_lose_nothing_and_double_nothing(self):
        seed = random.SystemRandom().randrange(1 << 31)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="orrery-chaos-"))
        one = chaos.Chaos(MINUTES, seed, folder, timed=False)
        self.addCleanup(one.close)
        report = one.run()
        text = chaos.summary(one, report)
        print(f"\n{text}", file=sys.stderr)
        self.assertEqual([], report.findings, f"records in {folder}; ./dev chaos --minutes {MINUTES} "
                                              f"--seed {seed}\n{text}")
        one.close()
        shutil.rmtree(folder)

    def test_without_faults_there_is_no_verdict(self):
        report = checker.Report()
        checker.check_worth(report, [], [], [])
        self.assertTrue(report.findings)


if __name__ == "__main__":
    unittest.main()
