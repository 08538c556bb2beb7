"""Query parameters, as Docker reads them."""

from collections.abc import Mapping

from wherry.model.errors import InvalidArgument

_FALSE = frozenset({"", "0", "no", "false", "none"})


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
    try:
        return int(text)
    except ValueError:
        raise InvalidArgument(f'strconv.Atoi: parsing "{text}": invalid syntax') from None


def decode_size(query: Mapping[str, str]) -> tuple[int, int]:
    """Height and width of a terminal.

    Raises:
        InvalidArgument: one is absent or no number.
    """
    sizes: list[int] = []
    for key, name in (("h", "height"), ("w", "width")):
        text = query.get(key, "")
        if not text.isascii() or not text.isdecimal() or int(text[:9]) > 65_535:
            raise InvalidArgument(f'invalid resize {name} "{text}": invalid syntax')
        sizes.append(int(text))
    return sizes[0], sizes[1]
