"""What templates can call, and how Go prints, compares and judges values.

Values are what JSON gives: None, bool, int, float, str, list, dict. A `Record` is a dictionary
that Go would have as a struct: it prints without its keys, and fields it leaves out are known.
"""

from __future__ import annotations

from wherry.client.jsontext import encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class Record(dict):  # type: ignore[type-arg]
    """A dictionary that prints as a struct. `find_absent` holds fields that JSON left out."""

    find_absent: Mapping[str, Any] = {}


class NilMap(dict):  # type: ignore[type-arg]
    """A map that is not there: empty, and ``null`` in JSON."""


class NilList(list):  # type: ignore[type-arg]
    """A list that is not there: empty, and ``null`` in JSON."""


class Nil:
    """A pointer to nothing: false, and printed as such."""

    go_type = "interface {}"

    def __bool__(self) -> bool:
        return False


def is_true(value: Any) -> bool:
    """Go: everything but nil, zero and what is empty."""
    return bool(value)


def type_name(value: Any) -> str:
    """Go's name for the type, for messages."""
    name = getattr(value, "go_type", None)
    if name:
        return str(name)
    if isinstance(value, bool):
        return "bool"
    for kind, spelled in ((str, "string"), (int, "int"), (float, "float64"), (list, "[]string")):
        if isinstance(value, kind):
            return spelled
    return "map[string]interface {}"


def format_value(value: Any, *, top: bool = False) -> str:
    """As Go's ``%v`` prints it."""
    if value is None:
        return "<no value>" if top else "<nil>"
    if isinstance(value, Nil):
        return "<nil>"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _format_float(value)
    if isinstance(value, Record):
        return "{" + " ".join(format_value(item) for item in value.values()) + "}"
    if isinstance(value, dict):
        inner = " ".join(f"{key}:{format_value(item)}" for key, item in sorted(value.items()))
        return f"map[{inner}]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(format_value(item) for item in value) + "]"
    return str(value)


def _format_float(value: float) -> str:
    text = repr(value)
    if "e" in text:
        mantissa, _, power = text.partition("e")
        return f"{mantissa.removesuffix('.0')}e{power}"
    return text.removesuffix(".0")


def to_json(value: Any) -> str:
    """One line of JSON."""
    return encode_json(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, (Nil, NilMap, NilList)):
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    values = getattr(value, "list_values", None)
    return values() if values else value


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(str(key))
        elif isinstance(value, (list, tuple, str)):
            if not isinstance(key, int):
                raise ValueError(f"cannot index slice/array with type {type_name(key)}")
            if not 0 <= key < len(value):
                raise ValueError(f"index out of range: {key}")
            value = value[key]
        elif value is None:
            raise ValueError("index of untyped nil")
        else:
            raise ValueError(f"can't index item of type {type_name(value)}")
    return value


def _slice(value: Any, *bounds: int) -> Any:
    first = bounds[0] if bounds else 0
    last = bounds[1] if len(bounds) > 1 else len(value)
    if not 0 <= first <= last <= len(value):
        raise ValueError(f"index out of range: {last}")
    return value[first:last]


def _length(value: Any) -> int:
    if not isinstance(value, (str, list, tuple, dict)):
        raise ValueError(f"len of type {type_name(value)}")
    return len(value.encode()) if isinstance(value, str) else len(value)


def _same_kind(left: Any, right: Any) -> None:
    numbers = (int, float)
    if isinstance(left, bool) or isinstance(right, bool):
        fits = isinstance(left, bool) and isinstance(right, bool)
    elif isinstance(left, numbers):
        fits = isinstance(right, numbers)
    else:
        fits = not left or not right or isinstance(left, str) == isinstance(right, str)
    if not fits:
        raise ValueError("incompatible types for comparison")


def _equal(left: Any, *others: Any) -> bool:
    if not others:
        raise ValueError("missing argument for comparison")
    for other in others:
        _same_kind(left, other)
        if left == other:
            return True
    return False


def _less(left: Any, right: Any) -> bool:
    _same_kind(left, right)
    return bool(left < right)


