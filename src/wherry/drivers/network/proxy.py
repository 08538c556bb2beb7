"""Carries IPv6 clients to containers that the rules cannot reach: those that speak IPv4 only, and
``[::1]`` for all, because the kernel does not route that address.

The container sees the engine's address, not the client's. A proxy ends with the daemon.
"""

import asyncio
import contextlib
import socket
from typing import Protocol

from wherry.model.ports import Transport

_PIECE_BYTES = 1 << 16
_UDP_IDLE_S = 90.0
_UDP_CLIENTS = 1024


class Proxy(Protocol):
    async def close(self) -> None: ...


async def start_proxy(
    transport: Transport, listening: socket.socket, address: str, port: int
) -> Proxy | None:
    """Carry what arrives at the bound socket to `address`; None for a transport that cannot be
    carried. The socket stays the caller's."""
    # The loop closes what it is given; the caller's socket goes on holding the port.
    own = listening.dup()
    match transport:
        case Transport.TCP:
            proxy = _TcpProxy(address, port)
            proxy.server = await asyncio.start_server(proxy.carry, sock=own, limit=_PIECE_BYTES)
            return proxy
        case Transport.UDP:
            loop = asyncio.get_running_loop()
            _, protocol = await loop.create_datagram_endpoint(
                lambda: _UdpProxy(address, port), sock=own
            )
            return protocol
        case Transport.SCTP:
            own.close()
            return None


class _TcpProxy:
    server: asyncio.Server

    def __init__(self, address: str, port: int) -> None:
        self._target = (address, port)
        self._open: set[asyncio.StreamWriter] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until both directions have ended or one has failed."""
        self._open.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            self._open.add(far_writer)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pump(reader, far_writer))
                    group.create_task(_pump(far_reader, writer))
            finally:
                self._open.discard(far_writer)
                far_writer.close()
        except* OSError:
            # A reset on one side is a reset on the other; so is a container that does not listen.
            writer.transport.abort()
        finally:
            self._open.discard(writer)
            writer.close()

    async def close(self) -> None:
        self.server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        await self.server.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


class _UdpProxy(asyncio.DatagramProtocol):
    """One socket towards the container for each client, so that answers find their way."""

    def __init__(self, address: str, port: int) -> None:
        self._target = (address, port)
        self._clients: dict[tuple[str, int], _UdpClient] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        client = self._clients.get(addr)
        if client is None:
            if len(self._clients) >= _UDP_CLIENTS:
                next(iter(self._clients.values())).end()  # the oldest makes room
            client = self._clients[addr] = _UdpClient(self, addr, self._target)
        client.send(data)

    def answer(self, client: tuple[str, int], data: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(data, client)

    def forget(self, client: tuple[str, int]) -> None:
        self._clients.pop(client, None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    async def close(self) -> None:
        for client in tuple(self._clients.values()):
            client.end()
        if self._transport is not None:
            self._transport.close()
            await self._closed


class _UdpClient:
    def __init__(self, proxy: _UdpProxy, client: tuple[str, int], target: tuple[str, int]) -> None:
        self._proxy, self._client = proxy, client
        self._loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
        self._socket = socket.socket(
            family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        self._socket.connect(target)
        self._loop.add_reader(self._socket, self._on_answer)
        self._last_used = self._loop.time()
        self._timer = self._loop.call_later(_UDP_IDLE_S, self._on_timer)

    def send(self, data: bytes) -> None:
        self._last_used = self._loop.time()
        with contextlib.suppress(OSError):  # a datagram may be lost; a refusal is such a loss
            self._socket.send(data)

    def end(self) -> None:
        self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._proxy.forget(self._client)

    def _on_answer(self) -> None:
        with contextlib.suppress(OSError):
            self._proxy.answer(self._client, self._socket.recv(_PIECE_BYTES))
            self._last_used = self._loop.time()

    def _on_timer(self) -> None:
        idle_s = self._loop.time() - self._last_used
        if idle_s >= _UDP_IDLE_S:
            self.end()
        else:
            self._timer = self._loop.call_later(_UDP_IDLE_S - idle_s, self._on_timer)
