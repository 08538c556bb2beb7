"""Who is told what happened, now and of the last days.

Telling is cheap and never waits: an event goes to the listeners' queues at once and to the database
a moment later, many in one transaction. A listener first reads what the database has, then its
queue; the time of the last event before it began to listen divides the two, so nothing is told
twice and nothing is left out.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

from wherry.model.errors import Unavailable
from wherry.model.event import Event, Kind, matches
from wherry.model.filters import Filters

MAX_PENDING = 10_000
"""A listener that has so many events waiting is dropped."""
KEEP_EVENTS = 100_000
KEEP_S = 7 * 24 * 3600
FLUSH_S = 0.05
TRIM_EVERY = 1000

_FOR_EVER_NS = 2**63 - 1


class EventStore(Protocol):
    """The part of ``state.events.EventRows`` that is needed here."""

    def post(self, events: Sequence[Event]) -> None: ...
    def post_trim(self, *, keep: int, since_ns: int) -> None: ...
    async def get_last_time_ns(self) -> int: ...
    async def list_between(self, after_ns: int, until_ns: int) -> Sequence[Event]: ...


class Events:
    """The engine's one place to tell and to listen."""

    def __init__(self, store: EventStore, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._store, self._now_ns = store, now_ns
        self._listeners: set[Subscription] = set()
        self._unsaved: list[Event] = []
        self._flush_timer: asyncio.TimerHandle | None = None
        self._last_ns = 0
        self._since_trim = 0

    async def start(self) -> None:
        """Take up where the last daemon ended: times go on growing."""
        self._last_ns = await self._store.get_last_time_ns()
        self._trim()

    async def close(self) -> None:
        """Save what is not saved yet and end all listening."""
        self._flush()
        for listener in tuple(self._listeners):
            await listener.aclose()

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def publish(
        self, *, kind: str, action: str, actor_id: str, attributes: Mapping[str, str]
    ) -> None:
        """Tell everybody who listens. Does not wait and cannot fail."""
        self._last_ns = max(self._now_ns(), self._last_ns + 1)
        event = Event(
            time_ns=self._last_ns,
            kind=Kind(kind),
            action=action,
            actor_id=actor_id,
            attributes=dict(attributes),
        )
        for listener in self._listeners:
            listener.offer(event)
        self._unsaved.append(event)
        if self._flush_timer is None:
            loop = asyncio.get_running_loop()
            self._flush_timer = loop.call_later(FLUSH_S, self._flush)

    def subscribe(
        self,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        filters: Filters | None = None,
    ) -> "Subscription":
        """Listen from this moment on, and before that to what happened from `since_ns` to now.

        The iterator ends after `until_ns` (never, without it); with `until_ns` alone, all that is
        remembered comes first. It raises Unavailable once its reader is `MAX_PENDING` behind.
        """
        self._flush()
        replay_from = since_ns if since_ns is not None else (0 if until_ns is not None else None)
        now_ns = self._now_ns()
        listener = Subscription(
            store=self._store,
            filters=filters or Filters(),
            # what is stored ends here and the queue begins
            boundary_ns=self._last_ns,
            replay_from_ns=replay_from,
            until_ns=_FOR_EVER_NS if until_ns is None else until_ns,
            ends_in_s=None if until_ns is None else (until_ns - now_ns) / 1e9,
            leave=self._listeners.discard,
        )
        self._listeners.add(listener)
        return listener

    def _flush(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if not self._unsaved:
            return
        events, self._unsaved = self._unsaved, []
        self._store.post(events)
        self._since_trim += len(events)
        if self._since_trim >= TRIM_EVERY:
            self._trim()

    def _trim(self) -> None:
        self._since_trim = 0
        since_ns = self._now_ns() - KEEP_S * 1_000_000_000
        self._store.post_trim(keep=KEEP_EVENTS, since_ns=since_ns)


class Subscription:
    """One listener: an async iterator of events that must be closed."""

    def __init__(
        self,
        *,
        store: EventStore,
        filters: Filters,
        boundary_ns: int,
        replay_from_ns: int | None,
        until_ns: int,
        ends_in_s: float | None,
        leave: Callable[["Subscription"], None],
    ) -> None:
        self._store, self._filters, self._leave = store, filters, leave
        self._replayed_ns = None if replay_from_ns is None else replay_from_ns - 1
        self._boundary_ns = min(boundary_ns, until_ns)
        self._until_ns = until_ns
        self._deadline = (
            None if ends_in_s is None else asyncio.get_running_loop().time() + max(0, ends_in_s)
        )
        self._replay: deque[Event] = deque()
        self._live: deque[Event] = deque()
        self._waiter: asyncio.Future[bool] | None = None
        self._closed = self._overrun = False

    def offer(self, event: Event) -> None:
        """Take an event that has just happened, or leave when there are too many."""
        if self._closed or self._overrun or not matches(event, self._filters):
            return
        if len(self._live) >= MAX_PENDING:
            self._overrun = True
            self._live.clear()
        else:
            self._live.append(event)
        self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if (event := await self._next_stored()) is not None:
            return event
        while True:
            if self._overrun:
                await self.aclose()
                raise Unavailable("events came faster than they were read")
            if self._live:
                event = self._live.popleft()
                if event.time_ns <= self._until_ns:
                    return event
                await self.aclose()
            if self._closed or not await self._wait():
                await self.aclose()
                raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop listening. May be called twice."""
        self._closed = True
        self._live.clear()
        self._leave(self)
        self._wake()

    async def _next_stored(self) -> Event | None:
        while self._replayed_ns is not None and not self._closed:
            while self._replay:
                event = self._replay.popleft()
                if matches(event, self._filters):
                    return event
            page = await self._store.list_between(self._replayed_ns, self._boundary_ns)
            if not page:
                self._replayed_ns = None
                break
            self._replayed_ns = page[-1].time_ns
            self._replay.extend(page)
        return None

    async def _wait(self) -> bool:
        """Wait for the next event; False once the time is over."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = None
        if self._deadline is not None:
            timer = loop.call_at(self._deadline, self._wake, False)
        try:
            return await self._waiter or bool(self._live)
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _wake(self, goes_on: bool = True) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(goes_on)
