"""Lists and documents filled into a user's template."""

from __future__ import annotations

import sys

from wherry.cli.errors import Refused
from wherry.cli.format import Listing, render_table
from wherry.cli.templatefunctions import FUNCTIONS, Nil, NilList, NilMap, Record
from wherry.cli.templates import Template, TemplateError, parse_template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class _Row:
    """One document as a template sees it: the fields are the listing's columns."""

    def __init__(self, listing: Listing, document: dict[str, Any] | None, truncate: bool) -> None:
        self._listing, self._document, self._truncate = listing, document, truncate
        self.go_type = listing.go_type

    def find_field(self, name: str) -> Any:
        if self._document is None:
            return self._listing.columns[name][0] if name != "Label" else str
        if name == "Label":
            return lambda label: (self._document.get("Labels") or {}).get(label, "")
        _, column = self._listing.columns[name]
        return column(self._document, self._truncate)

    def list_values(self) -> dict[str, str]:
        if self._document is None:
            return {}
        return {
            name: column(self._document, self._truncate)
            for name, (_, column) in sorted(self._listing.columns.items())
        }


def _same(value: Any, *_: Any) -> Any:
    return value


_HEADER_FUNCTIONS: dict[str, Callable[..., Any]] = dict.fromkeys(
    ("json", "split", "join", "title", "lower", "upper", "truncate"), _same
)
"""A header passes through: ``{{.ID | lower}}`` is still headed CONTAINER ID."""


def print_by_template(
    listing: Listing, documents: Sequence[dict[str, Any]], style: str, truncate: bool
) -> None:
    """A line for each document, or aligned columns for ``table …``. Refused for a bad template."""
    in_table = style.startswith("table")
    source = style.removeprefix("table").strip() if in_table else style
    template = read_template(source.replace("\\t", "\t").replace("\\n", "\n"))
    rows = [_Row(listing, document, truncate) for document in documents]
    try:
        lines = [template.execute(row) for row in rows]
        if not rows:
            # A wrong field is told also when there is nothing to show.
            template.execute(_Row(listing, None, truncate))
        if in_table:
            lines.insert(0, _execute_header(template, listing))
    except TemplateError as error:
        raise Refused(f"failed to execute template: {error}") from None
    if in_table or any("\t" in line for line in lines):
        split = [line.split("\t") for text in lines for line in text.split("\n")]
        sys.stdout.write(render_table(split))
    else:
        sys.stdout.write("".join(line + "\n" for line in lines))


def _execute_header(template: Template, listing: Listing) -> str:
    headers: dict[str, Any] = {name: header for name, (header, _) in listing.columns.items()}
    headers["Label"] = lambda label: label.replace("_", " ").replace("-", " ").rpartition(".")[2]
    return template.execute(headers, {**FUNCTIONS, **_HEADER_FUNCTIONS})


def read_template(source: str, *, failure: str = "failed to parse template: ") -> Template:
    """Refused, with exit code 64 as Docker's, when the template cannot be read."""
    try:
        return parse_template(source)
    except TemplateError as error:
        raise Refused(f"{failure}{error}") from None


_MAPS = frozenset(
    "Annotations Attributes Config Containers Data DriverOpts ExposedPorts IndexConfigs Labels "
    "Networks Options PortBindings Ports Runtimes Storage StorageOpt Sysctls Tmpfs Volumes".split()
)
"""Fields of Docker's documents that are maps; every other object is a struct."""

_POINTERS = frozenset(
    "Health Healthcheck Init OomKillDisable PidsLimit MemorySwappiness IPAMConfig VolumeOptions "
    "BindOptions TmpfsOptions UsageData ClusterVolume ContainerConfig Descriptor".split()
)
_ABSENT: dict[str, Any] = {name: Nil() for name in _POINTERS}
for _name in _MAPS:
    _ABSENT[_name] = NilMap()
_ABSENT.update(dict.fromkeys(("MacAddress", "Annotations", "StopSignal", "Domainname"), ""))


_RENAMED = {"Id": "ID", "ApiVersion": "APIVersion"}
"""Spelled one way in JSON and the other way in Go: templates may use both."""


def as_records(value: Any, name: str = "") -> Any:
    """A JSON document with the types that Go's client would give it, as far as names tell."""
    if isinstance(value, dict):
        inner = {key: as_records(item, key) for key, item in value.items()}
        if name in _MAPS and not _holds_fields(name, inner):
            return inner
        record = Record(inner)
        record.find_absent = _ABSENT
        renamed = {new: inner[old] for old, new in _RENAMED.items() if old in inner}
        if renamed:
            record.find_absent = {**_ABSENT, **renamed}
        return record
    if isinstance(value, list):
        return [as_records(item) for item in value]
    if value is None:
        if name in _MAPS:
            return NilMap()
        return Nil() if name in _POINTERS else NilList()
    return value


def _holds_fields(name: str, inner: dict[str, Any]) -> bool:
    """`Config` is the settings of a log driver (a map), or a container's (a struct)."""
    return name == "Config" and ("Env" in inner or "Cmd" in inner)
