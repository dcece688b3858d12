#!/usr/bin/env python3
"""Arrows go one way: fails on an include against them, and on a foreign library outside its room.

Usage: cmake/check_layers.py [ROOT]. The table is the one of docs/ARCHITECTURE.md.
"""
import pathlib
import re
import sys

# Which rooms a room may include, itself excepted.
ARROWS = {
    "base": set(),
    "domain": {"base"},
    "zones": {"base", "domain"},
    "codec": {"base", "domain"},
    "actors": {"base", "domain", "codec"},
    "cluster": {"base", "domain", "codec", "actors"},
    "bridge": {"base", "domain", "codec"},
    "persistence": {"base", "domain", "codec"},
    "identity": {"base", "domain", "codec"},
    "http": {"base", "domain", "codec"},
    "app": {"base", "domain", "zones", "codec", "actors", "cluster", "bridge", "persistence", "http",
            "identity"},
}
# Where each foreign library may be included: by folder, the nearest one counts.
FOREIGN = {
    "base": {"spdlog", "fmt"},
    "domain": set(),
    "zones": set(),
    "codec": {"nlohmann"},
    "actors": {"caf"},
    "actors/executors": set(),
    "cluster": {"caf", "caf/io", "caf/openssl", "openssl"},
    "bridge": set(),
    "bridge/kafka": {"librdkafka"},
    "bridge/redis": {"hiredis"},
    "bridge/telemetry": set(),
    "persistence": set(),
    "persistence/sqlite": {"sqlite3.h"},
    "persistence/postgres": {"pqxx", "libpq-fe.h"},
    "identity": {"sodium.h", "openssl"},
    "http": {"boost", "openssl"},
    "app": {"caf", "caf/io", "caf/openssl", "CLI", "toml++", "openssl"},
}
LIBRARIES = set().union(*FOREIGN.values())
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def library_of(header):
    """The longest known prefix of a header's path, or None for the standard library and POSIX."""
    parts = header.split("/")
    for length in (2, 1):
        if "/".join(parts[:length]) in LIBRARIES:
            return "/".join(parts[:length])
    return None


def faults_of(path, text):
    """What is wrong in one file; `path` is relative to the root."""
    room, folder = path.parts[0], path.parent
    while folder.as_posix() not in FOREIGN:
        folder = folder.parent
    for quote, header in INCLUDE.findall(text):
        target = header.split("/")[0]
        library = library_of(header)
        if quote == '"' and target in ARROWS and target != room and target not in ARROWS[room]:
            yield f"{path}: {room}/ must not include {header}"
        elif quote == '"' and target in ("tests", "bench"):
            yield f"{path}: product code must not include {header}"
        elif library and library not in FOREIGN[folder.as_posix()]:
            yield f"{path}: {header} is foreign to {folder}/"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    files = [f for room in ARROWS for f in sorted((root / room).rglob("*.[ch]pp"))]
    faults = [fault for f in files
              for fault in faults_of(f.relative_to(root), f.read_text(encoding="utf-8"))]
    print("\n".join(faults + [f"layers: {len(files)} files, {len(faults)} faults"]))
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
