"""Networks of an engine: Docker's `/networks`, one function a call."""

from __future__ import annotations

from wherry.client.engine import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from wherry.client.engine import Engine


def list_networks(
    engine: Engine, filters: Mapping[str, Sequence[str]] | None = None
) -> list[dict[str, Any]]:
    """All that match."""
    listed: list[dict[str, Any]] = engine.get("/networks", {"filters": dict(filters or {}) or None})
    return listed or []


def create_network(engine: Engine, body: Mapping[str, Any]) -> dict[str, Any]:
    """``Id`` and ``Warning``."""
    document: dict[str, Any] = engine.post("/networks/create", json=body)
    return document


def inspect_network(engine: Engine, wanted: str, *, verbose: bool = False) -> dict[str, Any]:
    """Docker's document about the network."""
    document: dict[str, Any] = engine.get(f"/networks/{quote(wanted)}", {"verbose": verbose})
    return document


def remove_network(engine: Engine, wanted: str) -> None:
    """Conflict or Forbidden while it is in use."""
    engine.delete(f"/networks/{quote(wanted)}")


def connect_container(engine: Engine, wanted: str, body: Mapping[str, Any]) -> None:
    """Join ``Container`` to the network."""
    engine.post(f"/networks/{quote(wanted)}/connect", json=body)


def disconnect_container(engine: Engine, wanted: str, container: str, *, force: bool) -> None:
    """Take it out again."""
    body = {"Container": container, "Force": force}
    engine.post(f"/networks/{quote(wanted)}/disconnect", json=body)


def prune_networks(engine: Engine, filters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Remove the unused ones."""
    document: dict[str, Any] = engine.post("/networks/prune", {"filters": dict(filters) or None})
    return document
