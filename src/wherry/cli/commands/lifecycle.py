"""Commands that do one thing to each container named: stop, rm, kill, pause, wait …"""

from __future__ import annotations

from wherry.cli.command import Call, Command, warn
from wherry.cli.errors import describe
from wherry.cli.flags import Flag
from wherry.client import containers
from wherry.client.jsontext import decode_json
from wherry.model.errors import NotFound, WherryError


def run_stop(call: Call) -> int:
    """Stop, or restart, each; the daemon waits for the grace before it kills."""
    grace_s = call.flags.number("timeout") if "timeout" in call.flags.given else None

    def stop(name: str) -> None:
        containers.stop_container(
            call.engine,
            name,
            verb=call.path.rpartition(" ")[2],
            grace_s=grace_s,
            signal=call.flags.text("signal"),
        )
        print(name)

    return call.each(call.args, stop)


def run_kill(call: Call) -> int:
    """Send a signal to each."""

    def kill(name: str) -> None:
        containers.kill_container(call.engine, name, call.flags.text("signal"))
        print(name)

    return call.each(call.args, kill)


def run_rm(call: Call) -> int:
    """Remove each; with `--force` one that is not there is no failure."""
    flags = call.flags
    failed = 0
    for name in call.args:
        try:
            containers.remove_container(
                call.engine,
                name.strip("/"),
                force=flags.switch("force"),
                volumes=flags.switch("volumes"),
                link=flags.switch("link"),
            )
            print(name)
        except NotFound as error:
            warn(describe(error))
            failed = failed if flags.switch("force") else 1
        except WherryError as error:
            warn(describe(error))
            failed = 1
    return failed


def run_pause(call: Call) -> int:
    """Freeze each, or let it go on."""
    change = (
        containers.pause_container
        if call.path.rpartition(" ")[2] == "pause"
        else containers.unpause_container
    )

    def do(name: str) -> None:
        change(call.engine, name)
        print(name)

    return call.each(call.args, do)


def run_rename(call: Call) -> int:
    """One container, one new name."""
    old, new = call.args
    if not old.strip() or not new.strip():
        warn("Error: Neither old nor new names may be empty")
        return 1
    try:
        containers.rename_container(call.engine, old, new)
    except WherryError as error:
        warn(f"{describe(error)}\nError: failed to rename container named {old}")
        return 1
    return 0


def run_wait(call: Call) -> int:
    """Print each one's exit code when it has stopped."""

    def wait(name: str) -> None:
        document = decode_json(containers.wait_for_container(call.engine, name).read())
        complaint = (document.get("Error") or {}).get("Message")
        if complaint:
            raise WherryError(str(complaint))
        print(document["StatusCode"], flush=True)

    return call.each(call.args, wait)


_STOP_FLAGS = (
    Flag("signal", "s", "string", "Signal to send to the container"),
    Flag("timeout", "t", "int", "Seconds to wait before killing the container"),
    Flag("time", "", "int", "Seconds to wait before killing the container", hidden=True),
)
_SOME = "CONTAINER [CONTAINER...]"
COMMANDS = {
    "stop": Command(run_stop, f"[OPTIONS] {_SOME}", _STOP_FLAGS, least=1, most=-1),
    "restart": Command(run_stop, f"[OPTIONS] {_SOME}", _STOP_FLAGS, least=1, most=-1),
    "kill": Command(
        run_kill,
        f"[OPTIONS] {_SOME}",
        (Flag("signal", "s", "string", "Signal to send to the container"),),
        least=1,
        most=-1,
    ),
    "rm": Command(
        run_rm,
        f"[OPTIONS] {_SOME}",
        (
            Flag("force", "f", text="Force the removal of a running container (uses SIGKILL)"),
            Flag("link", "l", text="Remove the specified link"),
            Flag("volumes", "v", text="Remove anonymous volumes associated with the container"),
        ),
        least=1,
        most=-1,
    ),
    "pause": Command(run_pause, _SOME, least=1, most=-1),
    "unpause": Command(run_pause, _SOME, least=1, most=-1),
    "rename": Command(run_rename, "CONTAINER NEW_NAME", least=2, most=2),
    "wait": Command(run_wait, _SOME, least=1, most=-1),
}
