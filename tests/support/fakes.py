"""Small stand-ins for what is beyond a seam, and records as tests need them."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wherry.drivers.runtime.base import (
    Console,
    Exit,
    Launch,
    Output,
    Process,
    Stream,
)
from wherry.engine.containers.actor import Outcome
from wherry.model.container import (
    Container,
    ContainerSpec,
    ContainerState,
    NetworkSpec,
    ProgramSpec,
)
from wherry.model.errors import NoSuchContainer, WherryError
from wherry.model.lifecycle import Effect, Event, Status

ID = "c0ffee" * 10 + "abcd"
SECOND_NS = 1_000_000_000
NOW_NS = 1_700_000_000 * SECOND_NS


def make_container(
    container_id: str = ID,
    *,
    name: str = "calm_ketch",
    status: Status = Status.CREATED,
    created_ns: int = NOW_NS,
    spec: ContainerSpec | None = None,
    state: ContainerState | None = None,
    **more: Any,
) -> Container:
    """A container of busybox that sleeps; `status` goes into its state."""
    program = ProgramSpec(command=("sleep", "60"))
    known = state or ContainerState()
    if status is not Status.CREATED and not known.started_ns:
        known = replace(known, started_ns=NOW_NS)
    return Container(
        id=container_id,
        name=name,
        created_ns=created_ns,
        spec=spec or make_spec(program=program),
        snapshot="7",
        layers=("3", "1"),
        state=replace(known, status=status),
        **more,
    )


def make_spec(**fields: Any) -> ContainerSpec:
    fields.setdefault("program", ProgramSpec(command=("sleep", "60")))
    fields.setdefault("network", NetworkSpec(mode="bridge"))
    return ContainerSpec(image="busybox", image_id="sha256:" + "1" * 64, **fields)


class FakeClock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = NOW_NS
        self.sleeps: list[tuple[float, asyncio.Future[None]]] = []

    def now_ns(self) -> int:
        return self.now

    def monotonic_s(self) -> float:
        return self.now / SECOND_NS

    async def sleep(self, seconds: float) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (seconds, waiting)
        self.sleeps.append(entry)
        try:
            await waiting
        finally:
            self.sleeps.remove(entry)

    def ring(self) -> None:
        """End every sleep that is going on."""
        for _, waiting in self.sleeps:
            if not waiting.done():
                waiting.set_result(None)


async def turns(count: int = 20) -> None:
    """Let everything run that can run without time passing."""
    for _ in range(count):
        await asyncio.sleep(0)


class FakeEvents:
    """Remembers what was published, as ``kind action``."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.attributes: list[Mapping[str, str]] = []

    def publish(
        self, *, kind: str, action: str, actor_id: str, attributes: Mapping[str, str]
    ) -> None:
        self.told.append(f"{kind} {action}")
        self.attributes.append(attributes)


class FakeRows:
    """Rows of containers, volumes or networks in a dictionary; can be told to fail."""

    def __init__(self, *records: Any) -> None:
        self.kept: dict[str, Any] = {_key(one): one for one in records}
        self.saves: list[Any] = []
        self.failure: Exception | None = None

    async def insert(self, record: Any) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        self.kept[_key(record)] = record

    async def save(self, record: Any) -> None:
        await self.insert(record)

    async def save_state(self, record: Any) -> None:
        self.saves.append(record)
        await self.insert(record)

    async def save_record(self, record: Any) -> None:
        await self.insert(record)

    async def delete(self, key: str) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        self.kept.pop(key, None)

    async def load(self) -> Sequence[Any]:
        return list(self.kept.values())


def _key(record: Any) -> str:
    return str(getattr(record, "id", None) or record.name)


class FakeWorld:
    """Records and host of one actor in one, so that the order of what happened can be told."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.outcomes: dict[Effect, Outcome | Exception] = {
            Effect.PREPARE: Outcome(event=Event.PREPARED),
            Effect.LAUNCH: Outcome(event=Event.STARTED, known={"pid": 7}),
            Effect.ERASE: Outcome(event=Event.ERASED),
        }
        self.save_failure: Exception | None = None
        self.held: dict[Effect, asyncio.Event] = {}

    async def save(self, container: Container) -> None:
        await asyncio.sleep(0)
        if self.save_failure is not None:
            raise self.save_failure
        self.log.append(f"saved {container.state.status}")

    async def forget(self, container: Container) -> None:
        self.log.append("forgot")

    async def carry_out(self, effect: Effect, actor: Any, payload: Any) -> Outcome | None:
        if gate := self.held.get(effect):
            await gate.wait()
        await asyncio.sleep(0)
        self.log.append(f"did {effect}")
        outcome = self.outcomes.get(effect)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def tell(self, before: Container, event: Event, after: Container, payload: Any) -> None:
        self.log.append(f"told {event}")


class FakeConsole:
    """A process's streams: what it writes is put in, what it is written is kept."""

    def __init__(self, *pieces: Output, ends: bool = True) -> None:
        self.pieces: asyncio.Queue[Output | None] = asyncio.Queue()
        for one in pieces:
            self.pieces.put_nowait(one)
        if ends:
            self.pieces.put_nowait(None)
        self.written = b""
        self.input_ended = asyncio.Event()
        self.closed = 0

    async def output(self) -> AsyncIterator[Output]:
        while (piece := await self.pieces.get()) is not None:
            yield piece

    async def write(self, data: bytes) -> None:
        self.written += data

    async def end_of_input(self) -> None:
        self.input_ended.set()

    async def close(self) -> None:
        self.closed += 1


