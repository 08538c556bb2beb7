"""The client's side of HTTP: framing, kept connections, raw streams, API versions."""

import _socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from wherry.client.engine import Engine, encode_query, parse_host
from wherry.client.errors import Unreachable
from wherry.client.frames import FrameDecoder
from wherry.client.jsontext import decode_json, encode_json
from wherry.http.client import Address, Broken, Connection
from wherry.model.errors import Conflict, NotFound, WherryError

OPENED: list[_socket.socket] = []


@pytest.fixture(autouse=True)
def _close_connections() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


class Scripted(Address):
    """Answers each request with the next of the given bytes; remembers what was asked."""

    def __init__(self, *answers: bytes) -> None:
        super().__init__(path="scripted")
        self.asked: list[bytes] = []
        self.connections = 0
        self._answers = list(answers)

    def connect(self) -> _socket.socket:
        self.connections += 1
        ours, theirs = _socket.socketpair()
        OPENED.append(ours)
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return ours

    def _serve(self, sock: _socket.socket) -> None:
        while self._answers:
            request = b""
            while not self._complete(request):
                data = sock.recv(65536)
                if not data:
                    sock.close()
                    return
                request += data
            self.asked.append(request)
            answer = self._answers.pop(0)
            sock.sendall(answer)
            if b"content-length" not in answer.lower() and b"chunked" not in answer:
                break
        sock.close()

    @staticmethod
    def _complete(request: bytes) -> bool:
        head, ended, body = request.partition(b"\r\n\r\n")
        if not ended:
            return False
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return len(body) >= int(line.partition(b":")[2])
        return b"chunked" not in head or request.endswith(b"0\r\n\r\n")


def answer(status: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\none\r\n4;x=y\r\n\ntwo\r\n0\r\nTrailer: x\r\n\r\n"
)


def engine_at(address: Address) -> Engine:
    engine = Engine()
    engine._address = address
    return engine


def test_one_connection_serves_bodies_of_every_framing() -> None:
    address = Scripted(answer("200 OK", b"hello"), CHUNKED, b"HTTP/1.1 200 OK\r\n\r\nto the end")
    connection = Connection(address)
    assert connection.request("GET", "/a", {}).read() == b"hello"
    assert list(connection.request("GET", "/b", {}).lines()) == [b"one", b"two"]
    assert connection.request("GET", "/c", {}).read() == b"to the end"
    assert address.connections == 1


def test_a_body_of_unknown_length_is_sent_in_chunks() -> None:
    address = Scripted(answer("200 OK", b""))
    Connection(address).request("POST", "/a", {}, iter([b"ab", b"", b"c"])).read()
    assert address.asked[0].endswith(b"\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")


def test_a_body_that_ends_too_early_is_not_taken_for_whole() -> None:
    address = Scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
    response = Connection(address).request("GET", "/a", {})
    with pytest.raises(Broken, match="unexpected EOF"):
        response.read()


def test_interim_answers_are_passed_over() -> None:
    address = Scripted(b"HTTP/1.1 100 Continue\r\n\r\n" + answer("200 OK", b"x"))
    assert Connection(address).request("GET", "/a", {}).read() == b"x"


def test_a_kept_connection_that_died_is_opened_anew() -> None:
    address = Scripted(answer("200 OK", b"1"), answer("200 OK", b"2"))
    connection = Connection(address)
    assert connection.request("GET", "/a", {}).read() == b"1"
    assert connection._sock is not None
    connection._sock.shutdown(_socket.SHUT_RDWR)
    assert connection.request("GET", "/b", {}).read() == b"2"
    assert address.connections == 2


