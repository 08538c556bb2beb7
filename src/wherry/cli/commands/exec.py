"""`wherry exec`."""

from __future__ import annotations

from wherry.cli.command import Call, Command
from wherry.cli.errors import Refused
from wherry.cli.flags import Flag
from wherry.cli.session import Session, check_input_terminal
from wherry.cli.terminal import read_size
from wherry.cli.values import parse_environment, read_pairs
from wherry.client import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FAILED = 125
_RESIZE_TRIES = 10


def _plan_exec(call: Call) -> dict[str, Any]:
    flags = call.flags
    detached, tty = flags.switch("detach"), flags.switch("tty")
    try:
        environment = read_pairs(flags.many("env-file"), from_environment=True)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise Refused(f"open {error.filename}: {reason}", code=_FAILED) from None
    except ValueError as error:
        raise Refused(str(error), code=_FAILED) from None
    body: dict[str, Any] = {
        "User": flags.text("user"),
        "Privileged": flags.switch("privileged"),
        "Tty": tty,
        "AttachStdin": flags.switch("interactive") and not detached,
        "AttachStdout": not detached,
        "AttachStderr": not detached,
        "Detach": detached,
        "DetachKeys": flags.text("detach-keys"),
        "Env": environment + flags.many("env"),
        "WorkingDir": flags.text("workdir"),
        "Cmd": call.args[1:],
    }
    size = read_size()
    if tty and not detached and size:
        body["ConsoleSize"] = list(size)
    return body


def run_exec(call: Call) -> int:
    """Run a command in a running container; its exit code."""
    body = _plan_exec(call)
    engine = call.engine
    detached = body["Detach"]
    if not detached:
        check_input_terminal(tty=body["Tty"], stdin=body["AttachStdin"])
    exec_id = containers.create_exec(engine, call.args[0], body)
    start: dict[str, Any] = {"Detach": detached, "Tty": body["Tty"]}
    if "ConsoleSize" in body:
        start["ConsoleSize"] = body["ConsoleSize"]
    if detached:
        containers.start_exec(engine, exec_id, start).read()
        return 0
    with Session(
        tty=body["Tty"],
        stdin=body["AttachStdin"],
        detach_keys=body["DetachKeys"],
        resize=lambda rows, columns: containers.resize_exec(
            engine, exec_id, rows=rows, columns=columns
        ),
    ) as session:
        attached = containers.start_exec(engine, exec_id, start)
        session.fit(tries=_RESIZE_TRIES)
        if session.run(attached):
            raise Refused("read escape sequence")
    return int(containers.inspect_exec(engine, exec_id).get("ExitCode") or 0)


COMMANDS = {
    "exec": Command(
        run_exec,
        "[OPTIONS] CONTAINER COMMAND [ARG...]",
        (
            Flag("detach", "d", text="Detached mode: run command in the background"),
            Flag("detach-keys", "", "string", "Override the key sequence for detaching"),
            Flag("env", "e", "list", "Set environment variables", convert=parse_environment),
            Flag("env-file", "", "list", "Read in a file of environment variables"),
            Flag("interactive", "i", text="Keep STDIN open even if not attached"),
            Flag("privileged", text="Give extended privileges to the command"),
            Flag("tty", "t", text="Allocate a pseudo-TTY"),
            Flag("user", "u", "string", "Username or UID (format: <name|uid>[:<group|gid>])"),
            Flag("workdir", "w", "string", "Working directory inside the container"),
        ),
        least=2,
        most=-1,
        hands_on=True,
    )
}
