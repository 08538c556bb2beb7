"""The HTTP server: listeners, requests in, replies out. Knows aiohttp and nothing of Docker."""

import asyncio
import ipaddress
import itertools
import os
import socket
import ssl
import stat
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from multidict import CIMultiDict

from wherry.http.body import RequestBody
from wherry.http.connection import Connection, Connections
from wherry.http.hijack import Hijacked, hijack, upgrade_of
from wherry.http.messages import Call, Handler, Reply, Takeover
from wherry.http.router import Match, Miss, Router
from wherry.model.errors import Forbidden, InvalidArgument

BACKLOG = 4096
"""With the usual 128, three hundred clients at once get EAGAIN from connect(2)."""
_MAX_UNREAD_BODY_BYTES = 1024 * 1024

Around = Callable[[Call, Handler], Awaitable[Reply | Takeover]]
"""Calls the handler; what every request needs before and after is said here."""
OnError = Callable[[BaseException, Call], Reply]
OnMiss = Callable[[Call, Miss], Awaitable[Reply]]


async def _call(call: Call, handler: Handler) -> Reply | Takeover:
    return await handler(call)


class Server:
    """Answers requests on any number of sockets until it is closed.

    `on_error` makes the reply for whatever a handler raises, `on_miss` the one for a path or a
    method that no route has, `headers` go with every reply. A client that hangs up cancels its
    handler, or ends its stream.
    """

    def __init__(
        self,
        router: Router,
        *,
        on_error: OnError,
        on_miss: OnMiss,
        around: Around = _call,
        headers: Mapping[str, str] | None = None,
        allowed_hosts: Collection[str] = (),
    ) -> None:
        self._router, self._around = router, around
        self._on_error, self._on_miss = on_error, on_miss
        self._headers = dict(headers or {})
        self._allowed_hosts = {"localhost", *allowed_hosts}
        self._connections = Connections(self._answer, headers=self._headers)
        self._listeners: list[asyncio.Server] = []
        self._paths: dict[Path, int] = {}
        self._numbers = itertools.count(int.from_bytes(os.urandom(4)) << 20)

    # listening ----------------------------------------------------------------------------

    async def listen_unix(
        self, path: Path, *, mode: int = 0o660, group_id: int | None = None
    ) -> None:
        """Listen on a unix socket, with these rights from its first moment on.

        A socket that nobody listens on any more is replaced.

        Raises:
            OSError: somebody listens there, or it is no socket, or the folder is not writable.
        """
        await asyncio.to_thread(_remove_dead_socket, path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # rights first, name after: nobody can connect in between
            os.fchmod(listener.fileno(), mode)
            listener.bind(str(path))
            os.chmod(path, mode)
            if group_id is not None:
                os.chown(path, -1, group_id)
            self._paths[path] = path.stat().st_ino
            await self.listen_socket(listener)
        except BaseException:
            listener.close()
            raise

    async def listen_tcp(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen on TCP and return the port, of interest when `port` is 0."""
        if host:
            self._allowed_hosts.add(host.lower())
        server = await asyncio.get_running_loop().create_server(
            self._connections, host or None, port, ssl=tls, backlog=BACKLOG
        )
        self._listeners.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def listen_socket(
        self, listener: socket.socket, *, tls: ssl.SSLContext | None = None
    ) -> None:
        """Listen on a socket that is bound already, such as one from systemd."""
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        if listener.family == socket.AF_UNIX:
            server = await loop.create_unix_server(
                self._connections, sock=listener, ssl=tls, backlog=BACKLOG
            )
        else:
            server = await loop.create_server(
                self._connections, sock=listener, ssl=tls, backlog=BACKLOG
            )
        self._listeners.append(server)

    async def close(self, *, grace_s: float = 5.0) -> None:
        """Take no more connections, let requests end for `grace_s`, then cancel them."""
        for listener in self._listeners:
            listener.close()
        for path, inode in self._paths.items():
            with suppress(FileNotFoundError):
                if path.stat().st_ino == inode:  # nobody has put another one there
                    path.unlink()
        # a connection that was just accepted takes three rounds of the loop to be listed
        for _ in range(3):
            await asyncio.sleep(0)
        self._connections.pre_shutdown()
        await self._connections.shutdown(grace_s)
        self._connections.watch.close()

    # answering ----------------------------------------------------------------------------

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        call, found = self._call_of(request)
        try:
            _check_version(request)
            self._check_origin(request)
            if isinstance(found, Match):
                reply = await self._around(call, found.handler)
            else:
                reply = await self._on_miss(call, found)
        except ConnectionError as error:
            if request.transport is None or request.transport.is_closing():
                raise
            reply = self._on_error(error, call)
        except Exception as error:
            reply = self._on_error(error, call)
        if isinstance(reply, Takeover):
            return await self._take_over(request, call, reply)
        if reply.stream is not None:
            return await self._stream(request, call, reply)
        response = web.Response(body=reply.body, status=reply.status, headers=self._fields(reply))
        if _leaves_much_unread(request):
            response.force_close()
        if not cast("RequestBody", call.body).was_asked_for:
            # the client waits for leave to send its body: it will not come any more
            response.force_close()
            cast("Connection", request.protocol).expect_no_more()
        return response

    def _call_of(self, request: web.BaseRequest) -> tuple[Call, Match | Miss]:
        url = request.rel_url
        found = self._router.find(request.method, url.raw_path)
        query_all: dict[str, list[str]] = {}
        if url.raw_query_string:
            for name, text in url.query.items():
                query_all.setdefault(name, []).append(text)
        call = Call(
            method=request.method,
            route=found.route if isinstance(found, Match) else "",
            path=found.path if isinstance(found, Match) else {},
            query={name: texts[0] for name, texts in query_all.items()},
            query_all=query_all,
            headers=request.headers,
            body=RequestBody(request),
            version=found.version,
            upgrade=upgrade_of(request),
            request_id=f"{next(self._numbers):013x}",
        )
        return call, found

    def _check_origin(self, request: web.BaseRequest) -> None:
        """Refuse what a web page makes its visitor's browser send.

        Raises:
            Forbidden: a browser sends this for a page, or the name was never one of ours.
        """
        headers = request.headers
        if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") not in (
            "none",
            "same-origin",
        ):
            raise Forbidden("requests from web pages are not allowed")
        transport = request.transport
        if transport is None or transport.get_extra_info("sslcontext") is not None:
            return  # a certificate says more than a name
        if isinstance(transport.get_extra_info("sockname"), tuple):
            host = _host_of(headers.get("Host", ""))
            if host not in self._allowed_hosts and not _is_address(host):
                raise Forbidden(f"{host} is not a name of this engine")

    def _fields(self, reply: Reply) -> CIMultiDict[str]:
        fields = CIMultiDict(self._headers)
        fields.update(reply.headers)
        if reply.content_type is not None:
            fields["Content-Type"] = reply.content_type
        return fields

    async def _take_over(
        self, request: web.BaseRequest, call: Call, takeover: Takeover
    ) -> web.StreamResponse:
        # what the handler did not read of the body must not leak into the stream
        await call.body.read(limit_bytes=_MAX_UNREAD_BODY_BYTES)
        stream = hijack(request, content_type=takeover.content_type, headers=self._headers)
        try:
            await takeover.run(stream)
        except ConnectionError:
            pass  # the client went away, which is no fault
        except Exception as error:
            self._on_error(error, call)  # too late for a reply, but not for the log
        await stream.finish()
        return Hijacked()

    async def _stream(
        self, request: web.BaseRequest, call: Call, reply: Reply
    ) -> web.StreamResponse:
        assert reply.stream is not None
        response = _Stream(status=reply.status, headers=self._fields(reply))
        if request.version >= (1, 1):
            response.enable_chunked_encoding()
        else:
            response.force_close()
        try:
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            async for piece in reply.stream:
                if piece:
                    await response.write(piece)
        except ConnectionError:
            response.break_off()
            if request.transport is not None:
                request.transport.close()
        except Exception as error:
            # the status is long sent: only an unclean end can say that this is not all
            self._on_error(error, call)
            response.break_off()
            if request.transport is not None:
                request.transport.close()
        finally:
            await _close_stream(reply.stream)
        return response


class _Stream(web.StreamResponse):
    """A streamed reply that can end without the last chunk."""

    broken = False

    def break_off(self) -> None:
        self.broken = True
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        if not self.broken:
            await super().write_eof(data)


def _check_version(request: web.BaseRequest) -> None:
    if not (1, 0) <= request.version < (2, 0):
        raise InvalidArgument("HTTP/1.0 or HTTP/1.1 is needed")


async def _close_stream(stream: Any) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()


def _leaves_much_unread(request: web.BaseRequest) -> bool:
    """A refused upload is not read to its end: the connection ends instead."""
    return not request.content.is_eof() and (
        request.content_length is None or request.content_length > _MAX_UNREAD_BODY_BYTES
    )


def _remove_dead_socket(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} exists and is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise OSError(f"{path}: another program listens there")


def _host_of(field: str) -> str:
    if field.startswith("["):
        return field[1:].partition("]")[0].lower()
    return field.rpartition(":")[0].lower() if ":" in field else field.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