def test_bytes_behind_the_head_of_an_upgrade_belong_to_the_stream() -> None:
    address = Scripted(b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nearly")
    response = engine_at(address).call("POST", "/attach", upgrade=True)
    sock, early = response.detach()
    sock.close()
    assert (response.status, early) == (101, b"early")
    assert b"Upgrade: tcp\r\n" in address.asked[0]


def test_an_engine_that_is_older_says_so_and_is_spoken_to_in_its_version() -> None:
    text = b'{"message":"client version 1.51 is too new. Maximum supported API version is 1.41"}'
    address = Scripted(answer("400 Bad Request", text), answer("200 OK", b"[]"))
    assert engine_at(address).get("/containers/json") == []
    assert address.asked[1].startswith(b"GET /v1.41/containers/json ")


def test_a_pinned_version_is_not_given_up() -> None:
    text = b'{"message":"client version 1.99 is too new. Maximum supported API version is 1.41"}'
    address = Scripted(answer("400 Bad Request", text))
    engine = Engine(version="1.99")
    engine._address = address
    with pytest.raises(WherryError, match=r"1\.99 is too new"):
        engine.get("/info")


def test_refusals_are_the_classes_they_were() -> None:
    address = Scripted(
        answer("404 Not Found", b'{"message":"No such container: x"}'),
        answer("409 Conflict", b"plain words", "text/plain"),
    )
    engine = engine_at(address)
    with pytest.raises(NotFound, match="No such container: x"):
        engine.get("/containers/x/json")
    with pytest.raises(Conflict, match="plain words"):
        engine.get("/containers/x/json")


def test_an_error_in_a_progress_stream_is_raised() -> None:
    body = b'{"status":"a"}\r\n{"errorDetail":{"message":"no"},"error":"no"}\r\n'
    engine = engine_at(Scripted(answer("200 OK", body)))
    documents = engine.progress(engine.call("POST", "/images/create"))
    assert next(documents) == {"status": "a"}
    with pytest.raises(WherryError, match="no"):
        next(documents)


def test_nobody_there_is_told_with_the_address() -> None:
    class Nobody(Address):
        def connect(self) -> _socket.socket:
            raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(Unreachable, match="Is wherryd running") as caught:
        engine_at(Nobody()).get("/info")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("unix:///run/x.sock", ("/run/x.sock", "", 0)),
        ("tcp://h:99", ("", "h", 99)),
        ("tcp://h", ("", "h", 2375)),
        ("h:5", ("", "h", 5)),
        ("tcp://[::1]:7", ("", "::1", 7)),
    ],
)
def test_hosts_are_sockets_or_ports(host: str, where: tuple[str, str, int]) -> None:
    address = parse_host(host)
    assert (address.path, address.host, address.port) == where


@pytest.mark.parametrize("host", ["http://x", "unix://", "tcp://h:x", "foo://h"])
def test_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(Unreachable, match="invalid bind address format"):
        parse_host(host)


def test_queries_leave_out_what_is_not_said() -> None:
    query = {"a": None, "b": False, "c": True, "d": "x y", "e": ["1", "2"], "f": {"k": ["v"]}}
    assert encode_query(query) == "?c=1&d=x%20y&e=1&e=2&f=%7B%22k%22%3A%5B%22v%22%5D%7D"
    assert encode_query({}) == ""


def test_json_goes_there_and_back() -> None:
    value: dict[str, Any] = {"a": [1, 2.5, None, True, {}], "é": 'q"\n', "n": {"x": []}}
    assert decode_json(encode_json(value)) == value
    assert decode_json(encode_json(value, indent=4)) == value
    assert encode_json({"a": [1], "b": {}}, indent=4) == (
        '{\n    "a": [\n        1\n    ],\n    "b": {}\n}'
    )


@pytest.mark.parametrize("text", ["", "x", '{"a":1} x', "[1,"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode_json(text)


def test_frames_may_be_cut_anywhere() -> None:
    stream = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err\x01\0\0\0\0\0\0\x00"
    for size in range(1, len(stream)):
        decoder = FrameDecoder()
        found = {1: b"", 2: b""}
        for start in range(0, len(stream), size):
            for number, piece in decoder.feed(stream[start : start + size]):
                found[number] += piece
        assert found == {1: b"out", 2: b"err"}


def test_a_header_that_is_none_is_refused() -> None:
    def feed() -> Iterator[tuple[int, bytes]]:
        return FrameDecoder().feed(b"HTTP/1.1 500")

    with pytest.raises(ValueError, match="Unrecognized input header"):
        list(feed())
