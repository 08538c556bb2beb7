"""Containers of an engine: Docker's `/containers` and `/exec`, one function a call."""

from __future__ import annotations

from wherry.client.engine import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from wherry.client.engine import Engine
    from wherry.http.client import Response


def _path(wanted: str, verb: str = "") -> str:
    return f"/containers/{quote(wanted)}" + (f"/{verb}" if verb else "")


def list_containers(
    engine: Engine,
    *,
    everything: bool = False,
    limit: int | None = None,
    size: bool = False,
    filters: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """Newest first. `limit` also shows stopped ones; `size` measures the writable layers."""
    query = {
        "all": everything,
        "limit": limit,
        "size": size,
        "filters": dict(filters or {}) or None,
    }
    listed: list[dict[str, Any]] = engine.get("/containers/json", query) or []
    return listed


def create_container(
    engine: Engine, body: Mapping[str, Any], *, name: str = "", platform: str = ""
) -> dict[str, Any]:
    """``Id`` and ``Warnings``. NotFound when the image is not there."""
    query = {"name": name or None, "platform": platform or None}
    made: dict[str, Any] = engine.post("/containers/create", query, json=body)
    return made


def inspect_container(engine: Engine, wanted: str, *, size: bool = False) -> dict[str, Any]:
    """Docker's document about the container."""
    document: dict[str, Any] = engine.get(_path(wanted, "json"), {"size": size})
    return document


def start_container(engine: Engine, wanted: str, *, detach_keys: str = "") -> None:
    """Returns when the process runs, or when it already did."""
    engine.post(_path(wanted, "start"), {"detachKeys": detach_keys or None})


def stop_container(
    engine: Engine,
    wanted: str,
    *,
    verb: str = "stop",
    grace_s: int | None = None,
    signal: str = "",
) -> None:
    """Stop it, or with `verb` "restart" start it again. `grace_s` None: the container's own."""
    engine.post(_path(wanted, verb), {"t": grace_s, "signal": signal or None})


def kill_container(engine: Engine, wanted: str, signal: str = "") -> None:
    """Send `signal`, by default KILL."""
    engine.post(_path(wanted, "kill"), {"signal": signal or None})


def pause_container(engine: Engine, wanted: str) -> None:
    """Freeze every process of it."""
    engine.post(_path(wanted, "pause"))


def unpause_container(engine: Engine, wanted: str) -> None:
    """Let it go on."""
    engine.post(_path(wanted, "unpause"))


def rename_container(engine: Engine, wanted: str, name: str) -> None:
    """Conflict when the name is taken."""
    engine.post(_path(wanted, "rename"), {"name": name})


def remove_container(
    engine: Engine, wanted: str, *, force: bool = False, volumes: bool = False, link: bool = False
) -> None:
    """`volumes`: its anonymous ones too. `link`: only the link named so."""
    engine.delete(_path(wanted), {"force": force, "v": volumes, "link": link})


def wait_for_container(engine: Engine, wanted: str, condition: str = "") -> Response:
    """The answer's head is there at once, its body when the condition holds: `read_exit`."""
    query = {"condition": condition or None}
    return engine.call("POST", _path(wanted, "wait"), query, alone=True)


def read_logs(engine: Engine, wanted: str, query: Mapping[str, Any]) -> Response:
    """A stream, framed unless the container has a terminal."""
    return engine.call("GET", _path(wanted, "logs"), query)


def attach_container(engine: Engine, wanted: str, query: Mapping[str, Any]) -> Response:
    """A raw stream both ways, to be taken with `detach()`."""
    return engine.call("POST", _path(wanted, "attach"), query, upgrade=True)


def resize_container(engine: Engine, wanted: str, *, rows: int, columns: int) -> None:
    """Tell the container's terminal how large ours is."""
    engine.post(_path(wanted, "resize"), {"h": rows, "w": columns})


def list_processes(engine: Engine, wanted: str, ps_arguments: str) -> dict[str, Any]:
    """``Titles`` and ``Processes``, as ps on the host prints them."""
    document: dict[str, Any] = engine.get(_path(wanted, "top"), {"ps_args": ps_arguments or None})
    return document


def prune_containers(engine: Engine, filters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Remove the stopped ones."""
    document: dict[str, Any] = engine.post("/containers/prune", {"filters": dict(filters) or None})
    return document


def create_exec(engine: Engine, wanted: str, body: Mapping[str, Any]) -> str:
    """The id of a process that is ready to be started in a running container."""
    return str(engine.post(_path(wanted, "exec"), json=body)["Id"])


def start_exec(engine: Engine, exec_id: str, body: Mapping[str, Any]) -> Response:
    """Start it; attached (``Detach`` false) the answer is a raw stream both ways."""
    path = f"/exec/{exec_id}/start"
    return engine.call("POST", path, json=body, upgrade=not body.get("Detach"))


def inspect_exec(engine: Engine, exec_id: str) -> dict[str, Any]:
    """``Running``, ``ExitCode``, ``Pid`` …"""
    document: dict[str, Any] = engine.get(f"/exec/{exec_id}/json")
    return document


def resize_exec(engine: Engine, exec_id: str, *, rows: int, columns: int) -> None:
    """Tell the process's terminal how large ours is."""
    engine.post(f"/exec/{exec_id}/resize", {"h": rows, "w": columns})
