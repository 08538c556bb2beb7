"""HTTP as clients see it: framing, limits, disconnects, errors."""

import asyncio
import json
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from tests.api.conftest import Client, Seen, parse, routes, serving, soon
from wherry.api.app import App
from wherry.http import connection


async def test_a_path_answers_with_and_without_a_version(client: Client) -> None:
    plain = await client.ask("GET", "/hello/a%2Fb?x=1&x=2&y=%20")
    versioned = await client.ask("GET", "/v1.43/hello/a%2Fb?x=1&x=2&y=%20")
    assert plain.body == b"None a/b {'x': '1', 'y': ' '}"
    assert versioned.body == b"1.43 a/b {'x': '1', 'y': ' '}"


async def test_every_reply_says_who_answers_and_which_version_it_speaks(client: Client) -> None:
    for target in ("/hello", "/nowhere", "/fault", "/stream", "/missing/x"):
        headers = (await client.ask("GET", target)).headers
        assert headers["api-version"] == "1.51"
        assert headers["server"] == "Wherry/1.2.3 (linux)"
        assert headers["ostype"] == "linux"
        assert headers["docker-experimental"] == "false"


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            "1.23",
            (
                "client version 1.23 is too old. Minimum supported API version is 1.24, "
                "please upgrade your client to a newer version"
            ),
        ),
        ("1.52", "client version 1.52 is too new. Maximum supported API version is 1.51"),
        ("9", "client version 9 is too new. Maximum supported API version is 1.51"),
    ],
)
async def test_a_version_out_of_range_is_refused_in_dockers_words(
    client: Client, version: str, message: str
) -> None:
    answer = await client.ask("GET", f"/v{version}/hello")
    assert (answer.status, json.loads(answer.body)) == (400, {"message": message})


async def test_an_unknown_path_and_an_unknown_method_are_not_found(client: Client) -> None:
    for method, target in (("GET", "/"), ("GET", "/v1.51/nope"), ("DELETE", "/hello")):
        answer = await client.ask(method, target)
        assert (answer.status, answer.body) == (404, b'{"message":"page not found"}\n')


async def test_options_and_head_are_answered(client: Client) -> None:
    options = await client.ask("OPTIONS", "/hello")
    assert (options.status, options.headers["allow"]) == (200, "GET, OPTIONS")
    head = await client.ask("HEAD", "/hello")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 0


async def test_errors_are_messages_with_their_status(client: Client) -> None:
    missing = await client.ask("GET", "/missing/web")
    assert (missing.status, missing.body) == (404, b'{"message":"No such container: web"}\n')
    assert missing.headers["content-type"] == "application/json"
    hinted = await client.ask("GET", "/hinted")
    assert json.loads(hinted.body) == {"message": "no", "hint": "say yes"}
    already = await client.ask("POST", "/already")
    assert (already.status, already.body) == (304, b"")


async def test_a_fault_is_logged_with_an_id_and_tells_only_the_id(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.ask("GET", "/fault")
    assert answer.status == 500
    found = re.fullmatch(r"internal error \(request (\w+)\)", json.loads(answer.body)["message"])
    assert found is not None
    assert found[1] in caplog.text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "invalid JSON: got EOF while reading request body"),
        (b"{", "invalid JSON: unexpected EOF"),
        (b"x", "invalid JSON: invalid character 'x' looking for beginning of value"),
        (b"{}x", "unexpected content after JSON"),
        (b'{"a":NaN}', "invalid JSON: invalid character 'N' looking for beginning of value"),
        (b'{"a":1,"a":2}', "invalid JSON: key 'a' occurs twice"),
        (b"[1]", "invalid JSON: an object is needed, not array"),
        (b'{"a":"\\ud800"}', "invalid JSON: invalid Unicode escape"),
        (b'{"a":["b\\u0000c"]}', "invalid JSON: a string holds a NUL character"),
        (b'{"a":"\xff"}', "invalid JSON: invalid UTF-8"),
        (b"[" * 100_000, "invalid JSON: nested too deeply"),
        (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "invalid JSON: nested too deeply"),
    ],
)
async def test_what_is_no_json_object_is_refused(client: Client, body: bytes, message: str) -> None:
    answer = await client.ask("POST", "/json", body, Content_Type="application/json")
    assert (answer.status, json.loads(answer.body)) == (400, {"message": message})


