"""Carries out the effects of a container's life by calling the drivers.

Nothing is decided here that ``model/lifecycle.py`` or ``prepare.py`` could decide. Every effect may
be carried out again after a crash.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from wherry.drivers.runtime.base import Console, Exit, Launch, Process, Runtime
from wherry.drivers.storage.base import Snapshots
from wherry.engine.clock import Clock
from wherry.engine.containers.actor import Actor, Outcome
from wherry.engine.containers.telling import Told, attributes_of, events_of
from wherry.model.container import DEFAULT_STOP_SIGNAL, DEFAULT_STOP_TIMEOUT_S, Container
from wherry.model.errors import LaunchFailed, PortTaken, WherryError
from wherry.model.lifecycle import Effect, Event, Status
from wherry.model.restart import next_delay_s
from wherry.model.signals import parse_signal
from wherry.state.layout import Layout

log = logging.getLogger(__name__)

SIGKILL = 9
DISCONNECTED: Mapping[str, Any] = {"sandbox": "", "endpoints": (), "published": ()}
"""Known of a container when it begins to start: until PREPARED nothing is its own, whatever it had
the last time."""
_LAUNCH_ERROR = 128
"""Docker's exit code when something other than the program kept a container from starting."""


@dataclass(frozen=True, slots=True)
class Signal:
    """The payload of KILL and STOP."""

    signal: int
    grace_s: float | None = None
    """For STOP: seconds until SIGKILL; negative waits for ever; None is the container's own."""


class ContainerRows(Protocol):
    async def save_state(self, container: Container) -> None: ...

    async def delete(self, container_id: str) -> None: ...


class Connections(Protocol):
    """The part of ``engine.networks.Networks`` that a container's start and end need."""

    async def connect(self, container: Container) -> Mapping[str, Any]:
        """Sandbox, links, addresses, ports; returns the state's fields that say so."""

    async def disconnect(self, container: Container) -> None: ...


class Bundles(Protocol):
    """Writes what the runtime reads."""

    async def write(self, container: Container, known: Mapping[str, Any]) -> None: ...

    async def discard(self, container: Container) -> None:
        """Undo what `write` mounted; nothing there is success."""


class ContainerEvents(Protocol):
    def publish(
        self, *, kind: str, action: str, actor_id: str, attributes: Mapping[str, str]
    ) -> None: ...


class OwnVolumes(Protocol):
    async def remove(self, name: str, *, force: bool = False) -> None: ...


def launch_of(container: Container, layout: Layout) -> Launch:
    """What the runtime is told of a container, now and after any crash."""
    program = container.spec.program
    keeps_log = container.spec.log.driver != "none"
    return Launch(
        id=container.id,
        bundle_dir=layout.bundle_dir(container.id),
        exit_dir=layout.exit_dir(container.id),
        log_path=layout.log_path(container.id) if keeps_log else None,
        terminal=program.terminal,
        stdin=program.open_stdin,
        # a terminal's input never ends: who leaves it by the detach keys may come back
        leave_stdin_open=program.open_stdin and (program.terminal or not program.stdin_once),
        runtime=container.spec.runtime or None,
    )


