"""What containers wrote: read for clients, and kept within bounds."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from wherry.drivers.runtime.base import LogLine, Runtime
from wherry.drivers.runtime.base import Logs as LogFiles
from wherry.engine.clock import Clock
from wherry.engine.containers.host import launch_of
from wherry.engine.containers.service import Containers
from wherry.model.container import Container
from wherry.model.errors import InvalidArgument, Unsupported, WherryError
from wherry.model.lifecycle import Status
from wherry.model.timestamps import format_rfc3339_ns
from wherry.state.layout import Layout

log = logging.getLogger(__name__)

DEFAULT_MAX_BYTES = 10 << 20
DEFAULT_MAX_FILES = 5
_LOOK_EVERY_S = 5.0
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWanted:
    """Which lines of a log. Times: nanoseconds since the epoch, 0 for no bound."""

    stdout: bool = True
    stderr: bool = True
    follow: bool = False
    since_ns: int = 0
    until_ns: int = 0
    tail: int | None = None


class ContainerLogs:
    def __init__(self, *, files: LogFiles, containers: Containers, layout: Layout) -> None:
        self._files, self._containers, self._layout = files, containers, layout

    async def read(
        self, container: Container, wanted: LogWanted
    ) -> AsyncIterator[Sequence[LogLine]]:
        """Batches of lines, oldest first; with `follow` until the container ends.

        Raises:
            Unsupported: the container keeps no log.
        """
        if container.spec.log.driver == "none":
            raise Unsupported("configured logging driver does not support reading")
        ended = asyncio.Event() if wanted.follow else None
        waiting = None
        if ended is not None:
            waiting = asyncio.get_running_loop().create_task(self._wait(container.id, ended))
        lines = self._files.read(
            self._layout.log_path(container.id),
            since=_bound(wanted.since_ns),
            until=_bound(wanted.until_ns),
            tail=wanted.tail,
            ended=ended,
        )
        try:
            async for batch in lines:
                if wanted.stdout and wanted.stderr:
                    yield batch
                else:
                    only = "stdout" if wanted.stdout else "stderr"
                    if kept := [line for line in batch if line.stream == only]:
                        yield kept
        finally:
            if waiting is not None:
                waiting.cancel()
            await lines.aclose()  # type: ignore[attr-defined]

    async def _wait(self, container_id: str, ended: asyncio.Event) -> None:
        actor = self._containers.actor(container_id)
        # one that was made and not started yet is waited for: its first lines count
        await actor.until(
            lambda one: (
                not one.has_process
                and one.state.status not in (Status.STARTING, Status.CREATED, Status.RESTARTING)
            )
        )
        ended.set()


class LogKeeper:
    """Begins new files when logs have grown, so that none fills the disk."""

    def __init__(
        self,
        *,
        files: LogFiles,
        containers: Containers,
        runtime: Runtime,
        clock: Clock,
        layout: Layout,
    ) -> None:
        self._files, self._containers, self._runtime = files, containers, runtime
        self._clock, self._layout = clock, layout

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await self._clock.sleep(_LOOK_EVERY_S)
            for container in self._containers.list_containers():
                if container.has_process and container.spec.log.driver != "none":
                    try:
                        await self._rotate(container)
                    except (OSError, WherryError) as error:
                        log.warning("container %s: log not rotated: %s", container.short_id, error)

    async def _rotate(self, container: Container) -> None:
        max_bytes, max_files = limits_of(container)
        if max_bytes > 0:
            await self._files.rotate(
                self._runtime,
                launch_of(container, self._layout),
                max_bytes=max_bytes,
                max_files=max_files,
            )


def limits_of(container: Container) -> tuple[int, int]:
    """Bytes of one log file and number of files; -1 bytes is no limit.

    Raises:
        InvalidArgument: the options say something else.
    """
    options = container.spec.log.options
    size, files = options.get("max-size", ""), options.get("max-file", "")
    return (
        parse_size(size) if size else DEFAULT_MAX_BYTES,
        int(files) if files.isdecimal() else DEFAULT_MAX_FILES,
    )


def parse_size(text: str) -> int:
    """``10m`` in bytes, ``-1`` for no limit. InvalidArgument for anything else."""
    if text == "-1":
        return -1
    number, unit = text.lower().removesuffix("b"), 1
    if number and number[-1] in _UNITS:
        unit, number = _UNITS[number[-1]], number[:-1]
    try:
        return int(float(number) * unit)
    except (ValueError, OverflowError):
        raise InvalidArgument(f"invalid size: '{text}'") from None


def _bound(nanoseconds: int) -> str:
    """As the log's own times: nine digits, so that texts compare as times do."""
    if nanoseconds <= 0:
        return ""
    text = format_rfc3339_ns(nanoseconds).removesuffix("Z")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction:0<9}Z"
