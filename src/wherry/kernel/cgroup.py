"""Control groups, both generations: where a group's folders are, what it uses, how it ends.

v1 has a tree for each controller, v2 one for all; *hybrid* hosts have v1 trees and a v2 tree that
holds controllers of its own. Source: cgroups(7), the kernel's admin-guide/cgroup-v1 and
cgroup-v2.rst.
"""

import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_NO_LIMIT_BYTES = 1 << 62


class Mode(StrEnum):
    V1 = "v1"
    HYBRID = "hybrid"
    V2 = "v2"


@dataclass(frozen=True, slots=True)
class BlockIo:
    """One counter of one block device."""

    major: int
    minor: int
    operation: str
    """``read``, ``write``, ``sync`` …, in lower case."""
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a group has used; 0 or empty where the kernel does not tell."""

    cpu_total_ns: int = 0
    cpu_user_ns: int = 0
    cpu_system_ns: int = 0
    cpu_each_ns: tuple[int, ...] = ()
    throttle_periods: int = 0
    throttled_periods: int = 0
    throttled_ns: int = 0
    memory_bytes: int = 0
    memory_peak_bytes: int = 0
    memory_limit_bytes: int = 0
    """0: none."""
    memory_failures: int = 0
    memory_stat: Mapping[str, int] = field(default_factory=dict)
    pids: int = 0
    pids_limit: int = 0
    """0: none."""
    io_bytes: tuple[BlockIo, ...] = ()
    io_operations: tuple[BlockIo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchies:
    """The mounted trees: mount point by controller; the key of the v2 tree is empty."""

    mode: Mode
    mounts: Mapping[str, str]

    def list_dirs(self, path: str) -> tuple[str, ...]:
        """The folders of a group in every tree, whether they exist or not."""
        return tuple(dict.fromkeys(mount + path for mount in self.mounts.values()))

    def find_dir(self, controller: str, path: str) -> str | None:
        """The folder where a controller's files are, if it is mounted."""
        mount = self.mounts.get("" if self.mode is Mode.V2 else controller)
        return None if mount is None else mount + path


def parse_hierarchies(mountinfo: str, *, unified_controllers: str = "") -> Hierarchies:
    """Find the trees in the text of ``/proc/self/mountinfo``.

    `unified_controllers` is the content of ``unified/cgroup.controllers``: not empty makes a host
    hybrid, and the runtime refuse it.
    """
    mounts: dict[str, str] = {}
    unified: str | None = None
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        if not dash:
            continue
        kind, _, options = (*after.split(" "), "", "")[:3]
        where = before.split(" ")[4]
        if kind == "cgroup2" and unified is None:
            unified = where
        elif kind == "cgroup":
            for option in options.split(","):
                if option not in {"rw", "ro", "xattr"} and "release_agent=" not in option:
                    mounts.setdefault(option, where)
    if not mounts:
        return Hierarchies(mode=Mode.V2, mounts={"": unified or str(ROOT)})
    mode = Mode.HYBRID if unified_controllers.strip() else Mode.V1
    return Hierarchies(mode=mode, mounts=mounts)


def detect_hierarchies() -> Hierarchies:
    """The trees of this host."""
    try:
        unified = (ROOT / "unified/cgroup.controllers").read_text()
    except OSError:
        unified = ""
    mountinfo = Path("/proc/self/mountinfo").read_text()
    return parse_hierarchies(mountinfo, unified_controllers=unified)


# what a group holds ---------------------------------------------------------------------


def list_pids(directory: str) -> tuple[int, ...]:
    """The processes of a group and of those below it; none if it is gone."""
    pids: list[int] = []
    for folder, _, _ in os.walk(directory):
        with contextlib.suppress(OSError), open(f"{folder}/cgroup.procs", "rb") as file:
            pids += [int(line) for line in file.read().split()]
    return tuple(pids)


def kill_all(hierarchies: Hierarchies, path: str) -> int:
    """End every process of a group; how many there were. Frozen ones die when thawed."""
    pids: set[int] = set()
    for directory in hierarchies.list_dirs(path):
        pids.update(list_pids(directory))
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(pids)


def remove(hierarchies: Hierarchies, path: str) -> bool:
    """Remove a group's folders in every tree; False if processes are still in one of them."""
    empty = True
    for directory in hierarchies.list_dirs(path):
        empty = _remove_tree(directory) and empty
    return empty


def _remove_tree(directory: str) -> bool:
    try:
        os.rmdir(directory)
        return True
    except FileNotFoundError:
        return True
    except OSError:
        pass  # Groups below it, or processes in it.
    try:
        below = [entry.path for entry in os.scandir(directory) if entry.is_dir()]
    except FileNotFoundError:
        return True
    for folder in below:
        if not _remove_tree(folder):
            return False
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def freeze(hierarchies: Hierarchies, path: str) -> None:
    """Stop every process of a group where it stands. FileNotFoundError if there is no group."""
    _set_frozen(hierarchies, path, frozen=True)


def thaw(hierarchies: Hierarchies, path: str) -> None:
    """Let a frozen group go on. FileNotFoundError if there is no group."""
    _set_frozen(hierarchies, path, frozen=False)


def _set_frozen(hierarchies: Hierarchies, path: str, *, frozen: bool) -> None:
    directory = hierarchies.find_dir("freezer", path)
    if directory is None:
        raise FileNotFoundError("no freezer is mounted")
    if hierarchies.mode is Mode.V2:
        _write(f"{directory}/cgroup.freeze", b"1" if frozen else b"0")
    else:
        _write(f"{directory}/freezer.state", b"FROZEN" if frozen else b"THAWED")