class ContainerHost:
    """The one `World` of the product; see ``actor.py``."""

    def __init__(
        self,
        *,
        rows: ContainerRows,
        runtime: Runtime,
        snapshots: Snapshots,
        connections: Connections,
        bundles: Bundles,
        volumes: OwnVolumes,
        events: ContainerEvents,
        clock: Clock,
        layout: Layout,
        forget: Callable[[str], Awaitable[None]],
    ) -> None:
        self._rows, self._runtime, self._snapshots = rows, runtime, snapshots
        self._connections, self._bundles, self._volumes = connections, bundles, volumes
        self._events, self._clock, self._layout = events, clock, layout
        self._forget = forget
        self._wanting_console: dict[str, list[asyncio.Future[Console | None]]] = {}

    # World ------------------------------------------------------------------------------

    async def save(self, container: Container) -> None:
        await self._rows.save_state(container)

    async def forget(self, container: Container) -> None:
        await self._rows.delete(container.id)
        await self._forget(container.id)
        self._answer_consoles(container.id, None)

    def tell(self, before: Container, event: Event, after: Container, payload: Any) -> None:
        for told in events_of(before, event, after, payload):
            self.publish(after, told)

    async def carry_out(self, effect: Effect, actor: Actor, payload: Any) -> Outcome | None:
        try:
            return await self._carry_out(effect, actor, payload)
        except Exception as fault:
            # whoever waits for the start or the removal must hear of its end
            if effect in (Effect.PREPARE, Effect.LAUNCH, Effect.FIND):
                log.exception("container %s: %s", actor.container.short_id, effect)
                return self._failed(actor.container, LaunchFailed(f"internal error: {fault!r}"))
            if effect is Effect.ERASE:
                log.exception("container %s: not removed", actor.container.short_id)
                return Outcome(event=Event.ERASE_FAILED, known={"error": str(fault)})
            raise

    async def _carry_out(self, effect: Effect, actor: Actor, payload: Any) -> Outcome | None:
        container = actor.container
        match effect:
            case Effect.PREPARE:
                return await self._prepare(container)
            case Effect.LAUNCH:
                return await self._launch(container)
            case Effect.FIND:
                return await self._find(container)
            case Effect.WATCH:
                actor.later("watch", self._watch(actor))
            case Effect.RELEASE:
                await self._release(container)
            case Effect.SIGNAL:
                self._runtime.signal(_process(container), _signal_of(container, payload))
            case Effect.SIGNAL_KILL:
                self._runtime.signal(_process(container), SIGKILL)
            case Effect.ARM_GRACE:
                self._arm_grace(actor, payload)
            case Effect.ARM_RETRY:
                actor.later("retry", self._retry(container))
            case Effect.DISARM:
                actor.stop_waiting("grace")
                actor.stop_waiting("retry")
            case Effect.FREEZE:
                if self._runtime.is_alive(_process(container)):
                    await self._runtime.pause(launch_of(container, self._layout))
            case Effect.THAW:
                if self._runtime.is_alive(_process(container)):
                    await self._runtime.resume(launch_of(container, self._layout))
            case Effect.ERASE:
                return await self._erase(container)
        return None

    # for the services beside --------------------------------------------------------------

    def publish(self, container: Container, told: Told) -> None:
        self._events.publish(
            kind="container",
            action=told.action,
            actor_id=container.id,
            attributes={**attributes_of(container), **told.attributes},
        )

    def want_console(self, container_id: str) -> asyncio.Future[Console | None]:
        """Connect to the streams of the process that will be started next, before it runs: not a
        byte is lost. None when that start fails or the container goes."""
        wanted: asyncio.Future[Console | None] = asyncio.get_running_loop().create_future()
        self._wanting_console.setdefault(container_id, []).append(wanted)
        return wanted

    # effects ------------------------------------------------------------------------------

    async def _prepare(self, container: Container) -> Outcome:
        layout = self._layout
        try:
            for folder in (layout.rootfs_dir(container.id), layout.exit_dir(container.id)):
                os.makedirs(folder, mode=0o700, exist_ok=True)
            await self._snapshots.mount(
                container.snapshot,
                container.layers,
                layout.rootfs_dir(container.id),
                # what goes with its process need not reach the disk
                volatile=container.spec.auto_remove,
            )
            known = await self._connections.connect(container)
            await self._bundles.write(container, known)
        except (WherryError, OSError) as error:
            return self._failed(container, error)
        return Outcome(event=Event.PREPARED, known=known)

    async def _launch(self, container: Container) -> Outcome:
        launch = launch_of(container, self._layout)
        try:
            process = await self._runtime.create(launch)
            # before it runs: one that ends at once must not end before it began
            started_ns = self._clock.now_ns()
            for wanted in self._wanting_console.pop(container.id, ()):
                if not wanted.done():
                    wanted.set_result(self._runtime.console(launch))
            await self._runtime.start(launch)
        except (WherryError, OSError) as error:
            return self._failed(container, error)
        return _started(process, started_ns)

    async def _find(self, container: Container) -> Outcome:
        launch = launch_of(container, self._layout)
        process = await self._runtime.find(launch)
        if process is None:
            return self._cut_short(container)
        if self._runtime.is_alive(process):
            try:
                await self._runtime.start(launch)
            except (WherryError, OSError) as error:
                if self._runtime.is_alive(process):
                    return self._failed(container, error)
        # one that ran and has ended meanwhile was started all the same: its exit code says how
        return _started(process, _began_ns(process, self._clock.now_ns()))

    def _cut_short(self, container: Container) -> Outcome:
        """The engine died before there was a process: whoever is always wanted begins anew."""
        state = container.state
        failure = LaunchFailed("the engine ended while this container was starting")
        delay_s = next_delay_s(
            container.spec.restart,
            exit_code=failure.exit_code,
            stopped_by_user=state.stopped_by_user,
            restarts=state.restarts,
            last_delay_s=state.restart_delay_s,
            ran_s=0,
        )
        if delay_s is None:
            return self._failed(container, failure)
        known = {"restart_delay_s": delay_s, "pid": 0}
        return Outcome(event=Event.EXITED_RETRY, known=known, failure=failure)

    def _failed(self, container: Container, error: WherryError | OSError) -> Outcome:
        self._answer_consoles(container.id, None)
        failure = error if isinstance(error, WherryError) else LaunchFailed(str(error))
        code = failure.exit_code if isinstance(failure, LaunchFailed) else _LAUNCH_ERROR
        event = Event.LAUNCH_FAILED_ERASE if container.spec.auto_remove else Event.LAUNCH_FAILED
        return Outcome(
            event=event,
            known={
                "exit_code": _LAUNCH_ERROR if isinstance(failure, PortTaken) else code,
                "error": str(failure),
                "exit_serial": container.state.exit_serial + 1,
                "remove_volumes": container.spec.auto_remove,
                "pid": 0,
            },
            failure=failure,
        )

    async def _watch(self, actor: Actor) -> Outcome:
        container = actor.container
        ended = await self._runtime.wait(launch_of(container, self._layout), _process(container))
        return self._ended(actor.container, ended)

    def _ended(self, container: Container, ended: Exit) -> Outcome:
        state = container.state
        # the file's time comes from a coarser clock than ours
        finished_ns = max(int(ended.at.timestamp() * 1_000_000_000), state.started_ns + 1)
        known: dict[str, Any] = {
            "exit_code": ended.code,
            "out_of_memory": ended.out_of_memory,
            "finished_ns": finished_ns,
            "exit_serial": state.exit_serial + 1,
            "pid": 0,
        }
        delay_s = next_delay_s(
            container.spec.restart,
            exit_code=ended.code,
            stopped_by_user=state.stopped_by_user or state.status is Status.STOPPING,
            restarts=state.restarts,
            last_delay_s=state.restart_delay_s,
            ran_s=(finished_ns - state.started_ns) / 1e9,
        )
        if delay_s is not None:
            known |= {"restart_delay_s": delay_s, "restarts": state.restarts + 1}
            return Outcome(event=Event.EXITED_RETRY, known=known)
        if container.spec.auto_remove:
            known["remove_volumes"] = True
            return Outcome(event=Event.EXITED_ERASE, known=known)
        return Outcome(event=Event.EXITED, known=known)

    def _arm_grace(self, actor: Actor, payload: Signal | None) -> None:
        own = actor.container.spec.program.stop_timeout_s
        grace_s: float = DEFAULT_STOP_TIMEOUT_S if own is None else own
        if payload is not None and payload.grace_s is not None:
            grace_s = payload.grace_s
        if grace_s < 0:
            return

        async def over() -> Outcome:
            await self._clock.sleep(grace_s)
            return Outcome(event=Event.GRACE_OVER)

        actor.later("grace", over())

    async def _retry(self, container: Container) -> Outcome:
        await self._clock.sleep(container.state.restart_delay_s)
        return Outcome(event=Event.RETRY_DUE, known=DISCONNECTED)

    async def _release(self, container: Container) -> None:
        self._answer_consoles(container.id, None)
        layout = self._layout
        bundle_dir = layout.bundle_dir(container.id)
        if not os.path.lexists(bundle_dir):
            return
        await self._runtime.delete(launch_of(container, layout))
        await self._snapshots.unmount(layout.rootfs_dir(container.id))
        await self._connections.disconnect(container)
        await self._bundles.discard(container)
        _discard_tree(layout.exit_dir(container.id))
        # the bundle goes last: as long as it is there, a release is not complete
        _discard_tree(bundle_dir)

    async def _erase(self, container: Container) -> Outcome:
        try:
            await self._snapshots.remove(container.snapshot)
            _discard_tree(self._layout.container_dir(container.id))
            if container.state.remove_volumes:
                for name in container.own_volumes:
                    with contextlib.suppress(WherryError):
                        await self._volumes.remove(name, force=True)
                        # an earlier daemon may have died between the row and the folder
                        _discard_tree(self._layout.volume_dir(name).parent)
        except (WherryError, OSError) as error:
            log.warning("container %s: not removed: %s", container.short_id, error)
            return Outcome(event=Event.ERASE_FAILED, known={"error": str(error)})
        return Outcome(event=Event.ERASED)

    def _answer_consoles(self, container_id: str, console: Console | None) -> None:
        for wanted in self._wanting_console.pop(container_id, ()):
            if not wanted.done():
                wanted.set_result(console)


def _started(process: Process, started_ns: int) -> Outcome:
    return Outcome(
        event=Event.STARTED,
        known={
            "pid": process.pid,
            "start_ticks": process.start_ticks,
            "started_ns": started_ns,
            "error": "",
            "exit_code": 0,
            "out_of_memory": False,
            "finished_ns": 0,
        },
    )


def _began_ns(process: Process, now_ns: int) -> int:
    """When a process that an earlier daemon started began, to a clock tick."""
    since_boot_ns = process.start_ticks * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))
    return now_ns - max(0, time.clock_gettime_ns(time.CLOCK_BOOTTIME) - since_boot_ns)


def _signal_of(container: Container, payload: Signal | None) -> int:
    if payload is not None:
        return payload.signal
    # a stop that an earlier daemon decided: which signal it was is not kept
    text = container.spec.program.stop_signal
    return parse_signal(text) if text else DEFAULT_STOP_SIGNAL


def _process(container: Container) -> Process:
    return Process(pid=container.state.pid, start_ticks=container.state.start_ticks)


def _discard_tree(folder: os.PathLike[str]) -> None:
    """Delete a small folder of our own files; one that is not there is success."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
