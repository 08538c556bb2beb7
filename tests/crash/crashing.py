"""A daemon that dies at a chosen step, a client that plays a scenario until it does, and what must
hold after the next start.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.docker import IMAGE
from tests.support.engine import STARTS_WITHIN_S, OwnEngine, discard_remains
from tests.support.host import Host, throwaway_host
from tests.support.leftovers import Snapshot, find_leftovers, snapshot_of_host
from tests.support.needs import REPOSITORY

SETTLES_WITHIN_S = 10
CALM_FOR_S = 0.2
DIES_WITHIN_S = 1.0
"""What an engine does by itself after the last answer (a program that ends) is done by then."""
_RESTING = ("created", "running", "paused", "exited")


class CrashingEngine(OwnEngine):
    """Dies at the step that its plan names, and can be started again in the same host."""

    def __init__(self, root: Path, host: Host) -> None:
        super().__init__(root, host)
        self.plan_path = root / "plan"

    def start(self, *options: str) -> None:
        self.begin(*options)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self.answers():
            assert not self.is_dead(), f"the daemon ended:\n{self.last_words()}"
            assert time.monotonic() < deadline, f"the daemon is silent:\n{self.last_words()}"
            time.sleep(0.01)

    def begin(self, *options: str) -> None:
        """Start it, and do not wait."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.host.enter,
                    *(sys.executable, "-m", "tests.crash.crashing_daemon", str(self.plan_path)),
                    *("-H", self.address),
                    *("--data-root", str(self.data_root), "--exec-root", str(self.run_root)),
                    *("--config-file", str(self.config_path), "--debug"),
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}"},
                cwd="/",
            )

    def crash_at(self, number: int, *, deep: bool = False) -> None:
        """Count from now on; die at step `number`."""
        draft = self.plan_path.with_suffix(".draft")
        draft.write_text(f"{number}{' deep' if deep else ''}")
        self.plan_path.with_suffix(".reached").unlink(missing_ok=True)
        draft.rename(self.plan_path)

    def do_not_crash(self) -> None:
        self.plan_path.unlink(missing_ok=True)

    def words_since(self, offset: int) -> str:
        """What it has logged after so many bytes."""
        return self.log_path.read_bytes()[offset:].decode(errors="replace")

    def steps(self) -> list[str]:
        """Those reached since `crash_at`."""
        reached = self.plan_path.with_suffix(".reached")
        return reached.read_text().splitlines() if reached.exists() else []

    def is_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def died_within(self, seconds: float) -> bool:
        assert self.process is not None
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


@contextmanager
def crashing_engine(root: Path) -> Iterator[CrashingEngine]:
    """In a host that survives it; nothing of either is left."""
    with throwaway_host() as host:
        engine = CrashingEngine(root, host)
        try:
            engine.start()
            engine.make_image()
            yield engine
        finally:
            discard_remains(engine)


@dataclass
class Client:
    """Asks for one thing after the other, and remembers what it was answered."""

    engine: CrashingEngine
    name: str
    marks_dir: Path
    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    def create(self, command: str, **config: Any) -> None:
        host_config = {"Binds": [f"{self.marks_dir}:/marks"], **config.pop("HostConfig", {})}
        body = {"Image": IMAGE, "Cmd": ["sh", "-c", command], "HostConfig": host_config, **config}
        self.ask("create", "POST", f"/containers/create?name={self.name}", body)

    def start(self) -> None:
        """Returns once it was answered, and the program has begun."""
        ran = self.runs()
        self.ask("start", "POST", f"/containers/{self.name}/start")
        deadline = time.monotonic() + 5
        while self.runs() == ran:
            assert time.monotonic() < deadline, "it was started, and does not run"
            time.sleep(0.005)

    def stop(self, grace_s: int = 5) -> None:
        self.ask("stop", "POST", f"/containers/{self.name}/stop?t={grace_s}")

    def remove(self, *, force: bool = False) -> None:
        self.ask("remove", "DELETE", f"/containers/{self.name}?v=1&force={int(force)}")

    def execute(self, command: str) -> None:
        body = {"Cmd": ["sh", "-c", command], "AttachStdout": False}
        self.asked.append("exec")
        made = self.engine.request("POST", f"/containers/{self.name}/exec", body=body)
        assert made.status == 201, made.body
        done = self.engine.request("POST", f"/exec/{made.json['Id']}/start", body={"Detach": True})
        assert done.status == 200, done.body
        self.answered.append("exec")

    def ask(self, word: str, method: str, target: str, body: dict[str, Any] | None = None) -> None:
        self.asked.append(word)
        answer = self.engine.request(method, target, body=body)
        assert answer.status < 400, (word, answer.status, answer.body)
        self.answered.append(word)

    def runs(self) -> int:
        """How often the program has begun."""
        marks = self.marks_dir / "runs"
        return len(marks.read_text().splitlines()) if marks.exists() else 0

    def clashed(self) -> bool:
        """Whether two of it ever ran at once."""
        return (self.marks_dir / "clash").exists()

    def inspect(self) -> Mapping[str, Any] | None:
        """What the engine says of the container; None if there is none."""
        answer = self.engine.request("GET", f"/containers/{self.name}/json")
        assert answer.status in (200, 404), answer.body
        found: Mapping[str, Any] | None = answer.json if answer.status == 200 else None
        return found

    def pending(self, word: str) -> bool:
        """Asked for, and no answer came: it may have happened or not."""
        return word in self.asked and word not in self.answered


