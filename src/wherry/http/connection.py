"""One client's connection: cut into requests before aiohttp's parser sees them.

The parser is given one request at a time. What stands behind it waits here: for the next round, or,
if the request turns the connection into a raw stream, for that stream, whose first bytes may come
in one piece with the request (``http/hijack.py``). So the head can be limited in size and time, and
a client that has ended its sending side is still answered.

Touches private parts of aiohttp 3.14's ``RequestHandler``; the dependency is pinned to that.
"""

import asyncio
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from wherry.http.hangup import HangupWatch
from wherry.model.errors import InvalidArgument

if TYPE_CHECKING:
    from aiohttp.streams import StreamReader

MAX_HEAD_BYTES = 64 * 1024
MAX_FIELDS = 100
HEAD_TIMEOUT_S = 30.0
IDLE_TIMEOUT_S = 600.0
_MAX_HELD_BYTES = 64 * 1024
_END = b"\r\n\r\n"


class Connection(RequestHandler):
    """The protocol of one connection until it stops being HTTP."""

    def __init__(self, manager: "Connections", **options: Any) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **options)
        self.watch, self._error_headers = manager.watch, manager.headers
        self._head = b""
        self._held = b""
        self._busy = False
        self._body_left = 0
        self._body_chunked = False
        self._payload: StreamReader | None = None
        self._head_timeout: asyncio.TimerHandle | None = None
        self._half_closed_fd: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._head_is_there()
        if self._half_closed_fd is not None:
            self.watch.discard(self._half_closed_fd)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not data:  # aiohttp asks itself to go on with what it holds back
            super().data_received(data)
        elif self._body_left:
            self._feed_body(data)
        elif self._body_chunked and not self._payload_is_complete():
            super().data_received(data)
            self._pass_on_mistake()
        elif self._busy:
            self._hold(data)
        else:
            self._feed_head(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client ends its sending side: answer what it asked, if it asked everything.

        On TCP the end of sending and the end of the client look the same, so there the connection
        ends.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            return False
        if not self._busy or not self._payload_is_complete():
            return False
        peer = cast("socket.socket | None", transport.get_extra_info("socket"))
        if peer is None or peer.family != socket.AF_UNIX:
            return False
        self._half_closed_fd = peer.fileno()
        self.watch.watch(self._half_closed_fd, transport.abort)
        self.keep_alive(False)
        return True

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        answered = await super().finish_response(request, resp, start_time)
        if self._half_closed_fd is not None:
            resp.force_close()
        self._busy = False
        if self.transport is not None and resp.keep_alive and self._payload_is_complete():
            self._next_round()
        return answered

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP request at all."""
        text = "408 Request Timeout" if status == 408 else f"{status} Bad Request"
        response = web.Response(status=status, text=text, headers=self._error_headers)
        response.force_close()
        return response

    def take_held(self) -> bytes:
        """The bytes behind the request, for whoever takes the connection over."""
        held, self._held = self._held, b""
        return held

    def take_over(self) -> bool:
        """Stop minding the connection; True when the client's sending side has already ended."""
        if self._half_closed_fd is None:
            return False
        self.watch.discard(self._half_closed_fd)
        self._half_closed_fd = None
        return True

    def expect_no_more(self) -> None:
        """Do not wait for the rest of a body when the reply is out."""
        self._lingering_time = 0.0

    # the head -----------------------------------------------------------------------------

    def _expect_head(self) -> None:
        if self._head_timeout is None:
            self._head_timeout = self._loop.call_later(HEAD_TIMEOUT_S, self.force_close)

    def _head_is_there(self) -> None:
        if self._head_timeout is not None:
            self._head_timeout.cancel()
            self._head_timeout = None

    def _feed_head(self, data: bytes) -> None:
        head = self._head + data if self._head else data
        # a client may send empty lines between requests (RFC 9112, 2.2)
        if head.startswith(b"\r\n"):
            head = head.lstrip(b"\r\n")
        # the end may lie across the old bytes and the new ones
        end = head.find(_END, max(0, len(self._head) - len(_END)))
        if end < 0 and len(head) <= MAX_HEAD_BYTES:
            self._head = head
            if head:
                self._expect_head()
            return
        self._head = b""
        self._head_is_there()
        self._busy = True
        if end < 0 or end > MAX_HEAD_BYTES:
            self._refuse_head()
            return
        end += len(_END)
        super().data_received(head[:end])
        self._expect_body()
        if rest := head[end:]:
            self.data_received(rest)

    def _refuse_head(self) -> None:
        if self.transport is not None:
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
        self.force_close()

    # the body -----------------------------------------------------------------------------

    def _expect_body(self) -> None:
        """Read from the parsed head how far the body goes, so that no one can disagree."""
        self._body_left, self._body_chunked, self._payload = 0, False, None
        if not self._messages:
            return
        message, payload = self._messages[-1]
        self._payload = payload
        if payload.is_eof() or isinstance(message, _ErrInfo):
            return
        self._body_chunked = bool(message.chunked)
        if not self._body_chunked:
            self._body_left = int(message.headers.get("Content-Length", 0))

    def _feed_body(self, data: bytes) -> None:
        mine, rest = data[: self._body_left], data[self._body_left :]
        self._body_left -= len(mine)
        super().data_received(mine)
        if rest:
            self.data_received(rest)

    def _pass_on_mistake(self) -> None:
        """aiohttp notes a broken chunk as another message; who reads the body must hear of it."""
        if (
            self._messages
            and isinstance(self._messages[-1][0], _ErrInfo)
            and self._payload is not None
            and not self._payload.is_eof()
        ):
            self._payload.set_exception(InvalidArgument("the chunks of the body are none"))

    def _payload_is_complete(self) -> bool:
        if self._body_left:
            return False
        # our own memory of it: between taking a message from its queue and handling it aiohttp
        # has it in neither place
        return self._payload is None or self._payload.is_eof()

    # what comes behind it -----------------------------------------------------------------

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) >= _MAX_HELD_BYTES and not self._buffer_paused:
            self._pause_reading_for_buffer()

    def _next_round(self) -> None:
        held, self._held = self._held, b""
        if self._buffer_paused:
            self._resume_reading_for_buffer()
        if held:
            self._feed_head(held)


class Connections(web.Server):
    """All connections of a server; makes the protocol of each."""

    def __init__(self, handler: Any, *, headers: Mapping[str, str]) -> None:
        super().__init__(handler, handler_cancellation=True)
        self.watch, self.headers = HangupWatch(), headers

    def __call__(self) -> Connection:
        return Connection(
            self,
            access_log=cast("Any", None),
            keepalive_timeout=IDLE_TIMEOUT_S,
            max_line_size=MAX_HEAD_BYTES,
            max_field_size=MAX_HEAD_BYTES,
            max_headers=MAX_FIELDS,
            auto_decompress=False,
        )
