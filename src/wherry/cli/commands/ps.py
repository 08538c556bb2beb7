"""`wherry ps`."""

from __future__ import annotations

from wherry.cli.command import Call, Command
from wherry.cli.flags import Flag
from wherry.cli.format import (
    Listing,
    ellipsis,
    go_quote,
    join_labels,
    print_listing,
    short_id,
)
from wherry.cli.units import format_age, format_size, format_time
from wherry.client.containers import list_containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Document = dict[str, Any]

_COMMAND_WIDTH = 20
_MOUNT_WIDTH = 15


def _id(document: Document, truncate: bool) -> str:
    return short_id(document["Id"]) if truncate else str(document["Id"])


def _names(document: Document, truncate: bool) -> str:
    names = [name.lstrip("/") for name in document.get("Names") or ()]
    if truncate:
        names = [name for name in names if "/" not in name]
    return ",".join(names)


def _image(document: Document, truncate: bool) -> str:
    image = str(document.get("Image") or "")
    if not image:
        return "<no image>"
    if truncate:
        wanted = short_id(str(document.get("ImageID", "")))
        if wanted and short_id(image) == wanted:
            return wanted
        plain, at, _ = image.partition("@")
        if at and ":" in plain.rpartition("/")[2]:
            return plain
    return image


def _command(document: Document, truncate: bool) -> str:
    command = str(document.get("Command") or "")
    return go_quote(ellipsis(command, _COMMAND_WIDTH) if truncate else command)


def _size(document: Document, _: bool) -> str:
    size = format_size(document.get("SizeRw", 0), digits=3)
    total = document.get("SizeRootFs", 0)
    return f"{size} (virtual {format_size(total, digits=3)})" if total > 0 else size


def _mounts(document: Document, truncate: bool) -> str:
    names = [mount.get("Name") or mount.get("Source", "") for mount in document.get("Mounts") or ()]
    return ",".join(ellipsis(name, _MOUNT_WIDTH) if truncate else name for name in names)


def _local_volumes(document: Document, _: bool) -> str:
    return str(sum(mount.get("Driver") == "local" for mount in document.get("Mounts") or ()))


def _networks(document: Document, _: bool) -> str:
    return ",".join(sorted((document.get("NetworkSettings") or {}).get("Networks") or ()))


def _platform(document: Document, _: bool) -> str:
    platform = (document.get("ImageManifestDescriptor") or {}).get("platform") or {}
    parts = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
    return "/".join(part for part in parts if part)


def _ports(document: Document, _: bool) -> str:
    return format_ports(document.get("Ports") or ())


def format_ports(ports: Any) -> str:
    """Published ports, runs of neighbours drawn together: ``0.0.0.0:80-82->80-82/tcp``."""
    order = sorted(
        ports,
        key=lambda p: (p["PrivatePort"], p.get("IP", ""), p.get("PublicPort", 0), p["Type"]),
    )
    alone: list[str] = []
    runs: dict[str, list[int]] = {}
    drawn: list[str] = []
    for port in order:
        private, public = port["PrivatePort"], port.get("PublicPort", 0)
        address, kind = port.get("IP", ""), port["Type"]
        if address and public != private:
            alone.append(f"{_bracketed(address)}:{public}->{private}/{kind}")
            continue
        key = f"{address}/{kind}"
        run = runs.get(key)
        if run is not None and private == run[1] + 1:
            run[1] = private
            continue
        if run is not None:
            drawn.append(_format_run(key, *run))
        runs[key] = [private, private]
    drawn += [_format_run(key, first, last) for key, (first, last) in runs.items()]
    return ", ".join(drawn + alone)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _format_run(key: str, first: int, last: int) -> str:
    address, _, kind = key.rpartition("/")
    span = str(first) if first == last else f"{first}-{last}"
    return f"{_bracketed(address)}:{span}->{span}/{kind}" if address else f"{span}/{kind}"


LISTING = Listing(
    "*formatter.ContainerContext",
    {
        "ID": ("CONTAINER ID", _id),
        "Image": ("IMAGE", _image),
        "Command": ("COMMAND", _command),
        "RunningFor": ("CREATED", lambda d, _: format_age(d.get("Created", 0))),
        "Status": ("STATUS", lambda d, _: str(d.get("Status", ""))),
        "Ports": ("PORTS", _ports),
        "Names": ("NAMES", _names),
        "Size": ("SIZE", _size),
        "CreatedAt": ("CREATED AT", lambda d, _: format_time(d.get("Created", 0))),
        "State": ("STATE", lambda d, _: str(d.get("State", ""))),
        "Labels": ("LABELS", lambda d, _: join_labels(d.get("Labels"))),
        "Mounts": ("MOUNTS", _mounts),
        "LocalVolumes": ("LOCAL VOLUMES", _local_volumes),
        "Networks": ("NETWORKS", _networks),
        "Platform": ("PLATFORM", _platform),
    },
    ("ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"),
)


def run_ps(call: Call) -> int:
    """List containers; `--latest` and `--last` also show stopped ones."""
    flags = call.flags
    limit = 1 if flags.switch("latest") else flags.number("last", -1)
    style = flags.text("format")
    documents = list_containers(
        call.engine,
        everything=flags.switch("all"),
        limit=limit if limit > 0 else None,
        size=flags.switch("size") or ".Size" in style,
        filters=flags.filters(),
    )
    truncate = not flags.switch("no-trunc")
    if flags.switch("quiet"):
        for document in documents:
            print(_id(document, truncate))
        return 0
    shown = (*LISTING.shown, "Size") if flags.switch("size") else ()
    print_listing(LISTING, documents, style=style, truncate=truncate, shown=shown)
    return 0


COMMANDS = {
    "ps": Command(
        run_ps,
        "[OPTIONS]",
        (
            Flag("all", "a", text="Show all containers (default shows just running)"),
            Flag("filter", "f", "filter", "Filter output based on conditions provided"),
            Flag("format", "", "string", "Format output: table [TEMPLATE], json, or a template"),
            Flag(
                "last",
                "n",
                "int",
                "Show n last created containers (includes all states)",
                default="-1",
            ),
            Flag("latest", "l", text="Show the latest created container (includes all states)"),
            Flag("no-trunc", text="Don't truncate output"),
            Flag("quiet", "q", text="Only display container IDs"),
            Flag("size", "s", text="Display total file sizes"),
        ),
    )
}
