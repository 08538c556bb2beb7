"""A connection that stops being HTTP: the only place that knows how it leaves aiohttp.

The transport gets another protocol *before* the status line is written, so aiohttp sees no further
byte and half-closing works: aiohttp's own protocol would answer the end of input by closing both
directions. Bytes that came with the request are the stream's first.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Mapping
from typing import cast

from aiohttp import web

from wherry.http.connection import Connection

PIECE_BYTES = 64 * 1024
_PAUSE_AT_BYTES = 256 * 1024
_LINGER_S = 1.0


class Hijacked(web.StreamResponse):
    """What aiohttp's handler returns once the stream is over: nothing is to be written."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


class HijackedStream(asyncio.Protocol):
    """The `Duplex` of a connection that was taken over."""

    def __init__(self, connection: Connection, transport: asyncio.Transport) -> None:
        self._connection, self._transport = connection, transport
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._ended = self._lost = self._discarding = self._write_paused = False
        self._reader: asyncio.Future[None] | None = None
        self._writers: deque[asyncio.Future[None]] = deque()
        # TLS has no half-close in asyncio: there the end of one direction is the end of both
        self._halves = transport.can_write_eof()
        self._fd: int = cast("socket.socket", transport.get_extra_info("socket")).fileno()

    # Duplex -------------------------------------------------------------------------------

    async def read(self) -> bytes:
        while not self._pieces:
            if self._ended:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        piece = self._pieces.popleft()
        if len(piece) > PIECE_BYTES:
            self._pieces.appendleft(piece[PIECE_BYTES:])
            piece = piece[:PIECE_BYTES]
        before, self._waiting_bytes = self._waiting_bytes, self._waiting_bytes - len(piece)
        if before >= _PAUSE_AT_BYTES > self._waiting_bytes and not self._ended:
            self._transport.resume_reading()
        return piece

    async def write(self, data: bytes) -> None:
        self._require()
        if data:
            self._transport.write(data)
        await self._drain()

    async def end_of_input(self) -> None:
        if not self._lost and self._halves:
            self._transport.write_eof()

    async def close(self) -> None:
        self._transport.close()

    # the end ------------------------------------------------------------------------------

    async def finish(self) -> None:
        """Close so that the peer reads everything, even while it still sends.

        Closing a unix socket with unread input makes the peer's reads fail, so input is read and
        dropped until the peer has seen our end, for a moment at most.
        """
        try:
            if not self._ended and not self._lost and self._halves:
                self._discarding = True
                self._pieces.clear()
                self._waiting_bytes = 0
                self._transport.write_eof()
                self._transport.resume_reading()
                async with asyncio.timeout(_LINGER_S):
                    while not self._ended:
                        await self.read()
        except (OSError, RuntimeError, TimeoutError):
            pass  # already closing, or a peer that takes its time
        finally:
            self._transport.close()

    # Protocol -----------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._discarding:
            return
        self._pieces.append(data)
        before, self._waiting_bytes = self._waiting_bytes, self._waiting_bytes + len(data)
        if before < _PAUSE_AT_BYTES <= self._waiting_bytes:
            self._transport.pause_reading()
        self._wake_reader()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake_reader()
        if self._halves and not self._transport.is_closing():
            self._connection.watch.watch(self._fd, self._transport.abort)
        return self._halves

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.watch.discard(self._fd)
        self._ended = self._lost = True
        self._wake_reader()
        for writer in self._writers:
            if not writer.done():
                writer.set_exception(ConnectionResetError("the client is gone"))
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        for writer in self._writers:
            if not writer.done():
                writer.set_result(None)

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _require(self) -> None:
        if self._lost or self._transport.is_closing():
            raise ConnectionResetError("the client is gone")

    async def _drain(self) -> None:
        if not self._write_paused:
            return
        writer = asyncio.get_running_loop().create_future()
        self._writers.append(writer)
        try:
            await writer
        finally:
            self._writers.remove(writer)


def hijack(
    request: web.BaseRequest, *, content_type: str, headers: Mapping[str, str]
) -> HijackedStream:
    """Take the connection of `request`, whose body has been read, and send the head of the answer.

    Raises:
        ConnectionError: the client is gone.
    """
    connection = cast("Connection", request.protocol)
    transport = connection.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client is gone")
    connection.keep_alive(False)  # its timer must not end the stream
    stream = HijackedStream(connection, transport)
    already_ended = connection.take_over()
    transport.set_protocol(stream)
    if held := connection.take_held():
        stream.data_received(held)
    if already_ended:
        stream.eof_received()
    elif not transport.is_reading():
        transport.resume_reading()
    transport.write(_head(request, content_type, headers))
    return stream


def _head(request: web.BaseRequest, content_type: str, headers: Mapping[str, str]) -> bytes:
    upgrade = upgrade_of(request)
    lines = ["HTTP/1.1 101 UPGRADED" if upgrade else "HTTP/1.1 200 OK"]
    lines.append(f"Content-Type: {content_type}")
    if upgrade:
        lines += ["Connection: Upgrade", f"Upgrade: {upgrade}"]
    lines += [f"{name}: {text}" for name, text in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def upgrade_of(request: web.BaseRequest) -> str | None:
    """The protocol that the client wants to change to, if it says so in both fields."""
    wanted = request.headers.get("Upgrade")
    if not wanted or "upgrade" not in request.headers.get("Connection", "").lower():
        return None
    return wanted
