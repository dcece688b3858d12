"""Drops packets of one node by the kernel's own filter. A node that shall be cut off runs under a user id of
its own, by which its packets are known; nobody else on the machine is touched. Needs root and `nft`."""
import os
import shutil

from support import run


def possible():
    if os.geteuid() != 0 or not shutil.which("nft"):
        return False
    status, _ = run("nft", "list", "tables")
    return status == 0


class Filter:
    """One table, removed as a whole."""

    def __init__(self, name):
        self.table = name

    def nft(self, text):
        status, out = run("nft", text)
        if status:
            raise RuntimeError(f"nft {text}: {out}")
        return out

    def open(self):
        self.nft(f"add table inet {self.table}")
        self.nft(f"add chain inet {self.table} out {{ type filter hook output priority 0; }}")

    def drop(self, user, ports, how="drop", direction="dport"):
        """What the node sends to these ports (`dport`), or answers from them (`sport`). `how`: `drop`,
        `reject with tcp reset`, or with a condition before it."""
        listed = ", ".join(str(port) for port in sorted(ports))
        verdict = how.rpartition("|")[2]
        condition = how.rpartition("|")[0]
        self.nft(f"add rule inet {self.table} out meta skuid {user} tcp {direction} {{ {listed} }} "
                 f"{condition} counter {verdict}")

    def dropped(self):
        words = self.nft(f"list table inet {self.table}").split()
        return sum(int(words[i + 1]) for i, word in enumerate(words) if word == "packets")

    def heal(self):
        self.nft(f"flush chain inet {self.table} out")

    def close(self):
        run("nft", "delete", "table", "inet", self.table)
