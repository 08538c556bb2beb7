"""`wherry logs`."""

from __future__ import annotations

from wherry.cli.command import Call, Command
from wherry.cli.errors import Refused
from wherry.cli.flags import Flag
from wherry.cli.moments import parse_moment
from wherry.cli.streams import write_all
from wherry.client import containers
from wherry.client.frames import STDERR, FrameDecoder


def run_logs(call: Call) -> int:
    """Write what the container wrote, each stream to its own; with `--follow` until it ends."""
    flags, name = call.flags, call.args[0]
    document = containers.inspect_container(call.engine, name)
    query = {
        "stdout": True,
        "stderr": True,
        "follow": flags.switch("follow"),
        "timestamps": flags.switch("timestamps"),
        "details": flags.switch("details"),
        "tail": flags.text("tail", "all"),
    }
    for bound in ("since", "until"):
        if flags.text(bound):
            try:
                query[bound] = parse_moment(flags.text(bound))
            except ValueError as error:
                raise Refused(f'invalid value for "{bound}": {error}') from None
    response = containers.read_logs(call.engine, document["Id"], query)
    if (document.get("Config") or {}).get("Tty"):
        for data in response.chunks():
            write_all(1, data)
        return 0
    decoder = FrameDecoder()
    for data in response.chunks():
        for stream, piece in decoder.feed(data):
            write_all(2 if stream >= STDERR else 1, piece)
    return 0


COMMANDS = {
    "logs": Command(
        run_logs,
        "[OPTIONS] CONTAINER",
        (
            Flag("details", text="Show extra details provided to logs"),
            Flag("follow", "f", text="Follow log output"),
            Flag("since", "", "string", "Show logs since a timestamp or relative (e.g. 42m)"),
            Flag(
                "tail",
                "n",
                "string",
                "Number of lines to show from the end of the logs",
                default='"all"',
            ),
            Flag("timestamps", "t", text="Show timestamps"),
            Flag("until", "", "string", "Show logs before a timestamp or relative (e.g. 42m)"),
        ),
        least=1,
        most=1,
    )
}
