"""One Docker-compatible engine, spoken to in JSON over HTTP.

What it knows: how a host is written (``unix://``, ``tcp://``), that every path carries an API
version, and how two sides agree on one: the newest we speak is simply used, and an engine that
finds it too new says which one it speaks. That saves the `/_ping` round trip on every command.
"""

from __future__ import annotations

from wherry.client.errors import Unreachable, decode_error
from wherry.client.jsontext import decode_json, encode_json
from wherry.http.client import Address, Broken, Connection, Response
from wherry.model.errors import InvalidArgument, WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from wherry.http.client import TlsFiles

API_VERSION = "1.51"
DEFAULT_HOST = "unix:///run/wherry/wherry.sock"
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def quote(text: str) -> str:
    """Percent-encoded for one path segment or one query value (RFC 3986)."""
    return "".join(
        chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogateescape")
    )


def _unusable(host: str) -> Unreachable:
    return Unreachable(
        "Failed to initialize: unable to resolve wherry endpoint: "
        f"invalid bind address format: {host}"
    )


def parse_host(host: str, tls: TlsFiles | None = None) -> Address:
    """``unix:///path`` or ``tcp://name:port`` as an address. Unreachable for anything else.

    A bare ``name:port`` means tcp; the port defaults to 2375, with TLS to 2376.
    """
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = "tcp", host
    if scheme == "unix" and rest:
        return Address(path=rest)
    if scheme not in ("tcp", "http", "https") or not rest or (scheme == "http" and separator):
        raise _unusable(host)
    name, colon, port = rest.rstrip("/").rpartition(":")
    if not colon or "]" in port:
        name, port = rest.rstrip("/"), "2376" if tls else "2375"
    if not port.isdigit():
        raise _unusable(host)
    return Address(host=name.strip("[]") or "127.0.0.1", port=int(port), tls=tls)


def encode_query(query: Mapping[str, Any]) -> str:
    """``?a=b&…``, or nothing. None is left out, True is ``1``, a list repeats its name,
    a dictionary is sent as JSON."""
    parts = []
    for name, value in query.items():
        if value is None or value is False:
            continue
        if value is True:
            value = "1"
        elif isinstance(value, dict):
            value = encode_json(value)
        items = value if isinstance(value, (list, tuple)) else (value,)
        parts += [f"{name}={quote(str(item))}" for item in items]
    return "?" + "&".join(parts) if parts else ""


class Engine:
    """The engine at `host`. Opens its connection at the first call and keeps it.

    `version` pins the API version; otherwise the newest both sides know is used.
    """

    def __init__(
        self, host: str = DEFAULT_HOST, *, tls: TlsFiles | None = None, version: str | None = None
    ) -> None:
        self.host = host
        self.version = version or API_VERSION
        self._pinned = version is not None
        self._address = parse_host(host, tls)
        self._kept: Connection | None = None

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        json: Any = None,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        alone: bool = False,
        upgrade: bool = False,
    ) -> Response:
        """One request; returns when the head of the answer is there.

        Raises the class of `model.errors` that the engine's status means, with its words, and
        `Unreachable` when nobody answers. `alone`: on a connection of its own, for an answer that
        is read beside other calls. `upgrade`: ask for a raw stream; take it with `detach()`.
        """
        fields = {"Host": self._address.host or "wherry", "User-Agent": "wherry"}
        if json is not None:
            fields["Content-Type"] = "application/json"
            body = encode_json(json).encode("utf-8", "surrogateescape")
        if upgrade:
            fields["Connection"] = "Upgrade"
            fields["Upgrade"] = "tcp"
        fields.update(headers or {})
        connection = Connection(self._address) if alone or upgrade else self._connection()
        target = path + encode_query(query or {})
        while True:
            response = self._send(connection, method, target, fields, body)
            if response.status < 400:
                return response
            error = self._refusal(response)
            if self._retreat(error) and (body is None or isinstance(body, bytes)):
                continue
            raise error

    def _connection(self) -> Connection:
        if self._kept is None:
            self._kept = Connection(self._address)
        return self._kept

    def _send(
        self,
        connection: Connection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
    ) -> Response:
        try:
            return connection.request(method, f"/v{self.version}{target}", headers, body)
        except Broken as error:
            raise WherryError(f"error during connect: {method} {target}: {error}") from error
        except PermissionError as error:
            raise Unreachable(
                f"permission denied while trying to connect to the wherry daemon socket at "
                f"{self.host}",
                hint="run the command as root, or join the group that owns the socket",
            ) from error
        except OSError as error:
            raise Unreachable(
                f"Cannot connect to the wherry daemon at {self.host}. Is wherryd running?",
                hint=f"{error.strerror or error}; start it with: systemctl start wherry",
            ) from error

    @staticmethod
    def _refusal(response: Response) -> WherryError:
        raw = response.read()
        text = raw.decode("utf-8", "replace").strip()
        if response.headers.get("content-type", "").startswith("application/json"):
            try:
                text = str(decode_json(raw)["message"])
            except (ValueError, KeyError, TypeError):
                pass
        return decode_error(response.status, text or f"{response.status} {response.reason}")

    def _retreat(self, error: WherryError) -> bool:
        """True when `error` says that our API version is too new, and ours is now theirs."""
        words = str(error)
        marker = "Maximum supported API version is "
        if self._pinned or not isinstance(error, InvalidArgument) or marker not in words:
            return False
        self.version = words.partition(marker)[2].strip()
        self._pinned = True
        return True

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON document at `path`."""
        return decode_json(self.call("GET", path, query).read())

    def post(self, path: str, query: Mapping[str, Any] | None = None, *, json: Any = None) -> Any:
        """What the engine answers to a POST; None when it answers nothing."""
        raw = self.call("POST", path, query, json=json).read()
        return decode_json(raw) if raw.strip() else None

    def delete(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """What the engine answers to a DELETE; None when it answers nothing."""
        raw = self.call("DELETE", path, query).read()
        return decode_json(raw) if raw.strip() else None

    def progress(self, response: Response) -> Iterator[dict[str, Any]]:
        """The documents of a JSON stream. An error in it is raised as `WherryError`."""
        for line in response.lines():
            if not line.strip():
                continue
            document = decode_json(line)
            if "errorDetail" in document or "error" in document:
                detail = document.get("errorDetail") or {}
                raise WherryError(str(detail.get("message") or document.get("error")))
            yield document
