"""The daemon dies at any moment, and its containers go on as if nothing had been."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ENGINE_NEEDS
from tests.crash.crashing import Client, CrashingEngine, crashing_engine
from tests.support.leftovers import find_leftovers, snapshot_of_host

pytestmark = [pytest.mark.needs(*ENGINE_NEEDS), pytest.mark.timeout(180)]

_COUNTS = """
echo run >> /marks/runs
i=0
while [ ! -e /marks/enough ]; do echo $i; i=$((i+1)); [ $((i % 50)) = 0 ] && sleep 0.01; done
echo $i > /marks/count
"""


@pytest.fixture
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashingEngine]:
    with crashing_engine(tmp_path_factory.mktemp("crash", numbered=True)) as engine:
        before = snapshot_of_host(engine)
        yield engine
        engine.remove_everything()
        left = find_leftovers(engine, before)
        assert not left, f"left behind: {left}"


def test_no_line_is_lost_or_doubled_in_a_log_while_daemons_die(
    crashing: CrashingEngine, tmp_path: Path
) -> None:
    client = Client(crashing, "counts", tmp_path)
    client.create(_COUNTS)
    client.start()
    pid = _state(client)["Pid"]
    moments = random.Random(7)
    for _ in range(5):
        time.sleep(moments.uniform(0.05, 0.5))
        crashing.kill()
        time.sleep(moments.uniform(0, 0.2))
        crashing.start()
        state = _state(client)
        assert (state["Status"], state["Pid"]) == ("running", pid)
    (tmp_path / "enough").touch()
    _wait_until(lambda: not _state(client)["Running"])
    count = int((tmp_path / "count").read_text())
    assert count > 1000
    assert _logged(client) == [str(number) for number in range(count)]
    assert client.runs() == 1


def test_a_follower_of_the_next_daemon_sees_the_whole_log(
    crashing: CrashingEngine, tmp_path: Path
) -> None:
    client = Client(crashing, "followed", tmp_path)
    client.create(
        "echo run >> /marks/runs; echo one; until [ -e /marks/go ]; do sleep 0.02; done; echo two"
    )
    client.start()
    crashing.kill()
    crashing.start()
    (tmp_path / "go").touch()
    assert _logged(client, follow=True) == ["one", "two"]


def test_ends_while_no_daemon_runs_are_told_by_the_next(
    crashing: CrashingEngine, tmp_path: Path
) -> None:
    ends = {"zero": "exit 0", "seven": "exit 7", "killed": "exit 1", "ended": "exit 143"}
    codes = {"zero": 0, "seven": 7, "killed": 137, "ended": 143}
    clients = {name: _start_waiting(crashing, tmp_path, name, end) for name, end in ends.items()}
    killed = _state(clients["killed"])["Pid"]
    crashing.kill()
    ended_from = time.time()
    for name, client in clients.items():
        if name == "killed":
            os.kill(killed, signal.SIGKILL)
        else:
            (client.marks_dir / "go").touch()
    _wait_until(lambda: all(_conmon_left(crashing, client) for client in clients.values()))
    ended_until = time.time()
    time.sleep(0.5)
    crashing.start()
    for name, client in clients.items():
        _wait_for_end(client)
        state = _state(client)
        assert state["ExitCode"] == codes[name], (name, state)
        assert state["Status"] == "exited"
        finished = _seconds(state["FinishedAt"])
        assert ended_from - 0.1 <= finished <= ended_until + 0.1, (name, state)


@pytest.mark.parametrize(
    ("policy", "end", "comes_back"),
    [
        ({"Name": "always"}, "exit 0", True),
        ({"Name": "unless-stopped"}, "exit 0", True),
        ({"Name": "on-failure"}, "exit 0", False),
        ({"Name": "on-failure"}, "exit 4", True),
        ({"Name": "no"}, "exit 4", False),
    ],
    ids=lambda value: str(value),
)
def test_a_restart_policy_holds_for_an_end_while_no_daemon_runs(
    crashing: CrashingEngine, tmp_path: Path, policy: dict[str, Any], end: str, comes_back: bool
) -> None:
    client = _start_waiting(
        crashing, tmp_path, "policy", f"rm /marks/go; {end}", HostConfig={"RestartPolicy": policy}
    )
    crashing.kill()
    (client.marks_dir / "go").touch()
    _wait_until(lambda: not (client.marks_dir / "go").exists())
    crashing.start()
    if comes_back:
        _wait_until(lambda: client.runs() == 2)
        _wait_until(lambda: _state(client)["Status"] == "running")
        found = client.inspect()
        assert found is not None
        assert found["RestartCount"] == 1
    else:
        _wait_until(lambda: _state(client)["Status"] == "exited")
        assert client.runs() == 1


def test_one_that_a_user_stopped_stays_so_unless_it_is_always_wanted(
    crashing: CrashingEngine, tmp_path: Path
) -> None:
    clients = {
        name: _start_waiting(
            crashing, tmp_path, name, "exit 0", HostConfig={"RestartPolicy": {"Name": name}}
        )
        for name in ("always", "unless-stopped")
    }
    for client in clients.values():
        client.stop(grace_s=0)
    crashing.kill()
    crashing.start()
    _wait_until(lambda: clients["always"].runs() == 2)
    _wait_until(lambda: _state(clients["always"])["Status"] == "running")
    assert _state(clients["unless-stopped"])["Status"] == "exited"
    assert clients["unless-stopped"].runs() == 1


def test_a_daemon_that_dies_while_it_takes_over_changes_nothing(
    crashing: CrashingEngine, tmp_path: Path
) -> None:
    runs = _start_waiting(
        crashing,
        tmp_path,
        "runs",
        "exit 5",
        ExposedPorts={"80/tcp": {}},
        HostConfig={"PublishAllPorts": True},
    )
    ended = _start_waiting(crashing, tmp_path, "ended", "exit 6")
    pid = _state(runs)["Pid"]
    crashing.kill()
    (ended.marks_dir / "go").touch()
    _wait_until(lambda: _conmon_left(crashing, ended))
    deaths = 0
    for number in range(1, 40):
        crashing.crash_at(number, deep=True)
        crashing.begin()
        if not crashing.died_within(2.0):
            break
        deaths += 1
    assert deaths >= 5
    crashing.do_not_crash()
    crashing.kill()
    crashing.start()
    _wait_until(lambda: not _state(ended)["Running"])
    assert _state(ended)["ExitCode"] == 6
    assert _state(runs)["Pid"] == pid
    assert _state(runs)["Running"]
    assert (runs.runs(), ended.runs()) == (1, 1)


def _start_waiting(
    engine: CrashingEngine, folder: Path, name: str, end: str, **config: Any
) -> Client:
    """A container that does `end` once there is a file ``go`` in its folder of marks."""
    client = Client(engine, name, folder / name)
    client.marks_dir.mkdir()
    command = f"echo run >> /marks/runs; until [ -e /marks/go ]; do sleep 0.02; done; {end}"
    client.create(command, **config)
    client.start()
    return client


def _state(client: Client) -> dict[str, Any]:
    found = client.inspect()
    assert found is not None, f"{client.name} is gone"
    state: dict[str, Any] = found["State"]
    return state


def _logged(client: Client, *, follow: bool = False) -> list[str]:
    target = f"/containers/{client.name}/logs?stdout=1&follow={int(follow)}"
    answer = client.engine.request("GET", target)
    assert answer.status == 200
    text, rest = b"", answer.body
    while rest:
        size = int.from_bytes(rest[4:8], "big")
        text, rest = text + rest[8 : 8 + size], rest[8 + size :]
    return text.decode().split()


def _conmon_left(engine: CrashingEngine, client: Client) -> bool:
    """Whether the end was written down: nothing of the container runs any more."""
    folder = str(client.marks_dir)
    for exit_dir in (engine.run_root / "exits").iterdir():
        config = engine.run_root / "containers" / exit_dir.name / "config.json"
        if folder in config.read_text() and (exit_dir / exit_dir.name).exists():
            return True
    return False


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _wait_for_end(client: Client) -> None:
    _wait_until(lambda: not _state(client)["Running"])


def _wait_until(holds: Callable[[], bool], *, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
