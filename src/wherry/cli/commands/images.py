"""`wherry images`, `rmi`, `tag`, `history` and `image prune`."""

from __future__ import annotations

import sys

from wherry.cli.command import Call, Command, confirm, warn
from wherry.cli.errors import describe
from wherry.cli.flags import Flag
from wherry.cli.format import Listing, ellipsis, print_listing, short_id
from wherry.cli.units import format_age, format_size, format_time
from wherry.client import images
from wherry.model.errors import NotFound, WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Document = dict[str, Any]

_NONE = "<none>"
_CREATED_BY_WIDTH = 45


def _id(document: Document, truncate: bool) -> str:
    return short_id(document["Id"]) if truncate else str(document["Id"])


def _size_column(field: str, digits: int = 3) -> Any:
    def column(document: Document, _: bool) -> str:
        value = document.get(field, -1)
        return format_size(value, digits=digits) if value is not None and value >= 0 else "N/A"

    return column


def _since(document: Document, _: bool) -> str:
    created = document.get("Created", 0)
    return format_age(created) if created > 0 else "N/A"


def _count(document: Document, _: bool) -> str:
    count = document.get("Containers", -1)
    return "N/A" if count == -1 else str(count)


def _unique(document: Document, _: bool) -> str:
    size, shared = document.get("Size", -1), document.get("SharedSize", -1)
    return format_size(size - shared) if size >= 0 and shared >= 0 else "N/A"


LISTING = Listing(
    "*formatter.imageContext",
    {
        "ID": ("IMAGE ID", _id),
        "Repository": ("REPOSITORY", lambda d, _: str(d.get("repository", _NONE))),
        "Tag": ("TAG", lambda d, _: str(d.get("tag", _NONE))),
        "Digest": ("DIGEST", lambda d, _: str(d.get("digest", _NONE))),
        "CreatedSince": ("CREATED", _since),
        "CreatedAt": ("CREATED AT", lambda d, _: format_time(d.get("Created", 0))),
        "Size": ("SIZE", _size_column("Size")),
        "Containers": ("CONTAINERS", _count),
        "SharedSize": ("SHARED SIZE", _size_column("SharedSize", 4)),
        "UniqueSize": ("UNIQUE SIZE", _unique),
        "VirtualSize": ("SIZE", _size_column("Size", 4)),
    },
    ("Repository", "Tag", "ID", "CreatedSince", "Size"),
)


def spread_names(documents: list[Document], *, digests: bool) -> Iterator[Document]:
    """One row for each name: an image has as many as it has tags, and none may be one too."""
    for document in documents:
        tags = [tag for tag in document.get("RepoTags") or () if tag != f"{_NONE}:{_NONE}"]
        named = [d for d in document.get("RepoDigests") or () if not d.startswith(_NONE)]
        if not tags and not named:
            yield {**document, "repository": _NONE, "tag": _NONE, "digest": _NONE}
            continue
        by_repository: dict[str, list[str]] = {}
        for name in named:
            repository, _, digest = name.partition("@")
            by_repository.setdefault(repository, []).append(digest)
        covered = set()
        for name in tags:
            repository, _, tag = name.rpartition(":")
            covered.add(repository)
            known = by_repository.get(repository, []) if digests else []
            for digest in known or [_NONE]:
                yield {**document, "repository": repository, "tag": tag, "digest": digest}
        for repository, rest in by_repository.items():
            if repository not in covered:
                for digest in rest if digests else rest[:1]:
                    yield {**document, "repository": repository, "tag": _NONE, "digest": digest}


def run_images(call: Call) -> int:
    """List images, one row a name."""
    flags = call.flags
    filters = flags.filters()
    if call.args:
        filters["reference"] = [*filters.get("reference", ()), call.args[0]]
    digests = flags.switch("digests") or ".Digest" in flags.text("format")
    documents = images.list_images(call.engine, everything=flags.switch("all"), filters=filters)
    truncate = not flags.switch("no-trunc")
    rows = list(spread_names(documents, digests=digests))
    if flags.switch("quiet"):
        for row in rows:
            print(_id(row, truncate))
        return 0
    columns = ("Repository", "Tag", "Digest", "ID", "CreatedSince", "Size")
    shown = columns if flags.switch("digests") else ()
    print_listing(LISTING, rows, style=flags.text("format"), truncate=truncate, shown=shown)
    return 0


def run_rmi(call: Call) -> int:
    """Remove names, and images that lose their last one."""
    flags = call.flags
    failed = 0
    for name in call.args:
        try:
            gone = images.remove_image(
                call.engine,
                name,
                force=flags.switch("force"),
                keep_parents=flags.switch("no-prune"),
                platforms=flags.many("platform"),
            )
        except WherryError as error:
            sys.stdout.flush()
            warn(describe(error))
            if not (flags.switch("force") and isinstance(error, NotFound)):
                failed = 1
            continue
        _print_gone(gone)
    return failed


def _print_gone(gone: list[dict[str, str]] | None) -> None:
    for entry in gone or ():
        for verb in ("Untagged", "Deleted"):
            if verb in entry:
                print(f"{verb}: {entry[verb]}")


