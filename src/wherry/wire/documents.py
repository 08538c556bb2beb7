"""JSON documents in request bodies, read strictly.

What two readers could understand differently is refused: a key twice in one object, ``NaN``, text
that is no Unicode, nesting without end. The error texts begin as Docker's do.
"""

import json
from typing import Any

from wherry.model.errors import InvalidArgument

Json = dict[str, Any]

MAX_DEPTH = 64
"""How deep objects and arrays may nest: Docker's own documents need less than ten."""

_KINDS = {str: "string", int: "number", float: "number", bool: "bool", list: "array"}


def decode_object(data: bytes) -> Json:
    """The one JSON object in `data`; ``null`` counts as an empty one.

    Raises:
        InvalidArgument: no JSON, more than one document, or not an object.
    """
    document = decode_document(data)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InvalidArgument(f"invalid JSON: an object is needed, not {_kind(document)}")
    return document


def decode_document(data: bytes) -> Any:
    """The one JSON document in `data`.

    Raises:
        InvalidArgument: no JSON, or more than one document.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise InvalidArgument("invalid JSON: invalid UTF-8") from None
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if start == len(text):
        raise InvalidArgument("invalid JSON: got EOF while reading request body")
    try:
        document, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise InvalidArgument(f"invalid JSON: {_explain(error)}") from None
    except RecursionError:
        raise InvalidArgument("invalid JSON: nested too deeply") from None
    except ValueError as error:
        # a number beyond Python's limit of digits
        raise InvalidArgument(f"invalid JSON: {error}") from None
    if text[end:].strip(" \t\r\n"):
        raise InvalidArgument("unexpected content after JSON")
    _check(document, has_escapes="\\u" in text)
    return document


def _check(document: Any, *, has_escapes: bool) -> None:
    layer = [document]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for one in layer:
            if isinstance(one, dict):
                inner += one.values()
                if has_escapes:
                    inner += one
            elif isinstance(one, list):
                inner += one
            elif has_escapes and isinstance(one, str):
                _check_text(one)
        if not inner:
            return
        layer = inner
    raise InvalidArgument("invalid JSON: nested too deeply")


def _check_text(text: str) -> None:
    # half of a surrogate pair, written as an escape, is no character
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument("invalid JSON: invalid Unicode escape") from None
    # no path, name or argument can hold one: said here once, for all of them
    if "\0" in text:
        raise InvalidArgument("invalid JSON: a string holds a NUL character")


def _pairs(pairs: list[tuple[str, Any]]) -> Json:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidArgument(f"invalid JSON: key {twice!r} occurs twice")
    return document


def _no_constant(name: str) -> Any:
    raise InvalidArgument(
        f"invalid JSON: invalid character '{name.lstrip('-')[0]}' looking for beginning of value"
    )


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant)


def _explain(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc.rstrip(" \t\r\n")) or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    wrong = error.doc[error.pos]
    match error.msg:
        case "Expecting value":
            return f"invalid character '{wrong}' looking for beginning of value"
        case "Expecting ':' delimiter":
            return f"invalid character '{wrong}' after object key"
        case message if message.startswith("Expecting property name"):
            return f"invalid character '{wrong}' looking for beginning of object key string"
        case _:
            return f"invalid character '{wrong}' at offset {error.pos}"


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "another value")
