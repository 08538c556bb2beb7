"""Something that happened, as everybody who listens is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wherry.model.filters import Filters

FILTER_KEYS = frozenset(
    {"config", "container", "daemon", "event", "image", "label", "network", "node", "plugin"}
    | {"scope", "secret", "service", "type", "volume"}
)
"""What a listener may narrow the events to."""

_BY_ACTOR = ("container", "daemon", "network", "volume")
_NEVER_HERE = ("config", "node", "plugin", "secret", "service")
_PREFIXED = ("exec_create", "exec_start", "health_status")


class Kind(StrEnum):
    CONTAINER = "container"
    IMAGE = "image"
    VOLUME = "volume"
    NETWORK = "network"
    DAEMON = "daemon"
    BUILDER = "builder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    time_ns: int
    """Since the epoch; no two events share one, and later is larger."""
    kind: Kind
    action: str
    """Docker's word: ``die``, ``exec_create: sh -c true``."""
    actor_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def matches(event: Event, filters: Filters) -> bool:
    """Would a listener with these filters be told?

    Source of the rules: Docker Engine API, ``GET /events``, and how Docker 28 answers.
    """
    if not filters:
        return True
    if any(key in filters for key in _NEVER_HERE):
        return False
    return (
        filters.match_exact("type", event.kind)
        and filters.match_exact("scope", "local")
        and _matches_action(event, filters)
        and filters.match_labels("label", event.attributes)
        and all(_matches_actor(event, key, filters) for key in _BY_ACTOR)
        and _matches_image(event, filters)
    )


def _matches_action(event: Event, filters: Filters) -> bool:
    """``exec_create`` finds ``exec_create: sh``, and so does the whole text."""
    if event.action.startswith(_PREFIXED):
        return filters.match_exact("event", event.action, event.action.partition(":")[0])
    return filters.match_exact("event", event.action)


def _matches_actor(event: Event, key: str, filters: Filters) -> bool:
    if key not in filters:
        return True
    return event.kind == key and filters.match_prefix(
        key, event.actor_id, event.attributes.get("name", "")
    )


def _matches_image(event: Event, filters: Filters) -> bool:
    if "image" not in filters:
        return True
    name = event.attributes.get("name" if event.kind is Kind.IMAGE else "image", "")
    return filters.match_exact(
        "image", event.actor_id, name, _without_tag(event.actor_id), _without_tag(name)
    )


def _without_tag(image: str) -> str:
    before, colon, tag = image.rpartition(":")
    return before if colon and "/" not in tag else image
