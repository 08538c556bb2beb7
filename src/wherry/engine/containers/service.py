"""What the engine can do with containers, in its own words.

Every name or id that a user typed arrives here as `wanted` and is resolved once.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Protocol

from wherry.drivers.runtime.base import Runtime
from wherry.drivers.storage.base import Snapshots
from wherry.engine.clock import Clock
from wherry.engine.containers import creation
from wherry.engine.containers.actor import Actor, Outcome
from wherry.engine.containers.host import (
    DISCONNECTED,
    SIGKILL,
    ContainerHost,
    Signal,
    launch_of,
)
from wherry.engine.containers.prepare import merge_image
from wherry.engine.containers.telling import Told
from wherry.model.container import DEFAULT_STOP_SIGNAL, Container, ContainerSpec
from wherry.model.errors import (
    AlreadySo,
    Conflict,
    InvalidArgument,
    NoSuchContainer,
    WherryError,
)
from wherry.model.filters import Filters
from wherry.model.ids import check_container_name, is_hex, make_id, make_longer_name, make_name
from wherry.model.image import Image
from wherry.model.lifecycle import HAS_PROCESS, Event, Status
from wherry.model.restart import RestartMode
from wherry.model.signals import parse_signal
from wherry.model.timestamps import parse_moment_ns
from wherry.state.layout import Layout

log = logging.getLogger(__name__)

_KILL_PATIENCE_S = 10.0
_TAKEOVER_S = 10.0


class Images(Protocol):
    """The part of the image service that making a container needs."""

    def get(self, wanted: str) -> Image: ...

    def layers_of(self, image: Image) -> Sequence[str]: ...

    def lease(self, image_id: str) -> AsyncExitStack: ...


class ContainerRows(Protocol):
    async def insert(self, container: Container) -> None: ...

    async def save_record(self, container: Container) -> None: ...

    async def load(self) -> Sequence[Container]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The answer of `wait`."""

    exit_code: int
    error: str = ""


