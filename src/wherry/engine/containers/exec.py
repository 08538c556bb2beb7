"""Second processes in running containers."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from wherry.drivers.runtime.base import Console, ExecLaunch, Process, Runtime
from wherry.engine.clock import Clock
from wherry.engine.containers.host import ContainerHost, launch_of
from wherry.engine.containers.prepare import check_env
from wherry.engine.containers.service import Containers
from wherry.engine.containers.telling import Told
from wherry.model.container import Container
from wherry.model.errors import Conflict, InvalidArgument, LaunchFailed, NoSuchExec, NotFound
from wherry.model.ids import make_id
from wherry.model.lifecycle import Status
from wherry.state.layout import Layout

KEPT_S = 300.0
"""Docker's clients ask for the exit code after the end; then the record goes."""

MOST_PER_CONTAINER = 1000
"""Of those that have not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecSpec:
    command: tuple[str, ...]
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    terminal: bool = False
    privileged: bool = False
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach_keys: str = ""
    console_size: tuple[int, int] = (0, 0)
    """Height and width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec:
    """What is known of an exec. Kept in memory: it ends with its container at the latest."""

    id: str
    container_id: str
    spec: ExecSpec
    running: bool = False
    exit_code: int | None = None
    pid: int = 0


class ProcessDocuments(Protocol):
    async def write_process(self, container: Container, spec: ExecSpec, exec_dir: str) -> None:
        """Write ``process.json`` for the runtime. InvalidArgument for an unknown user."""


@dataclass(slots=True)
class _Entry:
    exec: Exec
    process: Process | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    claimed: bool = False


class Execs:
    def __init__(
        self,
        *,
        containers: Containers,
        host: ContainerHost,
        runtime: Runtime,
        documents: ProcessDocuments,
        clock: Clock,
        layout: Layout,
    ) -> None:
        self._containers, self._host, self._runtime = containers, host, runtime
        self._documents, self._clock, self._layout = documents, clock, layout
        self._entries: dict[str, _Entry] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def create(self, wanted: str, spec: ExecSpec) -> Exec:
        """Note what is to be run. Conflict unless the container runs."""
        container = self._running(wanted)
        if not spec.command or not spec.command[0]:
            raise InvalidArgument("No exec command specified")
        check_env(spec.env)
        if self._count_unended(container.id) >= MOST_PER_CONTAINER:
            raise Conflict(f"container {container.id} has {MOST_PER_CONTAINER} execs already")
        await self._runtime.warm()  # begins only, and is done by the time it starts
        made = Exec(id=make_id(), container_id=container.id, spec=spec)
        self._entries[made.id] = _Entry(made)
        self._host.publish(
            container,
            Told(f"exec_create: {' '.join(spec.command)}", {"execID": made.id}),
        )
        return made

    def get(self, exec_id: str) -> Exec:
        """NoSuchExec if it is not known (any more)."""
        return self._entry(exec_id).exec

    def ids_of(self, container_id: str) -> Sequence[str]:
        return [key for key, one in self._entries.items() if one.exec.container_id == container_id]

    def running_ids_of(self, container_id: str) -> Sequence[str]:
        return [one for one in self.ids_of(container_id) if self._entries[one].exec.running]

    def claim(self, exec_id: str, *, console_size: tuple[int, int] = (0, 0)) -> None:
        """Take the one start that an exec has; its terminal gets the size.

        Raises:
            Conflict: it was started before, or the container does not run any more.
        """
        entry = self._entry(exec_id)
        self._running(entry.exec.container_id)
        if entry.claimed:
            raise Conflict(f"exec {exec_id} has already been started or is being started")
        entry.claimed = True
        if all(console_size):
            spec = replace(entry.exec.spec, console_size=console_size)
            entry.exec = replace(entry.exec, spec=spec)

    async def start(self, exec_id: str, *, attach: bool) -> Console | None:
        """Run what was claimed; with `attach` returns the connection to its streams, made before
        it runs.

        Raises:
            Conflict: the container does not run any more.
            LaunchFailed: 126 or 127 as a shell would say.
        """
        entry = self._entry(exec_id)
        container = self._running(entry.exec.container_id)
        launch = replace(self._launch(container, entry.exec), attach=attach)
        os.makedirs(launch.exec_dir, mode=0o700, exist_ok=True)
        told = {"execID": exec_id}
        command = " ".join(entry.exec.spec.command)
        try:
            await self._documents.write_process(container, entry.exec.spec, str(launch.exec_dir))
            self._host.publish(container, Told(f"exec_start: {command}", told))
            entry.process = await self._runtime.exec(launch)
            entry.exec = replace(entry.exec, running=True, pid=entry.process.pid)
            console = self._runtime.exec_console(launch) if attach else None
        except BaseException as error:
            code = error.exit_code if isinstance(error, LaunchFailed) else 126
            self._finish(entry, code)
            shutil.rmtree(launch.exec_dir, ignore_errors=True)
            self._later(self._expire(entry))
            raise
        self._watch(entry, launch)
        return console

    async def ended(self, exec_id: str) -> None:
        """Wait for its end."""
        await self._entry(exec_id).ended.wait()

    async def resize(self, exec_id: str, *, height: int, width: int) -> None:
        """Tell its terminal the size. Conflict if it does not run."""
        entry = self._entry(exec_id)
        if not entry.exec.running:
            raise Conflict(f"exec {exec_id} is not running")
        container = self._containers.get(entry.exec.container_id)
        await self._runtime.exec_resize(
            self._launch(container, entry.exec), height=height, width=width
        )

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # inside -----------------------------------------------------------------------------

    def _count_unended(self, container_id: str) -> int:
        return sum(
            one.exec.container_id == container_id and not one.ended.is_set()
            for one in self._entries.values()
        )

    def _watch(self, entry: _Entry, launch: ExecLaunch) -> None:
        self._later(self._see_it_end(entry, launch))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_it_end(self, entry: _Entry, launch: ExecLaunch) -> None:
        assert entry.process is not None
        ended = await self._runtime.exec_wait(launch, entry.process)
        self._finish(entry, ended.code)
        with contextlib.suppress(NotFound):
            container = self._containers.get(entry.exec.container_id)
            self._host.publish(
                container,
                Told("exec_die", {"execID": entry.exec.id, "exitCode": str(ended.code)}),
            )
        shutil.rmtree(launch.exec_dir, ignore_errors=True)
        await self._expire(entry)

    async def _expire(self, entry: _Entry) -> None:
        await self._clock.sleep(KEPT_S)
        self._entries.pop(entry.exec.id, None)

    def _finish(self, entry: _Entry, code: int) -> None:
        entry.exec = replace(entry.exec, running=False, exit_code=code)
        entry.ended.set()

    def _launch(self, container: Container, made: Exec) -> ExecLaunch:
        return ExecLaunch(
            id=made.id,
            container=launch_of(container, self._layout),
            exec_dir=self._layout.exec_dir(made.id),
            terminal=made.spec.terminal,
            stdin=made.spec.attach_stdin,
        )

    def _entry(self, exec_id: str) -> _Entry:
        try:
            return self._entries[exec_id]
        except KeyError:
            raise NoSuchExec(exec_id) from None

    def _running(self, wanted: str) -> Container:
        container = self._containers.get(wanted)
        if container.state.status is Status.PAUSED:
            raise Conflict(f"container {wanted} is paused, unpause the container before exec")
        if not container.has_process:
            raise Conflict(f"container {container.id} is not running")
        return container
