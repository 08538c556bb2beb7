"""The ``filters`` query parameter: JSON, in the form of today and in that of old clients.

``{"label": {"a=b": true}}`` is what Docker's own client sends, ``{"label": ["a=b"]}`` what older
and simpler ones do.
"""

import json
from collections.abc import Collection
from typing import Any

from wherry.model.errors import InvalidArgument
from wherry.model.filters import Filters


def decode_filters(text: str | None, known: Collection[str]) -> Filters:
    """The filters that a client sent.

    Raises:
        InvalidArgument: not filters at all, or a key that is not one of `known`.
    """
    if not text:
        return Filters()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidArgument("invalid filter") from None
    if document is None:
        return Filters()
    if not isinstance(document, dict):
        raise InvalidArgument("invalid filter")
    # one form or the other for the whole document, as Docker has it
    if len({type(values) for values in document.values() if values is not None}) > 1:
        raise InvalidArgument("invalid filter")
    filters = Filters({key: _values(values) for key, values in document.items()})
    filters.require_known(known)
    return filters


def encode_filters(filters: Filters) -> str:
    """What a client sends for these filters."""
    return json.dumps(
        {key: dict.fromkeys(values, True) for key, values in filters.entries.items()},
        separators=(",", ":"),
    )


def _values(values: Any) -> tuple[str, ...]:
    if values is None:
        return ()
    if isinstance(values, dict) and all(isinstance(one, bool) for one in values.values()):
        return tuple(values)
    if isinstance(values, list) and all(isinstance(one, str) for one in values):
        return tuple(values)
    raise InvalidArgument("invalid filter")
