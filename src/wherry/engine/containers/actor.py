"""One container: an inbox, and the only place that ever changes its record.

Intent first, deed second, outcome back as an event; nobody holds a lock. A move is saved before its
effects are carried out, one after the other; while they are, further events are heard. A container
to which nothing happens costs no task.

The four callables of `World` are the only doors to the outside: crash tests stand in them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from wherry.model.container import Container, ContainerState
from wherry.model.errors import WherryError
from wherry.model.lifecycle import RESUMED, Effect, Event, Move, Status, step

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an effect: an event, what is now known, and why it failed if it did."""

    event: Event
    known: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ContainerState."""
    failure: WherryError | None = None


class World(Protocol):
    async def save(self, container: Container) -> None:
        """Return once the state would survive the death of this process."""

    async def forget(self, container: Container) -> None:
        """Delete its rows."""

    async def carry_out(self, effect: Effect, actor: "Actor", payload: Any) -> Outcome | None:
        """Do it -- again, if need be -- and say what came of it."""

    def tell(self, before: Container, event: Event, after: Container, payload: Any) -> None:
        """The move was saved: who listens may hear of it."""


class Actor:
    def __init__(self, container: Container, world: World) -> None:
        self.container = container
        self.launched: asyncio.Future[None] | None = None
        """Of the start under way, or the last one: done once the program runs, or failed to."""
        self._world = world
        self._inbox: deque[tuple[Outcome, Any, asyncio.Future[Container] | None]] = deque()
        self._lane: deque[tuple[Effect, Any]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._named: dict[str, asyncio.Task[None]] = {}
        self._taking = False
        self._carrying = False
        self._changed: list[asyncio.Future[None]] = []
        self._calmed: list[asyncio.Future[None]] = []

    # asking -----------------------------------------------------------------------------

    async def ask(self, event: Event, payload: Any = None, **known: Any) -> Container:
        """Post `event` and return the record that it led to, or raise why it was refused.

        The caller may go away; the event stands.
        """
        answer: asyncio.Future[Container] = asyncio.get_running_loop().create_future()
        self._post(Outcome(event=event, known=known), payload, answer)
        return await asyncio.shield(answer)

    def post(self, outcome: Outcome) -> None:
        """Tell of something that happened; a refusal is logged."""
        self._post(outcome, None, None)

    async def until(self, holds: Callable[[Container], bool]) -> Container:
        """Wait until `holds` is true of the record, and return it as it was then."""
        while not holds(self.container):
            changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._changed.append(changed)
            await changed
        return self.container

    async def settled(self) -> Container:
        """Wait while it starts, or while what was decided is still being carried out."""
        return await self.until(lambda one: one.state.status is not Status.STARTING)

    # for the world ----------------------------------------------------------------------

    def resume(self) -> None:
        """Take a container over from an earlier daemon."""
        status = self.container.state.status
        if status is Status.STARTING:
            self.launched = asyncio.get_running_loop().create_future()
            self.launched.add_done_callback(_heed)
        self._lane.extend((effect, None) for effect in RESUMED.get(status, ()))
        self._wake_lane()

    def later(self, name: str, waiting: Coroutine[Any, Any, Outcome | None]) -> None:
        """Wait for something beside the lane; its outcome is posted. One of each name."""
        self.stop_waiting(name)

        async def wait() -> None:
            outcome = await waiting
            if self._named.get(name) is asyncio.current_task():
                del self._named[name]
            if outcome is not None:
                self.post(outcome)

        task = self._named[name] = self._spawn(wait())
        # cancelled before it began, it would leave a coroutine that nobody awaited
        task.add_done_callback(lambda _: waiting.close())

    def stop_waiting(self, name: str) -> None:
        if task := self._named.pop(name, None):
            task.cancel()

    async def edit(self, change: Callable[[Container], Container]) -> Container:
        """Change what is not part of the life cycle (a name); the caller saves it."""
        self.container = change(self.container)
        return self.container

    async def close(self) -> None:
        """Stop waiting for anything; the container goes on, and a new daemon takes it over."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # inside -----------------------------------------------------------------------------

    def _post(
        self, outcome: Outcome, payload: Any, answer: asyncio.Future[Container] | None
    ) -> None:
        self._inbox.append((outcome, payload, answer))
        if not self._taking:
            self._taking = True
            self._spawn(self._take_all())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("container %s: a task failed", self.container.short_id, exc_info=error)

    async def _take_all(self) -> None:
        try:
            while self._inbox:
                outcome, payload, answer = self._inbox.popleft()
                try:
                    await self._take(outcome, payload)
                except WherryError as refusal:
                    if answer is None:
                        log.debug("container %s: %s", self.container.short_id, refusal)
                    elif not answer.done():
                        answer.set_exception(refusal)
                except Exception as fault:
                    if answer is None or answer.done():
                        log.exception("container %s: %s", self.container.short_id, outcome.event)
                    else:
                        answer.set_exception(fault)
                else:
                    if answer is not None and not answer.done():
                        answer.set_result(self.container)
        finally:
            self._taking = False
            self._calm()

    async def _take(self, outcome: Outcome, payload: Any) -> None:
        before = self.container
        move = step(before.state.status, outcome.event)
        after = replace(before, state=_after(before.state, move, outcome))
        if move.to is Status.GONE:
            await self._world.forget(after)
        elif after.state != before.state:
            await self._world.save(after)  # first the intent ...
        # what is not part of the state may have changed during the save
        after = replace(self.container, state=after.state)
        self.container = after
        self._lane.extend((effect, payload) for effect in move.effects)  # ... then the deed
        self._wake_lane()
        self._note_launch(move, outcome)
        self._world.tell(before, outcome.event, after, payload)
        changed, self._changed = self._changed, []
        for one in changed:
            if not one.done():
                one.set_result(None)

    def _note_launch(self, move: Move, outcome: Outcome) -> None:
        if outcome.event in (Event.START, Event.RETRY_DUE):
            self.launched = asyncio.get_running_loop().create_future()
            self.launched.add_done_callback(_heed)
        elif self.launched is not None and not self.launched.done():
            if outcome.failure is not None:
                self.launched.set_exception(outcome.failure)
            elif move.to is not Status.STARTING:
                self.launched.set_result(None)

    def _wake_lane(self) -> None:
        if self._lane and not self._carrying:
            self._carrying = True
            self._spawn(self._carry_out_in_order())

    async def _carry_out_in_order(self) -> None:
        try:
            while self._lane:
                effect, payload = self._lane.popleft()
                try:
                    outcome = await self._world.carry_out(effect, self, payload)
                except Exception:
                    # what follows (a removal after a release) is still wanted
                    log.exception("container %s: %s", self.container.short_id, effect)
                    continue
                if outcome is not None:
                    self.post(outcome)
        finally:
            self._carrying = False
            self._calm()

    async def idle(self) -> None:
        """Wait until every effect decided so far was carried out."""
        while self._taking or self._carrying:
            calm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._calmed.append(calm)
            await calm

    def _calm(self) -> None:
        if not self._taking and not self._carrying:
            calmed, self._calmed = self._calmed, []
            for one in calmed:
                if not one.done():
                    one.set_result(None)


def _heed(launched: asyncio.Future[None]) -> None:
    """Nobody may be listening for why a start failed, and that is no fault."""
    if not launched.cancelled():
        launched.exception()


def _after(state: ContainerState, move: Move, outcome: Outcome) -> ContainerState:
    return replace(state, status=move.to, **outcome.known)
