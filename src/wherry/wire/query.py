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