class Containers:
    """All containers; one actor each."""

    def __init__(
        self,
        *,
        rows: ContainerRows,
        images: Images,
        snapshots: Snapshots,
        runtime: Runtime,
        maker: creation.Maker,
        clock: Clock,
        layout: Layout,
        next_snapshot: Callable[[], str],
    ) -> None:
        self._rows, self._images, self._maker = rows, images, maker
        self._snapshots, self._runtime = snapshots, runtime
        self._clock, self._layout = clock, layout
        self._next_snapshot = next_snapshot
        self._actors: dict[str, Actor] = {}
        self._by_name: dict[str, str] = {}
        self._making: set[asyncio.Task[tuple[Container, Sequence[str]]]] = set()
        self._host: ContainerHost

    # start and end of the engine ------------------------------------------------------------

    async def open(self, host: ContainerHost) -> None:
        """Load what is kept; nothing happens to it before `resume`."""
        self._host = host
        for container in await self._rows.load():
            self._adopt(container)

    async def resume(self) -> None:
        """Take over what an earlier daemon left, and apply the restart policies.

        Returns once it is known of each whether it runs: nobody is told of half a start.
        """
        for actor in list(self._actors.values()):
            actor.resume()
            if _starts_with_the_engine(actor.container):
                actor.post(Outcome(event=Event.START, known=DISCONNECTED))
        try:
            async with asyncio.timeout(_TAKEOVER_S):
                await asyncio.gather(*(one.settled() for one in self._actors.values()))
        except TimeoutError:
            log.warning("some containers are still starting")

    async def close(self) -> None:
        """Stop waiting for processes; they go on."""
        await asyncio.gather(*(one.close() for one in self._actors.values()))

    def forget(self, container_id: str) -> None:
        """Called once a container's rows are gone."""
        if actor := self._actors.pop(container_id, None):
            self._by_name.pop(actor.container.name, None)

    # looking ----------------------------------------------------------------------------

    def get(self, wanted: str) -> Container:
        """By id, name (with or without slash) or the beginning of an id."""
        return self._actor(wanted).container

    def list_containers(self) -> Sequence[Container]:
        """All of them, newest first."""
        return sorted(
            (one.container for one in self._actors.values()),
            key=lambda one: one.created_ns,
            reverse=True,
        )

    def ids_using_volume(self, name: str) -> Collection[str]:
        """Of the containers that have it mounted; one that is being removed lets it go."""
        return [
            one.container.id
            for one in self._actors.values()
            if one.container.state.status not in (Status.REMOVING, Status.GONE)
            and any(mount.name == name for mount in one.container.mounts)
        ]

    def using_image(self, image_id: str) -> Sequence[tuple[str, bool]]:
        """Ids of the containers made from an image, and whether each runs."""
        return [
            (one.container.id, one.container.has_process)
            for one in self._actors.values()
            if one.container.spec.image_id == image_id
        ]

    def snapshots_in_use(self) -> Collection[str]:
        """Keys of the containers' own snapshots."""
        return {one.container.snapshot for one in self._actors.values()}

    def layers_in_use(self) -> Collection[str]:
        """Keys of all layers under all containers."""
        return {key for one in self._actors.values() for key in one.container.layers}

    # making and naming --------------------------------------------------------------------

    async def create(self, spec: ContainerSpec, name: str = "") -> tuple[Container, Sequence[str]]:
        """Make a container; returns it and what the client should be warned of.

        Raises:
            NoSuchImage, InvalidArgument, Conflict: in Docker's words; nothing is left behind.
        """
        container_id = make_id()
        chosen = self._claim_name(name, container_id)
        # a client that hangs up meanwhile gets a container all the same: never half of one
        making = asyncio.get_running_loop().create_task(self._create(spec, container_id, chosen))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        return await asyncio.shield(making)

    async def _create(
        self, spec: ContainerSpec, container_id: str, name: str
    ) -> tuple[Container, Sequence[str]]:
        try:
            await self._runtime.warm()  # begins only, and is done by the time it is needed
            return await self._make(spec, container_id, name)
        except BaseException:
            self._by_name.pop(name, None)
            raise

    async def _make(
        self, spec: ContainerSpec, container_id: str, name: str
    ) -> tuple[Container, Sequence[str]]:
        image = self._images.get(spec.image)
        program = merge_image(spec.program, image.config)
        spec, warnings = self._maker.check(replace(spec, program=program, image_id=image.id))
        async with self._images.lease(image.id), AsyncExitStack() as undo:
            mounts, own_volumes = await self._maker.make_mounts(spec, container_id, undo)
            snapshot, layers = self._next_snapshot(), tuple(self._images.layers_of(image))
            undo.push_async_callback(self._snapshots.remove, snapshot)
            await self._snapshots.create(snapshot, layers)
            container = Container(
                id=container_id,
                name=name,
                created_ns=self._clock.now_ns(),
                spec=spec,
                snapshot=snapshot,
                layers=layers,
                mounts=mounts,
                own_volumes=own_volumes,
            )
            os.makedirs(self._layout.container_dir(container_id), mode=0o710, exist_ok=True)
            undo.callback(self._maker.discard_folder, container_id)
            await self._maker.seed_volumes(container)
            await self._rows.insert(container)
            undo.pop_all()
        self._adopt(container)
        self._host.publish(container, Told("create", {}))
        return container, warnings

    async def rename(self, wanted: str, new_name: str) -> None:
        """Conflict if the name is taken or is the one it has."""
        actor = self._actor(wanted)
        old = actor.container.name
        if not new_name:
            raise InvalidArgument("Neither old nor new names may be empty")
        bare = check_container_name(f"/{new_name.removeprefix('/')}")
        if bare == old:
            raise InvalidArgument("Renaming a container with the same name as its current name")
        self._claim_name(bare, actor.container.id)
        try:
            await self._rows.save_record(replace(actor.container, name=bare))
        except BaseException:
            del self._by_name[bare]
            raise
        container = await actor.edit(lambda one: replace(one, name=bare))
        self._by_name.pop(old, None)
        if container.id not in self._actors:  # removed while the name was saved
            del self._by_name[bare]
            raise NoSuchContainer(wanted)
        self._host.publish(container, Told("rename", {"oldName": f"/{old}"}))

    # life ---------------------------------------------------------------------------------

    async def start(self, wanted: str) -> None:
        """Return once its program runs.

        Raises:
            AlreadySo: it does already.
            LaunchFailed, PortTaken, …: why it could not be started.
        """
        actor = self._actor(wanted)
        await self._start(actor)

    async def _start(self, actor: Actor) -> None:
        status = actor.container.state.status
        if status is Status.PAUSED:
            raise Conflict("cannot start a paused container, try unpause instead")
        if status in (Status.REMOVING, Status.DEAD):
            raise Conflict("container is marked for removal and cannot be started")
        await actor.ask(
            Event.START, stopped_by_user=False, restarts=0, restart_delay_s=0.0, **DISCONNECTED
        )
        if actor.launched is not None:
            await asyncio.shield(actor.launched)

    async def stop(
        self, wanted: str, *, grace_s: int | None = None, signal: str | None = None
    ) -> None:
        """Ask the program to end, and end it after the grace; returns once it has.

        Raises:
            AlreadySo: it does not run.
        """
        actor = self._actor(wanted)
        number = self._stop_signal(actor.container, signal)
        await actor.settled()
        await self._stop(actor, Signal(signal=number, grace_s=grace_s))

    async def _stop(self, actor: Actor, how: Signal) -> None:
        ran = actor.container.has_process
        await actor.ask(Event.STOP, how, stopped_by_user=True)
        ended = await actor.until(lambda one: not one.has_process)
        if ran:
            self._host.publish(ended, Told("stop", {}))

    async def restart(
        self, wanted: str, *, grace_s: int | None = None, signal: str | None = None
    ) -> None:
        """Stop, if it runs, and start."""
        actor = self._actor(wanted)
        number = self._stop_signal(actor.container, signal)
        container = await actor.settled()
        if container.has_process or container.state.status is Status.RESTARTING:
            await self._stop(actor, Signal(signal=number, grace_s=grace_s))
        await self._start(actor)
        self._host.publish(actor.container, Told("restart", {}))

    async def kill(self, wanted: str, signal: str = "") -> None:
        """Send a signal; SIGKILL unless another is named."""
        number = parse_signal(signal) if signal else SIGKILL
        actor = self._actor(wanted)
        container = await actor.settled()
        if container.state.status not in HAS_PROCESS and (
            container.state.status is not Status.RESTARTING
        ):
            raise Conflict(
                f"cannot kill container: {wanted}: container {container.id} is not running"
            )
        ends = number in (SIGKILL, self._stop_signal(container, None))
        known = {"stopped_by_user": True} if ends else {}
        await actor.ask(Event.KILL, Signal(signal=number), **known)
        if number == SIGKILL:
            try:
                async with asyncio.timeout(_KILL_PATIENCE_S):
                    await actor.until(lambda one: not one.has_process)
            except TimeoutError:
                log.warning("container %s does not end after SIGKILL", container.short_id)

    async def pause(self, wanted: str) -> None:
        actor = self._actor(wanted)
        container = await actor.settled()
        if container.state.status is Status.PAUSED:
            raise Conflict(f"container {container.id} is already paused")
        self._require_running(container)
        await actor.ask(Event.PAUSE)
        await actor.idle()

    async def unpause(self, wanted: str) -> None:
        actor = self._actor(wanted)
        container = actor.container
        if container.state.status is not Status.PAUSED:
            raise Conflict(f"container {container.id} is not paused")
        await actor.ask(Event.UNPAUSE)
        await actor.idle()

    async def wait(self, wanted: str, condition: str = "not-running") -> "Waiting":
        """What to wait for, registered before this returns: no end can be missed."""
        actor = self._actor(wanted)
        return Waiting(actor, condition)

    async def remove(self, wanted: str, *, force: bool = False, volumes: bool = False) -> None:
        """Delete a container, and with `volumes` those made for it without a name.

        Raises:
            Conflict: it runs and `force` was not given, or it is being removed.
        """
        actor = self._actor(wanted)
        container = await actor.settled()
        if container.state.status is Status.REMOVING:
            raise Conflict(f"removal of container {wanted} is already in progress")
        if container.has_process:
            if not force:
                raise Conflict(
                    f"cannot remove container {wanted!r}: container is running: stop the "
                    "container before removing or force remove".replace("'", '"')
                )
            await self._end_by_force(actor)
        try:
            await actor.ask(Event.REMOVE, remove_volumes=volumes)
        except (Conflict, AlreadySo):
            if actor.container.state.status not in (Status.REMOVING, Status.GONE):
                raise
        ended = await actor.until(lambda one: one.state.status in (Status.GONE, Status.DEAD))
        if ended.state.status is Status.DEAD:
            raise WherryError(f"container {wanted}: driver failed to remove: {ended.state.error}")

    async def _end_by_force(self, actor: Actor) -> None:
        try:
            await actor.ask(Event.KILL, Signal(signal=SIGKILL), stopped_by_user=True)
        except WherryError:
            return  # it ended by itself meanwhile
        async with asyncio.timeout(_KILL_PATIENCE_S):
            await actor.until(lambda one: not one.has_process)

    async def prune(self, filters: Filters) -> tuple[Sequence[str], int]:
        """Remove all that do not run: their ids, and the bytes that their layers held.

        Filters: until (created before), label, label!.
        """
        gone: list[str] = []
        freed = 0
        until_ns = None
        for text in filters.values("until"):
            until_ns = parse_moment_ns(text, now_ns=self._clock.now_ns())
        for container in self.list_containers():
            if container.state.status not in (Status.CREATED, Status.EXITED, Status.DEAD):
                continue
            labels = container.spec.program.labels
            if until_ns is not None and container.created_ns > until_ns:
                continue
            if not filters.match_labels("label", labels):
                continue
            if filters.match_any_label("label!", labels):
                continue
            freed += await self._snapshots.size_bytes(container.snapshot)
            await self.remove(container.id)
            gone.append(container.id)
        return gone, freed

    async def resize(self, wanted: str, *, height: int, width: int) -> None:
        """Tell the terminal its size. Conflict if it does not run."""
        container = await self._actor(wanted).settled()
        self._require_running(container)
        await self._runtime.resize(launch_of(container, self._layout), height=height, width=width)

    # inside ---------------------------------------------------------------------------------

    def actor(self, wanted: str) -> Actor:
        """For the services beside this one (attach, exec, logs)."""
        return self._actor(wanted)

    def _adopt(self, container: Container) -> None:
        self._actors[container.id] = Actor(container, self._host)
        self._by_name[container.name] = container.id

    def _actor(self, wanted: str) -> Actor:
        if actor := self._actors.get(wanted):
            return actor
        if (known := self._by_name.get(wanted.removeprefix("/"))) and known in self._actors:
            return self._actors[known]
        if wanted and is_hex(wanted):
            found = [one for key, one in self._actors.items() if key.startswith(wanted)]
            if len(found) == 1:
                return found[0]
            if found:
                raise InvalidArgument(f"multiple IDs found with provided prefix: {wanted}")
        raise NoSuchContainer(wanted)

    def _claim_name(self, name: str, container_id: str) -> str:
        """Names are taken before the first wait: of two requests for one, one is refused."""
        if not name:
            chosen = make_name()
            while chosen in self._by_name:
                chosen = make_longer_name()
        else:
            chosen = check_container_name(name)
            if owner := self._by_name.get(chosen):
                raise Conflict(
                    f'Conflict. The container name "/{chosen}" is already in use by container '
                    f'"{owner}". You have to remove (or rename) that container to be able to '
                    "reuse that name."
                )
        self._by_name[chosen] = container_id
        return chosen

    def _stop_signal(self, container: Container, wanted: str | None) -> int:
        text = wanted or container.spec.program.stop_signal
        return parse_signal(text) if text else DEFAULT_STOP_SIGNAL

    def _require_running(self, container: Container) -> None:
        if not container.has_process:
            raise Conflict(f"container {container.id} is not running")


