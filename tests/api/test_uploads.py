"""Bodies in chunks that arrive in pieces of any size, at any moment."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wherry.api.app import App
from wherry.http.messages import Call, Reply

SIZE = 300_000


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[Path]:
    async def count(call: Call) -> Reply:
        """How many bytes came."""
        size = 0
        async for piece in call.body.chunks():
            size += len(piece)
            await asyncio.sleep(0)
        return Reply(body=str(size).encode())

    server = App({"POST /count": count}, engine_version="0").make_server()
    path = tmp_path / "s"
    await server.listen_unix(path)
    yield path
    await server.close()


async def upload(path: Path, seed: int) -> bytes:
    """Send a chunked body in random pieces, the first of which may come with the head."""
    chance = random.Random(seed)
    reader, writer = await asyncio.open_unix_connection(path)
    body = b""
    left = SIZE
    while left:
        size = min(left, chance.choice((1, 100, 4096, 32768, 70000)))
        body += b"%x\r\n" % size + b"x" * size + b"\r\n"
        left -= size
    raw = b"POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    raw += b"0\r\n\r\n"
    while raw:
        size = chance.choice((10, 90, 500, 10_000, 65_536, 200_000))
        writer.write(raw[:size])
        raw = raw[size:]
        await writer.drain()
        if chance.random() < 0.3:
            await asyncio.sleep(0)
    head = await reader.readuntil(b"\r\n\r\n")
    answer = await reader.readexactly(len(str(SIZE)))
    writer.close()
    assert head.startswith(b"HTTP/1.1 200")
    return answer


async def test_no_piece_of_a_chunked_body_is_lost_or_waited_for(address: Path) -> None:
    async with asyncio.timeout(60):
        for first in range(0, 120, 8):
            answers = await asyncio.gather(*(upload(address, first + n) for n in range(8)))
            assert answers == [str(SIZE).encode()] * 8
