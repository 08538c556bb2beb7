"""The standard streams of a process, through conmon's attach socket.

The socket is of sequenced packets. From conmon: one byte, 2 for stdout and 3 for stderr, then what
was written. To conmon: input as it is, at most 32 KiB each (conmon cuts off more). Ending our
direction closes the process's input; conmon ends its own when the process has ended.
Source: conmon's conn_sock.c.
"""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator

from wherry.drivers.runtime.base import Output, Stream
from wherry.kernel import pidfd, process
from wherry.model.errors import Conflict

_STREAMS = {2: Stream.STDOUT, 3: Stream.STDERR}
_PACKET_BYTES = 32 << 10
_PACKETS_A_TURN = 64
_PIECE_BYTES = 64 << 10


def connect(path: str) -> "AttachConsole":
    """Connect to the attach socket at `path`. Conflict if nobody listens."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    try:
        # A socket's path may have 107 bytes; by way of the folder's descriptor it is short.
        folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sock.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        finally:
            os.close(folder)
    except OSError as error:
        sock.close()
        if error.errno in {errno.ENOENT, errno.ECONNREFUSED}:
            raise Conflict("the process has ended, there is nothing to attach to") from None
        raise
    return AttachConsole(sock)


class AttachConsole:
    """One connection to an attach socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = memoryview(bytearray(_PACKET_BYTES))
        self._ended = False
        self._closed = asyncio.Event()

    async def output(self) -> AsyncIterator[Output]:
        """What the process writes; neighbouring packets of one stream come as one piece."""
        while not self._ended and not self._closed.is_set():
            pieces, more = self._receive()
            for piece in pieces:
                yield piece
            if self._ended or self._closed.is_set():
                return
            if more:
                await asyncio.sleep(0)
            elif not pieces:
                await self._readable()

    def _receive(self) -> tuple[list[Output], bool]:
        """What is there now, and whether there may be more."""
        pieces: list[Output] = []
        parts: list[bytes] = []
        size, kind = 0, 0
        more = True
        for _ in range(_PACKETS_A_TURN):
            try:
                count = self._sock.recv_into(self._buffer)
            except BlockingIOError:
                more = False
                break
            except OSError:  # Reset: conmon is gone.
                count = 0
            if count == 0:
                self._ended, more = True, False
                break
            if parts and (self._buffer[0] != kind or size >= _PIECE_BYTES):
                pieces.append(Output(_STREAMS.get(kind, Stream.STDOUT), b"".join(parts)))
                parts, size = [], 0
            kind = self._buffer[0]
            parts.append(bytes(self._buffer[1:count]))
            size += count - 1
        if parts:
            pieces.append(Output(_STREAMS.get(kind, Stream.STDOUT), b"".join(parts)))
        return pieces, more

    async def _readable(self) -> None:
        """Wait for a packet, or for `close`."""
        if self._sock.fileno() < 0:
            return
        waiting = asyncio.ensure_future(pidfd.wait_readable(self._sock.fileno()))
        closing = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait((waiting, closing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiting, closing):
                task.cancel()

    async def write(self, data: bytes) -> None:
        """Send input; waits while the process does not read."""
        rest = memoryview(data)
        while rest and not self._closed.is_set():
            try:
                sent = self._sock.send(rest[:_PACKET_BYTES], socket.MSG_NOSIGNAL)
            except BlockingIOError:
                await process.wait_writable(self._sock.fileno())
                continue
            except (BrokenPipeError, ConnectionError, OSError):
                return  # The process has ended: its input goes nowhere.
            rest = rest[sent:]

    async def end_of_input(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    async def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            # Whoever waits for it first takes it from the loop: a closed number may be reused.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self._sock.close()
