"""Telling and listening: order, replay without gap or repetition, listeners that do not keep up."""

import asyncio
from collections.abc import Sequence

import pytest

from wherry.engine import events as module
from wherry.engine.events import Events, Subscription
from wherry.model.errors import Unavailable
from wherry.model.event import Event, Kind, matches
from wherry.model.filters import filters_of

PAGE = 3


class Memory:
    """Events in a list, in the place of the database."""

    def __init__(self) -> None:
        self.rows: list[Event] = []
        self.trims: list[tuple[int, int]] = []
        self.pages = 0

    def post(self, events: Sequence[Event]) -> None:
        self.rows += events

    def post_trim(self, *, keep: int, since_ns: int) -> None:
        self.trims.append((keep, since_ns))

    async def get_last_time_ns(self) -> int:
        return self.rows[-1].time_ns if self.rows else 0

    async def list_between(self, after_ns: int, until_ns: int) -> Sequence[Event]:
        self.pages += 1
        await asyncio.sleep(0)
        return [one for one in self.rows if after_ns < one.time_ns <= until_ns][:PAGE]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


def tell(events: Events, *names: str, kind: str = "container") -> None:
    for name in names:
        events.publish(kind=kind, action="start", actor_id=name, attributes={"name": name})


async def take(listener: Subscription, count: int) -> list[str]:
    return [(await asyncio.wait_for(anext(listener), 5)).actor_id for _ in range(count)]


async def test_times_grow_even_when_the_clock_stands_or_goes_back() -> None:
    store, clock = Memory(), Clock()
    events = Events(store, now_ns=clock)
    listener = events.subscribe()
    tell(events, "a", "b")
    clock.now = 5
    tell(events, "c")
    times = [(await anext(listener)).time_ns for _ in range(3)]
    assert times == [1_000, 1_001, 1_002]
    await events.close()
    again = Events(store, now_ns=clock)
    await again.start()
    tell(again, "d")
    await again.close()
    assert store.rows[-1].time_ns == 1_003


async def test_a_listener_hears_the_past_and_then_the_present_each_once() -> None:
    events = Events(Memory(), now_ns=Clock())
    past = [f"p{number}" for number in range(8)]
    tell(events, *past)
    listener = events.subscribe(since_ns=1_000)
    tell(events, "n0")
    assert await take(listener, 5) == past[:5]
    tell(events, "n1")
    assert await take(listener, 5) == [*past[5:], "n0", "n1"]
    tell(events, "n2")
    assert await take(listener, 1) == ["n2"]
    await events.close()


async def test_without_since_only_what_comes_is_told() -> None:
    events = Events(Memory(), now_ns=Clock())
    tell(events, "old")
    listener = events.subscribe()
    tell(events, "new")
    assert await take(listener, 1) == ["new"]
    await events.close()


async def test_a_listener_with_an_end_in_the_past_ends() -> None:
    events = Events(Memory(), now_ns=Clock())
    tell(events, "a", "b", "c")
    listener = events.subscribe(since_ns=1_001, until_ns=1_001)
    assert [event.actor_id async for event in listener] == ["b"]
    assert [event.actor_id async for event in events.subscribe(until_ns=1_000)] == ["a"]
    assert events.listeners == 0
    await events.close()


async def test_a_listener_with_an_end_in_the_future_waits_for_it() -> None:
    clock = Clock()
    events = Events(Memory(), now_ns=clock)
    listener = events.subscribe(until_ns=clock.now + 30_000_000)
    tell(events, "a")
    clock.now += 60_000_000
    tell(events, "too late")
    assert [event.actor_id async for event in listener] == ["a"]
    other = events.subscribe(until_ns=clock.now + 10_000_000)
    assert [event.actor_id async for event in other] == ["a", "too late"]
    await events.close()


async def test_a_listener_that_does_not_keep_up_is_dropped_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 10)
    events = Events(Memory())
    slow, quick = events.subscribe(), events.subscribe()
    for number in range(11):
        tell(events, str(number))
        await take(quick, 1)
    with pytest.raises(Unavailable):
        await anext(slow)
    assert events.listeners == 1
    await events.close()


async def test_closing_ends_everybody_and_saves_everything() -> None:
    store = Memory()
    events = Events(store)
    listener = events.subscribe()
    waiting = asyncio.ensure_future(anext(listener, None))
    await asyncio.sleep(0)
    tell(events, "a")
    assert (await waiting) is not None
    waiting = asyncio.ensure_future(anext(listener, None))
    await asyncio.sleep(0)
    await events.close()
    assert await waiting is None
    assert [row.actor_id for row in store.rows] == ["a"]


async def test_old_events_are_forgotten_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIM_EVERY", 3)
    store, clock = Memory(), Clock()
    clock.now = 10**18
    events = Events(store, now_ns=clock)
    await events.start()
    tell(events, "a", "b", "c")
    await events.close()
    assert store.trims == [(100_000, 10**18 - 7 * 86400 * 10**9)] * 2


EXEC = Event(
    time_ns=1,
    kind=Kind.CONTAINER,
    action="exec_create: sh -c true",
    actor_id="c0ffee",
    attributes={"name": "web", "image": "docker.io/library/nginx:1", "tier": "front"},
)
PULL = Event(time_ns=2, kind=Kind.IMAGE, action="pull", actor_id="nginx:1")


@pytest.mark.parametrize(
    ("key", "value", "exec_matches", "pull_matches"),
    [
        ("type", "container", True, False),
        ("event", "exec_create", True, False),
        ("event", "exec_create: sh -c true", True, False),
        ("event", "exec", False, False),
        ("container", "c0ff", True, False),
        ("container", "we", True, False),
        ("container", "x", False, False),
        ("image", "docker.io/library/nginx", True, False),
        ("image", "nginx", False, True),
        ("image", "nginx:1", False, True),
        ("label", "tier", True, False),
        ("label", "tier=front", True, False),
        ("label", "tier=back", False, False),
        ("scope", "local", True, True),
        ("scope", "swarm", False, False),
        ("network", "x", False, False),
        ("node", "x", False, False),
    ],
)
def test_filters_narrow_the_events(
    key: str, value: str, exec_matches: bool, pull_matches: bool
) -> None:
    filters = filters_of({key: [value]})
    assert matches(EXEC, filters) is exec_matches
    assert matches(PULL, filters) is pull_matches
