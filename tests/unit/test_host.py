"""The effects of a container's life on its drivers, and Docker's events in Docker's order."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import (
    ID,
    NOW_NS,
    SECOND_NS,
    FakeBundles,
    FakeClock,
    FakeConnections,
    FakeEvents,
    FakeRows,
    FakeRuntime,
    FakeSnapshots,
    ended,
    make_container,
    make_spec,
    turns,
)
from wherry.drivers.runtime.base import Process
from wherry.engine.containers.actor import Actor
from wherry.engine.containers.host import ContainerHost, Signal, launch_of
from wherry.engine.containers.telling import Told, attributes_of, events_of
from wherry.model.container import (
    Container,
    ContainerSpec,
    ContainerState,
    LogSpec,
    ProgramSpec,
)
from wherry.model.errors import Conflict, LaunchFailed, PortTaken, WherryError
from wherry.model.lifecycle import Effect, Event, Status
from wherry.model.restart import RestartMode, RestartPolicy
from wherry.state.layout import Layout


class OwnVolumes:
    def __init__(self) -> None:
        self.removed: list[str] = []

    async def remove(self, name: str, *, force: bool = False) -> None:
        self.removed.append(name)
        if name == "taken":
            raise Conflict("volume is in use")


class Rig:
    """A host with nothing real behind it."""

    def __init__(self, tmp_path: Path) -> None:
        self.layout = Layout(data_root=tmp_path / "data", run_root=tmp_path / "run")
        self.rows, self.runtime, self.snapshots = FakeRows(), FakeRuntime(), FakeSnapshots()
        self.connections, self.bundles, self.volumes = (
            FakeConnections(),
            FakeBundles(),
            OwnVolumes(),
        )
        self.events, self.clock = FakeEvents(), FakeClock()
        self.forgotten: list[str] = []
        self.host = ContainerHost(
            rows=self.rows,
            runtime=self.runtime,
            snapshots=self.snapshots,
            connections=self.connections,
            bundles=self.bundles,
            volumes=self.volumes,
            events=self.events,
            clock=self.clock,
            layout=self.layout,
            forget=self._forget,
        )
        self.actors: list[Actor] = []

    async def _forget(self, container_id: str) -> None:
        self.forgotten.append(container_id)

    def actor(self, container: Container | None = None) -> Actor:
        actor = Actor(container or make_container(), self.host)
        self.actors.append(actor)
        return actor

    async def start(self, container: Container | None = None) -> Actor:
        actor = self.actor(container)
        await actor.ask(Event.START)
        assert actor.launched is not None
        await actor.launched
        await actor.idle()
        return actor

    async def end(self, code: int = 0, **how: Any) -> None:
        """The program of the one container that runs ends."""
        await turns()
        assert self.runtime.ends is not None
        self.runtime.ends.set_result(ended(code, **how))
        self.runtime.ends = None
        await turns()


@pytest.fixture
async def rig(tmp_path: Path) -> Any:
    rig = Rig(tmp_path)
    yield rig
    for actor in rig.actors:
        await actor.close()


async def test_a_start_mounts_connects_writes_and_only_then_creates(rig: Rig) -> None:
    actor = await rig.start()
    assert rig.snapshots.log == ["mount 7"]
    assert rig.connections.log == ["connect"]
    assert rig.bundles.log == ["write"]
    assert rig.runtime.log[:2] == ["create", "start"]
    state = actor.container.state
    assert (state.status, state.pid, state.start_ticks) == (Status.RUNNING, 42, 99)
    assert (state.sandbox, state.started_ns) == ("s", NOW_NS)


async def test_what_goes_with_its_process_need_not_reach_the_disk(rig: Rig) -> None:
    await rig.start(make_container(spec=make_spec(auto_remove=True)))
    assert rig.snapshots.log == ["mount 7 volatile"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (LaunchFailed("no such file", exit_code=127), 127),
        (LaunchFailed("not executable", exit_code=126), 126),
        (PortTaken("0.0.0.0", 80), 128),
        (Conflict("no address left"), 128),
    ],
)
async def test_a_start_that_fails_is_released_and_leaves_the_code(
    rig: Rig, failure: WherryError, code: int
) -> None:
    if isinstance(failure, LaunchFailed):
        rig.runtime.failures["create"] = failure
    else:
        rig.connections.failure = failure
    actor = rig.actor()
    await actor.ask(Event.START)
    assert actor.launched is not None
    with pytest.raises(type(failure)):
        await actor.launched
    await actor.idle()
    state = actor.container.state
    assert (state.status, state.exit_code, state.error) == (Status.EXITED, code, str(failure))
    assert "delete" in rig.runtime.log
    assert rig.snapshots.log == ["mount 7", "unmount"]
    assert rig.connections.log[-1] == "disconnect"
    assert not rig.layout.bundle_dir(ID).exists()


async def test_a_fault_while_starting_ends_the_start_and_nobody_waits_for_ever(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.bundles.failure = KeyError("bug")
    actor = rig.actor()
    with caplog.at_level(logging.ERROR):
        await actor.ask(Event.START)
        assert actor.launched is not None
        with pytest.raises(LaunchFailed, match="internal error"):
            await actor.launched
    await actor.idle()
    assert actor.container.state.status is Status.EXITED
    assert "Traceback" in caplog.text


async def test_a_failed_start_removes_what_was_to_go_when_it_ends(rig: Rig) -> None:
    rig.runtime.failures["start"] = LaunchFailed("no", exit_code=127)
    actor = rig.actor(make_container(spec=make_spec(auto_remove=True), own_volumes=("v",)))
    await actor.ask(Event.START)
    await actor.until(lambda one: one.state.status is Status.GONE)
    await actor.idle()
    assert rig.forgotten == [ID]
    assert rig.volumes.removed == ["v"]


async def test_an_end_is_released_and_its_code_kept(rig: Rig) -> None:
    actor = await rig.start()
    await rig.end(3)
    await actor.idle()
    state = actor.container.state
    assert (state.status, state.exit_code, state.pid) == (Status.EXITED, 3, 0)
    assert state.exit_serial == 1
    assert state.finished_ns == NOW_NS + SECOND_NS
    assert rig.events.told[-2:] == ["container start", "container die"]
    assert not rig.layout.bundle_dir(ID).exists()


async def test_an_end_is_never_before_its_beginning(rig: Rig) -> None:
    actor = await rig.start()
    await rig.end(0, at_ns=NOW_NS - SECOND_NS)
    assert actor.container.state.finished_ns > actor.container.state.started_ns


async def test_what_is_to_go_when_it_ends_goes_with_its_own_volumes(rig: Rig) -> None:
    container = make_container(spec=make_spec(auto_remove=True), own_volumes=("a", "taken", "b"))
    actor = await rig.start(container)
    await rig.end()
    await actor.until(lambda one: one.state.status is Status.GONE)
    await actor.idle()
    assert rig.volumes.removed == ["a", "taken", "b"]
    assert "remove 7" in rig.snapshots.log
    assert rig.forgotten == [ID]
    assert rig.events.told == ["container start", "container die", "container destroy"]


async def test_the_policy_brings_it_back_after_a_delay(rig: Rig) -> None:
    policy = RestartPolicy(mode=RestartMode.ALWAYS)
    actor = await rig.start(make_container(spec=make_spec(restart=policy)))
    await rig.end(1)
    await actor.idle()
    assert actor.container.state.status is Status.RESTARTING
    await turns()
    assert [seconds for seconds, _ in rig.clock.sleeps] == [0.1]
    rig.clock.ring()
    await actor.until(lambda one: one.has_process)
    assert actor.container.state.restarts == 1
    assert rig.events.told == ["container start", "container die", "container start"]


async def test_a_stop_is_kill_kill_die(rig: Rig) -> None:
    actor = await rig.start()
    await actor.ask(Event.STOP, Signal(signal=15, grace_s=3), stopped_by_user=True)
    await actor.idle()
    await turns()
    assert [seconds for seconds, _ in rig.clock.sleeps] == [3]
    rig.clock.ring()
    await turns()
    await rig.end(137)
    await actor.idle()
    assert [one for one in rig.runtime.log if one.startswith("signal")] == [
        "signal 42 15",
        "signal 42 9",
    ]
    assert rig.events.told[1:] == ["container kill", "container kill", "container die"]
    assert [one.get("signal") for one in rig.events.attributes[1:3]] == ["15", "9"]
    assert rig.clock.sleeps == []


async def test_a_policy_does_not_bring_back_what_is_being_stopped(rig: Rig) -> None:
    policy = RestartPolicy(mode=RestartMode.ALWAYS)
    actor = await rig.start(make_container(spec=make_spec(restart=policy)))
    await actor.ask(Event.STOP, Signal(signal=15))
    await rig.end(143)
    assert actor.container.state.status is Status.EXITED


@pytest.mark.parametrize(
    ("own", "asked", "seconds"), [(None, None, 10), (1, None, 1), (1, 7, 7), (5, 0, 0)]
)
async def test_the_grace_is_the_requests_or_the_containers_or_ten_seconds(
    rig: Rig, own: int | None, asked: int | None, seconds: int
) -> None:
    program = ProgramSpec(command=("x",), stop_timeout_s=own)
    actor = await rig.start(make_container(spec=make_spec(program=program)))
    await actor.ask(Event.STOP, Signal(signal=15, grace_s=asked))
    await actor.idle()
    await turns()
    assert [one for one, _ in rig.clock.sleeps] == [seconds]


async def test_a_negative_grace_waits_for_ever(rig: Rig) -> None:
    actor = await rig.start()
    await actor.ask(Event.STOP, Signal(signal=15, grace_s=-1))
    await actor.idle()
    await turns()
    assert rig.clock.sleeps == []


async def test_a_pause_freezes_and_a_stop_thaws_first(rig: Rig) -> None:
    actor = await rig.start()
    await actor.ask(Event.PAUSE)
    await actor.ask(Event.STOP, Signal(signal=15))
    await actor.idle()
    assert rig.runtime.log[-3:] == ["pause", "resume", "signal 42 15"]
    assert rig.events.told[-2:] == ["container pause", "container kill"]


async def test_a_console_is_connected_before_the_program_runs(rig: Rig) -> None:
    wanted = rig.host.want_console(ID)
    await rig.start()
    assert rig.runtime.log[:3] == ["create", "console", "start"]
    assert await wanted is rig.runtime.made


async def test_who_wants_a_console_hears_that_there_is_none(rig: Rig) -> None:
    wanted = rig.host.want_console(ID)
    rig.runtime.failures["create"] = LaunchFailed("no")
    actor = rig.actor()
    await actor.ask(Event.START)
    assert await asyncio.wait_for(wanted, 5) is None


async def test_a_removal_that_fails_leaves_it_dead_and_can_be_tried_again(rig: Rig) -> None:
    for failure in (OSError("busy"), Conflict("in use"), KeyError("bug")):
        rig.snapshots.failures["remove"] = failure
        actor = rig.actor(make_container(status=Status.EXITED))
        await actor.ask(Event.REMOVE)
        dead = await asyncio.wait_for(actor.until(lambda one: one.state.status is Status.DEAD), 5)
        assert dead.state.error
        del rig.snapshots.failures["remove"]
        await actor.ask(Event.REMOVE)
        await actor.until(lambda one: one.state.status is Status.GONE)


async def test_a_new_daemon_finds_the_process_that_the_last_one_made(rig: Rig) -> None:
    rig.runtime.found = Process(pid=77, start_ticks=5)
    actor = rig.actor(make_container(status=Status.STARTING))
    actor.resume()
    settled = await actor.settled()
    assert (settled.state.status, settled.state.pid) == (Status.RUNNING, 77)
    # it may not have been let go yet
    assert "start" in rig.runtime.log


async def test_a_new_daemon_ends_a_start_of_which_there_is_no_process(rig: Rig) -> None:
    actor = rig.actor(make_container(status=Status.STARTING))
    rig.layout.bundle_dir(ID).mkdir(parents=True)
    actor.resume()
    settled = await actor.settled()
    await actor.idle()
    assert settled.state.status is Status.EXITED
    assert "ended while this container was starting" in settled.state.error
    assert not rig.layout.bundle_dir(ID).exists()


async def test_a_release_without_a_bundle_asks_nobody(rig: Rig) -> None:
    actor = rig.actor(make_container(status=Status.EXITED))
    await rig.host.carry_out(Effect.RELEASE, actor, None)
    assert rig.runtime.log == rig.snapshots.log == rig.connections.log == []


async def test_a_release_that_fails_half_way_is_tried_again(rig: Rig) -> None:
    actor = rig.actor(make_container(status=Status.EXITED))
    bundle_dir = rig.layout.bundle_dir(ID)
    bundle_dir.mkdir(parents=True)
    rig.snapshots.failures["unmount"] = OSError("busy")
    with pytest.raises(OSError, match="busy"):
        await rig.host.carry_out(Effect.RELEASE, actor, None)
    assert bundle_dir.exists()
    rig.snapshots.failures.clear()
    await rig.host.carry_out(Effect.RELEASE, actor, None)
    assert not bundle_dir.exists()


@pytest.mark.parametrize(
    ("program", "stays_open"),
    [
        (ProgramSpec(), False),
        (ProgramSpec(open_stdin=True), True),
        (ProgramSpec(open_stdin=True, stdin_once=True), False),
        (ProgramSpec(open_stdin=True, stdin_once=True, terminal=True), True),
        (ProgramSpec(terminal=True), False),
    ],
)
def test_whose_input_stays_open(tmp_path: Path, program: ProgramSpec, stays_open: bool) -> None:
    layout = Layout(data_root=tmp_path, run_root=tmp_path)
    launch = launch_of(make_container(spec=make_spec(program=program)), layout)
    assert launch.leave_stdin_open is stays_open


def test_no_log_is_kept_where_none_is_wanted(tmp_path: Path) -> None:
    layout = Layout(data_root=tmp_path, run_root=tmp_path)
    spec = make_spec(log=LogSpec(driver="none"))
    assert launch_of(make_container(spec=spec), layout).log_path is None
    assert launch_of(make_container(), layout).log_path is not None


# telling ----------------------------------------------------------------------------------


def told(event: Event, before: Container, after: Container, payload: Any = None) -> list[str]:
    return [one.action for one in events_of(before, event, after, payload)]


def test_who_ran_out_of_memory_is_told_before_it_died() -> None:
    running = make_container(status=Status.RUNNING)
    after = make_container(
        status=Status.EXITED,
        state=ContainerState(
            started_ns=NOW_NS, finished_ns=NOW_NS + 7 * SECOND_NS, exit_code=137, out_of_memory=True
        ),
    )
    assert list(events_of(running, Event.EXITED, after, None)) == [
        Told("oom", {}),
        Told("die", {"exitCode": "137", "execDuration": "7"}),
    ]


def test_a_second_stop_sends_nothing_and_tells_nothing() -> None:
    stopping = make_container(status=Status.STOPPING)
    assert told(Event.STOP, stopping, stopping, Signal(signal=15)) == []
    assert told(Event.KILL, stopping, stopping, Signal(signal=9)) == ["kill"]


def test_stopping_what_waits_for_its_restart_kills_nothing() -> None:
    waiting, after = make_container(status=Status.RESTARTING), make_container(status=Status.EXITED)
    assert told(Event.STOP, waiting, after, Signal(signal=15)) == []


def test_steps_inside_are_nobodys_business() -> None:
    one = make_container()
    for event in (Event.START, Event.PREPARED, Event.LAUNCH_FAILED, Event.REMOVE, Event.RETRY_DUE):
        assert told(event, one, one) == [], event


def test_an_event_carries_the_labels_and_cannot_be_fooled_by_them() -> None:
    program = ProgramSpec(labels={"tier": "web", "name": "lie", "image": "lie"})
    spec: ContainerSpec = make_spec(program=program)
    assert attributes_of(make_container(spec=spec)) == {
        "tier": "web",
        "name": "calm_ketch",
        "image": "busybox",
    }
