"""The engine as a whole: version, info, disk usage, events."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from wherry.client.engine import Engine


def read_version(engine: Engine) -> dict[str, Any]:
    """Docker's `/version`."""
    document: dict[str, Any] = engine.get("/version")
    return document


def read_info(engine: Engine) -> dict[str, Any]:
    """Docker's `/info`."""
    document: dict[str, Any] = engine.get("/info")
    return document


def read_disk_usage(engine: Engine) -> dict[str, Any]:
    """Docker's `/system/df`."""
    document: dict[str, Any] = engine.get("/system/df")
    return document


def iter_events(engine: Engine, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Events as they happen, until ``until`` or for ever."""
    return engine.progress(engine.call("GET", "/events", query))
