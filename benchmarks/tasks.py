"""What is measured: each task does one thing on an engine and says how long it took."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.engine import IMAGE, Engine, timed
from benchmarks.rootfs import write_archive, write_rootfs

CLIENTS = 8
STARTS = 50
LOG_LINES = 200_000
PIPED_BYTES = 50_000_000
MINE = f"bench-{os.getpid()}"  # others may measure on the same engine
IMPORTED = f"bench/rootfs-{os.getpid()}:imported"
LOADED = f"bench/rootfs-{os.getpid()}:loaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line of the comparison."""

    name: str
    goal: float  # at most this part of B's time
    measure: Callable[[Engine], float]  # seconds
    rounds: int  # unless the command line says otherwise


def run_rm(engine: Engine) -> float:
    return timed(lambda: engine.run("run", "--rm", IMAGE, "true"))


def run_rm_none(engine: Engine) -> float:
    return timed(lambda: engine.run("run", "--rm", "--network", "none", IMAGE, "true"))


def run_detached(engine: Engine) -> float:
    try:
        return timed(lambda: engine.run("run", "-d", "--name", f"{MINE}-d", IMAGE, "sleep", "99"))
    finally:
        engine.discard("rm", "-f", f"{MINE}-d")


def rm_force(engine: Engine) -> float:
    engine.run("run", "-d", "--name", f"{MINE}-rm", IMAGE, "sleep", "99")
    return timed(lambda: engine.run("rm", "-f", f"{MINE}-rm"))


def execute(engine: Engine) -> float:
    with _running(engine, f"{MINE}-exec"):
        return timed(lambda: engine.run("exec", f"{MINE}-exec", "true"))


def start_many(engine: Engine) -> float:
    names = [f"{MINE}-many-{number}" for number in range(STARTS)]
    try:
        return timed(lambda: _start_all(engine, names))
    finally:
        engine.discard("rm", "-f", *names)


def remove_many(engine: Engine) -> float:
    names = [f"{MINE}-many-{number}" for number in range(STARTS)]
    _start_all(engine, names)
    return timed(lambda: engine.run("rm", "-f", *names))


def import_rootfs(engine: Engine) -> float:
    rootfs, _archive = archives()
    _sync()
    try:
        return timed(lambda: engine.run("import", str(rootfs), IMPORTED))
    finally:
        engine.discard("rmi", "-f", IMPORTED)


def load_archive(engine: Engine) -> float:
    _rootfs, archive = archives()
    _sync()
    try:
        return timed(lambda: engine.run("load", "-q", "-i", str(archive)))
    finally:
        engine.discard("rmi", "-f", LOADED)


def save_image(engine: Engine) -> float:
    _rootfs, archive = archives()
    engine.run("load", "-q", "-i", str(archive))
    _sync()
    try:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            return timed(lambda: engine.run("save", "-o", f"{folder}/saved.tar", LOADED))
    finally:
        engine.discard("rmi", "-f", LOADED)


def read_logs(engine: Engine) -> float:
    engine.run("run", "-d", "--name", f"{MINE}-logs", IMAGE, "seq", str(LOG_LINES))
    try:
        engine.run("wait", f"{MINE}-logs")
        return timed(lambda: _count_lines(engine))
    finally:
        engine.discard("rm", "-f", f"{MINE}-logs")


def pipe_through(engine: Engine) -> float:
    """Bytes in by standard input, their number back: `head -c 50M | docker run -i ... wc -c`."""
    with tempfile.TemporaryFile() as sent:
        sent.write(bytes(PIPED_BYTES))

        def pipe() -> None:
            sent.seek(0)
            counted = engine.run("run", "-i", "--rm", IMAGE, "wc", "-c", stdin=sent.fileno())
            assert int(counted) == PIPED_BYTES, counted

        return timed(pipe)


TASKS = (
    Task(name="run-rm", goal=0.25, measure=run_rm, rounds=15),
    Task(name="run-rm-none", goal=0.25, measure=run_rm_none, rounds=15),
    Task(name="run-d", goal=0.25, measure=run_detached, rounds=15),
    Task(name="rm-f", goal=1.0, measure=rm_force, rounds=10),
    Task(name="exec", goal=0.5, measure=execute, rounds=15),
    Task(name="50-starts-8-clients", goal=0.3, measure=start_many, rounds=3),
    Task(name="rm-f-50", goal=1.0, measure=remove_many, rounds=3),
    Task(name="import-160MB", goal=0.4, measure=import_rootfs, rounds=3),
    Task(name="load-160MB", goal=0.4, measure=load_archive, rounds=3),
    Task(name="save-160MB", goal=0.4, measure=save_image, rounds=3),
    Task(name="logs-200k-lines", goal=1.0, measure=read_logs, rounds=3),
    Task(name="run-i-50MB", goal=1.0, measure=pipe_through, rounds=3),
)


@cache
def archives() -> tuple[Path, Path]:
    """The root file system as a tar, and the same as an archive to load; made once."""
    folder = Path(tempfile.mkdtemp(prefix="bench-rootfs-", dir="/var/tmp"))
    rootfs, archive = folder / "rootfs.tar", folder / "archive.tar"
    write_rootfs(rootfs)
    write_archive(rootfs, archive, LOADED)
    return rootfs, archive


def discard_archives() -> None:
    if archives.cache_info().currsize:
        rootfs, archive = archives()
        rootfs.unlink()
        archive.unlink()
        rootfs.parent.rmdir()


@contextmanager
def _running(engine: Engine, name: str) -> Iterator[None]:
    engine.run("run", "-d", "--name", name, IMAGE, "sleep", "99")
    try:
        yield
    finally:
        engine.discard("rm", "-f", name)


def _start_all(engine: Engine, names: list[str]) -> None:
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(
            clients.map(lambda n: engine.run("run", "-d", "--name", n, IMAGE, "sleep", "99"), names)
        )


def _count_lines(engine: Engine) -> None:
    process = subprocess.Popen(
        [engine.program, "logs", f"{MINE}-logs"], stdout=subprocess.PIPE, env=engine.env
    )
    assert process.stdout is not None
    counted = 0
    with process.stdout as stream:
        while part := stream.read(1 << 20):
            counted += part.count(b"\n")
    process.wait()
    assert counted == LOG_LINES, f"{engine.label}: {counted} lines instead of {LOG_LINES}"


def _sync() -> None:
    """What others have written is on disk, so that nobody pays for it later."""
    os.sync()
