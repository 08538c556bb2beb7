"""Properties of the table that a container's life is."""

from collections import deque

import pytest

from wherry.model.errors import AlreadySo, Conflict
from wherry.model.lifecycle import (
    HAS_PROCESS,
    HOLDS_RESOURCES,
    MOVES,
    NOTHING_TO_DO,
    RESUMED,
    Effect,
    Event,
    Status,
    step,
)

EXITS = {Event.EXITED, Event.EXITED_RETRY, Event.EXITED_ERASE}


def test_whatever_was_launched_is_released_on_every_way_out() -> None:
    for (status, event), move in MOVES.items():
        if status in HOLDS_RESOURCES and move.to not in HOLDS_RESOURCES:
            assert Effect.RELEASE in move.effects, (status, event)


def test_nothing_is_erased_before_it_was_released() -> None:
    for (status, event), move in MOVES.items():
        if Effect.ERASE in move.effects:
            before = move.effects[: move.effects.index(Effect.ERASE)]
            assert Effect.RELEASE in before, (status, event)


def test_every_event_has_a_row() -> None:
    assert {event for _, event in MOVES} == set(Event)


def test_every_effect_is_carried_out_somewhere() -> None:
    wanted = {effect for move in MOVES.values() for effect in move.effects}
    wanted |= {effect for effects in RESUMED.values() for effect in effects}
    assert wanted == set(Effect)


def test_every_status_can_be_reached_from_created() -> None:
    seen, waiting = {Status.CREATED}, deque([Status.CREATED])
    while waiting:
        status = waiting.popleft()
        for (source, _), move in MOVES.items():
            if source is status and move.to not in seen:
                seen.add(move.to)
                waiting.append(move.to)
    assert seen == set(Status)


def test_from_every_status_a_container_can_still_go() -> None:
    for start in set(Status):
        seen, waiting = {start}, deque([start])
        while waiting:
            status = waiting.popleft()
            for (source, _), move in MOVES.items():
                if source is status and move.to not in seen:
                    seen.add(move.to)
                    waiting.append(move.to)
        assert Status.GONE in seen, start


def test_nothing_leaves_gone() -> None:
    assert not [status for status, _ in MOVES if status is Status.GONE]


def test_a_new_daemon_knows_what_to_do_with_every_status_that_is_kept() -> None:
    assert set(RESUMED) == set(Status) - {Status.GONE}


def test_a_new_daemon_watches_every_process_and_releases_what_has_none() -> None:
    for status, effects in RESUMED.items():
        if status in HAS_PROCESS:
            assert effects[0] is Effect.WATCH, status
        elif status is not Status.STARTING:
            assert effects[0] is Effect.RELEASE, status


@pytest.mark.parametrize("status", sorted(HAS_PROCESS))
def test_an_end_is_heard_in_every_status_with_a_process(status: Status) -> None:
    # who is being stopped is not brought back, so there is no retry
    wanted = EXITS - ({Event.EXITED_RETRY} if status is Status.STOPPING else set())
    assert {event for source, event in MOVES if source is status} >= wanted


def test_timers_are_disarmed_on_every_way_out_of_waiting() -> None:
    for (status, event), move in MOVES.items():
        waits = status in (Status.STOPPING, Status.RESTARTING)
        if waits and move.to is not status and event is not Event.RETRY_DUE:
            assert Effect.DISARM in move.effects, (status, event)


def test_a_frozen_program_is_thawed_before_it_is_waited_for() -> None:
    for event in (Event.STOP, Event.KILL):
        assert Effect.THAW in MOVES[Status.PAUSED, event].effects


def test_only_a_started_program_makes_it_running() -> None:
    ways = {status for (status, _), move in MOVES.items() if move.to is Status.RUNNING}
    assert ways == {Status.STARTING, Status.RUNNING, Status.PAUSED}


def test_what_there_is_nothing_to_do_for_has_no_row() -> None:
    assert not NOTHING_TO_DO & set(MOVES)


def test_what_holds_already_is_told_apart_from_what_cannot_be() -> None:
    with pytest.raises(AlreadySo):
        step(Status.RUNNING, Event.START)
    with pytest.raises(AlreadySo):
        step(Status.EXITED, Event.STOP)
    with pytest.raises(Conflict, match="cannot pause a container that is exited"):
        step(Status.EXITED, Event.PAUSE)


def test_every_pair_without_a_row_is_refused_and_none_is_a_fault() -> None:
    for status in Status:
        for event in Event:
            if (status, event) not in MOVES:
                with pytest.raises((AlreadySo, Conflict)):
                    step(status, event)