def is_frozen(hierarchies: Hierarchies, path: str) -> bool:
    """Whether all of a group stands still (freezing may take a moment)."""
    directory = hierarchies.find_dir("freezer", path)
    if directory is None:
        return False
    if hierarchies.mode is Mode.V2:
        return b"frozen 1" in _read(f"{directory}/cgroup.events")
    return _read(f"{directory}/freezer.state").strip() == b"FROZEN"


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def _read(path: str) -> bytes:
    """The content of a small file, empty if it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""


# usage ----------------------------------------------------------------------------------


def read_usage(hierarchies: Hierarchies, path: str) -> Usage:
    """What a group has used so far; all zero once it is gone."""
    if hierarchies.mode is Mode.V2:
        group = hierarchies.mounts[""] + path
        names = (
            "cpu.stat memory.current memory.peak memory.max memory.stat memory.events "
            "pids.current pids.max io.stat"
        )
        return parse_usage_v2({name: _read(f"{group}/{name}") for name in names.split()})
    files = {
        name: _read(f"{directory}/{name}")
        for controller, names in _FILES_V1.items()
        if (directory := hierarchies.find_dir(controller, path)) is not None
        for name in names
    }
    return parse_usage_v1(files, ticks_per_s=os.sysconf("SC_CLK_TCK"))


_FILES_V1 = {
    "cpuacct": ("cpuacct.usage", "cpuacct.usage_percpu", "cpuacct.stat"),
    "cpu": ("cpu.stat",),
    "memory": (
        "memory.usage_in_bytes",
        "memory.max_usage_in_bytes",
        "memory.limit_in_bytes",
        "memory.failcnt",
        "memory.stat",
    ),
    "pids": ("pids.current", "pids.max"),
    "blkio": ("blkio.throttle.io_service_bytes", "blkio.throttle.io_serviced"),
}


def parse_usage_v2(files: Mapping[str, bytes]) -> Usage:
    """Usage from the files of a v2 group, by name; a missing one counts as empty."""
    cpu = _pairs(files.get("cpu.stat", b""))
    events = _pairs(files.get("memory.events", b""))
    sizes: list[BlockIo] = []
    counts: list[BlockIo] = []
    for line in files.get("io.stat", b"").decode().splitlines():
        device, *pairs = line.split()
        major, _, minor = device.partition(":")
        if not (major.isdigit() and minor.isdigit()):
            continue
        values = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        for key, operation, target in (
            ("rbytes", "read", sizes),
            ("wbytes", "write", sizes),
            ("rios", "read", counts),
            ("wios", "write", counts),
        ):
            if key in values:
                target.append(BlockIo(int(major), int(minor), operation, int(values[key])))
    return Usage(
        cpu_total_ns=cpu.get("usage_usec", 0) * 1000,
        cpu_user_ns=cpu.get("user_usec", 0) * 1000,
        cpu_system_ns=cpu.get("system_usec", 0) * 1000,
        throttle_periods=cpu.get("nr_periods", 0),
        throttled_periods=cpu.get("nr_throttled", 0),
        throttled_ns=cpu.get("throttled_usec", 0) * 1000,
        memory_bytes=_number(files.get("memory.current", b"")),
        memory_peak_bytes=_number(files.get("memory.peak", b"")),
        memory_limit_bytes=_number(files.get("memory.max", b"")),
        memory_failures=events.get("max", 0),
        memory_stat=_pairs(files.get("memory.stat", b"")),
        pids=_number(files.get("pids.current", b"")),
        pids_limit=_number(files.get("pids.max", b"")),
        io_bytes=tuple(sizes),
        io_operations=tuple(counts),
    )


def parse_usage_v1(files: Mapping[str, bytes], *, ticks_per_s: int = 100) -> Usage:
    """Usage from the files of a v1 group, by name; a missing one counts as empty."""
    throttle = _pairs(files.get("cpu.stat", b""))
    ticks = _pairs(files.get("cpuacct.stat", b""))
    limit = _number(files.get("memory.limit_in_bytes", b""))
    return Usage(
        cpu_total_ns=_number(files.get("cpuacct.usage", b"")),
        cpu_user_ns=ticks.get("user", 0) * (10**9 // ticks_per_s),
        cpu_system_ns=ticks.get("system", 0) * (10**9 // ticks_per_s),
        cpu_each_ns=tuple(int(one) for one in files.get("cpuacct.usage_percpu", b"").split()),
        throttle_periods=throttle.get("nr_periods", 0),
        throttled_periods=throttle.get("nr_throttled", 0),
        throttled_ns=throttle.get("throttled_time", 0),
        memory_bytes=_number(files.get("memory.usage_in_bytes", b"")),
        memory_peak_bytes=_number(files.get("memory.max_usage_in_bytes", b"")),
        memory_limit_bytes=0 if limit > _NO_LIMIT_BYTES else limit,
        memory_failures=_number(files.get("memory.failcnt", b"")),
        memory_stat=_pairs(files.get("memory.stat", b"")),
        pids=_number(files.get("pids.current", b"")),
        pids_limit=_number(files.get("pids.max", b"")),
        io_bytes=_blkio(files.get("blkio.throttle.io_service_bytes", b"")),
        io_operations=_blkio(files.get("blkio.throttle.io_serviced", b"")),
    )


def _number(text: bytes) -> int:
    """``max`` and an absent file are 0."""
    word = text.strip()
    return int(word) if word.isdigit() else 0


def _pairs(text: bytes) -> dict[str, int]:
    pairs = (line.split() for line in text.decode().splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _blkio(text: bytes) -> tuple[BlockIo, ...]:
    found: list[BlockIo] = []
    for line in text.decode().splitlines():
        words = line.split()
        if len(words) == 3 and words[2].isdigit():
            major, _, minor = words[0].partition(":")
            found.append(BlockIo(int(major), int(minor), words[1].lower(), int(words[2])))
    return tuple(found)