@dataclass(frozen=True, kw_only=True)
class Scenario:
    name: str
    play: Callable[[Client], None]
    check: Callable[[Client, Mapping[str, Any] | None], None]
    """Of what is known once the next daemon has settled."""
    goes_by_itself: bool = False
    """``--rm``: not being there is right as soon as it was to be started."""
    ends_by_itself: bool = False
    restless: bool = False
    """Begins anew for ever: any status is right."""

    def __str__(self) -> str:
        return self.name


def crash_everywhere(
    engines: Sequence[CrashingEngine],
    scenario: Scenario,
    folder: Path,
    *,
    deep: bool = False,
    most: int = 300,
) -> int:
    """Play it again and again, with a death one step later each time, until none comes; returns
    how many deaths there were.

    Raises:
        AssertionError: with all that did not hold.
    """
    lanes = len(engines)
    with ThreadPoolExecutor(lanes) as threads:
        outcomes = list(
            threads.map(
                lambda lane: _crash_in_turn(
                    engines[lane], scenario, folder, range(lane + 1, most, lanes), deep=deep
                ),
                range(lanes),
            )
        )
    failures = [failure for _, found in outcomes for failure in found]
    assert not failures, "\n\n".join(failures)
    return sum(deaths for deaths, _ in outcomes)


def _crash_in_turn(
    engine: CrashingEngine, scenario: Scenario, folder: Path, numbers: Iterable[int], *, deep: bool
) -> tuple[int, list[str]]:
    before = snapshot_of_host(engine)
    failures: list[str] = []
    deaths = 0
    for number in numbers:
        client = Client(engine, f"{scenario.name}-{number}", folder / f"{number}")
        client.marks_dir.mkdir(parents=True)
        said = engine.log_path.stat().st_size
        engine.crash_at(number, deep=deep)
        died, refusal = True, ""
        try:
            died = _play_until_death(engine, scenario, client)
        except AssertionError as error:
            refusal = str(error)
        steps = engine.steps()
        engine.do_not_crash()
        if not engine.is_dead():
            engine.kill()
        deaths += died
        try:
            assert not refusal, refusal
            _restart_and_check(engine, scenario, client, before)
        except AssertionError as error:
            failures.append(
                f"{scenario.name}, died at {steps[-1] if steps else 'no step'}; "
                f"asked {client.asked}, answered {client.answered}: {error}\n"
                f"{engine.words_since(said)}"
            )
            if engine.is_dead():
                engine.start()
            engine.remove_everything()
            before = snapshot_of_host(engine)  # what it left is told once
        if not died:
            break
    return deaths, failures


def _play_until_death(engine: CrashingEngine, scenario: Scenario, client: Client) -> bool:
    try:
        scenario.play(client)
    except (OSError, ValueError):  # no answer, or half of one
        assert engine.died_within(5), f"no answer, and it lives:\n{engine.last_words()}"
        return True
    return engine.died_within(DIES_WITHIN_S)


def _restart_and_check(
    engine: CrashingEngine, scenario: Scenario, client: Client, before: Snapshot
) -> None:
    engine.start()
    state = _settled(client, scenario)
    _check_consistent(client, state, scenario)
    scenario.check(client, state)
    _use_again(client, state, scenario)
    engine.remove_everything()
    left = find_leftovers(engine, before)
    # a mount of somebody else may change its name beside us
    ours = [path for path in left.pop("mounts", ()) if path.startswith(str(engine.run_root))]
    assert not left and not ours, f"left behind: {left} {ours}"


def _settled(client: Client, scenario: Scenario) -> Mapping[str, Any] | None:
    """What the engine says once it says the same for a while, and nothing is expected any more."""
    deadline = time.monotonic() + SETTLES_WITHIN_S
    before, since = "", time.monotonic()
    while True:
        found = client.inspect()
        if found is None:
            return None
        state = found["State"]
        if state["Status"] != before:
            before, since = state["Status"], time.monotonic()
        rests = state["Status"] in _RESTING and state["Running"] == _lives(state["Pid"])
        # what was begun before the crash goes on
        ending = state["Running"] and (client.pending("stop") or scenario.ends_by_itself)
        if rests and not ending and time.monotonic() - since > CALM_FOR_S:
            return found
        if scenario.restless or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def _check_consistent(client: Client, found: Mapping[str, Any] | None, scenario: Scenario) -> None:
    if "remove" in client.answered:
        assert found is None, "a removed container is back"
    started = "start" in client.asked
    if found is None:
        lost_by_right = "remove" in client.asked or (scenario.goes_by_itself and started)
        assert lost_by_right or "create" not in client.answered, "a container was lost"
        return
    state = found["State"]
    if not scenario.restless:
        assert state["Status"] in _RESTING, state
        assert state["Running"] == (state["Status"] in ("running", "paused")), state
        assert state["Running"] == _lives(state["Pid"]), state
        assert client.runs() <= client.asked.count("start"), f"it ran {client.runs()} times"
        if not started:
            assert state["Status"] == "created", state
    assert not client.clashed(), "two of it ran at once"


def _use_again(client: Client, found: Mapping[str, Any] | None, scenario: Scenario) -> None:
    """What rests can be started."""
    if found is None or scenario.restless or found["State"]["Running"]:
        return
    client.start()


def _lives(pid: int) -> bool:
    if pid == 0:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
