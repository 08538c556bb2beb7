"""A blocking HTTP/1.1 client: one connection, one request at a time, raw sockets underneath.

It is small because it is on the way of every command: it uses `_socket` (the `socket` module costs
8 ms to import), and loads TLS only for an address that asks for it. It knows nothing of Docker.

Source: RFC 9112 for framing; "hijacking" is an ``Upgrade: tcp`` after which both sides speak raw
bytes.
"""

from __future__ import annotations

import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_CHUNK_BYTES = 65536
_HEAD_LIMIT_BYTES = 1 << 20
_BODILESS = (204, 304)


class Broken(OSError):
    """The other side ended the connection, or said something that is not HTTP."""


class TlsFiles:
    """Which files TLS uses. `verify`: the server must show a certificate that `ca` signed."""

    __slots__ = ("ca", "cert", "key", "verify")

    def __init__(self, *, ca: str, cert: str, key: str, verify: bool) -> None:
        self.ca, self.cert, self.key, self.verify = ca, cert, key, verify


class Address:
    """Where a server listens: a unix socket (`path`), or `host` and `port`."""

    __slots__ = ("host", "path", "port", "tls")

    def __init__(
        self, *, path: str = "", host: str = "", port: int = 0, tls: TlsFiles | None = None
    ) -> None:
        self.path, self.host, self.port, self.tls = path, host, port, tls

    def connect(self) -> _socket.socket:
        """A connected blocking socket. OSError when nobody is there."""
        if self.path:
            sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            try:
                sock.connect(self.path)
            except OSError:
                sock.close()
                raise
            return sock
        return self._connect_tcp()

    def _connect_tcp(self) -> _socket.socket:
        failure: OSError | None = None
        for family, kind, protocol, _, where in _socket.getaddrinfo(
            self.host, self.port, 0, _socket.SOCK_STREAM
        ):
            sock = _socket.socket(family, kind, protocol)
            try:
                sock.connect(where)
                sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            except OSError as error:
                sock.close()
                failure = error
                continue
            return _wrap_tls(sock, self.host, self.tls) if self.tls else sock
        raise failure or Broken(f"no address for {self.host}")


def _wrap_tls(sock: _socket.socket, host: str, files: TlsFiles) -> _socket.socket:
    import os
    import socket
    import ssl

    context = ssl.create_default_context()
    if not files.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif os.path.exists(files.ca):
        context.load_verify_locations(files.ca)
    if os.path.exists(files.cert) and os.path.exists(files.key):
        context.load_cert_chain(files.cert, files.key)
    return context.wrap_socket(socket.socket(fileno=sock.detach()), server_hostname=host)


class Response:
    """An answer whose head has been read. The body is read once: `read`, `chunks` or `detach`."""

    __slots__ = ("_connection", "_framing", "_left", "headers", "reason", "status")

    def __init__(
        self,
        connection: Connection,
        status: int,
        reason: str,
        headers: dict[str, str],
        *,
        bodiless: bool,
    ) -> None:
        self._connection = connection
        self.status, self.reason, self.headers = status, reason, headers
        self._left = 0
        if bodiless or status in _BODILESS:
            self._framing = "none"
        elif "chunked" in headers.get("transfer-encoding", ""):
            self._framing = "chunked"
        elif "content-length" in headers:
            self._framing = "length"
            self._left = int(headers["content-length"])
        else:
            self._framing = "close"
        if self._framing == "none" or (self._framing == "length" and not self._left):
            self._finish()

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """Pieces as they arrive. `Broken` when the body ends before it should."""
        if self._framing == "chunked":
            yield from self._chunked()
        elif self._framing == "length":
            while self._left:
                data = self._connection.receive(self._left)
                if not data:
                    raise Broken("unexpected EOF")
                self._left -= len(data)
                yield data
        elif self._framing == "close":
            while data := self._connection.receive(_CHUNK_BYTES):
                yield data
            self._connection.close()
        self._finish()

    def _chunked(self) -> Iterator[bytes]:
        connection = self._connection
        while size := int(connection.line().partition(b";")[0], 16):
            while size:
                data = connection.receive(size)
                if not data:
                    raise Broken("unexpected EOF")
                size -= len(data)
                yield data
            connection.line()
        while connection.line():
            pass

    def lines(self) -> Iterator[bytes]:
        """The body cut at newlines, without them; the last piece may lack its newline."""
        held = b""
        for data in self.chunks():
            *whole, held = (held + data).split(b"\n")
            yield from whole
        if held:
            yield held

    def detach(self) -> tuple[_socket.socket, bytes]:
        """The raw socket and what already arrived of the stream behind the head."""
        return self._connection.detach()

    def close(self) -> None:
        """Give up the rest of the body, and with it the connection unless all was read."""
        if self._framing != "done":
            self._connection.close()

    def _finish(self) -> None:
        self._framing = "done"
        if self.headers.get("connection", "").lower() == "close":
            self._connection.close()


