"""A real server on a unix socket, with routes that do what a test needs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wherry.api.app import App
from wherry.api.bodies import read_object
from wherry.api.replies import json_reply, stream_reply, text_reply
from wherry.http.messages import Call, Duplex, Reply, Routes, Takeover
from wherry.http.server import Server
from wherry.model.errors import AlreadySo, InvalidArgument, NoSuchContainer


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Client:
    """Raw HTTP over the socket of one server."""

    path: Path
    server: Server

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.path)

    async def raw(self, data: bytes, *, half_close: bool = False) -> bytes:
        """Everything that comes back until the server closes."""
        reader, writer = await self.connect()
        writer.write(data)
        if half_close:
            writer.write_eof()
        try:
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
            await writer.wait_closed()

    async def ask(self, method: str, target: str, body: bytes = b"", **fields: str) -> Answer:
        head = {"Host": "engine", "Connection": "close", **fields}
        if body:
            head.setdefault("Content-Length", str(len(body)))
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in head.items()]
        return parse(await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body))


def parse(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        out = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            length = int(size, 16)
            out, body = out + body[:length], body[length + 2 :]
        body = out
    return Answer(int(status.split()[1]), headers, body)


@dataclass
class Seen:
    """What the routes below have noticed."""

    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    taken_over_ended: asyncio.Event = field(default_factory=asyncio.Event)


def routes(seen: Seen) -> Routes:
    async def hello(call: Call) -> Reply:
        return text_reply(f"{call.version} {call.path.get('id', '')} {dict(call.query)}")

    async def echo_json(call: Call) -> Reply:
        return json_reply(await read_object(call))

    async def count(call: Call) -> Reply:
        size = 0
        async for piece in call.body.chunks():
            size += len(piece)
        return text_reply(str(size))

    async def for_ever(call: Call) -> Reply:
        seen.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.cancelled.set()
            raise
        raise AssertionError

    async def stream(call: Call) -> Reply:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                yield b"first\n"
                if "fail" in call.query:
                    raise ZeroDivisionError
                if "wait" in call.query:
                    await asyncio.Event().wait()
                yield b"second\n"
            finally:
                seen.closed.set()

        return stream_reply(pieces())

    async def echo(call: Call) -> Takeover:
        """Says what it read, in capitals, when the client has ended."""
        body = await call.body.read(limit_bytes=1000)

        async def run(stream: Duplex) -> None:
            seen.started.set()
            try:
                await stream.write(b"[" + body + b"]")
                heard = b""
                while piece := await stream.read():
                    heard += piece
                await stream.write(heard.upper())
                if "hang" in call.query:
                    await asyncio.Event().wait()
            finally:
                seen.taken_over_ended.set()

        return Takeover(content_type="application/vnd.docker.raw-stream", run=run)

    async def deaf(call: Call) -> Takeover:
        """Ends at once without reading anything."""

        async def run(stream: Duplex) -> None:
            await stream.write(b"bye")

        return Takeover(content_type="application/vnd.docker.raw-stream", run=run)

    async def missing(call: Call) -> Reply:
        raise NoSuchContainer(call.path["id"])

    async def already(call: Call) -> Reply:
        raise AlreadySo("container is already running")

    async def hinted(call: Call) -> Reply:
        raise InvalidArgument("no", hint="say yes")

    async def fault(call: Call) -> Reply:
        raise KeyError("secret detail")

    return {
        "GET /hello": hello,
        "GET /hello/{id}": hello,
        "POST /json": echo_json,
        "POST /count": count,
        "GET /for-ever": for_ever,
        "GET /stream": stream,
        "POST /echo": echo,
        "POST /deaf": deaf,
        "GET /missing/{id}": missing,
        "POST /already": already,
        "GET /hinted": hinted,
        "GET /fault": fault,
    }


@pytest.fixture
def seen() -> Seen:
    return Seen()


Serve = Callable[..., Any]


@asynccontextmanager
async def serving(tmp_path: Path, *tables: Routes) -> AsyncIterator[Client]:
    server = App(*tables, engine_version="1.2.3").make_server()
    path = tmp_path / "api.sock"
    await server.listen_unix(path)
    try:
        yield Client(path, server)
    finally:
        await server.close(grace_s=0.1)


@pytest.fixture
async def client(tmp_path: Path, seen: Seen) -> AsyncIterator[Client]:
    async with serving(tmp_path, routes(seen)) as client:
        yield client


async def soon(happens: Coroutine[Any, Any, Any]) -> Any:
    return await asyncio.wait_for(happens, 5)
