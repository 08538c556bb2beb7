"""conmon's log format, from files made by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wherry.drivers.runtime.base import LogLine, Stream
from wherry.drivers.runtime.conmon_log import ConmonLogs, Joiner, list_files


def line(number: int, text: str, *, stream: str = "stdout", tag: str = "F") -> bytes:
    return f"2026-11-24T03:09:38.{number:09d}+00:00 {stream} {tag} {text}\n".encode()


@pytest.fixture
async def logs() -> AsyncIterator[ConmonLogs]:
    made = ConmonLogs()
    yield made
    made.close()


async def texts(batches: AsyncIterator[list[LogLine]]) -> list[bytes]:
    return [one.data async for batch in batches for one in batch]


def test_a_full_line_keeps_its_newline_its_stream_and_nine_digits() -> None:
    assert Joiner().feed(line(5, "hi there", stream="stderr")) == [
        LogLine("2026-11-24T03:09:38.000000005Z", Stream.STDERR, b"hi there\n", False)
    ]


def test_pieces_are_joined_for_each_stream_by_itself() -> None:
    joiner = Joiner()
    block = line(1, "ab", tag="P") + line(2, "E", stream="stderr") + line(3, "cd")
    assert [one.data for one in joiner.feed(block)] == [b"E\n", b"abcd\n"]


def test_a_line_without_its_end_comes_last() -> None:
    joiner = Joiner()
    assert joiner.feed(line(1, "prompt> ", tag="P")) == []
    (last,) = joiner.finish()
    assert last.data == b"prompt> "
    assert last.partial


def test_a_very_long_line_comes_in_pieces() -> None:
    joiner = Joiner()
    got = joiner.feed(b"".join(line(n, "x" * 8000, tag="P") for n in range(300)))
    assert got
    assert all(one.partial for one in got)
    assert sum(len(one.data) for one in got + joiner.finish()) == 300 * 8000


def test_times_of_another_zone_become_utc() -> None:
    raw = b"2026-11-24T01:30:00.123456789+02:00 stdout F x\n"
    assert Joiner().feed(raw)[0].time == "2026-11-23T23:30:00.123456789Z"


def test_a_line_that_was_cut_is_skipped() -> None:
    assert [one.data for one in Joiner().feed(b"8.1 stdout F x\n" + line(1, "y"))] == [b"y\n"]


async def test_since_and_until_include_their_moment(logs: ConmonLogs, tmp_path: Path) -> None:
    path = tmp_path / "container.log"
    path.write_bytes(b"".join(line(n, str(n)) for n in range(10)))
    batches = logs.read(
        path,
        since="2026-11-24T03:09:38.000000003Z",
        until="2026-11-24T03:09:38.000000005Z",
    )
    assert await texts(batches) == [b"3\n", b"4\n", b"5\n"]


async def test_a_log_that_does_not_exist_is_empty(logs: ConmonLogs, tmp_path: Path) -> None:
    assert await texts(logs.read(tmp_path / "none.log")) == []


async def test_rotated_files_are_read_oldest_first(logs: ConmonLogs, tmp_path: Path) -> None:
    path = tmp_path / "container.log"
    for name, number in (("container.log.10", 1), ("container.log.2", 2), ("container.log", 3)):
        (tmp_path / name).write_bytes(line(number, str(number)))
    (tmp_path / "container.log.tmp").write_bytes(b"")
    assert await texts(logs.read(path)) == [b"1\n", b"2\n", b"3\n"]
    assert await texts(logs.read(path, tail=2)) == [b"2\n", b"3\n"]
    logs.discard(path)
    assert list_files(path) == ()


@pytest.mark.parametrize("count", [0, 1, 2, 7, 5000, 6000])
async def test_tail_gives_the_last_lines(logs: ConmonLogs, tmp_path: Path, count: int) -> None:
    path = tmp_path / "container.log"
    path.write_bytes(b"".join(line(n, f"{n} " + "x" * 50) for n in range(5000)))
    got = await texts(logs.read(path, tail=count))
    assert [int(one.split()[0]) for one in got] == list(range(5000 - min(count, 5000), 5000))


async def test_tail_finds_the_first_piece_of_a_line(logs: ConmonLogs, tmp_path: Path) -> None:
    path = tmp_path / "container.log"
    path.write_bytes(
        line(1, "before")
        + line(2, "ab", tag="P")
        + line(3, "err", stream="stderr")
        + line(4, "cd")
        + line(5, "last", stream="stderr")
    )
    assert await texts(logs.read(path, tail=2)) == [b"abcd\n", b"last\n"]


async def test_two_hundred_thousand_lines_come_as_they_are(
    logs: ConmonLogs, tmp_path: Path
) -> None:
    path = tmp_path / "container.log"
    path.write_bytes(b"".join(line(n, "some words of a program") for n in range(200_000)))
    count = 0
    async for batch in logs.read(path):
        count += len(batch)
    assert count == 200_000


async def test_following_goes_across_rotations_and_ends_when_all_is_read(
    logs: ConmonLogs, tmp_path: Path
) -> None:
    path, ended = tmp_path / "container.log", asyncio.Event()
    path.write_bytes(line(0, "0"))
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def follow() -> None:
        async for batch in logs.read(path, ended=ended):
            for one in batch:
                seen.put_nowait(one.data)

    async with asyncio.TaskGroup() as group, asyncio.timeout(10):
        group.create_task(follow())
        assert await seen.get() == b"0\n"
        for number in range(1, 40):
            with path.open("ab") as file:
                file.write(line(number, str(number)))
            if number % 7 == 0:
                for old in list_files(path):
                    old.rename(f"{path}.{1 if old == path else int(old.suffix[1:]) + 1}")
                path.write_bytes(b"")
            if number % 3 == 0:
                assert await seen.get() == f"{number - 2}\n".encode()
                assert await seen.get() == f"{number - 1}\n".encode()
                assert await seen.get() == f"{number}\n".encode()
        with path.open("ab") as file:
            file.write(line(40, "no end", tag="P"))
        ended.set()
        assert await seen.get() == b"no end"
    assert seen.empty()


async def test_following_may_begin_before_the_log_exists(logs: ConmonLogs, tmp_path: Path) -> None:
    path, ended = tmp_path / "container.log", asyncio.Event()
    batches = logs.read(path, ended=ended)
    first = asyncio.ensure_future(anext(batches))
    await asyncio.sleep(0)
    path.write_bytes(line(1, "hello"))
    async with asyncio.timeout(5):
        assert [one.data for one in await first] == [b"hello\n"]
    ended.set()
    with contextlib.suppress(StopAsyncIteration):
        await anext(batches)
