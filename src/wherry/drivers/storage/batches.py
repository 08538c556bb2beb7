"""Between the loop and blocking work on threads: streams in large batches, cancelling with care."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

_BATCH_BYTES = 1 << 20

T = TypeVar("T")


async def feed(
    chunks: AsyncIterator[bytes],
    write: Callable[[bytes], None],
    *,
    abort: Callable[[], None] | None = None,
) -> None:
    """Call `write` on a thread with batches of about 1 MiB, one at a time, in order.

    The next batch is collected while the last one is written; the writer holds the stream back.
    When this is cancelled, or a chunk fails to come, a write that is under way is told to `abort`
    and waited for.
    """
    loop = asyncio.get_running_loop()
    batch: list[bytes] = []
    held_bytes = 0
    working: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks:
            batch.append(chunk)
            held_bytes += len(chunk)
            if held_bytes >= _BATCH_BYTES:
                if working is not None:
                    await asyncio.shield(working)
                working = loop.run_in_executor(None, write, b"".join(batch))
                batch, held_bytes = [], 0
        if working is not None:
            await asyncio.shield(working)
        if batch:
            working = loop.run_in_executor(None, write, b"".join(batch))
            await asyncio.shield(working)
    except BaseException:
        if abort is not None:
            abort()
        if working is not None:
            await asyncio.wait([working])
            working.exception()  # looked at: the first error is the one that counts
        raise


async def on_thread(work: Callable[[], T], *, abort: Callable[[], None] | None = None) -> T:
    """Do blocking work on a thread. When cancelled: `abort` it, and wait until it has ended.

    A thread that is not waited for would go on writing into what the caller takes away.
    """
    doing = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        if abort is not None:
            abort()
        await asyncio.wait([doing])
        doing.exception()  # looked at: what it says is of the abort
        raise
