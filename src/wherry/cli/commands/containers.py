"""`wherry port`, `wherry top` and `wherry container prune`."""

from __future__ import annotations

import sys

from wherry.cli.command import Call, Command, confirm
from wherry.cli.errors import Refused
from wherry.cli.flags import Flag
from wherry.cli.format import render_table
from wherry.cli.units import format_size
from wherry.client import containers

_TOP_WIDTH = 20


def _format_bindings(bindings: list[dict[str, str]]) -> list[str]:
    lines = []
    for binding in bindings:
        address = binding["HostIp"]
        shown = f"[{address}]" if ":" in address else address
        lines.append(f"{shown}:{binding['HostPort']}")
    return lines


def run_port(call: Call) -> int:
    """Where ports are published: all, or of one."""
    name = call.args[0]
    document = containers.inspect_container(call.engine, name)
    ports = document["NetworkSettings"].get("Ports") or {}
    if len(call.args) > 1:
        number, _, transport = call.args[1].partition("/")
        if not number.isdigit():
            raise Refused(f"invalid port: '{call.args[1]}'")
        found = ports.get(f"{number}/{transport or 'tcp'}")
        if not found:
            raise Refused(f"Error: No public port '{call.args[1]}' published for {name}")
        for line in _format_bindings(found):
            print(line)
        return 0
    for port in sorted(ports, key=lambda p: (int(p.partition("/")[0]), p)):
        for line in _format_bindings(ports[port] or []):
            print(f"{port} -> {line}")
    return 0


def run_top(call: Call) -> int:
    """The processes of a container, as the host's ps shows them."""
    document = containers.list_processes(call.engine, call.args[0], " ".join(call.args[1:]))
    rows = [document["Titles"], *(document.get("Processes") or ())]
    sys.stdout.write(render_table(rows, least_width=_TOP_WIDTH))
    return 0


def run_prune(call: Call) -> int:
    """Remove every stopped container, after asking."""
    if not call.flags.switch("force") and not confirm("This will remove all stopped containers."):
        return 0
    report = containers.prune_containers(call.engine, call.flags.filters())
    print_pruned("Deleted Containers:", report.get("ContainersDeleted"), report)
    return 0


def print_pruned(title: str, names: list[str] | None, report: dict[str, int]) -> None:
    """What a prune took, and how much it freed."""
    if names:
        print(title)
        for name in names:
            print(name)
        print()
    print(f"Total reclaimed space: {format_size(report.get('SpaceReclaimed') or 0)}")


COMMANDS = {
    "port": Command(run_port, "CONTAINER [PRIVATE_PORT[/PROTO]]", least=1, most=2),
    "top": Command(run_top, "CONTAINER [ps OPTIONS]", least=1, most=-1, hands_on=True),
    "container prune": Command(
        run_prune,
        "[OPTIONS]",
        (
            Flag("filter", "", "filter", 'Provide filter values (e.g. "until=<timestamp>")'),
            Flag("force", "f", text="Do not prompt for confirmation"),
        ),
    ),
}
