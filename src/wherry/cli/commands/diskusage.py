"""`wherry system df`."""

from __future__ import annotations

import sys

from wherry.cli.command import Call, Command
from wherry.cli.commands import images as image_commands
from wherry.cli.commands import ps
from wherry.cli.flags import Flag
from wherry.cli.format import Listing, print_listing, render_table, short_id
from wherry.cli.units import format_size
from wherry.client.system import read_disk_usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Document = dict[str, Any]

_RUNNING = ("running", "paused", "restarting")


def _reclaimable(document: Document, _: bool) -> str:
    free, total = document["free"], document["size"]
    if document["percent"] and total > 0:
        return f"{format_size(free)} ({free * 100 // total}%)"
    return format_size(free)


LISTING = Listing(
    "*formatter.diskUsageContext",
    {
        "Type": ("TYPE", lambda d, _: str(d["type"])),
        "TotalCount": ("TOTAL", lambda d, _: str(d["total"])),
        "Active": ("ACTIVE", lambda d, _: str(d["active"])),
        "Size": ("SIZE", lambda d, _: format_size(d["size"])),
        "Reclaimable": ("RECLAIMABLE", _reclaimable),
    },
    ("Type", "TotalCount", "Active", "Size", "Reclaimable"),
)


def summarize(usage: Document) -> list[Document]:
    """One row for each kind of thing that takes room."""
    images = usage.get("Images") or []
    containers = usage.get("Containers") or []
    volumes = usage.get("Volumes") or []
    caches = usage.get("BuildCache") or []
    layers = usage.get("LayersSize") or 0
    used = sum(
        image["Size"] - max(image.get("SharedSize", 0), 0)
        for image in images
        if image.get("Containers", 0) > 0
    )
    running = [c for c in containers if c.get("State") in _RUNNING]
    volume_sizes = [
        (v["UsageData"]["Size"], v["UsageData"]["RefCount"])
        for v in volumes
        if v.get("UsageData") and v["UsageData"]["Size"] >= 0
    ]
    return [
        _row(
            "Images",
            len(images),
            sum(image.get("Containers", 0) > 0 for image in images),
            layers,
            max(layers - used, 0) if used else layers,
        ),
        _row(
            "Containers",
            len(containers),
            len(running),
            sum(c.get("SizeRw", 0) for c in containers),
            sum(c.get("SizeRw", 0) for c in containers if c not in running),
        ),
        _row(
            "Local Volumes",
            len(volumes),
            sum(bool((v.get("UsageData") or {}).get("RefCount", 0) > 0) for v in volumes),
            sum(size for size, _ in volume_sizes),
            sum(size for size, links in volume_sizes if links == 0),
        ),
        _row(
            "Build Cache",
            len(caches),
            sum(bool(cache.get("InUse")) for cache in caches),
            sum(cache["Size"] for cache in caches if not cache.get("Shared")),
            sum(c["Size"] for c in caches if not c.get("InUse") and not c.get("Shared")),
            percent=False,
        ),
    ]


def _row(
    kind: str, total: int, active: int, size: int, free: int, *, percent: bool = True
) -> Document:
    return {
        "type": kind,
        "total": total,
        "active": active,
        "size": size,
        "free": free,
        "percent": percent,
    }


def run_df(call: Call) -> int:
    """How much room images, containers and volumes take."""
    usage = read_disk_usage(call.engine)
    style = call.flags.text("format")
    if call.flags.switch("verbose") and style != "json":
        _print_details(usage)
        return 0
    print_listing(LISTING, summarize(usage), style=style)
    return 0


def _print_details(usage: Document) -> None:
    rows = list(image_commands.spread_names(usage.get("Images") or [], digests=False))
    names = (
        "Repository",
        "Tag",
        "ID",
        "CreatedSince",
        "Size",
        "SharedSize",
        "UniqueSize",
        "Containers",
    )
    _print_section("Images space usage:", image_commands.LISTING, names, rows)
    print()
    names = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")
    sized = [{**c, "SizeRootFs": 0} for c in usage.get("Containers") or []]
    _print_section("Containers space usage:", ps.LISTING, names, sized)
    print()
    from wherry.cli.commands import volumes

    found = usage.get("Volumes") or []
    _print_section("Local Volumes space usage:", volumes.LISTING, ("Name", "Links", "Size"), found)
    caches = usage.get("BuildCache") or []
    total = sum(cache["Size"] for cache in caches if not cache.get("Shared"))
    print(f"\nBuild cache usage: {format_size(total)}\n")
    table = [["CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"]]
    table += [
        [
            short_id(cache["ID"]),
            str(cache.get("Type", "")),
            format_size(cache["Size"]),
            "",
            "",
            str(cache.get("UsageCount", 0)),
            "true" if cache.get("Shared") else "false",
        ]
        for cache in caches
    ]
    sys.stdout.write(render_table(table))


def _print_section(
    title: str, listing: Listing, names: Sequence[str], rows: Sequence[Document]
) -> None:
    print(f"{title}\n")
    print_listing(listing, rows, shown=names)


COMMANDS = {
    "system df": Command(
        run_df,
        "[OPTIONS]",
        (
            Flag("format", "", "string", "Format output: table [TEMPLATE], json, or a template"),
            Flag("verbose", "v", text="Show detailed information on space usage"),
        ),
    )
}