class Waiting:
    """One wait, from the moment it was asked for."""

    def __init__(self, actor: Actor, condition: str) -> None:
        if condition not in ("", "not-running", "next-exit", "removed"):
            raise InvalidArgument(f"invalid condition: {condition!r}".replace("'", '"'))
        self._actor = actor
        self._condition = condition or "not-running"
        self._serial = actor.container.state.exit_serial

    async def ended(self) -> Ended:
        """Wait until the condition holds."""
        serial = self._serial
        match self._condition:
            case "removed":
                one = await self._actor.until(lambda one: one.state.status is Status.GONE)
            case "next-exit":
                one = await self._actor.until(
                    lambda one: one.state.exit_serial > serial or one.state.status is Status.GONE
                )
            case _:
                one = await self._actor.until(
                    lambda one: (
                        not one.has_process
                        and one.state.status not in (Status.STARTING, Status.RESTARTING)
                    )
                )
        return Ended(exit_code=one.state.exit_code)


def _starts_with_the_engine(container: Container) -> bool:
    state = container.state
    if state.status is not Status.EXITED or not state.started_ns:
        return False
    mode = container.spec.restart.mode
    return mode is RestartMode.ALWAYS or (
        mode is RestartMode.UNLESS_STOPPED and not state.stopped_by_user
    )
