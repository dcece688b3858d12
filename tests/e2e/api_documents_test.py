"""What the API says of itself, judged by tools that others wrote."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import urllib.request

from support import BINARY, run
from system import die_with_parent

TOOLS = pathlib.Path(os.environ.get("ORRERY_CACHE", pathlib.Path.home() / ".cache/orrery")) / "node"

PARSE = """
const { Parser } = require('@asyncapi/parser');
const text = require('fs').readFileSync(process.argv[2], 'utf8');
new Parser().parse(text).then(({ document, diagnostics }) => {
  const faults = diagnostics.filter((d) => d.severity <= 1);
  faults.forEach((d) => console.log(d.code, d.message, d.path.join('/')));
  process.exit(document && faults.length === 0 ? 0 : 1);
});
"""

REDOCLY = """
extends: [recommended-strict]
rules:
  no-server-example.com: off
  security-defined: error
  operation-4xx-response: off
"""


class ApiDocuments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="orrery-e2e-")
        cls.dir = pathlib.Path(cls.folder.name)
        cls.node = subprocess.Popen(
            [BINARY, "serve", "--data", cls.dir / "data", "--http", "127.0.0.1:0", "--auth", "off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            preexec_fn=die_with_parent)
        cls.address = cls.node.stdout.readline().split()[1].removeprefix("http=")
        for name in ("openapi", "asyncapi"):
            with urllib.request.urlopen(f"http://{cls.address}/{name}.json", timeout=30) as answer:
                (cls.dir / f"{name}.json").write_bytes(answer.read())

    @classmethod
    def tearDownClass(cls):
        cls.node.terminate()
        cls.node.wait(60)
        cls.node.stdout.close()
        cls.folder.cleanup()

    def test_openapi_is_clean_under_redocly(self):
        (self.dir / "redocly.yaml").write_text(REDOCLY)
        status, text = run("env", "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true",
                           TOOLS / "node_modules/.bin/redocly", "lint", "--format", "stylish",
                           "--config", self.dir / "redocly.yaml", self.dir / "openapi.json")
        self.assertEqual(0, status, text)
        self.assertNotIn("warning", text.lower(), text)

    def test_redocly_does_find_a_fault(self):
        document = json.loads((self.dir / "openapi.json").read_text())
        document["paths"]["/api/tasks"]["post"]["operationId"] = "submitOrder"
        (self.dir / "broken.json").write_text(json.dumps(document))
        status, _ = run("env", "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true",
                        TOOLS / "node_modules/.bin/redocly", "lint", self.dir / "broken.json")
        self.assertNotEqual(0, status)

    def parse_asyncapi(self, file):
        script = self.dir / "parse.js"
        script.write_text(PARSE)
        return run("env", f"NODE_PATH={TOOLS / 'node_modules'}", "node", script, file)

    def test_asyncapi_is_clean_under_its_parser(self):
        status, text = self.parse_asyncapi(self.dir / "asyncapi.json")
        self.assertEqual(0, status, text)

    def test_the_parser_does_find_a_fault(self):
        document = json.loads((self.dir / "asyncapi.json").read_text())
        del document["info"]["title"]
        (self.dir / "broken-asyncapi.json").write_text(json.dumps(document))
        status, _ = self.parse_asyncapi(self.dir / "broken-asyncapi.json")
        self.assertNotEqual(0, status)

    def test_the_page_is_swagger_ui_from_here(self):
        with urllib.request.urlopen(f"http://{self.address}/docs/swagger-ui-bundle.js",
                                    timeout=30) as answer:
            self.assertIn(b"SwaggerUIBundle", answer.read())


if __name__ == "__main__":
    unittest.main()