def _print(*values: Any) -> str:
    parts: list[str] = []
    for place, value in enumerate(values):
        # Go puts a blank between two operands when neither is a string.
        if place and not isinstance(value, str) and not isinstance(values[place - 1], str):
            parts.append(" ")
        parts.append(format_value(value))
    return "".join(parts)


def _println(*values: Any) -> str:
    return " ".join(format_value(value) for value in values) + "\n"


def _printf(pattern: str, *values: Any) -> str:
    parts: list[str] = []
    waiting = list(reversed(values))
    place = 0
    while place < len(pattern):
        percent = pattern.find("%", place)
        if percent < 0:
            parts.append(pattern[place:])
            break
        parts.append(pattern[place:percent])
        end = percent + 1
        while end < len(pattern) and pattern[end] in "+-# 0123456789.":
            end += 1
        verb, shape = pattern[end : end + 1], pattern[percent + 1 : end]
        place = end + 1
        if verb == "%":
            parts.append("%")
        elif not verb:
            parts.append("%!(NOVERB)")
        elif not waiting:
            parts.append(f"%!{verb}(MISSING)")
        else:
            parts.append(_format_verb(verb, shape, waiting.pop()))
    if waiting:
        extra = ", ".join(f"{type_name(v)}={format_value(v)}" for v in reversed(waiting))
        parts.append(f"%!(EXTRA {extra})")
    return "".join(parts)


def _format_verb(verb: str, shape: str, value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if verb in "dxXobc" and isinstance(value, int):
        return str(f"%{shape}{verb}" % value) if verb != "b" else f"{value:b}"
    if verb in "feEgG" and number:
        return str(f"%{shape}{verb}" % value)
    if verb == "q" and isinstance(value, str):
        from wherry.cli.format import go_quote

        return f"%{shape}s" % go_quote(value)
    if verb == "x" and isinstance(value, str):
        return value.encode().hex()
    if verb == "T":
        return type_name(value)
    if verb in "sv" and not (verb == "s" and (number or isinstance(value, bool))):
        return f"%{shape.replace('#', '').replace('+', '')}s" % format_value(value)
    if verb == "t" and isinstance(value, bool):
        return format_value(value)
    return f"%!{verb}({type_name(value)}={format_value(value)})"


def _title(text: str) -> str:
    parts = [
        character.upper() if not place or not text[place - 1].isalnum() else character
        for place, character in enumerate(text)
    ]
    return "".join(parts)


def _text(value: Any, function: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"wrong type for value; expected string; got {type_name(value)}")
    return value


def _join(values: Any, separator: str) -> str:
    if isinstance(values, str) or not isinstance(values, (list, tuple)):
        raise ValueError(f"wrong type for value; expected []string; got {type_name(values)}")
    return separator.join(format_value(value) for value in values)


def _truncate(text: str, length: int) -> str:
    return text[:length]


def _pad(text: str, before: int, after: int) -> str:
    return " " * before + text + " " * after if text else text


def _html(*values: Any) -> str:
    text = _print(*values)
    for plain, escaped in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&#34;"),
        ("'", "&#39;"),
    ):
        text = text.replace(plain, escaped)
    return text


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "and": lambda *values: values[-1],
    "or": lambda *values: values[-1],
    "not": lambda value: not is_true(value),
    "len": _length,
    "index": _index,
    "slice": _slice,
    "print": _print,
    "println": _println,
    "printf": _printf,
    "html": _html,
    "eq": _equal,
    "ne": lambda left, right: not _equal(left, right),
    "lt": _less,
    "le": lambda left, right: _less(left, right) or left == right,
    "gt": lambda left, right: _less(right, left),
    "ge": lambda left, right: _less(right, left) or left == right,
    "json": to_json,
    "split": lambda text, separator: _text(text, "split").split(separator),
    "join": _join,
    "title": lambda text: _title(_text(text, "title")),
    "lower": lambda text: _text(text, "lower").lower(),
    "upper": lambda text: _text(text, "upper").upper(),
    "pad": _pad,
    "truncate": _truncate,
}
"""Go's own and Docker's. `and` and `or` are evaluated by the template, one argument at a time."""
