"""`wherry volume ls|create|rm|prune`."""

from __future__ import annotations

from wherry.cli.command import Call, Command, confirm
from wherry.cli.commands.containers import print_pruned
from wherry.cli.errors import Refused
from wherry.cli.flags import Flag
from wherry.cli.format import Listing, join_labels, natural_order, print_listing
from wherry.cli.units import format_size
from wherry.cli.values import parse_label
from wherry.client import volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Document = dict[str, Any]


def _size(document: Document, _: bool) -> str:
    usage = document.get("UsageData")
    return "N/A" if not usage else format_size(usage["Size"]) if usage["Size"] >= 0 else "N/A"


def _links(document: Document, _: bool) -> str:
    usage = document.get("UsageData")
    return str(usage["RefCount"]) if usage else "N/A"


def _text(field: str) -> Any:
    return lambda document, _: str(document.get(field) or "")


LISTING = Listing(
    "*formatter.volumeContext",
    {
        "Name": ("VOLUME NAME", _text("Name")),
        "Driver": ("DRIVER", _text("Driver")),
        "Scope": ("SCOPE", _text("Scope")),
        "Mountpoint": ("MOUNTPOINT", _text("Mountpoint")),
        "Labels": ("LABELS", lambda d, _: join_labels(d.get("Labels"))),
        "Links": ("LINKS", _links),
        "Size": ("SIZE", _size),
        "Availability": ("AVAILABILITY", lambda *_: "N/A"),
        "Group": ("GROUP", lambda *_: "N/A"),
        "Status": ("STATUS", lambda *_: "N/A"),
    },
    ("Driver", "Name"),
)


def run_ls(call: Call) -> int:
    """List volumes by name."""
    flags = call.flags
    found = volumes.list_volumes(call.engine, flags.filters())
    found.sort(key=lambda document: natural_order(str(document["Name"])))
    if flags.switch("quiet"):
        for document in found:
            print(document["Name"])
        return 0
    print_listing(LISTING, found, style=flags.text("format"))
    return 0


def run_create(call: Call) -> int:
    """Make one; without a name it gets a random one."""
    flags = call.flags
    if call.args and flags.text("name"):
        raise Refused(
            "conflicting options: cannot specify a volume-name through both --name and as "
            "a positional arg"
        )
    body = {
        "Name": call.args[0] if call.args else flags.text("name"),
        "Driver": flags.text("driver", "local"),
        "DriverOpts": dict(flags.many("opt")),
        "Labels": dict(flags.many("label")),
    }
    print(volumes.create_volume(call.engine, body)["Name"])
    return 0


def run_rm(call: Call) -> int:
    """Remove each."""

    def remove(name: str) -> None:
        volumes.remove_volume(call.engine, name, force=call.flags.switch("force"))
        print(name)

    return call.each(call.args, remove)


def run_prune(call: Call) -> int:
    """Remove unused volumes, after asking: the anonymous ones, or all."""
    flags = call.flags
    everything = flags.switch("all")
    what = "all local volumes" if everything else "anonymous local volumes"
    if not flags.switch("force") and not confirm(
        f"This will remove {what} not used by at least one container."
    ):
        return 0
    filters = flags.filters()
    if everything:
        filters["all"] = ["true"]
    report = volumes.prune_volumes(call.engine, filters)
    print_pruned("Deleted Volumes:", report.get("VolumesDeleted"), report)
    return 0


_FORCE = Flag("force", "f", text="Do not prompt for confirmation")
COMMANDS = {
    "volume ls": Command(
        run_ls,
        "[OPTIONS]",
        (
            Flag("cluster", text="Display only cluster volumes", hidden=True),
            Flag("filter", "f", "filter", 'Provide filter values (e.g. "dangling=true")'),
            Flag("format", "", "string", "Format output: table [TEMPLATE], json, or a template"),
            Flag("quiet", "q", text="Only display volume names"),
        ),
    ),
    "volume create": Command(
        run_create,
        "[OPTIONS] [VOLUME]",
        (
            Flag("driver", "d", "string", "Specify volume driver name", default='"local"'),
            Flag("label", "", "list", "Set metadata for a volume", convert=parse_label),
            Flag("name", "", "string", "Specify volume name", hidden=True),
            Flag("opt", "o", "map", "Set driver specific options"),
        ),
        most=1,
    ),
    "volume rm": Command(
        run_rm,
        "[OPTIONS] VOLUME [VOLUME...]",
        (Flag("force", "f", text="Force the removal of one or more volumes"),),
        least=1,
        most=-1,
    ),
    "volume prune": Command(
        run_prune,
        "[OPTIONS]",
        (
            Flag("all", "a", text="Remove all unused volumes, not just anonymous ones"),
            Flag("filter", "", "filter", 'Provide filter values (e.g. "label=<label>")'),
            _FORCE,
        ),
    ),
}
