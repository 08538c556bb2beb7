"""What crosses the seam between HTTP and everybody else: calls in, replies out, two-way streams.

Nothing here knows Docker, and nothing here knows which library speaks HTTP.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol


class Duplex(Protocol):
    """A two-way byte stream whose two directions end separately."""

    async def read(self) -> bytes:
        """The next bytes, at most 64 KiB; ``b""`` once the peer has ended its direction."""

    async def write(self, data: bytes) -> None:
        """Send all of `data`; waits while the peer is slow. ConnectionError when it is gone."""

    async def end_of_input(self) -> None:
        """Tell the peer that nothing more will be written; reading goes on."""

    async def close(self) -> None:
        """End both directions. May be called twice."""


class Body(Protocol):
    """The body of a request, read once."""

    async def read(self, *, limit_bytes: int) -> bytes:
        """All of it. TooLarge beyond `limit_bytes`."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Pieces as they arrive, never held whole. ConnectionError if the client hangs up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, after routing."""

    method: str
    route: str
    """The pattern that matched, such as ``POST /containers/{id}/stop``."""
    path: Mapping[str, str]
    """The pattern's placeholders, percent-decoded."""
    query: Mapping[str, str]
    """Query parameters; of a repeated one the first. All of them: `query_all`."""
    query_all: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    """Header fields; look-ups ignore case."""
    body: Body
    version: str | None = None
    """What stood before the route as ``/vX.Y``, without the ``v``; None when nothing did."""
    upgrade: str | None = None
    """The protocol of the ``Upgrade`` header, if the client asked for one."""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: either `body`, or `stream`, whose headers go out before its first item."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """An answer after which the connection is no longer HTTP.

    With an ``Upgrade`` header in the request the server says 101, otherwise 200; then `run` gets
    the raw connection, which is closed when it returns.
    """

    content_type: str
    run: Callable[[Duplex], Awaitable[None]]


Handler = Callable[[Call], Awaitable[Reply | Takeover]]
Routes = Mapping[str, Handler]
"""``"POST /containers/{id}/stop"`` to its handler; ``{name:path}`` also matches slashes."""
