"""What an engine occupies in memory: its daemons, and what each container adds outside itself.

RSS counts pages shared with others in full, PSS its share of them (proc(5), smaps_rollup).
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine import IMAGE, Engine

CONTAINERS = 20
MONITORS = ("conmon", "containerd-shim", "docker-proxy", "crun", "runc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupied:
    rss_bytes: int
    pss_bytes: int


def at_rest(engine: Engine) -> Occupied:
    """The daemons' processes: the one that listens, and those it keeps (for Docker: containerd)."""
    return _sum_of(_daemons(engine))


def per_container(engine: Engine) -> Occupied:
    """The mean over some idle containers of what they add outside of themselves."""
    before_pids = set(_pids())
    before = at_rest(engine)
    names = [f"bench-{os.getpid()}-memory-{number}" for number in range(CONTAINERS)]
    try:
        for name in names:
            engine.run("run", "-d", "--name", name, IMAGE, "sleep", "1000")
        inside = {
            int(pid) for pid in engine.run("inspect", "--format", "{{.State.Pid}}", *names).split()
        }
        daemons = _daemons(engine)
        monitors = {
            pid
            for pid in set(_pids()) - before_pids - inside - daemons
            if _name(pid).startswith(MONITORS)
        }
        after, beside = _sum_of(daemons), _sum_of(monitors)
    finally:
        engine.discard("rm", "-f", *names)
    return Occupied(
        rss_bytes=(after.rss_bytes - before.rss_bytes + beside.rss_bytes) // CONTAINERS,
        pss_bytes=(after.pss_bytes - before.pss_bytes + beside.pss_bytes) // CONTAINERS,
    )


def _daemons(engine: Engine) -> set[int]:
    parents = {pid: _parent(pid) for pid in _pids()}
    found = {engine.pid}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    if _name(engine.pid) == "dockerd":  # containerd may be a service of its own
        found |= {pid for pid in parents if _name(pid) == "containerd"}
    return {pid for pid in found if not _name(pid).startswith(MONITORS)}


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _sum_of(pids: set[int]) -> Occupied:
    rss = pss = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        found = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB", text, flags=re.MULTILINE))
        rss += int(found.get("Rss", 0)) * 1024
        pss += int(found.get("Pss", 0)) * 1024
    return Occupied(rss_bytes=rss, pss_bytes=pss)