class Connection:
    """One connection. After a body was read to its end it can carry the next request."""

    __slots__ = ("_address", "_held", "_sock")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._sock: _socket.socket | None = None
        self._held = b""

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None = None,
    ) -> Response:
        """Send a request and read the head of the answer.

        An iterable `body` is sent chunked. OSError when the server cannot be reached, `Broken`
        when it hangs up. A kept connection that turns out to be dead is opened anew once.
        """
        kept = self._sock is not None
        try:
            return self._exchange(method, target, headers, body)
        except (Broken, BrokenPipeError, ConnectionResetError):
            self.close()
            if not kept or not (body is None or isinstance(body, bytes)):
                raise
        return self._exchange(method, target, headers, body)

    def _exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
    ) -> Response:
        if self._sock is None:
            self._sock = self._address.connect()
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if isinstance(body, bytes):
            lines.append(f"Content-Length: {len(body)}")
        elif body is not None:
            lines.append("Transfer-Encoding: chunked")
        elif method in ("POST", "PUT"):
            lines.append("Content-Length: 0")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if body is None or isinstance(body, bytes):
            self._sock.sendall(head + (body or b""))
        else:
            self._sock.sendall(head)
            self._send_chunked(body)
        return self._read_head(method)

    def _send_chunked(self, body: Iterable[bytes]) -> None:
        assert self._sock is not None
        try:
            for data in body:
                if data:
                    self._sock.sendall(b"%x\r\n%b\r\n" % (len(data), data))
            self._sock.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses early answers and closes; the answer says more than EPIPE.
            pass

    def _read_head(self, method: str) -> Response:
        while True:
            status_line = self.line().decode("latin-1")
            version, _, rest = status_line.partition(" ")
            if not version.startswith("HTTP/1."):
                raise Broken(f"malformed HTTP response {status_line!r}")
            code, _, reason = rest.partition(" ")
            headers: dict[str, str] = {}
            while line := self.line():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.strip().lower()] = value.strip()
            status = int(code)
            if 100 <= status < 200 and status != 101:
                continue
            return Response(self, status, reason, headers, bodiless=method == "HEAD")

    def line(self) -> bytes:
        """The next line without its end."""
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > _HEAD_LIMIT_BYTES:
                raise Broken("a header line is too long")
            data = self._sock.recv(_CHUNK_BYTES) if self._sock else b""
            if not data:
                raise Broken("unexpected EOF")
            self._held += data
        line, self._held = self._held[:end], self._held[end + 1 :]
        return line[:-1] if line.endswith(b"\r") else line

    def receive(self, limit_bytes: int) -> bytes:
        """At most `limit_bytes` of the body; ``b""`` at the end of the connection."""
        if self._held:
            data, self._held = self._held[:limit_bytes], self._held[limit_bytes:]
            return data
        if self._sock is None:
            return b""
        return self._sock.recv(min(limit_bytes, _CHUNK_BYTES))

    def detach(self) -> tuple[_socket.socket, bytes]:
        """Hand out the socket and what was read too far; this object forgets both."""
        sock, held = self._sock, self._held
        assert sock is not None
        self._sock, self._held = None, b""
        return sock, held

    def close(self) -> None:
        """May be called twice."""
        if self._sock is not None:
            self._sock.close()
        self._sock, self._held = None, b""
