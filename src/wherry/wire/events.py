"""Events on the wire: one JSON document each, and the times that narrow a stream of them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from wherry.model.errors import InvalidArgument
from wherry.model.event import FILTER_KEYS, Event, Kind
from wherry.model.filters import Filters
from wherry.model.timestamps import parse_rfc3339_ns
from wherry.wire.documents import Json
from wherry.wire.filters import decode_filters

_SECONDS = re.compile(r"(-?[0-9]{1,12})(?:\.([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsQuery:
    """The query of ``GET /events``."""

    since_ns: int | None
    until_ns: int | None
    filters: Filters

    @classmethod
    def decode(cls, query: Mapping[str, str]) -> Self:
        since, until = query.get("since") or None, query.get("until") or None
        since_ns = None if since is None else decode_timestamp(since)
        until_ns = None if until is None else decode_timestamp(until)
        if since_ns is not None and until_ns is not None and since_ns > until_ns:
            raise InvalidArgument(f"`since` time ({since}) cannot be after `until` time ({until})")
        filters = decode_filters(query.get("filters"), FILTER_KEYS)
        return cls(since_ns=since_ns, until_ns=until_ns, filters=filters)


def decode_timestamp(text: str) -> int:
    """Nanoseconds since the epoch, from ``seconds[.fraction]`` or an RFC 3339 date.

    Raises:
        InvalidArgument: it is neither.
    """
    if match := _SECONDS.fullmatch(text):
        fraction_ns = int((match[2] or "").ljust(9, "0")[:9])
        seconds = int(match[1])
        return seconds * 1_000_000_000 + (-fraction_ns if text.startswith("-") else fraction_ns)
    try:
        return parse_rfc3339_ns(text)
    except InvalidArgument:
        raise InvalidArgument(f'strconv.ParseInt: parsing "{text[:80]}": invalid syntax') from None


def encode_event(event: Event) -> Json:
    """One event; containers' and images' carry the fields of before API 1.22 as well."""
    document: Json = {}
    if event.kind in (Kind.CONTAINER, Kind.IMAGE):
        document |= {"status": event.action, "id": event.actor_id}
    if event.kind is Kind.CONTAINER:
        document["from"] = event.attributes.get("image", "")
    return document | {
        "Type": event.kind,
        "Action": event.action,
        "Actor": {"ID": event.actor_id, "Attributes": dict(event.attributes)},
        "scope": "local",
        "time": event.time_ns // 1_000_000_000,
        "timeNano": event.time_ns,
    }


def encode_event_line(event: Event) -> bytes:
    """One event as it is streamed."""
    return (
        json.dumps(encode_event(event), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    )


def decode_event(document: Json) -> Event:
    """An event that an engine sent. ValueError or KeyError when it is none."""
    actor = document.get("Actor") or {}
    return Event(
        time_ns=document.get("timeNano") or document["time"] * 1_000_000_000,
        kind=Kind(document.get("Type") or "container"),
        action=document.get("Action") or document.get("status") or "",
        actor_id=actor.get("ID") or document.get("id") or "",
        attributes=actor.get("Attributes") or {},
    )
