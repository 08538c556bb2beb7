"""HTTP/1.1 over a unix socket, byte by byte: for requests that no well-behaved client would send.

Source: RFC 9112. Answers are read to their end by Content-Length, by chunks or by the end of the
connection.
"""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The text of an error's body, `{"message": ...}`."""
        return str(self.json["message"])


def connect(socket_path: str, *, timeout_s: float = 30) -> socket.socket:
    """An open connection to the engine; the caller closes it."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout_s)
    try:
        connection.connect(socket_path)
    except BaseException:
        connection.close()
        raise
    return connection


def encode_request(
    method: str,
    target: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A request's bytes; Host and Content-Length are added unless `headers` has them."""
    fields = {"Host": "engine", **(headers or {})}
    if body is not None and not {"Content-Length", "Transfer-Encoding"} & set(fields):
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def send(socket_path: str, raw: bytes, *, method: str = "GET", timeout_s: float = 30) -> Answer:
    """Send these bytes as they are and read one answer."""
    with connect(socket_path, timeout_s=timeout_s) as connection:
        try:
            connection.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the engine may answer, and close, before it has read everything
        return read_answer(connection, method=method)


def request(
    socket_path: str,
    method: str,
    target: str,
    *,
    body: bytes | dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 30,
) -> Answer:
    """One request, one answer; a dictionary goes as JSON."""
    fields = dict(headers or {})
    if isinstance(body, dict):
        body = json.dumps(body).encode()
        fields.setdefault("Content-Type", "application/json")
    raw = encode_request(method, target, body=body, headers={"Connection": "close", **fields})
    return send(socket_path, raw, method=method, timeout_s=timeout_s)


def read_answer(connection: socket.socket, *, method: str = "GET") -> Answer:
    """Read one answer from an open connection.

    Raises:
        ConnectionError: the connection ended before the answer's head did.
    """
    with connection.makefile("rb") as stream:
        status_line = stream.readline()
        if not status_line:
            raise ConnectionError("the engine closed the connection without an answer")
        status = int(status_line.split()[1])
        headers: dict[str, str] = {}
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, text = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = text.strip()
        if method == "HEAD" or status in (101, 204, 304):
            return Answer(status=status, headers=headers, body=b"")
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(stream.readline().split(b";")[0] or b"0", 16):
                body += stream.read(size)
                stream.readline()
            return Answer(status=status, headers=headers, body=body)
        length = headers.get("content-length")
        body = stream.read(int(length)) if length is not None else stream.read()
        return Answer(status=status, headers=headers, body=body)
