"""Connections that stop being HTTP."""

import asyncio
import os

from tests.api.conftest import Client, Seen, soon

UPGRADE = b"Connection: Upgrade\r\nUpgrade: tcp\r\n"
SWITCHED = b"HTTP/1.1 101 UPGRADED\r\n"


async def test_an_upgrade_is_answered_with_101_and_both_sides_end_separately(
    client: Client,
) -> None:
    reader, writer = await client.connect()
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"Content-Length: 2\r\n\r\n{}")
    head = await soon(reader.readuntil(b"\r\n\r\n"))
    assert head.startswith(SWITCHED)
    assert b"\r\nContent-Type: application/vnd.docker.raw-stream\r\n" in head
    assert b"\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n" in head
    assert b"\r\nApi-Version: 1.51\r\n" in head
    assert b"Content-Length" not in head
    assert b"Transfer-Encoding" not in head
    assert await soon(reader.readexactly(4)) == b"[{}]"
    writer.write(b"hello")
    writer.write_eof()
    assert await soon(reader.read()) == b"HELLO"
    writer.close()


async def test_without_upgrade_it_is_a_200_and_then_just_bytes(client: Client) -> None:
    raw = await client.raw(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", half_close=True
    )
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length" not in head
    assert b"chunked" not in head
    assert body == b"[{}]"


async def test_bytes_that_come_with_the_request_belong_to_the_stream(client: Client) -> None:
    for fields in (UPGRADE, b""):
        for body in (b"", b"{}"):
            length = b"Content-Length: %d\r\n" % len(body) if body else b""
            raw = await client.raw(
                b"POST /echo HTTP/1.1\r\nHost: x\r\n"
                + fields
                + length
                + b"\r\n"
                + body
                # looks like a request, and must not be taken for one
                + b"get /hello http/1.1\r\n\r\n"
                + b"z" * 200_000,
                half_close=True,
            )
            expected = b"[" + body + b"]GET /HELLO HTTP/1.1\r\n\r\n" + b"Z" * 200_000
            assert raw.partition(b"\r\n\r\n")[2] == expected


async def test_a_body_that_the_handler_did_not_read_does_not_leak_into_the_stream(
    client: Client,
) -> None:
    raw = await client.raw(
        b"POST /deaf HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"Content-Length: 2\r\n\r\n{}"
    )
    assert raw.partition(b"\r\n\r\n")[2] == b"bye"


async def test_another_protocol_is_named_in_the_answer(client: Client) -> None:
    raw = await client.raw(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nabc",
        half_close=True,
    )
    assert b"\r\nUpgrade: h2c\r\n" in raw
    assert raw.endswith(b"[]ABC")


async def test_an_error_before_the_takeover_is_an_ordinary_answer(client: Client) -> None:
    raw = await client.raw(
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n", half_close=True
    )
    assert raw.startswith(b"HTTP/1.1 404 ")


async def test_a_client_that_is_gone_ends_the_stream_even_after_its_half_close(
    client: Client, seen: Seen
) -> None:
    reader, writer = await client.connect()
    writer.write(b"POST /echo?hang=1 HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\nabc")
    writer.write_eof()
    await soon(reader.readuntil(b"ABC"))
    assert not seen.taken_over_ended.is_set()
    writer.close()
    await soon(seen.taken_over_ended.wait())


async def test_a_client_that_still_sends_reads_everything_before_the_end(
    client: Client,
) -> None:
    reader, writer = await client.connect()
    writer.write(b"POST /deaf HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n")
    writer.write(b"y\n" * 500_000)
    raw = await soon(reader.read())  # a reset would raise here
    assert raw.endswith(b"bye")
    writer.close()


async def test_a_slow_reader_holds_the_writer_back_and_loses_nothing(client: Client) -> None:
    reader, writer = await client.connect()
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n")
    await soon(reader.readuntil(b"[]"))
    for _ in range(64):
        writer.write(b"a" * 100_000)
        await writer.drain()
    writer.write_eof()
    await asyncio.sleep(0.1)
    assert await soon(reader.read()) == b"A" * 6_400_000
    writer.close()


async def test_three_hundred_takeovers_at_once(client: Client) -> None:
    before = len(os.listdir("/proc/self/fd"))

    async def one(number: int) -> bool:
        reader, writer = await client.connect()
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n")
        await reader.readuntil(b"[]")
        writer.write(b"x%d" % number * 1000)
        writer.write_eof()
        ok = await reader.read() == b"X%d" % number * 1000
        writer.close()
        await writer.wait_closed()
        return ok

    assert all(await asyncio.wait_for(asyncio.gather(*map(one, range(300))), 30))
    await asyncio.sleep(0.05)
    assert len(os.listdir("/proc/self/fd")) <= before + 1
