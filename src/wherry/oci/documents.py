"""JSON from outside, read so that nobody else can read something different into it.

Refused: the same key twice, a key that differs from a known one only in case (other readers match
keys without regard to it), numbers that are none, nesting deeper than 64, and anything larger
than its limit.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, NoReturn, Self

from wherry.model.errors import InvalidArgument, TooLarge

MANIFEST_LIMIT_BYTES = 4 << 20
CONFIG_LIMIT_BYTES = 8 << 20
_DEEPEST = 64
_LARGEST = (1 << 63) - 1


class Document:
    """One JSON object, whose fields are asked for by kind. ``null`` is as good as absent."""

    def __init__(self, fields: Mapping[str, Any], what: str, known: Collection[str] = ()) -> None:
        """`what` names it in errors; `known` are the keys that it may have."""
        self._fields = fields
        self._what = what
        lower = {name.lower() for name in known}
        for key in fields:
            if key not in known and key.lower() in lower:
                raise InvalidArgument(f"{what}: ambiguous key {key[:80]!r}")

    @classmethod
    def parse(cls, data: bytes, what: str, known: Collection[str], *, limit_bytes: int) -> Self:
        """Raises InvalidArgument or TooLarge, saying what is wrong with `what`."""
        value = load_json(data, what, limit_bytes=limit_bytes)
        if not isinstance(value, dict):
            raise InvalidArgument(f"{what}: not a JSON object")
        return cls(value, what, known)

    def has(self, key: str) -> bool:
        return self._fields.get(key) is not None

    def text(self, key: str) -> str:
        """Empty if absent."""
        value = self._fields.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._wrong(key)
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        value = self._fields.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self._wrong(key)
        return tuple(value)

    def flag(self, key: str) -> bool:
        value = self._fields.get(key)
        if value is not None and not isinstance(value, bool):
            self._wrong(key)
        return bool(value)

    def number(self, key: str) -> int:
        """A whole number from 0 to 2^63-1; 0 if absent."""
        value = self._fields.get(key)
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
            self._wrong(key)
        return value

    def text_map(self, key: str) -> dict[str, str]:
        value = self._fields.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            self._wrong(key)
        return dict(value)

    def names(self, key: str) -> tuple[str, ...]:
        """The keys of a map that is used as a set."""
        value = self._fields.get(key)
        if value is None:
            return ()
        if not isinstance(value, dict):
            self._wrong(key)
        return tuple(value)

    def document(self, key: str, known: Collection[str]) -> "Document | None":
        value = self._fields.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong(key)
        return Document(value, f"{self._what}: {key}", known)

    def documents(
        self, key: str, known: Collection[str], *, at_most: int
    ) -> tuple["Document", ...]:
        value = self._fields.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self._wrong(key)
        if len(value) > at_most:
            raise TooLarge(f"{self._what}: {len(value)} {key}, the limit is {at_most}")
        return tuple(Document(one, f"{self._what}: {key}", known) for one in value)

    def _wrong(self, key: str) -> NoReturn:
        raise InvalidArgument(f"{self._what}: wrong value of {key!r}")


def load_json(data: bytes, what: str, *, limit_bytes: int) -> Any:
    """Any JSON value, under the rules of this module."""
    if len(data) > limit_bytes:
        raise TooLarge(f"{what}: larger than {limit_bytes} bytes")

    def refuse_constant(name: str) -> NoReturn:
        raise InvalidArgument(f"{what}: {name} is not a number")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise InvalidArgument(f"{what}: the same key twice")
        return fields

    try:
        value = json.loads(data, object_pairs_hook=unique, parse_constant=refuse_constant)
    except RecursionError:
        raise InvalidArgument(f"{what}: nested too deeply") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{what}: {str(error)[:200]}") from None
    _check_inside(value, what, has_escapes=b"\\u" in data)
    return value


def _check_inside(value: Any, what: str, *, has_escapes: bool) -> None:
    """Depth; and, where text was written with escapes, that it is Unicode at all."""
    level = [value]
    for _ in range(_DEEPEST + 1):
        deeper: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                deeper.extend(one.values())
                deeper.extend(one if has_escapes else ())
            elif isinstance(one, list):
                deeper.extend(one)
            elif has_escapes and isinstance(one, str) and not _is_unicode(one):
                raise InvalidArgument(f"{what}: invalid Unicode escape")
        if not deeper:
            return
        level = deeper
    raise InvalidArgument(f"{what}: nested too deeply")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def dump_json(value: object) -> bytes:
    """Same value, same bytes: keys in order, no white space."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
