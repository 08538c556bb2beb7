"""Taking the kernel's first-move-of-a-process delay before anybody waits for it.

After some 20 ms without any, moving a process between cgroups waits 8 to 12 ms for an RCU grace
period (the lock over all thread groups falls back to its read-mostly state); the next moves cost
0.04 ms. A start moves one. So when a container is created, a process of our own that only sleeps
is moved from one empty cgroup to another and back. Where that is not allowed, nothing happens.
"""

import asyncio
import contextlib
import os

from wherry.kernel import process
from wherry.kernel.cgroup import Hierarchies, Mode

_PROGRAM = "/bin/cat"
"""Reads a pipe that only we hold: it ends with us, however we end."""


class CgroupWarmer:
    """Moves one process to and fro. Its groups are ``<path>/a`` and ``<path>/b``."""

    def __init__(self, hierarchies: Hierarchies, *, path: str) -> None:
        mounts = hierarchies.mounts
        mount = mounts[""] if hierarchies.mode is Mode.V2 else next(iter(mounts.values()))
        self._directory = (mounts.get("pids") or mount) + path
        self._pid: int | None = None
        self._pipe = -1
        self._at_b = False
        self._running: asyncio.Future[None] | None = None
        self._closed = False

    def begin(self) -> None:
        """Start a move and return at once; a move under way is enough."""
        if self._closed or (self._running is not None and not self._running.done()):
            return
        loop = asyncio.get_running_loop()
        self._running = loop.run_in_executor(None, self._move)

    async def close(self) -> None:
        """End the process and remove the groups."""
        self._closed = True
        if self._running is not None:
            await self._running
        if self._pid is not None:
            os.close(self._pipe)
            await process.reap(self._pid)
            self._pid = None
        for name in ("/a", "/b", ""):
            with contextlib.suppress(OSError):
                os.rmdir(self._directory + name)

    def _move(self) -> None:
        try:
            if self._pid is None:
                self._begin_process()
            self._at_b = not self._at_b
            try:
                self._write()
            except FileNotFoundError:
                os.makedirs(f"{self._directory}/a", exist_ok=True)
                os.makedirs(f"{self._directory}/b", exist_ok=True)
                self._write()
        except OSError:
            self._closed = True  # Not allowed here: never try again.

    def _begin_process(self) -> None:
        read, write = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = process.spawn((_PROGRAM,), fds={0: read})
        except OSError:
            os.close(write)
            raise
        finally:
            os.close(read)
        self._pipe = write

    def _write(self) -> None:
        fd = os.open(
            f"{self._directory}/{'b' if self._at_b else 'a'}/cgroup.procs",
            os.O_WRONLY | os.O_CLOEXEC,
        )
        try:
            os.write(fd, str(self._pid).encode())
        finally:
            os.close(fd)
