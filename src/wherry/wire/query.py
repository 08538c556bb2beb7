"""Query parameters, as Docker reads them."""

import re
from collections.abc import Mapping

from wherry.model.errors import InvalidArgument

_FALSE = frozenset({"", "0", "no", "false", "none"})
_INTEGER = re.compile(r"[+-]?[0-9]+")
_MOST_DIGITS = 18
_SIZE = re.compile(r"[0-9]{1,9}")


def decode_flag(query: Mapping[str, str], key: str, *, otherwise: bool = False) -> bool:
    """True unless absent, empty, 0, no, false or none."""
    if key not in query:
        return otherwise
    return query[key].strip().lower() not in _FALSE


def decode_integer(query: Mapping[str, str], key: str) -> int | None:
    """A whole number; None when absent or empty.

    Raises:
        InvalidArgument: something else.
    """
    text = query.get(key, "")
    if not text:
        return None
    if not _INTEGER.fullmatch(text):
        raise InvalidArgument(f'strconv.Atoi: parsing "{text}": invalid syntax')
    if len(text) > _MOST_DIGITS:
        raise InvalidArgument(f'strconv.Atoi: parsing "{text}": value out of range')
    return int(text)


def decode_size(query: Mapping[str, str]) -> tuple[int, int]:
    """Height and width of a terminal.

    Raises:
        InvalidArgument: one is absent or no number.
    """
    sizes: list[int] = []
    for key, name in (("h", "height"), ("w", "width")):
        text = query.get(key, "")
        if not _SIZE.fullmatch(text) or int(text) > 65_535:
            raise InvalidArgument(f'invalid resize {name} "{text}": invalid syntax')
        sizes.append(int(text))
    return sizes[0], sizes[1]
