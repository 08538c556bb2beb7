"""A request's body, read once: whole up to a limit, or piece by piece."""

from collections.abc import AsyncIterator

from aiohttp.web import BaseRequest, RequestPayloadError

from wherry.model.errors import TooLarge

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBody:
    """The body of one aiohttp request."""

    def __init__(self, request: BaseRequest) -> None:
        self._request = request
        self._awaits_leave = request.headers.get("Expect", "").lower() == "100-continue"

    @property
    def was_asked_for(self) -> bool:
        """False while the client still waits for ``100 Continue`` before it sends the body."""
        return not self._awaits_leave

    async def read(self, *, limit_bytes: int) -> bytes:
        """All of it.

        Raises:
            TooLarge: it is larger than `limit_bytes`; the rest stays unread.
            ConnectionError: the client went away before its end.
        """
        if (self._request.content_length or 0) > limit_bytes:
            raise _too_large(limit_bytes)
        if not self._request.body_exists:
            return b""
        pieces: list[bytes] = []
        size_bytes = 0
        async for piece in self.chunks():
            size_bytes += len(piece)
            if size_bytes > limit_bytes:
                raise _too_large(limit_bytes)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Pieces as they arrive.

        Raises:
            ConnectionError: the client went away before its end, or sent nonsense.
        """
        if self._awaits_leave:
            self._awaits_leave = False
            if (transport := self._request.transport) is not None:
                transport.write(_CONTINUE)
        try:
            while piece := await self._request.content.readany():
                yield piece
        except RequestPayloadError as error:
            raise ConnectionAbortedError(f"the request's body is broken: {error}") from error


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"the request's body is larger than {limit_bytes} bytes")