def run_tag(call: Call) -> int:
    """One more name."""
    from wherry.cli.pulling import split_reference

    repository, tag = split_reference(call.args[1])
    images.tag_image(call.engine, call.args[0], repository=repository, tag=tag or "latest")
    return 0


def _created_by(document: Document, truncate: bool) -> str:
    text = str(document.get("CreatedBy") or "").replace("\t", " ")
    return ellipsis(text, _CREATED_BY_WIDTH) if truncate else text


def _history_id(document: Document, truncate: bool) -> str:
    wanted = str(document.get("Id", ""))
    return short_id(wanted) if truncate else wanted


def _history_listing(*, human: bool) -> Listing:
    def created(document: Document, _: bool) -> str:
        if not human:
            return _rfc3339(document.get("Created", 0))
        return format_age(document["Created"]) if document.get("Created", 0) > 0 else ""

    def size(document: Document, _: bool) -> str:
        value = document.get("Size", 0)
        return format_size(value, digits=3) if human else str(value)

    return Listing(
        "*formatter.historyContext",
        {
            "ID": ("IMAGE", _history_id),
            "CreatedSince": ("CREATED" if human else "CREATED AT", created),
            "CreatedAt": ("CREATED AT", lambda d, _: _rfc3339(d.get("Created", 0))),
            "CreatedBy": ("CREATED BY", _created_by),
            "Size": ("SIZE", size),
            "Comment": ("COMMENT", lambda d, _: str(d.get("Comment") or "")),
        },
        ("ID", "CreatedSince", "CreatedBy", "Size", "Comment"),
    )


def _rfc3339(moment_s: int) -> str:
    import time

    local = time.localtime(moment_s)
    zone = time.strftime("%z", local)
    zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + zone


def run_history(call: Call) -> int:
    """The layers of an image, newest first."""
    flags = call.flags
    rows = images.read_history(call.engine, call.args[0], platform=flags.text("platform"))
    truncate = not flags.switch("no-trunc")
    if flags.switch("quiet"):
        for row in rows:
            print(_history_id(row, truncate))
        return 0
    listing = _history_listing(human=flags.switch("human", True))
    print_listing(listing, rows, style=flags.text("format"), truncate=truncate)
    return 0


def run_prune(call: Call) -> int:
    """Remove unused images, after asking."""
    flags = call.flags
    everything = flags.switch("all")
    what = (
        "all images without at least one container associated to them"
        if everything
        else ("all dangling images")
    )
    if not flags.switch("force") and not confirm(f"This will remove {what}."):
        return 0
    filters = {**flags.filters(), "dangling": ["false" if everything else "true"]}
    report = images.prune_images(call.engine, filters)
    if report.get("ImagesDeleted"):
        print("Deleted Images:")
        for entry in report["ImagesDeleted"]:
            for verb in ("Untagged", "Deleted"):
                if entry.get(verb):
                    print(f"{verb.lower()}: {entry[verb]}")
        print()
    print(f"Total reclaimed space: {format_size(report.get('SpaceReclaimed') or 0)}")
    return 0


_FORMAT = Flag("format", "", "string", "Format output: table [TEMPLATE], json, or a template")
_NO_TRUNC = Flag("no-trunc", text="Don't truncate output")
_QUIET = Flag("quiet", "q", text="Only show image IDs")
COMMANDS = {
    "images": Command(
        run_images,
        "[OPTIONS] [REPOSITORY[:TAG]]",
        (
            Flag("all", "a", text="Show all images (default hides intermediate images)"),
            Flag("digests", text="Show digests"),
            Flag("filter", "f", "filter", "Filter output based on conditions provided"),
            _FORMAT,
            _NO_TRUNC,
            _QUIET,
            Flag("tree", text="List multi-platform images as a tree", hidden=True),
        ),
        most=1,
    ),
    "rmi": Command(
        run_rmi,
        "[OPTIONS] IMAGE [IMAGE...]",
        (
            Flag("force", "f", text="Force removal of the image"),
            Flag("no-prune", text="Do not delete untagged parents"),
            Flag("platform", "", "strings", "Remove only the given platform variant"),
        ),
        least=1,
        most=-1,
    ),
    "tag": Command(run_tag, "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", least=2, most=2),
    "history": Command(
        run_history,
        "[OPTIONS] IMAGE",
        (
            _FORMAT,
            Flag(
                "human",
                "H",
                text="Print sizes and dates in human readable format",
                default="true",
            ),
            _NO_TRUNC,
            Flag("platform", "", "string", "Show history for the given platform"),
            _QUIET,
        ),
        least=1,
        most=1,
    ),
    "image prune": Command(
        run_prune,
        "[OPTIONS]",
        (
            Flag("all", "a", text="Remove all unused images, not just dangling ones"),
            Flag("filter", "", "filter", 'Provide filter values (e.g. "until=<timestamp>")'),
            Flag("force", "f", text="Do not prompt for confirmation"),
        ),
    ),
}