class FakeDuplex:
    """A client: says what it is told to say, then is silent, ends its input, or is gone."""

    def __init__(self, *says: bytes, then: str = "silence") -> None:
        self.says, self.then = list(says), then
        self.heard = b""
        self.broken = False

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        if self.says:
            return self.says.pop(0)
        if self.then == "silence":
            await asyncio.Event().wait()
        if self.then == "gone":
            raise ConnectionResetError
        return b""

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise BrokenPipeError
        self.heard += data

    async def end_of_input(self) -> None:
        pass

    async def close(self) -> None:
        pass


def out(text: bytes, stream: Stream = Stream.STDOUT) -> Output:
    return Output(stream, text)


class FakeRuntime:
    """Runs nothing; remembers what it was asked for, and fails where a test says so."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.failures: dict[str, Exception] = {}
        self.found: Process | None = None
        self.ends: asyncio.Future[Exit] | None = None
        self.made = FakeConsole()
        self.launches: list[Launch] = []

    def _do(self, what: str) -> None:
        self.log.append(what)
        if failure := self.failures.get(what.split()[0]):
            raise failure

    async def warm(self) -> None:
        self._do("warm")

    async def create(self, launch: Launch) -> Process:
        self.launches.append(launch)
        self._do("create")
        return Process(pid=42, start_ticks=99)

    async def start(self, launch: Launch) -> None:
        self._do("start")

    def console(self, launch: Launch) -> Console:
        self._do("console")
        return self.made

    async def wait(self, launch: Launch, process: Process) -> Exit:
        self._do(f"wait {process.pid}")
        if self.ends is None:
            self.ends = asyncio.get_running_loop().create_future()
        return await self.ends

    def signal(self, process: Process, number: int) -> None:
        self._do(f"signal {process.pid} {number}")

    def is_alive(self, process: Process) -> bool:
        return True

    async def find(self, launch: Launch) -> Process | None:
        self._do("find")
        return self.found

    async def resize(self, launch: Launch, *, height: int, width: int) -> None:
        self._do(f"resize {height} {width}")

    async def pause(self, launch: Launch) -> None:
        self._do("pause")

    async def resume(self, launch: Launch) -> None:
        self._do("resume")

    async def update(self, launch: Launch, limits: Mapping[str, Any]) -> None:
        self._do("update")

    async def delete(self, launch: Launch) -> None:
        self._do("delete")

    async def reopen_log(self, launch: Launch) -> None:
        self._do("reopen_log")

    async def exec(self, launch: Any) -> Process:
        self._do("exec")
        return Process(pid=43, start_ticks=100)

    def exec_console(self, launch: Any) -> Console:
        self._do("exec_console")
        return self.made

    async def exec_wait(self, launch: Any, process: Process) -> Exit:
        return await self.wait(launch, process)

    async def exec_resize(self, launch: Any, *, height: int, width: int) -> None:
        self._do(f"exec_resize {height} {width}")


def ended(code: int, *, at_ns: int = NOW_NS + SECOND_NS, out_of_memory: bool = False) -> Exit:
    at = datetime.fromtimestamp(at_ns / SECOND_NS, UTC)
    return Exit(code=code, at=at, out_of_memory=out_of_memory)


class FakeSnapshots:
    """Mounts nothing; a container's tree is a plain folder that a test may fill."""

    name = "fake"

    def __init__(self) -> None:
        self.log: list[str] = []
        self.failures: dict[str, Exception] = {}

    def _do(self, what: str) -> None:
        self.log.append(what)
        if failure := self.failures.get(what.split()[0]):
            raise failure

    async def create(self, key: str, parents: Sequence[str]) -> None:
        self._do(f"create {key}")

    async def mount(
        self, key: str, parents: Sequence[str], target: Path, *, volatile: bool = False
    ) -> None:
        self._do(f"mount {key}{' volatile' if volatile else ''}")

    async def unmount(self, target: Path) -> None:
        self._do("unmount")

    async def remove(self, key: str) -> None:
        self._do(f"remove {key}")

    async def size_bytes(self, key: str) -> int:
        return 100

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody should ask a snapshot driver for {name} here")


class FakeContainers:
    """Containers that are there, for whatever looks them up."""

    def __init__(self, *containers: Container) -> None:
        self.kept = list(containers)

    def get(self, wanted: str) -> Container:
        for one in self.kept:
            if wanted in (one.id, one.name) or one.id.startswith(wanted):
                return one
        raise NoSuchContainer(wanted)

    def list_containers(self) -> Sequence[Container]:
        return self.kept


class FakeBundles:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.failure: Exception | None = None

    async def write(self, container: Container, known: Mapping[str, Any]) -> None:
        self.log.append("write")
        if self.failure is not None:
            raise self.failure

    async def discard(self, container: Container) -> None:
        self.log.append("discard")


class FakeConnections:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.failure: WherryError | None = None
        self.known: Mapping[str, Any] = {"sandbox": "s"}

    async def connect(self, container: Container) -> Mapping[str, Any]:
        self.log.append("connect")
        if self.failure is not None:
            raise self.failure
        return self.known

    async def disconnect(self, container: Container) -> None:
        self.log.append("disconnect")


class FakeUsers:
    """Who uses a volume."""

    def __init__(self) -> None:
        self.of: dict[str, Collection[str]] = {}

    def __call__(self, name: str) -> Collection[str]:
        return self.of.get(name, ())
