"""The daemon dies at every save and every effect of a container's life, and is started again."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ENGINE_NEEDS
from tests.crash.crashing import (
    Client,
    CrashingEngine,
    Scenario,
    crash_everywhere,
    crashing_engine,
)

pytestmark = [pytest.mark.needs(*ENGINE_NEEDS), pytest.mark.timeout(600)]

# Also at the steps inside an effect: four times as many.
DEEP = os.environ.get("WHERRY_CRASH_DEEP") == "1"

Found = Mapping[str, Any] | None

_OBEYS = "echo run >> /marks/runs; trap 'exit 3' TERM; sleep 1000 & wait"
_IGNORES = "echo run >> /marks/runs; trap '' TERM; sleep 1000"
_ENDS = "echo run >> /marks/runs"
# A folder can be made once: who finds it has met another one of itself.
_ALONE = """
mkdir /marks/here || touch /marks/clash
echo run >> /marks/runs
sleep 0.05
rmdir /marks/here
exit 1
"""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[CrashingEngine]]:
    """Two, that take turns at the steps of a scenario."""
    with ExitStack() as stack:
        folders = [tmp_path_factory.mktemp("crash", numbered=True) for _ in range(2)]
        yield [stack.enter_context(crashing_engine(folder)) for folder in folders]


def _run_stop_remove(client: Client) -> None:
    client.create(_OBEYS)
    client.start()
    client.stop()
    client.remove()


def _run_stubborn(client: Client) -> None:
    # the grace that a request names is not kept for the next daemon: the container's own is
    client.create(_IGNORES, StopTimeout=1)
    client.start()
    client.stop(grace_s=1)


def _run_remove_by_force(client: Client) -> None:
    client.create(
        _OBEYS,
        ExposedPorts={"80/tcp": {}},
        HostConfig={"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}},
    )
    client.start()
    client.remove(force=True)


def _run_and_execute(client: Client) -> None:
    client.create(_OBEYS)
    client.start()
    client.execute("echo exec >> /marks/execs")


def _run_and_pause(client: Client) -> None:
    client.create(_OBEYS)
    client.start()
    client.ask("pause", "POST", f"/containers/{client.name}/pause")
    client.ask("unpause", "POST", f"/containers/{client.name}/unpause")


def _run_ending(client: Client) -> None:
    client.create(f"{_ENDS}; exit 7")
    client.start()


def _run_once(client: Client) -> None:
    client.create(
        _ENDS,
        ExposedPorts={"80/tcp": {}},
        Volumes={"/data": {}},
        HostConfig={"AutoRemove": True, "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}},
    )
    client.start()


def _run_for_ever(client: Client) -> None:
    client.create(_ALONE, HostConfig={"RestartPolicy": {"Name": "always"}})
    client.start()


def _check_long(client: Client, found: Found) -> None:
    ends = {"stop", "remove"} & set(client.asked)
    if "start" in client.answered:
        assert client.runs() == 1
        if not ends:
            assert found is not None
            assert found["State"]["Running"], found["State"]
    if "stop" in client.asked and "remove" not in client.asked:
        assert found is not None
        assert found["State"]["Running"] is False or client.pending("stop"), found["State"]
    if found is not None and found["State"]["Status"] == "exited" and client.runs():
        code = found["State"]["ExitCode"]
        assert code in (3, 137), found["State"]
        assert found["State"]["StartedAt"] < found["State"]["FinishedAt"], found["State"]


def _check_pause(client: Client, found: Found) -> None:
    _check_long(client, found)
    if found is None or not found["State"]["Running"]:
        return
    if "pause" in client.answered and "unpause" not in client.asked:
        assert found["State"]["Paused"]
    if "unpause" in client.answered:
        assert not found["State"]["Paused"]
    assert found["State"]["Paused"] == _is_frozen(found["Id"]), found["State"]


def _is_frozen(container_id: str) -> bool:
    (state,) = [
        *Path("/sys/fs/cgroup").glob(f"freezer/**/*{container_id}*/freezer.state"),
        *Path("/sys/fs/cgroup").glob(f"wherry/**/*{container_id}*/cgroup.freeze"),
    ]
    return state.read_text().strip() in ("FROZEN", "1")


def _check_ending(client: Client, found: Found) -> None:
    if not client.runs():
        return
    assert found is not None
    state = found["State"]
    assert (state["Status"], state["ExitCode"], state["Error"]) == ("exited", 7, ""), state
    assert state["StartedAt"] < state["FinishedAt"], state


def _check_once(client: Client, found: Found) -> None:
    if "start" in client.answered:
        assert client.runs() == 1
        assert found is None, found


def _check_for_ever(client: Client, found: Found) -> None:
    if "start" in client.answered:
        assert client.runs() >= 1
        assert found is not None
        assert found["State"]["Status"] in ("running", "restarting"), found["State"]


SCENARIOS = (
    Scenario(name="stop", play=_run_stop_remove, check=_check_long),
    Scenario(name="stubborn", play=_run_stubborn, check=_check_long),
    Scenario(name="force", play=_run_remove_by_force, check=_check_long),
    Scenario(name="exec", play=_run_and_execute, check=_check_long),
    Scenario(name="pause", play=_run_and_pause, check=_check_pause),
    Scenario(name="ending", play=_run_ending, check=_check_ending, ends_by_itself=True),
    Scenario(
        name="once", play=_run_once, check=_check_once, goes_by_itself=True, ends_by_itself=True
    ),
    Scenario(name="always", play=_run_for_ever, check=_check_for_ever, restless=True),
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_death_at_any_step_is_made_good(
    engines: Sequence[CrashingEngine], scenario: Scenario, tmp_path: Path
) -> None:
    most = 40 if scenario.restless else 300
    steps = crash_everywhere(engines, scenario, tmp_path, deep=DEEP, most=most)
    assert steps > 10
