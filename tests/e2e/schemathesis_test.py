"""Schemathesis, a foreign tester, on every route of the description, with an administrator's token:
no answer is 5xx, each has a described status, media type and form."""
import os
import pathlib
import re
import unittest

from secured import SecuredNode
from support import Folder, run

TOOL = pathlib.Path(os.environ.get("ORRERY_CACHE", pathlib.Path.home() / ".cache/orrery")) / "schemathesis/bin/st"
EXAMPLES = os.environ.get("ORRERY_SCHEMATHESIS_EXAMPLES", "30")
# Ends the session it runs in, or takes the only administrator away; or has an answer without an end (live_test.py
# and task_logs_test.py and observability_test.py read those).
LEFT_OUT = "streamEvents|streamLogLines|readTaskLogs|logout|changePassword|deleteUser|deleteSession|updateUser|rotateKeys|deleteKey"


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
                           "examples,coverage,fuzzing,stateful", "--exclude-operation-id-regex", LEFT_OUT, "--suppress-health-check", "all",
                           "--continue-on-failure", "--request-timeout", "60", "--generation-deterministic", "--no-color",
                           seconds=1800, folder=folder.path)
        text = re.sub(r"(\S{400})\S+", r"\1…", text)  # addresses that only fill the screen
        print(text[-1500:], flush=True)
        self.assertEqual(0, status, text[-20000:])
        self.assertEqual(200, node.ask("GET", "/healthz").status)


if __name__ == "__main__":
    unittest.main()
