"""Byte streams on their way into the store: read twice, expanded, or out of a pipe."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import BinaryIO, TypeVar, cast

from wherry.oci.compression import Compression, Expander, detect_compression

A = TypeVar("A")
B = TypeVar("B")

_QUEUED = 8
_PIECE_BYTES = 1 << 20


async def feed_both(
    chunks: AsyncIterator[bytes],
    first: Callable[[AsyncIterator[bytes]], Awaitable[A]],
    second: Callable[[AsyncIterator[bytes]], Awaitable[B]],
) -> tuple[A, B]:
    """Give every piece of `chunks` to two readers at once; the slower one sets the pace.

    What `chunks` or one of the readers raises, the other finds in its stream: it ends by itself
    and cleans up, instead of being cancelled anywhere. The first of these errors is raised.
    """
    left, right = _Branch(), _Branch()

    async def pump() -> None:
        end: bytes | Exception = b""
        try:
            async for piece in chunks:
                for branch in (left, right):
                    await branch.put(piece)
                if failure := left.failure or right.failure:
                    raise failure
        except Exception as error:
            end = error
        for branch in (left, right):
            await branch.put(end)

    one, other, _ = await asyncio.gather(
        left.feed(first), right.feed(second), pump(), return_exceptions=True
    )
    for result in (one, other):
        if isinstance(result, BaseException):
            raise result
    # both are results now, which gather's types cannot say
    return cast("tuple[A, B]", (one, other))


class _Branch:
    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | Exception] = asyncio.Queue(_QUEUED)
        self._left = False
        self.failure: Exception | None = None

    async def put(self, piece: bytes | Exception) -> None:
        if not self._left:
            await self._queue.put(piece)

    async def feed(self, reader: Callable[[AsyncIterator[bytes]], Awaitable[A]]) -> A:
        try:
            return await reader(self._pieces())
        except Exception as error:
            self.failure = error
            raise
        finally:
            # a reader may end before its stream does: the pump must not wait for it
            self._left = True
            while not self._queue.empty():
                self._queue.get_nowait()

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := await self._queue.get():
            if isinstance(piece, Exception):
                raise piece
            yield piece


async def peek(chunks: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first bytes of a stream (six, or all there are), and the whole stream."""
    head = b""
    async for piece in chunks:
        head += piece
        if len(head) >= 6:
            break

    async def whole() -> AsyncIterator[bytes]:
        if head:
            yield head
        async for piece in chunks:
            yield piece

    return head[:6], whole()


async def expand(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream without its compression, if it has one.

    Raises:
        InvalidArgument: the compressed stream is damaged.
        TooLarge: it expands beyond all reason.
    """
    head, whole = await peek(chunks)
    compression = detect_compression(head)
    if compression is Compression.NONE:
        async for piece in whole:
            yield piece
        return
    expander = Expander(compression)
    async for piece in whole:
        while True:
            made = await asyncio.to_thread(expander.feed, piece, _PIECE_BYTES)
            if not made:
                break
            yield made
            piece = b""
    expander.finish()


async def read_file(file: BinaryIO) -> AsyncIterator[bytes]:
    """A file to its end, in large pieces; closes it."""
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
    finally:
        file.close()


async def through_pipe(
    write: Callable[[BinaryIO], Awaitable[A]],
    read: Callable[[AsyncIterator[bytes]], Awaitable[B]],
) -> tuple[A, B]:
    """Join something that writes to a file with something that reads pieces."""
    reading_fd, writing_fd = os.pipe()
    source, sink = os.fdopen(reading_fd, "rb"), os.fdopen(writing_fd, "wb")

    async def produce() -> A:
        try:
            return await write(sink)
        finally:
            await asyncio.to_thread(sink.close)

    async def consume() -> B:
        return await read(read_file(source))

    try:
        async with asyncio.TaskGroup() as group:
            written = group.create_task(produce())
            taken = group.create_task(consume())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        source.close()
    return written.result(), taken.result()
