"""What an engine has on its machine: taken before a test and after it, the two must be equal."""

import os
import re
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from tests.support.engine import OwnEngine, list_processes

SETTLES_WITHIN_S = 8  # the kernel takes a network apart when it finds time

Snapshot = dict[str, Counter[str]]

# Tables that grow by design, and whose rows hold nothing open.
GROWING_TABLES = {"events", "counters", "schema", "schema_version", "migrations"}
# Folders where every entry belongs to a container, an exec, a pull, a deletion.
WATCHED_FOLDERS = (
    "data/containers",
    "data/volumes",
    "data/trash",
    "data/content/ingest",
    "data/content/blobs/sha256",
    "run/containers",
    "run/exits",
    "run/execs",
    "run/runtime",
)


def snapshot_of_host(engine: OwnEngine) -> Snapshot:
    """Everything countable that a container or an image leaves on a machine, by kind."""
    root = engine.data_root.parent
    taken: Snapshot = {
        "mounts": Counter(_without_pool(engine.host.mounts(), root)),
        "links": Counter(_words(engine.host.run("ip", "-o", "link", "show"), r"^\d+: (\w+)")),
        "firewall": Counter(_words(_ruleset(engine), r"[\w.:/-]+")),
        "cgroups": Counter(_cgroups(engine)),
        "processes": Counter(_processes(engine)),
        "rows": Counter(_rows(engine)),
    }
    for folder in WATCHED_FOLDERS:
        taken[folder] = Counter(_names(root / folder))
    layers = (root / "data" / "layers").glob("*/*")
    taken["layers"] = Counter(str(path) for path in layers)
    taken["netns"] = Counter({"": len(_names(root / "run" / "netns"))})
    return taken


def find_leftovers(engine: OwnEngine, before: Snapshot) -> dict[str, list[str]]:
    """What is there now and was not before, by kind; waits for what goes away by itself."""
    deadline = time.monotonic() + SETTLES_WITHIN_S
    while True:
        now = snapshot_of_host(engine)
        more = {kind: sorted((now[kind] - before[kind]).elements()) for kind in now}
        left = {kind: names for kind, names in more.items() if names}
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def _words(text: str, pattern: str) -> list[str]:
    # A link of a container has a random name: what counts is how many there are of a kind.
    found = re.findall(pattern, text, flags=re.MULTILINE)
    return [re.sub(r"(?<=[a-z])[0-9a-f]{6,}.*", "*", word) for word in found]


def _ruleset(engine: OwnEngine) -> str:
    listed = subprocess.run(
        [*engine.host.enter, "nft", "--stateless", "list", "ruleset"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return listed.stdout


def _without_pool(mounts: tuple[str, ...], root: Path) -> list[str]:
    """Without prepared namespaces, and without what other tests of this machine have mounted."""
    return [
        point
        for point in mounts
        if not point.startswith(f"{root}/run/netns/")
        and (point.startswith(f"{root}/") or "/pytest-of-" not in point)
    ]


def _cgroups(engine: OwnEngine) -> list[str]:
    """Folders below any controller that carry the id of a container this engine ever had."""
    ids = _ids_ever(engine)
    found = []
    for folder, names, _files in os.walk("/sys/fs/cgroup"):
        found += [f"{folder}/{name}" for name in names if any(i in name for i in ids)]
    return found


def _ids_ever(engine: OwnEngine) -> set[str]:
    with closing(_open_database(engine)) as database:
        told = database.execute("SELECT record FROM events").fetchall()
        known = database.execute("SELECT id FROM containers").fetchall()
    ids = {
        identity for (record,) in told for identity in re.findall(r"\b[0-9a-f]{64}\b", str(record))
    }
    return ids | {str(identity) for (identity,) in known}


def _processes(engine: OwnEngine) -> list[str]:
    root = str(engine.data_root.parent)
    daemon = engine.process.pid if engine.process is not None else 0
    return [
        command.split()[0]
        for pid, command in list_processes()
        if root in command and pid not in (daemon, os.getpid()) and "wherry.daemon" not in command
    ]


def _rows(engine: OwnEngine) -> dict[str, int]:
    with closing(_open_database(engine)) as database:
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for (name,) in tables
            if name not in GROWING_TABLES
        }


def _open_database(engine: OwnEngine) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{engine.data_root}/state.db?mode=ro", uri=True, timeout=10)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
