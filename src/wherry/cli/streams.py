"""Joins our standard streams to a container's over one raw connection, both ways at once.

One `poll` loop, no threads: what comes from the connection is written out at once, what is typed
waits in a buffer while the container does not read, so neither side can block the other.
"""

from __future__ import annotations

import _socket
import errno
import os
import select

from wherry.cli.terminal import EscapeWatch
from wherry.client.frames import STDERR, FrameDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wherry.cli.terminal import SignalBox

_PIECE_BYTES = 65536
_HELD_BYTES = 4 * _PIECE_BYTES
_LATER = ("SSLWantReadError", "SSLWantWriteError", "BlockingIOError", "InterruptedError")
_GONE = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)


class Junction:
    """What is joined to what.

    `framed`: the output carries stream headers (no terminal). `stdin_fd` None: nothing is sent.
    `keys`: the bytes that end the session without ending the container, None to look for none.
    """

    def __init__(
        self,
        sock: _socket.socket,
        early: bytes,
        *,
        framed: bool,
        stdin_fd: int | None = None,
        keys: bytes | None = None,
        signals: SignalBox | None = None,
        on_signal: Callable[[str], None] | None = None,
        stdout: bool = True,
        stderr: bool = True,
    ) -> None:
        self._sock = sock
        self._early = early
        self._decoder = FrameDecoder() if framed else None
        self._stdin_fd = stdin_fd
        self._watch = EscapeWatch(keys) if keys else None
        self._signals, self._on_signal = signals, on_signal
        self._wanted = {1: stdout, 2: stderr}
        self._waiting = bytearray()
        self._half_closed = False

    def run(self) -> bool:
        """Until the other side ends; True when the detach keys ended it. Closes the connection."""
        try:
            return self._run()
        finally:
            self._sock.close()

    def _run(self) -> bool:
        sock, poll = self._sock, select.poll()
        sock.setblocking(False)
        poll.register(sock.fileno(), select.POLLIN)
        if self._stdin_fd is not None:
            poll.register(self._stdin_fd, select.POLLIN)
        if self._signals is not None:
            poll.register(self._signals.fd, select.POLLIN)
        self._write_out(self._early)
        reading = self._stdin_fd is not None
        while True:
            self._set_interest(poll, reading)
            for fd, _ in poll.poll():
                if fd == sock.fileno():
                    if not self._receive():
                        return False
                elif self._signals is not None and fd == self._signals.fd:
                    for name in self._signals.take():
                        if self._on_signal is not None:
                            self._on_signal(name)
                elif reading:
                    reading, detached = self._read_typed()
                    if detached:
                        return True
                    if not reading:
                        poll.unregister(fd)
            self._send(ended=not reading and self._stdin_fd is not None)

    def _set_interest(self, poll: select.poll, reading: bool) -> None:
        out = select.POLLOUT if self._waiting else 0
        poll.modify(self._sock.fileno(), select.POLLIN | out)
        if reading and self._stdin_fd is not None:
            # Too much unsent: let whoever writes to us wait.
            full = len(self._waiting) >= _HELD_BYTES
            poll.modify(self._stdin_fd, 0 if full else select.POLLIN)

    def _read_typed(self) -> tuple[bool, bool]:
        assert self._stdin_fd is not None
        if len(self._waiting) >= _HELD_BYTES:
            return True, False
        try:
            data = os.read(self._stdin_fd, _PIECE_BYTES)
        except BlockingIOError:
            return True, False
        except OSError:
            data = b""
        detached = False
        if data and self._watch is not None:
            data, detached = self._watch.feed(data)
            self._waiting += data
            return True, detached
        self._waiting += data
        return bool(data), False

    def _send(self, *, ended: bool) -> None:
        while self._waiting:
            try:
                sent = self._sock.send(self._waiting)
            except OSError as error:
                if type(error).__name__ in _LATER:
                    return
                if error.errno not in _GONE:
                    raise
                # Nobody reads it any more; the output may still be on its way.
                self._waiting.clear()
                return
            del self._waiting[:sent]
        if ended and not self._half_closed:
            self._half_closed = True
            try:
                _socket.socket.shutdown(self._sock, _socket.SHUT_WR)
            except OSError:
                pass

    def _receive(self) -> bool:
        """False at the end of the stream."""
        while True:
            try:
                data = self._sock.recv(_PIECE_BYTES)
            except OSError as error:
                if type(error).__name__ in _LATER:
                    return True
                if error.errno in _GONE:
                    return False
                raise
            if not data:
                return False
            self._write_out(data)

    def _write_out(self, data: bytes) -> None:
        if not data:
            return
        if self._decoder is None:
            write_all(1, data)
            return
        for stream, piece in self._decoder.feed(data):
            fd = 2 if stream >= STDERR else 1
            if self._wanted[fd]:
                write_all(fd, piece)


def write_all(fd: int, data: bytes) -> None:
    """All of `data`; waits for a slow reader, also behind a non-blocking descriptor."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            waiter = select.poll()
            waiter.register(fd, select.POLLOUT)
            waiter.poll()
