"""The bounds of logs: how they are read, and that no container's options end the keeping."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import FakeClock, FakeContainers, FakeRuntime, make_container, make_spec
from wherry.engine.containers.logs import LogKeeper, limits_of, parse_size
from wherry.model.container import Container, LogSpec
from wherry.model.errors import InvalidArgument
from wherry.model.lifecycle import Status
from wherry.state.layout import Layout


def with_options(number: int, status: Status = Status.RUNNING, **options: str) -> Container:
    named = {key.replace("_", "-"): value for key, value in options.items()}
    spec = make_spec(log=LogSpec(options=named))
    return make_container(f"{number}" * 64, name=f"c{number}", status=status, spec=spec)


class FakeFiles:
    def __init__(self) -> None:
        self.rotated: list[tuple[str, int, int]] = []
        self.done = asyncio.Event()

    async def rotate(self, runtime: Any, launch: Any, *, max_bytes: int, max_files: int) -> bool:
        self.rotated.append((launch.id[0], max_bytes, max_files))
        if launch.id[0] == "2":
            raise OSError("disk full")
        if launch.id[0] == "9":
            self.done.set()
        return True

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


async def test_one_containers_nonsense_does_not_end_the_keeping_of_the_others(
    tmp_path: Path,
) -> None:
    files, clock = FakeFiles(), FakeClock()
    keeper = LogKeeper(
        files=files,
        containers=FakeContainers(  # type: ignore[arg-type]
            with_options(1, max_size="lots"),
            with_options(2),
            with_options(3, Status.EXITED),
            with_options(4, max_size="-1"),
            with_options(9, max_size="1k", max_file="2"),
        ),
        runtime=FakeRuntime(),
        clock=clock,
        layout=Layout(data_root=tmp_path, run_root=tmp_path),
    )
    keeping = asyncio.create_task(keeper.run())
    for _ in range(2):
        files.done.clear()
        while not clock.sleeps:  # noqa: ASYNC110 - the clock is the test's own
            await asyncio.sleep(0)
        clock.ring()
        await asyncio.wait_for(files.done.wait(), 5)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert files.rotated == [("2", 10 << 20, 5), ("9", 1024, 2)] * 2


@pytest.mark.parametrize(
    ("text", "size"),
    [("10", 10), ("10b", 10), ("1k", 1024), ("1.5M", 1_572_864), ("2GB", 2 << 30), ("-1", -1)],
)
def test_sizes_are_read_as_docker_reads_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "k", "x", "1t", "inf", "nan", "1e400"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid size"):
        parse_size(text)


def test_nothing_said_is_five_files_of_ten_megabytes() -> None:
    assert limits_of(with_options(1)) == (10 << 20, 5)
