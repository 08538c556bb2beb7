"""Routes whose answer is a process's streams: attach, logs, exec."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from wherry.api.bodies import read_object
from wherry.api.replies import empty_reply, json_reply, stream_reply
from wherry.api.streams import Mapped, content_type_of, encode_output
from wherry.drivers.runtime.base import Console, LogLine, Output, Stream
from wherry.engine.containers.attach import Wanted, join, parse_detach_keys
from wherry.engine.containers.exec import Exec, ExecSpec
from wherry.engine.containers.logs import LogWanted
from wherry.http.messages import Call, Duplex, Reply, Routes, Takeover
from wherry.model.container import Container
from wherry.model.errors import Unsupported, WherryError
from wherry.wire.exec import ExecRequest, decode_console_size, decode_exec, encode_exec
from wherry.wire.fields import flag
from wherry.wire.logs import LogQuery, decode_log_query, encode_lines
from wherry.wire.query import decode_flag, decode_size
from wherry.wire.versions import negotiate

Frame = Callable[[Output], bytes]


class Session(Protocol):
    async def run(self, client: Duplex, past: AsyncIterator[bytes] | None = None) -> None: ...


class Joining(Protocol):
    """The part of ``engine.containers.joining.Joining`` that these routes use."""

    def attach(self, container: Container, wanted: Wanted, frame: Frame) -> Session: ...


class Containers(Protocol):
    def get(self, wanted: str) -> Container: ...


class Logs(Protocol):
    """The part of ``engine.containers.logs.ContainerLogs`` that these routes use."""

    def read(self, container: Container, wanted: LogWanted) -> AsyncIterator[Sequence[LogLine]]: ...


class Execs(Protocol):
    """The part of ``engine.containers.exec.Execs`` that these routes use."""

    async def create(self, wanted: str, spec: ExecSpec) -> Exec: ...
    def get(self, exec_id: str) -> Exec: ...
    def claim(self, exec_id: str, *, console_size: tuple[int, int] = (0, 0)) -> None: ...
    async def start(self, exec_id: str, *, attach: bool) -> Console | None: ...
    async def ended(self, exec_id: str) -> None: ...
    async def resize(self, exec_id: str, *, height: int, width: int) -> None: ...


def routes(containers: Containers, joining: Joining, logs: Logs, execs: Execs) -> Routes:
    async def attach(call: Call) -> Takeover:
        """Takes the connection over; headers at once, also before the container runs."""
        container = containers.get(call.path["id"])
        terminal = container.spec.program.terminal
        query = call.query
        wanted = Wanted(
            stdin=decode_flag(query, "stdin") and container.spec.program.open_stdin,
            stdout=decode_flag(query, "stdout"),
            stderr=decode_flag(query, "stderr"),
            detach_keys=parse_detach_keys(query.get("detachKeys", "")),
            terminal=terminal,
        )
        frame: Frame = _plain if terminal else encode_output
        past = None
        if decode_flag(query, "logs"):
            query_all = LogQuery(stdout=wanted.stdout, stderr=wanted.stderr)
            past = _log_bytes(logs, container, query_all)
        # registered before the client hears that it is
        session = joining.attach(container, wanted, frame) if decode_flag(query, "stream") else None

        async def run(client: Duplex) -> None:
            if session is not None:
                await session.run(client, past)
            elif past is not None:
                async for piece in past:
                    await client.write(piece)

        return Takeover(content_type=_content_type(call, terminal=terminal), run=run)

    async def read_logs(call: Call) -> Reply:
        """What it wrote so far, and with ``follow`` what it will write."""
        query = decode_log_query(call.query)
        container = containers.get(call.path["id"])
        terminal = container.spec.program.terminal
        if container.spec.log.driver == "none":
            raise Unsupported("configured logging driver does not support reading")
        return stream_reply(
            _log_bytes(logs, container, query), _content_type(call, terminal=terminal)
        )

    async def create_exec(call: Call) -> Reply:
        """201 with the id; 409 unless the container runs."""
        containers.get(call.path["id"])
        request = decode_exec(await read_object(call))
        parse_detach_keys(request.detach_keys)
        made = await execs.create(call.path["id"], _spec_of(request))
        return json_reply({"Id": made.id}, 201)

    async def start_exec(call: Call) -> Reply | Takeover:
        """Takes the connection over, unless it is to be left alone."""
        made = execs.get(call.path["id"])
        body = await read_object(call, required=False)
        spec = made.spec
        attached = spec.attach_stdin or spec.attach_stdout or spec.attach_stderr
        if flag(body, "Detach") or not attached:
            execs.claim(made.id)
            await execs.start(made.id, attach=False)
            return empty_reply()
        execs.claim(made.id, console_size=decode_console_size(body))
        wanted = Wanted(
            stdin=spec.attach_stdin,
            stdout=spec.attach_stdout,
            stderr=spec.attach_stderr,
            detach_keys=parse_detach_keys(spec.detach_keys),
            terminal=spec.terminal,
        )
        frame: Frame = _plain if spec.terminal else encode_output

        async def run(client: Duplex) -> None:
            try:
                console = await execs.start(made.id, attach=True)
            except WherryError as error:
                # the connection is a stream already: as Docker does, the stream says why
                words = Output(Stream.STDOUT, f"{error}\r\n".encode())
                await client.write(frame(words))
                return
            if console is not None and await join(client, console, wanted, frame):
                # clients ask for the exit code as soon as the stream ends
                await execs.ended(made.id)

        return Takeover(content_type=_content_type(call, terminal=spec.terminal), run=run)

    async def inspect_exec(call: Call) -> Reply:
        """What is known of it, its exit code once it has ended."""
        made = execs.get(call.path["id"])
        known = {"Running": made.running, "ExitCode": made.exit_code, "Pid": made.pid}
        return json_reply(encode_exec(made.id, made.container_id, _request_of(made.spec), known))

    async def resize_exec(call: Call) -> Reply:
        """200 once its terminal has the size."""
        height, width = decode_size(call.query)
        await execs.resize(call.path["id"], height=height, width=width)
        return empty_reply()

    return {
        "POST /containers/{id}/attach": attach,
        "GET /containers/{id}/logs": read_logs,
        "POST /containers/{id}/exec": create_exec,
        "POST /exec/{id}/start": start_exec,
        "GET /exec/{id}/json": inspect_exec,
        "POST /exec/{id}/resize": resize_exec,
    }


def _log_bytes(logs: Logs, container: Container, query: LogQuery) -> Mapped[Sequence[LogLine]]:
    """A log as the bytes that a client gets."""
    terminal = container.spec.program.terminal
    wanted = LogWanted(
        stdout=query.stdout,
        stderr=query.stderr,
        follow=query.follow,
        since_ns=query.since_ns,
        until_ns=query.until_ns,
        tail=query.tail,
    )
    return Mapped(
        logs.read(container, wanted),
        lambda lines: encode_lines(lines, timestamps=query.timestamps, terminal=terminal),
    )


def _content_type(call: Call, *, terminal: bool) -> str:
    return content_type_of(tty=terminal, minor_version=negotiate(call.version).minor)


def _plain(piece: Output) -> bytes:
    return piece.data


def _spec_of(request: ExecRequest) -> ExecSpec:
    return ExecSpec(
        command=request.command,
        env=request.env,
        user=request.user,
        working_dir=request.working_dir,
        terminal=request.terminal,
        privileged=request.privileged,
        attach_stdin=request.attach_stdin,
        attach_stdout=request.attach_stdout,
        attach_stderr=request.attach_stderr,
        detach_keys=request.detach_keys,
    )


def _request_of(spec: ExecSpec) -> ExecRequest:
    return ExecRequest(
        command=spec.command,
        env=spec.env,
        user=spec.user,
        working_dir=spec.working_dir,
        terminal=spec.terminal,
        privileged=spec.privileged,
        attach_stdin=spec.attach_stdin,
        attach_stdout=spec.attach_stdout,
        attach_stderr=spec.attach_stderr,
        detach_keys=spec.detach_keys,
    )
