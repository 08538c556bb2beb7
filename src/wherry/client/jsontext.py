"""JSON text for the command: decoded and encoded without importing the `json` package.

`json` pulls in `re` and `enum`, 4 to 5 ms of every command's life. CPython's own scanner and
string encoder, which `json` uses underneath, are there without them; where they are missing we
fall back to `json`. Objects keep their order, text is written as Go's encoder writes it: no
blanks, no escapes for what is not ASCII.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

try:
    from _json import encode_basestring as _quote
    from _json import make_scanner as _make_scanner
except ImportError:  # another Python implementation
    import json as _json_package

    _quote = lambda text: _json_package.dumps(text, ensure_ascii=False)  # noqa: E731
    _scan: Callable[[str, int], tuple[Any, int]] = _json_package.JSONDecoder().raw_decode
else:

    class _Rules:
        strict = False
        object_hook = None
        object_pairs_hook = None
        parse_float = float
        parse_int = int
        parse_constant = float

    # The scanner takes anything with these attributes, whatever its stub says.
    _scan = _make_scanner(_Rules)  # type: ignore[arg-type]

_BLANKS = " \t\r\n"


def decode_json(text: str | bytes) -> Any:
    """The value that `text` spells. ValueError when it is not one JSON document."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    start = len(text) - len(text.lstrip(_BLANKS))
    try:
        value, end = _scan(text, start)
    except StopIteration:
        raise ValueError("not JSON") from None
    if text[end:].strip(_BLANKS):
        raise ValueError("text after the JSON document")
    return value


def encode_json(value: Any, *, indent: int = 0) -> str:
    """`value` as JSON; `indent` blanks a level, 0: on one line."""
    return _encode(value, " " * indent, "\n" if indent else "")


def _encode(value: Any, step: str, newline: str) -> str:
    if isinstance(value, str):
        return _quote(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (int, float)):
        return repr(value)
    deeper = newline + step
    if isinstance(value, dict):
        if not value:
            return "{}"
        colon = ": " if newline else ":"
        parts = [f"{_quote(str(k))}{colon}{_encode(v, step, deeper)}" for k, v in value.items()]
        return "{" + deeper + ("," + deeper).join(parts) + newline + "}"
    if isinstance(value, (list, tuple)):
        if not value:
            return "[]"
        return (
            "["
            + deeper
            + ("," + deeper).join(_encode(v, step, deeper) for v in value)
            + newline
            + "]"
        )
    raise TypeError(f"{type(value).__name__} is not JSON")
