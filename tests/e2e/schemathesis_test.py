"""Schemathesis, a foreign tester, on every route of the description, with an administrator's token:
no answer is 5xx, each has a described status, media type and form. What it did is read from its own report: a
tester that had tried little, or was let in nowhere, would find nothing as well."""
import collections
import json
import os
import pathlib
import re
import unittest

from secured import SecuredNode
from support import Folder, run

TOOL = pathlib.Path(os.environ.get("ORRERY_CACHE", pathlib.Path.home() / ".cache/orrery")) / "schemathesis/bin/st"
EXAMPLES = os.environ.get("ORRERY_SCHEMATHESIS_EXAMPLES", "30")
# Ends the session it runs in, or takes the only administrator away; or has an answer without an end (live_test.py
# and task_logs_test.py and observability_logs_test.py read those).
LEFT_OUT = "streamEvents|streamLogLines|readTaskLogs|logout|changePassword|deleteUser|deleteSession|updateUser|rotateKeys|deleteKey"
PHASES = ("examples", "coverage", "fuzzing", "stateful")
# These ask for a secret that the tester cannot know; every other route must have let it in.
BY_SECRET = {"POST /api/auth/bootstrap", "POST /api/auth/login", "POST /api/auth/refresh", "POST /api/auth/register"}


def work_of(events):
    """Cases by phase, and those of the phase `stateful` that use what another answer brought."""
    cases, followed = collections.Counter(), 0
    with open(events, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line).get("ScenarioFinished") or {"phase": "", "recorder": {}}
            done = event["recorder"].get("cases", {}).values()
            cases[event["phase"]] += len(done)
            if event["phase"] == "stateful":
                followed += sum(one.get("is_transition_applied", False) or "pool_draws" in one["value"]["meta"]
                                for one in done)
    return +cases, followed


class Schemathesis(unittest.TestCase):
    def test_every_route_answers_as_described_and_never_5xx(self):
        node = SecuredNode("--set", "limits.requests.per.second=0", "auth.access.life=24h")
        self.addCleanup(node.close)
        folder = Folder()  # it keeps what it found in the folder it stands in
        self.addCleanup(folder.remove)
        status, text = run(TOOL, "run", f"http://{node.address}/openapi.json",
                           "--header", f"Authorization: Bearer {node.admin}",
                           "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
                           "response_schema_conformance", "--max-examples", EXAMPLES, "--phases",
                           ",".join(PHASES), "--exclude-operation-id-regex", LEFT_OUT, "--suppress-health-check", "all",
                           "--continue-on-failure", "--request-timeout", "60", "--generation-deterministic", "--no-color",
                           "--report", "json,ndjson", "--report-json-path", folder.path / "report.json",
                           "--report-ndjson-path", folder.path / "events.ndjson",
                           seconds=1800, folder=folder.path)
        text = re.sub(r"(\S{400})\S+", r"\1…", text)  # addresses that only fill the screen
        print(text[-1500:], flush=True)
        self.assertEqual(0, status, text[-20000:])
        self.assertEqual(200, node.ask("GET", "/healthz").status)
        report = json.loads((folder.path / "report.json").read_text())
        cases, followed = work_of(folder.path / "events.ndjson")
        print(f"schemathesis: {report['test_cases']['generated']} cases in {report['running_time']:.0f} s, by phase "
              f"{dict(cases)}, {followed} of them after another's answer; {report['operations']}; "
              f"no way in: {report['warnings']['missing_auth']}", flush=True)
        self.assertTrue(report["complete"])
        self.assertEqual({phase: "success" for phase in PHASES},
                         {phase: report["phases"][phase]["status"] for phase in PHASES})
        self.assertEqual(report["operations"]["selected"], report["operations"]["tested"])
        self.assertGreaterEqual(report["test_cases"]["generated"], 2000)
        self.assertEqual(set(PHASES), set(cases))
        self.assertGreaterEqual(followed, 100)
        self.assertEqual(set(), set(report["warnings"]["missing_auth"]) - BY_SECRET)


if __name__ == "__main__":
    unittest.main()
