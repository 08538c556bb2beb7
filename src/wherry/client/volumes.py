"""Volumes of an engine: Docker's `/volumes`, one function a call."""

from __future__ import annotations

from wherry.client.engine import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from wherry.client.engine import Engine


def list_volumes(
    engine: Engine, filters: Mapping[str, Sequence[str]] | None = None
) -> list[dict[str, Any]]:
    """All that match."""
    document = engine.get("/volumes", {"filters": dict(filters or {}) or None})
    listed: list[dict[str, Any]] = document.get("Volumes") or []
    return listed


def create_volume(engine: Engine, body: Mapping[str, Any]) -> dict[str, Any]:
    """The volume; one that is already there is not an error."""
    document: dict[str, Any] = engine.post("/volumes/create", json=body)
    return document


def inspect_volume(engine: Engine, name: str) -> dict[str, Any]:
    """Docker's document about the volume."""
    document: dict[str, Any] = engine.get(f"/volumes/{quote(name)}")
    return document


def remove_volume(engine: Engine, name: str, *, force: bool = False) -> None:
    """Conflict while a container uses it."""
    engine.delete(f"/volumes/{quote(name)}", {"force": force})


def prune_volumes(engine: Engine, filters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Remove the unused ones."""
    document: dict[str, Any] = engine.post("/volumes/prune", {"filters": dict(filters) or None})
    return document
