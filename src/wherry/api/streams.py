"""From the engine's streams to bytes for a client. What is made here is closed with its source."""

import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, Protocol, Self, TypeVar

from wherry.drivers.runtime.base import Output
from wherry.model.errors import WherryError
from wherry.wire import jsonstream
from wherry.wire.documents import Json
from wherry.wire.stdcopy import Stream, encode_frame

RAW = "application/vnd.docker.raw-stream"
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_NUMBERS = {"stdout": Stream.OUTPUT, "stderr": Stream.ERROR}


class Mapped(Generic[_T]):
    """Items of another async iterator as bytes.

    A class and not a generator: a generator that was never begun does not close its source.
    """

    def __init__(self, source: AsyncIterator[_T], encode: Callable[[_T], bytes]) -> None:
        self._source, self._encode = source, encode

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return self._encode(await anext(self._source))

    async def aclose(self) -> None:
        await close_stream(self._source)


class JsonLines:
    """Documents of a long operation, one a line; its failure becomes the last one."""

    def __init__(self, source: AsyncIterator[Json]) -> None:
        self._source = source
        self._failed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._failed:
            raise StopAsyncIteration
        try:
            return jsonstream.encode_line(await anext(self._source))
        except WherryError as error:
            self._failed = True
            return jsonstream.encode_failure(str(error))
        except (StopAsyncIteration, ConnectionError):
            raise
        except Exception:
            self._failed = True
            _log.exception("a streamed operation failed")
            return jsonstream.encode_failure("internal error, see the engine's log")

    async def aclose(self) -> None:
        await close_stream(self._source)


class HasStream(Protocol):
    """``drivers.runtime.base.Output`` and whatever else came from one of two streams."""

    @property
    def stream(self) -> Any: ...
    @property
    def data(self) -> bytes: ...


def encode_output(output: HasStream) -> bytes:
    """A piece of a process's output as a frame."""
    return encode_frame(_NUMBERS[str(output.stream)], output.data)


def frame_output(source: AsyncIterator[Output], *, tty: bool) -> Mapped[Output]:
    """A process's output: framed, or as it is when it has a terminal."""
    return Mapped(source, (lambda piece: piece.data) if tty else encode_output)


def content_type_of(*, tty: bool, minor_version: int) -> str:
    """What logs, attach and exec call their stream; older clients know one name only."""
    return MULTIPLEXED if not tty and minor_version >= 42 else RAW


async def close_stream(source: object) -> None:
    """End an async iterator that may or may not be closable."""
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()
