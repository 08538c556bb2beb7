"""Lists as tables, JSON lines or by a template: `--format`, `--quiet`, `--no-trunc`.

A `Listing` names the columns of one kind of thing. Columns are functions from the engine's
document to text, so the same ones serve the table, ``--format json`` and templates.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Column = Callable[[dict[str, Any], bool], str]

_LEAST_WIDTH, _PADDING = 10, 3
SHORT_ID_LENGTH = 12


class Listing:
    """The columns of one kind of thing.

    `columns` maps a field to its header and its function of (document, truncate); `shown` is the
    default table. `go_type` is the name that Docker's messages give the kind.
    """

    __slots__ = ("columns", "go_type", "shown")

    def __init__(
        self, go_type: str, columns: Mapping[str, tuple[str, Column]], shown: Sequence[str]
    ) -> None:
        self.go_type, self.columns, self.shown = go_type, columns, shown


def print_listing(
    listing: Listing,
    documents: Sequence[dict[str, Any]],
    *,
    style: str = "",
    truncate: bool = True,
    shown: Sequence[str] = (),
) -> None:
    """Print `documents` in the `style` of ``--format``; WherryError for a template that fails."""
    if not style or style == "table":
        fields = [listing.columns[name] for name in shown or listing.shown]
        rows = [[header for header, _ in fields]]
        rows += [[column(document, truncate) for _, column in fields] for document in documents]
        sys.stdout.write(render_table(rows))
        return
    if style == "json":
        from wherry.client.jsontext import encode_json

        for document in documents:
            values = {
                name: column(document, truncate)
                for name, (_, column) in sorted(listing.columns.items())
            }
            print(_escape_html(encode_json(values)))
        return
    from wherry.cli.listings import print_by_template

    print_by_template(listing, documents, style, truncate)


def _escape_html(text: str) -> str:
    # Go's encoder does so unless told otherwise, and Docker's lists do not tell it.
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def natural_order(text: str) -> list[tuple[bool, int, str]]:
    """A sort key: digits count as numbers, so ``a2`` comes before ``a10``."""
    parts: list[tuple[bool, int, str]] = []
    place = 0
    while place < len(text):
        end = place + 1
        if text[place].isdigit():
            while end < len(text) and text[end].isdigit():
                end += 1
            parts.append((False, int(text[place:end]), text[place:end]))
        else:
            parts.append((True, 0, text[place]))
        place = end
    return parts


def render_table(
    rows: Sequence[Sequence[str]], *, least_width: int = _LEAST_WIDTH, padding: int = _PADDING
) -> str:
    """Columns as wide as their widest cell; the last cell of a row is not padded."""
    widths: list[int] = []
    for row in rows:
        for place, cell in enumerate(row[:-1]):
            width = max(least_width, len(cell) + padding)
            if place == len(widths):
                widths.append(width)
            elif width > widths[place]:
                widths[place] = width
    lines = []
    for row in rows:
        line = "".join(cell.ljust(widths[place]) for place, cell in enumerate(row[:-1]))
        lines.append(line + row[-1])
    return "\n".join(lines) + "\n" if lines else ""


def short_id(wanted: str) -> str:
    """Twelve characters, without ``sha256:``."""
    return wanted.removeprefix("sha256:")[:SHORT_ID_LENGTH]


def ellipsis(text: str, width: int) -> str:
    """`text` cut to `width` characters, the last one saying so."""
    return text if len(text) <= width else text[: width - 1] + "…"


def go_quote(text: str) -> str:
    """In double quotes, as Go writes a string."""
    simple = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(simple.get(c) or _escape(c) for c in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return character
    if code < 0x80:
        return {7: "\\a", 8: "\\b", 11: "\\v", 12: "\\f"}.get(code, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def join_labels(labels: Mapping[str, str] | None) -> str:
    """``a=b,c=d`` in order."""
    return ",".join(f"{name}={value}" for name, value in sorted((labels or {}).items()))
