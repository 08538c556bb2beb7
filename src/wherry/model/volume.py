"""Volumes: data that outlives containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    name: str
    created_ns: int
    """Nanoseconds since the epoch."""
    driver: str = "local"
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = False
    """Made without a name; goes with ``rm -v`` of its container."""
