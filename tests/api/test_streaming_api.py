"""Attach, logs and exec over a real socket: who is connected when, and in which frames."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Client, serving, soon
from tests.support.fakes import (
    FakeConsole,
    FakeContainers,
    make_container,
    make_spec,
    out,
)
from wherry.api import streaming
from wherry.drivers.runtime.base import Console, LogLine, Stream
from wherry.engine.containers.attach import Wanted, join
from wherry.engine.containers.exec import Exec, ExecSpec
from wherry.engine.containers.logs import LogWanted
from wherry.http.messages import Duplex
from wherry.model.container import Container, LogSpec, ProgramSpec
from wherry.model.errors import Conflict, LaunchFailed, NoSuchExec
from wherry.model.lifecycle import Status
from wherry.wire.stdcopy import FrameDecoder
from wherry.wire.stdcopy import Stream as Frame

MULTIPLEXED = "application/vnd.docker.multiplexed-stream"
RAW = "application/vnd.docker.raw-stream"
TIME = "2024-01-02T03:04:05.000000006Z"


class FakeSession:
    def __init__(self, console: FakeConsole, wanted: Wanted, frame: Any) -> None:
        self._console, self._wanted, self._frame = console, wanted, frame

    async def run(self, client: Duplex, past: AsyncIterator[bytes] | None = None) -> None:
        if past is not None:
            async for piece in past:
                await client.write(piece)
        await join(client, self._console, self._wanted, self._frame)


class FakeJoining:
    def __init__(self) -> None:
        self.wanted: list[Wanted] = []
        self.console = FakeConsole(out(b"hello"), out(b"oops", Stream.STDERR))

    def attach(self, container: Container, wanted: Wanted, frame: Any) -> FakeSession:
        if container.state.status is Status.PAUSED:
            raise Conflict("paused")
        self.wanted.append(wanted)
        return FakeSession(self.console, wanted, frame)


class FakeLogs:
    def __init__(self) -> None:
        self.wanted: list[LogWanted] = []
        self.closed = asyncio.Event()

    async def read(
        self, container: Container, wanted: LogWanted
    ) -> AsyncIterator[Sequence[LogLine]]:
        self.wanted.append(wanted)
        try:
            yield [LogLine(TIME, Stream.STDOUT, b"old\n", False)]
            if wanted.follow:
                await asyncio.Event().wait()
        finally:
            self.closed.set()


class FakeExecs:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.specs: list[ExecSpec] = []
        self.made: Exec | None = None
        self.failure: Exception | None = None
        self.console = FakeConsole(out(b"done"))
        self.size: tuple[int, int] | None = None

    async def create(self, wanted: str, spec: ExecSpec) -> Exec:
        self.specs.append(spec)
        self.made = Exec(id="x1", container_id=wanted, spec=spec)
        return self.made

    def get(self, exec_id: str) -> Exec:
        if self.made is None or exec_id != self.made.id:
            raise NoSuchExec(exec_id)
        return self.made

    def claim(self, exec_id: str, *, console_size: tuple[int, int] = (0, 0)) -> None:
        if "claim" in self.log:
            raise Conflict("already started")
        self.log.append("claim")
        self.size = console_size

    async def start(self, exec_id: str, *, attach: bool) -> Console | None:
        self.log.append(f"start {attach}")
        if self.failure is not None:
            raise self.failure
        return self.console if attach else None

    async def ended(self, exec_id: str) -> None:
        self.log.append("ended")

    async def resize(self, exec_id: str, *, height: int, width: int) -> None:
        self.log.append(f"resize {height} {width}")


class Rig:
    def __init__(self) -> None:
        program = ProgramSpec(command=("sh",), open_stdin=True)
        web = make_container(name="web", status=Status.RUNNING, spec=make_spec(program=program))
        tty = make_container(
            "f" * 64, name="tty", status=Status.RUNNING,
            spec=make_spec(program=replace(program, terminal=True)),
        )  # fmt: skip
        mute = make_container("e" * 64, name="mute", spec=make_spec(log=LogSpec(driver="none")))
        paused = make_container("d" * 64, name="paused", status=Status.PAUSED)
        self.containers = FakeContainers(web, tty, mute, paused)
        self.joining, self.logs, self.execs = FakeJoining(), FakeLogs(), FakeExecs()


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
async def engine(tmp_path: Path, rig: Rig) -> AsyncIterator[Client]:
    table = streaming.routes(rig.containers, rig.joining, rig.logs, rig.execs)
    async with serving(tmp_path, table) as client:
        yield client


async def take_over(
    engine: Client, target: str, body: bytes = b"", says: bytes = b""
) -> tuple[bytes, bytes]:
    """Head and all bytes of a connection that is taken over; the client ends its input."""
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    reader, writer = await engine.connect()
    writer.write(head.encode() + b"\r\n" + body)
    answer = await soon(reader.readuntil(b"\r\n\r\n"))
    writer.write(says)
    writer.write_eof()
    rest = await soon(reader.read())
    writer.close()
    return answer, rest


def frames(data: bytes) -> list[tuple[Frame, bytes]]:
    return list(FrameDecoder().feed(data))


# attach -----------------------------------------------------------------------------------


async def test_attach_is_framed_without_a_terminal(engine: Client, rig: Rig) -> None:
    head, data = await take_over(engine, "/v1.51/containers/web/attach?stream=1&stdout=1&stderr=1")
    assert head.startswith(b"HTTP/1.1 101")
    assert f"Content-Type: {MULTIPLEXED}".encode() in head
    assert frames(data) == [(Frame.OUTPUT, b"hello"), (Frame.ERROR, b"oops")]


async def test_attach_is_raw_with_a_terminal_and_for_old_clients_called_so(
    engine: Client, rig: Rig
) -> None:
    head, data = await take_over(engine, "/containers/tty/attach?stream=1&stdout=1")
    assert (f"Content-Type: {RAW}".encode() in head, data) == (True, b"hello")
    rig.joining.console = FakeConsole()
    head, _ = await take_over(engine, "/v1.41/containers/web/attach?stream=1&stdout=1")
    assert f"Content-Type: {RAW}".encode() in head


async def test_what_is_typed_reaches_the_program(engine: Client, rig: Rig) -> None:
    rig.joining.console = console = FakeConsole(ends=False)

    async def end_with_input() -> None:
        await console.input_ended.wait()
        console.pieces.put_nowait(None)

    ending = asyncio.create_task(end_with_input())
    await take_over(engine, "/containers/web/attach?stream=1&stdin=1&stdout=1", says=b"ls\n")
    await ending
    assert console.written == b"ls\n"


async def test_the_past_comes_before_the_present(engine: Client, rig: Rig) -> None:
    _, data = await take_over(engine, "/containers/web/attach?stream=1&logs=1&stdout=1")
    assert [text for _, text in frames(data)] == [b"old\n", b"hello"]


async def test_who_wants_only_the_past_is_connected_to_nothing(engine: Client, rig: Rig) -> None:
    _, data = await take_over(engine, "/containers/web/attach?logs=1&stdout=1")
    assert [text for _, text in frames(data)] == [b"old\n"]
    assert rig.joining.wanted == []


async def test_the_input_of_a_program_without_one_cannot_be_had(engine: Client, rig: Rig) -> None:
    rig.containers.kept[0] = make_container(name="web", status=Status.RUNNING)
    await take_over(engine, "/containers/web/attach?stream=1&stdin=1&stdout=1")
    assert [one.stdin for one in rig.joining.wanted] == [False]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/containers/nobody/attach?stream=1", 404),
        ("/containers/paused/attach?stream=1", 409),
        ("/containers/web/attach?stream=1&detachKeys=alt-x", 400),
    ],
)
async def test_what_cannot_be_joined_is_refused_before_the_connection_is_taken(
    engine: Client, target: str, status: int
) -> None:
    assert (await engine.ask("POST", target)).status == status


# logs -------------------------------------------------------------------------------------


async def test_a_log_is_framed_and_passes_on_what_is_wanted(engine: Client, rig: Rig) -> None:
    answer = await engine.ask("GET", "/containers/web/logs?stdout=1&tail=5&since=2&timestamps=1")
    assert answer.headers["content-type"] == MULTIPLEXED
    assert frames(answer.body) == [(Frame.OUTPUT, TIME.encode() + b" old\n")]
    assert rig.logs.wanted == [LogWanted(stdout=True, stderr=False, tail=5, since_ns=2_000_000_000)]


async def test_a_client_that_goes_ends_the_following(engine: Client, rig: Rig) -> None:
    reader, writer = await engine.connect()
    writer.write(b"GET /containers/tty/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await soon(reader.readuntil(b"old\n"))
    writer.close()
    await soon(rig.logs.closed.wait())


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/containers/web/logs", 400),
        ("/containers/web/logs?stdout=1&since=--1", 400),
        ("/containers/nobody/logs?stdout=1", 404),
        ("/containers/mute/logs?stdout=1", 501),
    ],
)
async def test_a_log_that_cannot_be_read_is_refused(
    engine: Client, target: str, status: int
) -> None:
    assert (await engine.ask("GET", target)).status == status


# exec -------------------------------------------------------------------------------------


async def make_exec(engine: Client, **fields: Any) -> None:
    body = json.dumps({"Cmd": ["ls"], "AttachStdout": True, **fields}).encode()
    answer = await engine.ask("POST", "/containers/web/exec", body, Content_Type="application/json")
    assert (answer.status, json.loads(answer.body)) == (201, {"Id": "x1"})


async def test_an_exec_is_run_attached_and_waited_for(engine: Client, rig: Rig) -> None:
    await make_exec(engine, User="web", Env=["A=1"], WorkingDir="/srv")
    _, data = await take_over(engine, "/exec/x1/start", b'{"ConsoleSize":[24,80]}')
    assert frames(data) == [(Frame.OUTPUT, b"done")]
    # the exit code is known before the stream ends: clients ask for it right then
    assert rig.execs.log == ["claim", "start True", "ended"]
    assert rig.execs.size == (24, 80)
    (spec,) = rig.execs.specs
    assert (spec.command, spec.user, spec.env, spec.working_dir) == (
        ("ls",), "web", ("A=1",), "/srv",
    )  # fmt: skip


@pytest.mark.parametrize("attached", [True, False])
async def test_an_exec_can_be_left_alone(engine: Client, rig: Rig, attached: bool) -> None:
    await make_exec(engine, AttachStdout=attached)
    body = b'{"Detach":true}' if attached else b"{}"
    answer = await engine.ask("POST", "/exec/x1/start", body, Content_Type="application/json")
    assert answer.status == 200
    assert rig.execs.log == ["claim", "start False"]


async def test_an_exec_that_fails_says_so_in_its_stream(engine: Client, rig: Rig) -> None:
    await make_exec(engine)
    rig.execs.failure = LaunchFailed("no such file", exit_code=127)
    _, data = await take_over(engine, "/exec/x1/start", b"{}")
    assert frames(data) == [(Frame.OUTPUT, b"no such file\r\n")]


async def test_an_exec_starts_once(engine: Client, rig: Rig) -> None:
    await make_exec(engine)
    await take_over(engine, "/exec/x1/start", b"{}")
    answer = await engine.ask("POST", "/exec/x1/start", b"{}", Content_Type="application/json")
    assert answer.status == 409


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        ("/containers/nobody/exec", b'{"Cmd":["ls"]}', 404),
        ("/containers/web/exec", b"{}", 400),
        ("/containers/web/exec", b'{"Cmd":["ls"],"DetachKeys":"alt-x"}', 400),
        ("/exec/nothing/start", b"{}", 404),
        ("/exec/nothing/resize?h=1&w=1", b"", 404),
        ("/exec/x1/resize?h=1", b"", 400),
    ],
)
async def test_an_exec_that_cannot_be_is_refused(
    engine: Client, rig: Rig, target: str, body: bytes, status: int
) -> None:
    if target == "/exec/nothing/resize?h=1&w=1":

        async def resize(exec_id: str, *, height: int, width: int) -> None:
            raise NoSuchExec(exec_id)

        rig.execs.resize = resize  # type: ignore[method-assign]
    answer = await engine.ask("POST", target, body, Content_Type="application/json")
    assert answer.status == status


async def test_inspect_shows_how_an_exec_ended(engine: Client, rig: Rig) -> None:
    await make_exec(engine)
    assert rig.execs.made is not None
    rig.execs.made = replace(rig.execs.made, exit_code=3)
    shown = json.loads((await engine.ask("GET", "/exec/x1/json")).body)
    assert (shown["Running"], shown["ExitCode"], shown["ContainerID"]) == (False, 3, "web")
