"""What `orrery` as a client tells of itself: completion for the shells, the manual page, help."""
import re
import subprocess
import unittest

from api_client import Client
from support import BINARY, ROOT, run


class Documents(Client):
    def test_bash_completes_nouns_verbs_options_and_values(self):
        (self.folder.path / "bin").mkdir()
        (self.folder.path / "bin/orrery").symlink_to(BINARY)
        self.environment["PATH"] = f"{self.folder.path / 'bin'}:{self.environment['PATH']}"

        def complete(*words):
            script = (f"{self.orrery('completion', 'bash')}\nCOMP_WORDS=({' '.join(words)} '')\n"
                      if words[-1] == "" else
                      f"{self.orrery('completion', 'bash')}\nCOMP_WORDS=({' '.join(words)})\n")
            script += f"COMP_CWORD={len(words) - 1}\n_orrery\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
            done = subprocess.run(["bash", "-c", script], env=self.environment, stdout=subprocess.PIPE,
                                  text=True, check=True, timeout=60)
            return done.stdout.split()
        self.assertEqual(["tasks"], complete("orrery", "tas"))
        self.assertIn("submit", complete("orrery", "tasks", ""))
        self.assertEqual(["--created-from"], complete("orrery", "tasks", "list", "--created-f"))
        self.assertEqual(["RUNNING", "RETRYING"], sorted(complete("orrery", "tasks", "list", "--status", "R"),
                                                         reverse=True))
        self.assertEqual(["yaml"], complete("orrery", "tasks", "list", "-o", "y"))
        self.assertEqual(["iso"], complete("orrery", "task", "ls", "--time-format", "i"))
        self.assertEqual(["--follow"], complete("orrery", "logs", "--fol"))
        self.assertIn("preview", complete("orrery", "cron", ""))

    def test_zsh_and_fish_take_their_scripts(self):
        for shell, check in (("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
            file = self.folder.path / f"script.{shell}"
            file.write_text(self.orrery("completion", shell))
            status, text = run(*check, file)
            self.assertEqual(0, status, text)
            broken = self.folder.path / f"broken.{shell}"
            broken.write_text("if true; (((\n")
            self.assertNotEqual(0, run(*check, broken)[0], "the judge finds a fault")

    def test_the_manual_page_names_every_command_and_exit_status(self):
        page = self.folder.path / "orrery.1"
        page.write_text(self.orrery("man"))
        status, text = run("bash", "-c", f"groff -man -Tutf8 -ww -rLL=200n {page} 2>&1 >/dev/null")
        self.assertEqual((0, ""), (status, text), "troff has nothing to say against it")
        _, text = run("bash", "-c", f"groff -man -Tascii -P-cbou -rLL=200n {page}")
        text = re.sub(r"\s+", " ", text)
        for words in ("tasks submit", "serve", "cron next", "cluster init", "keys create", "login",
                      "EXIT STATUS", "--created-from", "ORRERY_TOKEN", "ORRERY_OUTPUT", "dlq for letters",
                      "server dev"):
            self.assertIn(words, text)
        for line in (ROOT / "docs/cli.md").read_text().splitlines():
            if match := re.match(r"\| (\d) \| (.+) \|", line):
                self.assertIn(f"{match.group(1)} {match.group(2)}", text)

    def test_help_is_there_for_every_noun(self):
        nouns = [line.split()[0].rstrip(",") for line in self.orrery("--help").partition("Subcommands:")[2].splitlines() if line]
        self.assertIn("orders", nouns)
        for noun in nouns:
            self.assertIn("sage", self.orrery(noun, "--help"))


if __name__ == "__main__":
    unittest.main()