async def test_json_must_be_called_json(client: Client) -> None:
    answer = await client.ask("POST", "/json", b"{}", Content_Type="text/plain")
    assert json.loads(answer.body)["message"] == (
        "unsupported Content-Type header (text/plain): must be 'application/json'"
    )
    answer = await client.ask("POST", "/json", b"{}")
    assert json.loads(answer.body)["message"] == (
        "malformed Content-Type header (): mime: no media type"
    )
    answer = await client.ask("POST", "/json", b'{"a":1}', Content_Type="application/json; x=y")
    assert json.loads(answer.body) == {"a": 1}


async def test_json_beyond_the_limit_is_refused(client: Client) -> None:
    answer = parse(
        await client.raw(
            b"POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
        )
    )
    assert answer.status == 413


async def test_chunked_bodies_arrive_whole(client: Client) -> None:
    body = b"".join(b"10000\r\n" + b"x" * 0x10000 + b"\r\n" for _ in range(100)) + b"0\r\n\r\n"
    head = b"POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    assert parse(await client.raw(head + body)).body == str(0x10000 * 100).encode()


async def test_the_body_is_asked_for_when_the_client_waits_for_leave(client: Client) -> None:
    reader, writer = await client.connect()
    writer.write(
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n"
        b"Connection: close\r\n\r\n"
    )
    assert await soon(reader.readuntil(b"\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    assert parse(await soon(reader.read())).body == b"3"
    writer.close()


async def test_a_connection_serves_many_requests_also_ahead_of_the_answers(
    client: Client,
) -> None:
    one = b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde"
    two = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"
    raw = await client.raw((one + two) * 20 + last)
    assert raw.count(b"HTTP/1.1 200 OK") == 41
    assert raw.endswith(b"\r\n\r\n2")


async def test_a_request_may_arrive_byte_by_byte(client: Client) -> None:
    reader, writer = await client.connect()
    for byte in (
        b"\r\nPOST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    ):
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    assert parse(await soon(reader.read())).body == b"3"
    writer.close()


async def test_a_client_that_ends_its_side_early_is_still_answered(client: Client) -> None:
    raw = await client.raw(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", half_close=True)
    assert parse(raw).status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"POST /json HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"POST /json HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n",
        b"GET /hello HTTP/1.1\r\nHost : x\r\n",
        b"GET /hello\r\n",
    ],
)
async def test_a_request_that_two_parsers_could_read_differently_is_refused(
    client: Client, head: bytes
) -> None:
    raw = await client.raw(head + b"\r\n{}")
    assert raw.split()[1] == b"400"


async def test_a_head_has_a_limit(client: Client) -> None:
    raw = await client.raw(b"GET /hello HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000 + b"\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 431")
    raw = await client.raw(
        b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nA: " + b"a" * 50_000 + b"\r\n\r\n"
    )
    assert raw.startswith(b"HTTP/1.1 200")
    raw = await client.raw(b"GET /hello HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n")
    assert raw.split()[1] == b"400"
    assert b"aiohttp" not in raw


async def test_a_head_that_does_not_come_ends_the_connection(
    tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_TIMEOUT_S", 0.05)
    async with serving(tmp_path, routes(seen)) as client:
        assert await client.raw(b"GET /hello HTTP/1.1\r\nHo") == b""
        assert await client.raw(b"") == b""


async def test_what_a_web_page_sends_is_refused(client: Client) -> None:
    assert (await client.ask("GET", "/hello", Origin="http://evil.example")).status == 403
    assert (await client.ask("GET", "/hello", Sec_Fetch_Site="cross-site")).status == 403
    assert (await client.ask("GET", "/hello", Sec_Fetch_Site="none")).status == 200


async def test_tcp_answers_to_its_own_names_only(tmp_path: Path, seen: Seen) -> None:
    async with serving(tmp_path, routes(seen)) as client:
        port = await client.server.listen_tcp("127.0.0.1", 0)

        async def status(host: str) -> int:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                f"GET /hello HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            raw = await soon(reader.read())
            writer.close()
            return parse(raw).status

        assert await status(f"127.0.0.1:{port}") == 200
        assert await status(f"localhost:{port}") == 200
        assert await status("[::1]:1") == 200
        assert await status(f"evil.example:{port}") == 403


async def test_a_client_that_hangs_up_cancels_its_handler(client: Client, seen: Seen) -> None:
    _, writer = await client.connect()
    writer.write(b"GET /for-ever HTTP/1.1\r\nHost: x\r\n\r\n")
    await soon(seen.started.wait())
    writer.close()
    await soon(seen.cancelled.wait())


async def test_so_does_one_that_had_ended_its_side_before(client: Client, seen: Seen) -> None:
    _, writer = await client.connect()
    writer.write(b"GET /for-ever HTTP/1.1\r\nHost: x\r\n\r\n")
    writer.write_eof()
    await soon(seen.started.wait())
    assert not seen.cancelled.is_set()
    writer.close()
    await soon(seen.cancelled.wait())


async def test_a_stream_sends_its_headers_first_and_ends_when_the_client_goes(
    client: Client, seen: Seen
) -> None:
    reader, writer = await client.connect()
    writer.write(b"GET /stream?wait=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in await soon(reader.readuntil(b"\r\n\r\n"))
    assert await soon(reader.readuntil(b"first\n\r\n"))
    writer.close()
    await soon(seen.closed.wait())


async def test_a_stream_that_fails_ends_without_its_last_chunk(
    client: Client, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    good = await client.raw(b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert good.endswith(b"0\r\n\r\n")
    bad = await client.raw(b"GET /stream?fail=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert bad.endswith(b"6\r\nfirst\n\r\n")
    assert "ZeroDivisionError" in caplog.text


async def test_http_1_0_gets_a_stream_without_chunks(client: Client) -> None:
    raw = await client.raw(b"GET /stream HTTP/1.0\r\n\r\n")
    assert raw.endswith(b"\r\n\r\nfirst\nsecond\n")


async def test_three_hundred_streams_at_once_leave_the_others_alone(client: Client) -> None:
    opened = await asyncio.gather(*(client.connect() for _ in range(300)))
    for _, writer in opened:
        writer.write(b"GET /stream?wait=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.gather(*(soon(reader.readuntil(b"first\n\r\n")) for reader, _ in opened))
    assert (await client.ask("GET", "/hello")).status == 200
    for _, writer in opened:
        writer.close()


async def test_the_socket_belongs_to_root_and_a_group(tmp_path: Path, seen: Seen) -> None:
    async with serving(tmp_path, routes(seen)) as client:
        mode = client.path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o660
        second = App(engine_version="1").make_server()
        with pytest.raises(OSError, match="another program listens there"):
            await second.listen_unix(client.path)
        await second.close(grace_s=0)
    assert not client.path.exists()


async def test_a_socket_left_by_a_killed_daemon_is_replaced(tmp_path: Path, seen: Seen) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "api.sock"))
    async with serving(tmp_path, routes(seen)) as client:
        assert (await client.ask("GET", "/hello")).status == 200


async def test_nothing_stays_open(tmp_path: Path, seen: Seen) -> None:
    before = 0
    async with serving(tmp_path, routes(seen)) as client:
        for _ in range(20):
            await client.ask("GET", "/hello")
            await client.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\n\r\nabc", half_close=True)
            before = before or len(os.listdir("/proc/self/fd"))
        assert len(os.listdir("/proc/self/fd")) <= before
