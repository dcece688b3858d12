"""The demo is a promise: it checks what it shows, and says so by its exit status."""
import unittest

from support import Folder, ROOT, run


class TheDemo(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)

    def shows(self, *options):
        status, text = run(ROOT / "examples/demo.py", "--once", "--dir", self.folder.path / "demo",
                           *options, seconds=600)
        if "--cluster" in options:
            run(ROOT / "cluster/launch", "down", "--wipe", "--dir", self.folder.path / "demo")
        self.assertEqual(0, status, text)
        self.assertIn("each of them ended exactly once", text)
        self.assertIn("that process is gone", text)

    def test_keeps_its_promises_on_one_embedded_node(self):
        self.shows()

    def test_keeps_its_promises_on_two_nodes(self):
        self.shows("--cluster")


if __name__ == "__main__":
    unittest.main()
