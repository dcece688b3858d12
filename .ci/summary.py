#!/usr/bin/env python3
"""Counts test cases over all tiers.

summary.py record FOLDER NAME passed|failed   one check that is no test program
summary.py ctest FOLDER                       what the last ctest run left in FOLDER/ctest
summary.py unittest FOLDER TESTS              runs the Python tests in the folder TESTS
summary.py file FOLDER FILE                   runs those of one file
summary.py total FOLDER                       prints the sum; exit 1 when one failed or none ran
"""
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as xml

FILE_LIMIT = 900  # seconds of one Python file: none hangs the rest


def record(folder, name, outcome, count=1):
    with open(folder / "counts.jsonl", "a", encoding="utf-8") as out:
        out.write(json.dumps({"name": name, "outcome": outcome, "count": count}) + "\n")


def record_ctest(folder):
    """Cases of GoogleTest programs by their own reports; a program that left none counts as one."""
    reported = {}
    for file in sorted((folder / "ctest").glob("*.json")):
        try:
            report = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            continue  # Cut off by a crash: the program counts as one below.
        cases = [case for suite in report["testsuites"] for case in suite["testsuite"]]
        reported[file.stem] = cases
    for case in xml.parse(folder / "ctest" / "junit.xml").getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        if status in ("notrun", "disabled"):
            record(folder, name, "skipped" if status == "disabled" else "failed")
            continue
        bad = 0
        for test in reported.get(name, []):
            full = f"{name}: {test['classname']}.{test['name']}"
            skipped = test.get("result") == "SKIPPED" or test.get("status") == "NOTRUN"
            outcome = "failed" if test.get("failures") else "skipped" if skipped else "passed"
            bad += outcome == "failed"
            record(folder, full, outcome)
        if status == "fail" and not bad:
            record(folder, f"{name} (crashed, timed out, or failed outside its cases)", "failed")
        elif name not in reported:
            record(folder, name, "passed" if status == "run" else "failed")


class Result(unittest.TextTestResult):
    good = 0

    def addSuccess(self, test):  # noqa: N802, the library's name
        super().addSuccess(test)
        self.good += 1


def run_file(folder, file):
    """The tests of one Python file, in this process."""
    sys.path.insert(0, str(file.parent))
    suite = unittest.defaultTestLoader.discover(str(file.parent), pattern=file.name)
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2, resultclass=Result).run(suite)
    bad = result.failures + result.errors
    for test, _ in bad:
        record(folder, str(test), "failed")
    for test, reason in result.skipped:
        record(folder, f"{test}: {reason}", "skipped")
    if result.good:
        record(folder, f"Python tests of {file.stem}", "passed", result.good)
    return 1 if bad else 0


def run_unittest(folder, tests):
    """Every file in a process of its own, two at a time: they wait more than they compute. A file that says
    `ALONE = True` measures time and runs after the others, by itself."""
    files = sorted(tests.glob("*_test.py"), key=lambda file: -file.stat().st_size)
    alone = [file for file in files if "\nALONE = True\n" in file.read_text(encoding="utf-8")]

    def run(file):
        begun = time.monotonic()
        words = ["timeout", "--kill-after=10", str(FILE_LIMIT), sys.executable, __file__, "file"]
        done = subprocess.run([*words, str(folder), str(file)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
        sys.stderr.write(f"-- {file.stem}: {time.monotonic() - begun:.0f} s\n{done.stdout}")
        sys.stderr.flush()
        if done.returncode not in (0, 1):  # it did not come to its own counting
            why = "hung" if done.returncode in (124, 137) else f"ended with status {done.returncode}"
            record(folder, f"{file.stem} {why}", "failed")
        return done.returncode

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(run, [file for file in files if file not in alone]))
    codes += [run(file) for file in alone]
    return 1 if any(codes) else 0


def total(folder):
    sums = {"passed": 0, "failed": 0, "skipped": 0}
    file = folder / "counts.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for entry in map(json.loads, lines):
        sums[entry["outcome"]] += entry["count"]
        if entry["outcome"] != "passed":
            print(f"{entry['outcome']}: {entry['name']}")
    if sums["skipped"]:
        print(f"{sums['skipped']} skipped")
    print(f"{sums['passed']} passed, {sums['failed']} failed", flush=True)
    return 1 if sums["failed"] or not sums["passed"] else 0


def main():
    verb, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if verb == "record":
        return record(folder, sys.argv[3], sys.argv[4])
    if verb == "ctest":
        return record_ctest(folder)
    if verb == "file":
        return run_file(folder, pathlib.Path(sys.argv[3]).resolve())
    if verb == "unittest":
        return run_unittest(folder, pathlib.Path(sys.argv[3]).resolve())
    return total(folder)


if __name__ == "__main__":
    sys.exit(main())
