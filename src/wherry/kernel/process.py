"""Starting programs: never by fork of this process, with no descriptor but the named ones.

``posix_spawn`` uses vfork: the cost does not grow with the daemon's memory. Every child gets a
new session, a small environment, and /dev/null where nothing else was said.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from wherry.kernel import pidfd
from wherry.model.capabilities import NAMES, parse_mask
from wherry.model.errors import Unavailable

ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC0",
}
_PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended; `code` is negative for a signal."""

    code: int
    stdout: bytes
    stderr: bytes


def spawn(
    argv: Sequence[str],
    *,
    fds: Mapping[int, int] | None = None,
    env: Mapping[str, str] | None = None,
) -> int:
    """Start ``argv[0]``, a path, and return its pid; somebody must `reap` it.

    `fds` maps the child's descriptor numbers to ours; 0 to 2 are /dev/null unless named.
    OSError if the program cannot be executed.
    """
    _seal_once()
    opened = [os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)]
    try:
        wanted = {0: opened[0], 1: opened[0], 2: opened[0], **(fds or {})}
        first_free = max(wanted) + 1
        actions = []
        for theirs, ours in wanted.items():
            source = ours
            if ours < first_free:  # It could be overwritten before it is its turn.
                source = fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, first_free)
                opened.append(source)
            actions.append((os.POSIX_SPAWN_DUP2, source, theirs))
        return os.posix_spawn(
            argv[0],
            list(argv),
            ENVIRONMENT if env is None else env,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
        )
    finally:
        for fd in opened:
            os.close(fd)


def seal_descriptors() -> None:
    """Let no child inherit what we were started with (beyond 0 to 2); ours are sealed anyway."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):  # The folder's own is closed by now.
                os.set_inheritable(int(name), False)


_seal_once = cache(seal_descriptors)


async def reap(pid: int) -> int:
    """Wait for a child of ours: its exit code, or minus the signal that ended it."""
    if (code := _reap_now(pid)) is not None:
        return code
    fd = os.pidfd_open(pid)
    try:
        while True:
            await pidfd.wait_readable(fd)
            if (code := _reap_now(pid)) is not None:
                return code
    finally:
        os.close(fd)


def _reap_now(pid: int) -> int | None:
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


async def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a program to its end and keep what it wrote.

    Raises:
        Unavailable: it took longer than `timeout_s` (and was killed).
        OSError: it cannot be executed.
    """
    async with contextlib.AsyncExitStack() as stack:
        in_read, in_write = _pipe()
        out_read, out_write = _pipe()
        err_read, err_write = _pipe()
        theirs = (in_read, out_write, err_write)
        try:
            pid = spawn(argv, fds={0: in_read, 1: out_write, 2: err_write}, env=env)
        except BaseException:
            for fd in (in_write, out_read, err_read):
                os.close(fd)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        stack.push_async_callback(_end, pid)
        try:
            async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
                group.create_task(_feed(in_write, stdin))
                output = group.create_task(read_all(out_read))
                errors = group.create_task(read_all(err_read))
            async with asyncio.timeout(timeout_s):
                code = await reap(pid)
        except TimeoutError:
            raise Unavailable(f"{argv[0]} did not finish within {timeout_s:g} s") from None
        stack.pop_all()
        return Finished(code=code, stdout=output.result(), stderr=errors.result())


async def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await reap(pid)


def _pipe() -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC)
    return read, write


async def read_all(fd: int) -> bytes:
    """Everything from a pipe until its end, without blocking the loop; closes `fd`."""
    os.set_blocking(fd, False)
    pieces: list[bytes] = []
    try:
        while True:
            try:
                piece = os.read(fd, _PIECE_BYTES)
            except BlockingIOError:
                await pidfd.wait_readable(fd)
                continue
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
    finally:
        os.close(fd)


async def _feed(fd: int, data: bytes) -> None:
    os.set_blocking(fd, False)
    rest = memoryview(data)
    try:
        while rest:
            try:
                rest = rest[os.write(fd, rest[:_PIECE_BYTES]) :]
            except BlockingIOError:
                await wait_writable(fd)
    except BrokenPipeError:
        pass  # It has read as much as it wants.
    finally:
        os.close(fd)


def list_capabilities() -> tuple[str, ...]:
    """The capabilities this process may hand on: its bounding set, of those the kernel knows."""
    with open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith(b"CapBnd:"):
                return parse_mask(int(line.split()[1], 16))
    return NAMES


async def wait_writable(fd: int) -> None:
    """Wait until `fd` takes more bytes."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def on_writable() -> None:
        loop.remove_writer(fd)
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(fd, on_writable)
    try:
        await ready
    finally:
        loop.remove_writer(fd)
