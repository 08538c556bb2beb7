"""Joining streams: keys that leave, ends on either side, nobody left connected."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import FakeConsole, FakeDuplex, out, turns
from wherry.drivers.runtime.base import Output, Stream
from wherry.engine.containers.attach import (
    DEFAULT_DETACH_KEYS,
    DetachScanner,
    Wanted,
    join,
    parse_detach_keys,
)
from wherry.model.errors import InvalidArgument

ALL = Wanted(stdin=True, stdout=True, stderr=True)
TERMINAL = Wanted(stdin=True, stdout=True, stderr=True, terminal=True)


def plain(piece: Output) -> bytes:
    return piece.data


async def soon(client: FakeDuplex, console: FakeConsole, wanted: Wanted) -> bool:
    return await asyncio.wait_for(join(client, console, wanted, plain), 5)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", DEFAULT_DETACH_KEYS),
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("ctrl-a,d", b"\x01d"),
        ("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", b"\x00\x1b\x1c\x1d\x1e\x1f"),
        ("X", b"X"),
    ],
)
def test_keys_are_spelt_as_docker_spells_them(text: str, keys: bytes) -> None:
    assert parse_detach_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-P", "ctrl-ab", "alt-x", "ab", "a,,b", "ctrl-ä"])
def test_other_keys_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid detach keys"):
        parse_detach_keys(text)


@given(st.binary(max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_where_what_is_typed_is_cut_makes_no_difference(typed: bytes, cuts: list[int]) -> None:
    keys = b"\x10\x11"
    data = typed.replace(keys, b"")
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    scanner, passed = DetachScanner(keys), b""
    for begin, end in itertools.pairwise(bounds):
        if not data[begin:end]:
            continue
        piece, detached = scanner.feed(data[begin:end])
        assert not detached
        passed += piece
    # the first of the keys is held back until it is clear that it was not the beginning of them
    assert passed == (data.removesuffix(keys[:1]) if data.endswith(keys[:1]) else data)


@pytest.mark.parametrize("cut", range(5))
def test_the_keys_are_found_also_in_pieces(cut: int) -> None:
    typed = b"ls\x10\x11"
    scanner = DetachScanner(DEFAULT_DETACH_KEYS)
    passed, detached = scanner.feed(typed[:cut]) if cut else (b"", False)
    if not detached:
        rest, detached = scanner.feed(typed[cut:])
        passed += rest
    assert (passed, detached) == (b"ls", True)


def test_without_keys_everything_passes() -> None:
    assert DetachScanner(b"").feed(b"\x10\x11") == (b"\x10\x11", False)


async def test_all_that_a_process_writes_reaches_the_client_before_the_end() -> None:
    console = FakeConsole(out(b"a"), out(b"e", Stream.STDERR), out(b"b"))
    client = FakeDuplex()
    assert await soon(client, console, ALL)
    assert client.heard == b"aeb"
    assert console.closed == 1


async def test_only_the_streams_that_are_wanted_are_passed_on() -> None:
    console = FakeConsole(out(b"a"), out(b"e", Stream.STDERR))
    client = FakeDuplex()
    await soon(client, console, Wanted(stderr=True))
    assert client.heard == b"e"


async def test_a_client_that_ends_its_input_still_gets_the_answer() -> None:
    console = FakeConsole(ends=False)
    client = FakeDuplex(b"words", then="end")
    joined = asyncio.create_task(soon(client, console, ALL))
    await asyncio.wait_for(console.input_ended.wait(), 5)
    assert console.written == b"words"
    console.pieces.put_nowait(out(b"5"))
    console.pieces.put_nowait(None)
    assert await joined
    assert client.heard == b"5"


async def test_a_terminals_input_is_not_ended_by_a_client_that_leaves() -> None:
    console = FakeConsole(ends=False)
    joined = asyncio.create_task(soon(FakeDuplex(then="end"), console, TERMINAL))
    await turns()
    assert not console.input_ended.is_set()
    console.pieces.put_nowait(None)
    await joined


async def test_the_keys_leave_a_terminal_and_the_process_goes_on() -> None:
    console = FakeConsole(ends=False)
    assert not await soon(FakeDuplex(b"ls\n", b"\x10", b"\x11rm"), console, TERMINAL)
    assert console.written == b"ls\n"
    assert (console.closed, console.input_ended.is_set()) == (1, False)


async def test_the_keys_are_plain_bytes_without_a_terminal() -> None:
    console = FakeConsole(ends=False)
    joined = asyncio.create_task(soon(FakeDuplex(b"\x10\x11", then="end"), console, ALL))
    await asyncio.wait_for(console.input_ended.wait(), 5)
    console.pieces.put_nowait(None)
    await joined
    assert console.written == b"\x10\x11"


async def test_what_is_typed_without_asking_for_input_goes_nowhere() -> None:
    console = FakeConsole(ends=False)
    joined = asyncio.create_task(
        soon(FakeDuplex(b"typed", then="end"), console, Wanted(stdout=True))
    )
    await turns()
    console.pieces.put_nowait(None)
    await joined
    assert console.written == b""
    assert not console.input_ended.is_set()


async def test_a_client_that_is_gone_is_left() -> None:
    console = FakeConsole(ends=False)
    assert not await soon(FakeDuplex(then="gone"), console, ALL)
    assert console.closed == 1


async def test_a_client_that_no_longer_listens_is_left_and_the_output_did_not_end() -> None:
    console = FakeConsole(out(b"a"), ends=False)
    client = FakeDuplex()
    client.broken = True
    assert not await soon(client, console, ALL)
    assert console.closed == 1


async def test_a_cancelled_session_closes_its_console() -> None:
    console = FakeConsole(ends=False)
    joined = asyncio.create_task(soon(FakeDuplex(), console, ALL))
    await turns()
    joined.cancel()
    await asyncio.gather(joined, return_exceptions=True)
    assert console.closed == 1
