"""Fields of JSON objects by type: a value of another type is the client's mistake, and said so."""

from collections.abc import Mapping
from typing import Any

from wherry.model.errors import InvalidArgument
from wherry.wire.documents import Json

_WORDS: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (str, "string"),
    (int, "number"),
    (float, "number"),
    (list, "array"),
    (dict, "object"),
)


def text(body: Json, key: str) -> str:
    """A string; absent and null are empty."""
    value: str = _typed(body, key, str, "")
    return value


def integer(body: Json, key: str) -> int:
    """A whole number; absent and null are 0."""
    value = body.get(key)
    if isinstance(value, bool):
        raise _mistake(key, value, "int64")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    elif value is not None and not isinstance(value, int):
        raise _mistake(key, value, "int64")
    number: int = value or 0
    if not -(1 << 63) <= number < 1 << 63:
        raise _mistake(key, value, "int64")
    return number


def flag(body: Json, key: str) -> bool:
    """True or false; absent and null are false."""
    value: bool = _typed(body, key, bool, False)
    return value


def items(body: Json, key: str) -> list[Json]:
    """A list of objects; absent and null are empty."""
    value: list[Json] = _typed(body, key, list, [])
    for one in value:
        if not isinstance(one, dict):
            raise _mistake(key, one, "object")
    return value


def texts(body: Json, key: str) -> tuple[str, ...]:
    """A list of strings; absent and null are empty."""
    return tuple(optional_texts(body, key) or ())


def text_lists(body: Json, key: str) -> tuple[tuple[str, ...], ...]:
    """A list of lists of strings; absent and null are empty."""
    value: list[Any] = _typed(body, key, list, [])
    return tuple(texts({key: one}, key) for one in value)


def optional_texts(body: Json, key: str) -> tuple[str, ...] | None:
    """A list of strings, or one string as a list of one; absent and null are None."""
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _mistake(key, value, "[]string")
    return tuple(value)


def items_by_name(body: Json, key: str) -> Mapping[str, Json]:
    """An object of objects; null is an empty object, absent is none."""
    value = mapping(body, key)
    for one in value.values():
        if one is not None and not isinstance(one, dict):
            raise _mistake(key, one, "object")
    return {name: one or {} for name, one in value.items()}


def mapping(body: Json, key: str) -> Json:
    """An object; absent and null are empty."""
    value: Json = _typed(body, key, dict, {})
    return value


def text_mapping(body: Json, key: str) -> Mapping[str, str]:
    """An object of strings; absent and null are empty."""
    value = mapping(body, key)
    for one in value.values():
        if not isinstance(one, str):
            raise _mistake(key, one, "string")
    return value


def _typed(body: Json, key: str, kind: type[Any], otherwise: Any) -> Any:
    value = body.get(key)
    if value is None:
        return otherwise
    if not isinstance(value, kind):
        raise _mistake(key, value, {int: "int64", bool: "bool", str: "string"}.get(kind, "object"))
    return value


def _mistake(key: str, value: object, wanted: str) -> InvalidArgument:
    found = next((word for kind, word in _WORDS if isinstance(value, kind)), "null")
    return InvalidArgument(
        f"invalid JSON: json: cannot unmarshal {found} into Go struct field {key} of type {wanted}"
    )
