"""The `wherry` command: global flags, finding the command, telling what went wrong.

Start-up time is a feature: a command's module is imported when the command is called, and
nothing on the way to `wherry ps` imports more than it uses.
"""

from __future__ import annotations

import os
import sys

from wherry.cli.catalog import ALIASES, CATALOG, GROUPS
from wherry.cli.command import Call, Command
from wherry.cli.flags import Flag, HelpAsked, UsageError, parse_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wherry.cli.flags import Values
    from wherry.http.client import TlsFiles

_INTERRUPTED = 130
_MISUSED = 125
_LEVELS = ("debug", "info", "warn", "error", "fatal")

GLOBAL_FLAGS = (
    Flag("config", "", "string", "Location of client config files"),
    Flag("context", "c", "string", "Name of the context to use", hidden=True),
    Flag("debug", "D", text="Enable debug mode"),
    Flag("host", "H", "list", "Daemon socket to connect to"),
    Flag("log-level", "l", "string", "Set the logging level", default='"info"'),
    Flag("tls", text="Use TLS; implied by --tlsverify"),
    Flag("tlscacert", "", "string", "Trust certs signed only by this CA"),
    Flag("tlscert", "", "string", "Path to TLS certificate file"),
    Flag("tlskey", "", "string", "Path to TLS key file"),
    Flag("tlsverify", text="Use TLS and verify the remote"),
    Flag("version", "v", text="Print version information and quit"),
)


def main() -> int:
    """Run the command line; the exit code."""
    try:
        code = run_command_line(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:
        # Who reads our output has enough. Python would complain again at its own end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    return code


def run_command_line(words: Sequence[str]) -> int:
    """`words` without the program's name; the exit code."""
    try:
        top = parse_flags(words, GLOBAL_FLAGS, interspersed=False)
    except UsageError as error:
        return _misused(str(error), "wherry", "[OPTIONS] COMMAND [ARG...]")
    except HelpAsked:
        from wherry.cli.help import print_help

        return print_help("")
    if top.switch("version"):
        from wherry.version import VERSION

        print(f"wherry version {VERSION}")
        return 0
    if top.text("log-level", "info") not in _LEVELS:
        print(f"Unable to parse logging level: {top.text('log-level')}", file=sys.stderr)
        return 1
    return _dispatch(top)


def _dispatch(top: Values) -> int:
    rest = top.args
    if not rest or rest[0] == "help":
        from wherry.cli.help import print_help

        return print_help(" ".join(rest[1:]))
    path, rest = rest[0], rest[1:]
    if path in GROUPS:
        if not rest or rest[0].startswith("-"):
            from wherry.cli.help import print_group

            return print_group(path, rest)
        path, rest = f"{path} {rest[0]}", rest[1:]
    command = find_command(path)
    if command is None:
        from wherry.cli.help import print_unknown

        return print_unknown(path)
    return _run(path, command, rest, top)


def find_command(path: str) -> Command | None:
    """The command at `path` (``ps``, ``container ls``), or None."""
    name = ALIASES.get(path, path)
    if name not in CATALOG:
        return None
    module = __import__(f"wherry.cli.commands.{CATALOG[name][0]}", fromlist=("COMMANDS",))
    command: Command = module.COMMANDS[name]
    return command


def _run(path: str, command: Command, rest: Sequence[str], top: Values) -> int:
    try:
        flags = parse_flags(rest, command.list_flags(), interspersed=not command.hands_on)
    except UsageError as error:
        return _misused(str(error), f"wherry {path}", command.usage)
    except HelpAsked as asked:
        from wherry.cli.help import print_help

        if asked.short:
            print("Flag shorthand -h has been deprecated, use --help", file=sys.stderr)
        return print_help(path)
    if complaint := _count_complaint(path, command, len(flags.args)):
        print(complaint, file=sys.stderr)
        return 1
    from wherry.model.errors import WherryError

    try:
        return command.run(_prepare_call(path, flags, top))
    except WherryError as error:
        from wherry.cli.errors import describe, exit_code

        print(describe(error), file=sys.stderr)
        if error.hint and sys.stderr.isatty():
            print(f"hint: {error.hint}", file=sys.stderr)
        return exit_code(error)


def _prepare_call(path: str, flags: Values, top: Values) -> Call:
    from wherry.cli.errors import Refused
    from wherry.client.engine import DEFAULT_HOST

    environment = os.environ
    hosts = top.many("host")
    if len(hosts) > 1:
        raise Refused("Specify only one -H")
    host = hosts[0] if hosts else environment.get("WHERRY_HOST") or environment.get("DOCKER_HOST")
    return Call(
        path,
        flags,
        host=host or DEFAULT_HOST,
        tls=_find_tls(top),
        version=environment.get("DOCKER_API_VERSION", "").lstrip("v") or None,
    )


def _find_tls(top: Values) -> TlsFiles | None:
    verify = top.switch("tlsverify", bool(os.environ.get("DOCKER_TLS_VERIFY")))
    if not (verify or top.switch("tls") or os.environ.get("DOCKER_TLS")):
        return None
    from wherry.http.client import TlsFiles

    folder = os.environ.get("DOCKER_CERT_PATH") or os.path.expanduser("~/.docker")
    return TlsFiles(
        ca=top.text("tlscacert", f"{folder}/ca.pem"),
        cert=top.text("tlscert", f"{folder}/cert.pem"),
        key=top.text("tlskey", f"{folder}/key.pem"),
        verify=verify,
    )


def _misused(message: str, path: str, usage: str) -> int:
    print(
        f"{message}\n\nUsage:  {path} {usage}\n\nRun '{path} --help' for more information",
        file=sys.stderr,
    )
    return _MISUSED


def _count_complaint(path: str, command: Command, count: int) -> str:
    """Docker's words for too few or too many arguments; empty when the number is right."""
    least, most = command.least, command.most
    if count >= least and (most < 0 or count <= most):
        return ""
    plural = "" if least == 1 else "s"
    see = "Run"
    if most == 0:
        wanted = "accepts no arguments"
    elif most < 0:
        wanted, see = f"requires at least {least} argument{plural}", "See"
    elif least == most:
        wanted = f"requires {least} argument{plural}"
    elif least == 0:
        wanted = f"requires at most {most} argument{'' if most == 1 else 's'}"
    else:
        wanted = f"requires at least {least} and at most {most} arguments"
    name = f"wherry {path}"
    return (
        f"wherry: '{name}' {wanted}\n\nUsage:  {name} {command.usage}\n\n"
        f"{see} '{name} --help' for more information"
    )


if __name__ == "__main__":
    sys.exit(main())
