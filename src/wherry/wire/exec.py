"""Execs in Docker's documents."""

from dataclasses import dataclass

from wherry.model.errors import InvalidArgument
from wherry.wire.documents import Json
from wherry.wire.fields import flag, optional_texts, text, texts


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecRequest:
    """``POST /containers/{id}/exec``."""

    command: tuple[str, ...]
    env: tuple[str, ...]
    user: str
    working_dir: str
    terminal: bool
    privileged: bool
    attach_stdin: bool
    attach_stdout: bool
    attach_stderr: bool
    detach_keys: str


def decode_exec(body: Json) -> ExecRequest:
    """InvalidArgument for a field of the wrong type, or without a command."""
    command = optional_texts(body, "Cmd")
    if not command:
        raise InvalidArgument("No exec command specified")
    return ExecRequest(
        command=command,
        env=texts(body, "Env"),
        user=text(body, "User"),
        working_dir=text(body, "WorkingDir"),
        terminal=flag(body, "Tty"),
        privileged=flag(body, "Privileged"),
        attach_stdin=flag(body, "AttachStdin"),
        attach_stdout=flag(body, "AttachStdout"),
        attach_stderr=flag(body, "AttachStderr"),
        detach_keys=text(body, "DetachKeys"),
    )


def decode_console_size(body: Json) -> tuple[int, int]:
    """``ConsoleSize`` of a container or an exec: height and width, zeros when not said."""
    size = body.get("ConsoleSize")
    if not isinstance(size, list) or len(size) != 2:
        return 0, 0
    if not all(isinstance(one, int) and 0 <= one <= 65_535 for one in size):
        return 0, 0
    return size[0], size[1]


def encode_exec(exec_id: str, container_id: str, request: ExecRequest, known: Json) -> Json:
    """``GET /exec/{id}/json``; `known` has Running, ExitCode and Pid."""
    process: Json = {
        "tty": request.terminal,
        "entrypoint": request.command[0],
        "arguments": list(request.command[1:]),
        "privileged": request.privileged,
    }
    if request.user:
        process["user"] = request.user
    return {
        "ID": exec_id,
        "Running": known["Running"],
        "ExitCode": known["ExitCode"],
        "ProcessConfig": process,
        "OpenStdin": request.attach_stdin,
        "OpenStderr": request.attach_stderr,
        "OpenStdout": request.attach_stdout,
        "CanRemove": False,
        "ContainerID": container_id,
        "DetachKeys": request.detach_keys,
        "Pid": known["Pid"],
    }
