"""Processes by file descriptor: a pid may be given to another, a pidfd never is.

Source: pidfd_open(2), pidfd_send_signal(2), proc_pid_stat(5), linux/pidfd.h.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import struct

_GET_INFO = 0xC040FF0B
"""PIDFD_GET_INFO, _IOWR(0xff, 11, 64 bytes); since Linux 6.13."""
_INFO_EXIT = 1 << 3
"""PIDFD_INFO_EXIT: how a process that was reaped has ended; since Linux 6.15."""
_EXIT_CODE_OFFSET = 60


def open_pidfd(pid: int) -> int:
    """A descriptor for a process, closed on exec. ProcessLookupError if there is none."""
    return os.pidfd_open(pid)


def start_ticks(pid: int) -> int | None:
    """When a process began, in clock ticks after boot; None if it has ended, a zombie included."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may hold spaces and parentheses of its own.
    fields = text[text.rindex(b")") + 2 :].split()
    return None if fields[0] in {b"Z", b"X"} else int(fields[19])


def open_exactly(pid: int, ticks: int) -> int | None:
    """A pidfd of the process that began at `ticks`; None if it has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if start_ticks(pid) == ticks:
        return fd
    os.close(fd)
    return None


def send_signal(pid: int, ticks: int, number: int) -> bool:
    """Signal exactly this process; False if it has ended."""
    fd = open_exactly(pid, ticks)
    if fd is None:
        return False
    try:
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


async def wait_readable(fd: int) -> None:
    """Wait until `fd` can be read; for a pidfd: until the process has ended."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def on_readable() -> None:
        loop.remove_reader(fd)
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(fd, on_readable)
    try:
        await ready
    finally:
        with contextlib.suppress(OSError):
            loop.remove_reader(fd)


def find_exit_status(fd: int) -> int | None:
    """The wait status of an ended process, whoever its parent was; None if the kernel is too old
    or nobody has reaped it yet."""
    buffer = bytearray(64)
    struct.pack_into("=Q", buffer, 0, _INFO_EXIT)
    try:
        fcntl.ioctl(fd, _GET_INFO, buffer)
    except OSError:
        return None
    (mask,) = struct.unpack_from("=Q", buffer, 0)
    if not mask & _INFO_EXIT:
        return None
    (status,) = struct.unpack_from("=i", buffer, _EXIT_CODE_OFFSET)
    return int(status)
