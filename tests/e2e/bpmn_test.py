"""What we draw is BPMN 2.0 as the OMG's own schema has it, read by a foreign validator."""
import fcntl
import os
import pathlib
import subprocess
import tempfile
import unittest
import zipfile

from lxml import etree

from support import BINARY, ROOT, run

# Carries the OMG's schema files as they are.
CARRIER = "org.camunda.bpm.model:camunda-bpmn-model:7.20.0:jar"
INSIDE = "org/camunda/bpm/model/bpmn/schema/"
CACHE = pathlib.Path(os.environ.get("ORRERY_CACHE", pathlib.Path.home() / ".cache/orrery")) / "bpmn"


def carrier():
    """The jar from Maven Central, fetched once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for _ in range(3):
            for jar in CACHE.glob("camunda-bpmn-model-*.jar"):
                return jar
            subprocess.run(["mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
                            f"-Dartifact={CARRIER}", f"-DoutputDirectory={CACHE}"], stdout=subprocess.DEVNULL,
                           timeout=600, check=False)
    raise RuntimeError("Maven could not fetch " + CARRIER)


class Drawings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="orrery-bpmn-")
        cls.addClassCleanup(folder.cleanup)
        with zipfile.ZipFile(carrier()) as jar:
            for name in jar.namelist():
                if name.startswith(INSIDE) and name.endswith(".xsd"):
                    (pathlib.Path(folder.name) / name.rpartition("/")[2]).write_bytes(jar.read(name))
        cls.schema = etree.XMLSchema(etree.parse(str(pathlib.Path(folder.name) / "BPMN20.xsd")))

    def is_valid(self, text):
        return self.schema.validate(etree.fromstring(text)), self.schema.error_log

    def test_those_in_the_documents_are_valid(self):
        files = sorted((ROOT / "docs/process").glob("*.bpmn"))
        self.assertGreaterEqual(len(files), 3)
        for file in files:
            valid, why = self.is_valid(file.read_bytes())
            self.assertTrue(valid, f"{file.name}: {why}")

    def test_a_flow_of_every_shape_is_valid(self):
        for number, steps in enumerate([
                '[{"name":"a","kind":"noop"}]',
                '[{"name":"a & <b>","kind":"noop"}]'.replace("a & <b>", "a-b"),
                '[{"name":"a","kind":"stock.reserve","compensate":{"kind":"stock.release"}},'
                '{"name":"b","kind":"noop"},{"name":"c","kind":"noop","dependsOn":["a"]},'
                '{"name":"d","kind":"noop","dependsOn":["b","c"],"compensate":{"kind":"noop"}}]']):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(f'{{"name":"flow{number}","description":"x < y & z","steps":{steps}}}')
                file.flush()
                status, text = run(BINARY, "flows", "bpmn", file.name)
            self.assertEqual(0, status, text)
            valid, why = self.is_valid(text.encode())
            self.assertTrue(valid, f"{steps}: {why}")

    def test_a_drawing_that_is_not_bpmn_is_found(self):
        text = (ROOT / "docs/process/order.bpmn").read_text()
        for good, bad in [("<bpmn:outgoing>", "<bpmn:outgoing><bpmn:nonsense/>"), ("isExecutable", "isSomething"),
                          ("<bpmn:startEvent ", "<bpmn:beginEvent ")]:
            broken = text.replace(good, bad, 1).replace("</bpmn:startEvent>", "</bpmn:beginEvent>"
                                                        if "beginEvent" in bad else "</bpmn:startEvent>")
            self.assertFalse(self.is_valid(broken.encode())[0], bad)


if __name__ == "__main__":
    unittest.main()
