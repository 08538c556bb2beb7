"""Logs of real containers: what conmon writes, read while it writes and is rotated."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract import runtime_rig
from tests.contract.runtime_rig import Rig
from wherry.drivers.runtime.base import LogLine, Stream
from wherry.drivers.runtime.conmon_log import ConmonLogs, list_files

pytestmark = pytest.mark.needs("root", "crun", "conmon", "busybox")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async for made in runtime_rig.opened(tmp_path):
        yield made


@pytest.fixture
async def logs() -> AsyncIterator[ConmonLogs]:
    made = ConmonLogs()
    yield made
    made.close()


async def collect(batches: AsyncIterator[list[LogLine]]) -> list[LogLine]:
    return [line async for batch in batches for line in batch]


async def test_both_streams_long_lines_and_last_words_come_back(rig: Rig, logs: ConmonLogs) -> None:
    launch = rig.launch(
        "sh",
        "-c",
        "echo one; sleep 0.05; echo two >&2; head -c 30000 /dev/zero | tr '\\0' x; echo; echo;"
        "printf end",
    )
    await rig.run(launch)
    assert launch.log_path is not None
    lines = await collect(logs.read(launch.log_path))
    out = b"".join(line.data for line in lines if line.stream is Stream.STDOUT)
    assert out == b"one\n" + b"x" * 30000 + b"\n\nend"
    assert [line.data for line in lines if line.stream is Stream.STDERR] == [b"two\n"]
    assert [line.partial for line in lines] == [False] * (len(lines) - 1) + [True]
    assert len(lines) == 5
    assert [line.data for line in await collect(logs.read(launch.log_path, tail=3))][-2:] == [
        b"\n",
        b"end",
    ]


async def test_no_log_is_kept_if_none_is_wanted(rig: Rig) -> None:
    launch = rig.launch("echo", "secret")
    assert launch.log_path is not None
    out, _, _ = await rig.run(replace(launch, log_path=None))
    assert out == b"secret\n"
    assert list(launch.log_path.parent.iterdir()) == []


async def test_rotation_under_a_flood_loses_nothing_and_following_goes_across(
    rig: Rig, logs: ConmonLogs
) -> None:
    count = 300_000
    half = count // 2
    # it goes on with the second half once there was a rotation, however slow this machine is
    program = f"seq 1 {half}; read go; seq {half + 1} {count}"
    launch = rig.launch("sh", "-c", program, stdin=True)
    process = await rig.runtime.create(launch)
    path, ended = launch.log_path, asyncio.Event()
    assert path is not None
    console = rig.runtime.console(launch)
    rotations = 0

    async def rotate() -> None:
        nonlocal rotations
        while not ended.is_set():
            done = await logs.rotate(rig.runtime, launch, max_bytes=200_000, max_files=100)
            if done and not rotations:
                await console.write(b"go\n")
            rotations += done
            await asyncio.sleep(0)

    async def drain() -> None:
        async for _ in console.output():
            pass

    async def run() -> None:
        await rig.runtime.start(launch)
        await rig.runtime.wait(launch, process)
        ended.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        following = group.create_task(collect(logs.read(path, ended=ended)))
        group.create_task(rotate())
        group.create_task(drain())
        group.create_task(run())
    await console.close()
    expected = [b"%d\n" % number for number in range(1, count + 1)]
    assert rotations > 0
    assert [line.data for line in following.result()] == expected
    assert [line.data for line in await collect(logs.read(path))] == expected
    assert [line.data for line in await collect(logs.read(path, tail=9000))] == expected[-9000:]


async def test_rotation_keeps_as_many_files_as_were_asked_for(rig: Rig, logs: ConmonLogs) -> None:
    launch = rig.launch("sh", "-c", "while read x; do echo $x; done", stdin=True)
    await rig.runtime.create(launch)
    console = rig.runtime.console(launch)
    await rig.runtime.start(launch)
    path = launch.log_path
    assert path is not None
    async with asyncio.timeout(20):
        for number in range(6):
            await console.write(b"%d\n" % number)
            async for _ in console.output():
                break
            while path.stat().st_size == 0:  # noqa: ASYNC110 - conmon writes it a moment later
                await asyncio.sleep(0.001)
            assert await logs.rotate(rig.runtime, launch, max_bytes=1, max_files=3)
    await console.close()
    assert [file.name for file in list_files(path)] == [
        "container.log.2",
        "container.log.1",
        "container.log",
    ]
    assert [line.data for line in await collect(logs.read(path))] == [b"4\n", b"5\n"]
