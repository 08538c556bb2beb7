"""Records to text and back. Which fields a record has is said by its class alone."""

import dataclasses
import types
import typing
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any, TypeVar, cast

import orjson

T = TypeVar("T")

_TEXTUAL = (IPv4Address, IPv6Address, IPv4Network, IPv6Network, Path)


def encode(record: object) -> str:
    """A frozen dataclass as a JSON document."""
    return orjson.dumps(record, default=str).decode()


def decode(kind: type[T], text: str) -> T:
    """The record of class `kind` that `encode` wrote.

    Fields that the document lacks get their defaults, fields that the class lacks are dropped: a
    record of an older version can be read.

    Raises:
        ValueError: not a document of this class.
    """
    decoder: Callable[[Any], T] = _decoder(cast("Hashable", kind))
    try:
        return decoder(orjson.loads(text))
    except (AttributeError, TypeError) as error:
        raise ValueError(f"not a document of {kind.__name__}: {error}") from error


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _union(typing.get_args(kind))
    if origin is tuple:
        return _tuple(typing.get_args(kind))
    if origin in (Sequence, list):
        (item,) = typing.get_args(kind)
        each = _decoder(item)
        return lambda value: [each(one) for one in value]
    if origin in (Mapping, dict):
        _, item = typing.get_args(kind)
        each = _decoder(item)
        return lambda value: {key: each(one) for key, one in value.items()}
    if isinstance(kind, type):
        if dataclasses.is_dataclass(kind):
            return _dataclass(kind)
        if issubclass(kind, Enum) or kind in _TEXTUAL:
            return kind
        if kind is datetime:
            return datetime.fromisoformat
    return lambda value: value


def _union(options: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Optional values, and addresses of either family: the first class that takes the value."""
    decoders = [_decoder(one) for one in options if one is not type(None)]

    def decode_union(value: Any) -> Any:
        if value is None:
            return None
        for one in decoders[:-1]:
            try:
                return one(value)
            except ValueError:
                continue
        return decoders[-1](value)

    return decode_union


def _tuple(items: tuple[Any, ...]) -> Callable[[Any], Any]:
    if len(items) == 2 and items[1] is Ellipsis:
        each = _decoder(items[0])
        return lambda value: tuple(each(one) for one in value)
    decoders = [_decoder(one) for one in items]
    return lambda value: tuple(one(part) for one, part in zip(decoders, value, strict=True))


def _dataclass(kind: type[Any]) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    decoders = {one.name: _decoder(hints[one.name]) for one in dataclasses.fields(kind) if one.init}

    def decode_dataclass(value: Any) -> Any:
        return kind(**{key: decoders[key](part) for key, part in value.items() if key in decoders})

    return decode_dataclass
