"""Adding bytes and deleting bytes keep out of each other's way.

Any number of ingests (pull, load, import, commit, save) run at once; a collection runs alone. So
nobody deletes a blob or a layer between the moment that an ingest finds it there and the moment
that a row names it. A collection that finds an ingest under way is put off until the last one
ends: it only costs disk space, and never for longer than the slowest client takes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Gate:
    def __init__(self, collect: Callable[[], Awaitable[None]]) -> None:
        self._collect = collect
        self._ingests = 0
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def ingest(self) -> AsyncIterator[None]:
        """While open, nothing is deleted. Waits for a collection under way.

        The last one to end collects: what it brought and left without a name goes again.
        """
        async with self._alone:
            self._ingests += 1
        try:
            yield
        finally:
            self._ingests -= 1
            await asyncio.shield(self.collect())

    async def collect(self) -> None:
        """Delete what nothing names: now, or when the last ingest ends."""
        async with self._alone:
            if not self._ingests:
                await self._collect()
