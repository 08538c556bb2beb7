"""`wherry attach` and `wherry start`."""

from __future__ import annotations

import sys

from wherry.cli.command import Call, Command, warn
from wherry.cli.commands.run import read_exit_code
from wherry.cli.errors import Refused, describe
from wherry.cli.flags import Flag
from wherry.cli.session import Session, check_input_terminal
from wherry.client import containers
from wherry.model.errors import WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _open_session(call: Call, container: str, config: dict[str, Any], *, stdin: bool) -> Session:
    engine = call.engine
    return Session(
        tty=bool(config.get("Tty")),
        stdin=stdin,
        detach_keys=call.flags.text("detach-keys"),
        resize=lambda rows, columns: containers.resize_container(
            engine, container, rows=rows, columns=columns
        ),
        kill=(lambda name: containers.kill_container(engine, container, name))
        if call.flags.switch("sig-proxy", True)
        else None,
    )


def _query(call: Call, *, stdin: bool) -> dict[str, Any]:
    return {
        "stream": True,
        "stdin": stdin,
        "stdout": True,
        "stderr": True,
        "detachKeys": call.flags.text("detach-keys") or None,
    }


def run_attach(call: Call) -> int:
    """Join a running container; its exit code when it ends meanwhile."""
    engine, container = call.engine, call.args[0]
    document = containers.inspect_container(engine, container)
    state, config = document["State"], document["Config"]
    if not state.get("Running"):
        raise Refused("cannot attach to a stopped container, start it first")
    if state.get("Paused"):
        raise Refused("cannot attach to a paused container, unpause it first")
    if state.get("Restarting"):
        raise Refused("cannot attach to a restarting container, wait until it is running")
    stdin = bool(config.get("OpenStdin")) and not call.flags.switch("no-stdin")
    check_input_terminal(tty=bool(config.get("Tty")), stdin=stdin)
    with _open_session(call, container, config, stdin=stdin) as session:
        waiting = containers.wait_for_container(engine, container)
        attached = containers.attach_container(engine, container, _query(call, stdin=stdin))
        session.fit(nudge=True)
        if session.run(attached):
            raise Refused("read escape sequence")
        return read_exit_code(waiting)


def run_start(call: Call) -> int:
    """Start containers; with `--attach` one, joined to our streams."""
    flags = call.flags
    if flags.switch("attach") or flags.switch("interactive"):
        if len(call.args) > 1:
            raise Refused("you cannot start and attach multiple containers at once")
        return _start_attached(call, call.args[0])
    failed: list[str] = []
    for name in call.args:
        try:
            containers.start_container(call.engine, name, detach_keys=flags.text("detach-keys"))
            print(name)
        except WherryError as error:
            warn(describe(error))
            failed.append(name)
    if failed:
        sys.stdout.flush()
        warn(f"Error: failed to start containers: {', '.join(failed)}")
    return 1 if failed else 0


def _start_attached(call: Call, wanted: str) -> int:
    engine = call.engine
    document = containers.inspect_container(engine, wanted)
    container, config = document["Id"], document["Config"]
    stdin = call.flags.switch("interactive") and bool(config.get("OpenStdin"))
    check_input_terminal(tty=bool(config.get("Tty")), stdin=stdin)
    removes = document.get("HostConfig", {}).get("AutoRemove")
    with _open_session(call, container, config, stdin=stdin) as session:
        attached = containers.attach_container(engine, container, _query(call, stdin=stdin))
        condition = "removed" if removes else "next-exit"
        waiting = containers.wait_for_container(engine, container, condition)
        try:
            containers.start_container(engine, container)
        except WherryError:
            waiting.close()
            raise
        session.fit()
        if session.run(attached):
            return 0
        return read_exit_code(waiting)


COMMANDS = {
    "attach": Command(
        run_attach,
        "[OPTIONS] CONTAINER",
        (
            Flag("detach-keys", "", "string", "Override the key sequence for detaching"),
            Flag("no-stdin", text="Do not attach STDIN"),
            Flag("sig-proxy", text="Proxy all received signals to the process", default="true"),
        ),
        least=1,
        most=1,
    ),
    "start": Command(
        run_start,
        "[OPTIONS] CONTAINER [CONTAINER...]",
        (
            Flag("attach", "a", text="Attach STDOUT/STDERR and forward signals"),
            Flag("detach-keys", "", "string", "Override the key sequence for detaching"),
            Flag("interactive", "i", text="Attach container's STDIN"),
        ),
        least=1,
        most=-1,
    ),
}
