"""A wall clock of a node's own, which goes wrong on demand (tests/support/leaping_clock.cpp)."""
import struct

from support import BINARY


class LeapingClock:
    LIBRARY = BINARY.with_name("libleaping_clock.so")

    def __init__(self, file):
        self.file = file
        file.write_bytes(bytes(8))
        file.chmod(0o644)  # nodes may have a user of their own
        self.environment = {"LD_PRELOAD": str(self.LIBRARY), "LEAPING_CLOCK": str(file)}

    def set(self, seconds):
        """Wrong by so many seconds."""
        with self.file.open("r+b") as file:  # in place: it is mapped into memory
            file.write(struct.pack("=q", seconds * 10**9))
