"""One container at work: intent before deed, one after the other, nobody left waiting."""

import asyncio
import logging
from dataclasses import replace

import pytest

from tests.support.fakes import FakeWorld, make_container, turns
from wherry.engine.containers.actor import Actor, Outcome
from wherry.model.errors import AlreadySo, Conflict, LaunchFailed
from wherry.model.lifecycle import RESUMED, Effect, Event, Status


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def actor_in(world: FakeWorld, status: Status = Status.CREATED) -> Actor:
    return Actor(make_container(status=status), world)


async def test_the_intent_is_saved_before_the_deed(world: FakeWorld) -> None:
    actor = actor_in(world)
    await actor.ask(Event.START)
    await actor.until(lambda one: one.state.status is Status.RUNNING)
    await actor.idle()
    assert [one for one in world.log if not one.startswith("told")] == [
        "saved starting",
        "did prepare",
        # prepared: still starting, so there is nothing new to save
        "did launch",
        "saved running",
        "did watch",
    ]


async def test_nobody_is_told_before_it_was_saved(world: FakeWorld) -> None:
    actor = actor_in(world)
    await actor.ask(Event.START)
    assert world.log.index("saved starting") < world.log.index("told start")


async def test_a_whole_life_ends_with_its_rows(world: FakeWorld) -> None:
    actor = actor_in(world)
    await actor.ask(Event.START)
    await actor.until(lambda one: one.has_process)
    actor.post(Outcome(event=Event.EXITED, known={"exit_code": 3}))
    exited = await actor.until(lambda one: not one.has_process)
    assert (exited.state.status, exited.state.exit_code) == (Status.EXITED, 3)
    await actor.ask(Event.REMOVE)
    gone = await actor.until(lambda one: one.state.status is Status.GONE)
    await actor.idle()
    assert gone.state.status is Status.GONE
    assert world.log.index("did release") < world.log.index("did erase")
    assert world.log[-2:] == ["forgot", "told erased"]


async def test_a_refusal_reaches_who_asked_and_changes_nothing(world: FakeWorld) -> None:
    actor = actor_in(world)
    with pytest.raises(Conflict):
        await actor.ask(Event.PAUSE)
    with pytest.raises(AlreadySo):
        await actor.ask(Event.STOP)
    assert actor.container.state.status is Status.CREATED
    assert world.log == []


async def test_a_move_that_cannot_be_saved_does_not_happen(world: FakeWorld) -> None:
    actor = actor_in(world)
    world.save_failure = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        await actor.ask(Event.START)
    assert actor.container.state.status is Status.CREATED
    world.save_failure = None
    await actor.ask(Event.START)
    await actor.until(lambda one: one.state.status is Status.RUNNING)


async def test_events_are_heard_while_an_effect_is_carried_out(world: FakeWorld) -> None:
    actor = actor_in(world, Status.RUNNING)
    world.held[Effect.FREEZE] = asyncio.Event()
    await actor.ask(Event.PAUSE)
    container = await actor.ask(Event.UNPAUSE)
    assert container.state.status is Status.RUNNING
    assert "did thaw" not in world.log
    world.held[Effect.FREEZE].set()
    await actor.idle()
    assert [one for one in world.log if one.startswith("did")] == ["did freeze", "did thaw"]


async def test_of_two_starts_at_once_one_is_told_that_it_is_so_already(world: FakeWorld) -> None:
    actor = actor_in(world)
    answers = await asyncio.gather(
        actor.ask(Event.START), actor.ask(Event.START), return_exceptions=True
    )
    assert [type(one).__name__ for one in answers] == ["Container", "AlreadySo"]
    await actor.until(lambda one: one.has_process)
    assert world.log.count("did launch") == 1


async def test_who_asked_may_go_away_and_the_event_stands(world: FakeWorld) -> None:
    actor = actor_in(world)
    asking = asyncio.create_task(actor.ask(Event.START))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await actor.until(lambda one: one.state.status is Status.RUNNING)


async def test_a_failed_start_says_why_to_who_waits_for_it(world: FakeWorld) -> None:
    actor = actor_in(world)
    failure = LaunchFailed("no such file", exit_code=127)
    world.outcomes[Effect.LAUNCH] = Outcome(
        event=Event.LAUNCH_FAILED, known={"exit_code": 127}, failure=failure
    )
    await actor.ask(Event.START)
    assert actor.launched is not None
    with pytest.raises(LaunchFailed, match="no such file"):
        await actor.launched
    await actor.idle()
    assert actor.container.state.status is Status.EXITED
    assert "did release" in world.log


async def test_launched_is_done_once_the_program_runs(world: FakeWorld) -> None:
    actor = actor_in(world)
    world.held[Effect.LAUNCH] = asyncio.Event()
    await actor.ask(Event.START)
    assert actor.launched is not None
    await turns()
    assert not actor.launched.done()
    world.held[Effect.LAUNCH].set()
    await actor.launched
    assert actor.container.has_process


async def test_a_faulty_effect_is_logged_and_what_follows_still_happens(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    actor = actor_in(world, Status.EXITED)
    world.outcomes[Effect.RELEASE] = KeyError("bug")
    with caplog.at_level(logging.ERROR):
        await actor.ask(Event.REMOVE)
        await actor.until(lambda one: one.state.status is Status.GONE)
    assert "did erase" in world.log
    assert "release" in caplog.text


async def test_what_is_edited_during_a_save_is_kept(world: FakeWorld) -> None:
    actor = actor_in(world)
    asking = asyncio.create_task(actor.ask(Event.START))
    await asyncio.sleep(0)
    await actor.edit(lambda one: replace(one, name="new"))
    container = await asking
    assert (container.name, container.state.status) == ("new", Status.STARTING)


async def test_what_waits_beside_the_lane_is_one_of_each_name(world: FakeWorld) -> None:
    actor = actor_in(world, Status.RUNNING)

    async def never() -> None:
        await asyncio.Event().wait()

    async def exits() -> Outcome:
        return Outcome(event=Event.EXITED)

    actor.later("watch", never())
    actor.later("watch", exits())
    await actor.until(lambda one: one.state.status is Status.EXITED)
    actor.later("grace", never())
    actor.stop_waiting("grace")
    actor.stop_waiting("grace")
    await actor.close()


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED])
async def test_a_new_daemon_watches_what_ran(world: FakeWorld, status: Status) -> None:
    actor = actor_in(world, status)
    actor.resume()
    await actor.idle()
    assert world.log == [f"did {effect}" for effect in RESUMED[status]]
    assert world.log[0] == "did watch"


async def test_a_start_that_was_interrupted_is_settled_by_the_new_daemon(world: FakeWorld) -> None:
    actor = actor_in(world, Status.STARTING)
    world.outcomes[Effect.FIND] = Outcome(event=Event.STARTED, known={"pid": 5})
    actor.resume()
    assert (await actor.settled()).state.pid == 5
    assert actor.launched is not None
    await actor.launched


async def test_closing_ends_all_waiting(world: FakeWorld) -> None:
    actor = actor_in(world, Status.RUNNING)
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    actor.later("watch", wait())
    await turns(2)
    await actor.close()
    assert ended.is_set()
    assert actor.container.state.status is Status.RUNNING
