"""Images of an engine: Docker's `/images`, one function a call; and wherry's bootstrap."""

from __future__ import annotations

from wherry.client.engine import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from wherry.client.engine import Engine
    from wherry.http.client import Response


def _path(wanted: str, verb: str = "") -> str:
    # A reference may hold slashes; the engine's routes expect them as they are.
    return "/images/" + "/".join(quote(part) for part in wanted.split("/")) + verb


def list_images(
    engine: Engine,
    *,
    everything: bool = False,
    digests: bool = False,
    filters: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """Newest first."""
    query = {"all": everything, "digests": digests, "filters": dict(filters or {}) or None}
    listed: list[dict[str, Any]] = engine.get("/images/json", query) or []
    return listed


def inspect_image(engine: Engine, wanted: str, *, platform: str = "") -> dict[str, Any]:
    """Docker's document about the image."""
    document: dict[str, Any] = engine.get(_path(wanted, "/json"), {"platform": platform or None})
    return document


def read_history(engine: Engine, wanted: str, *, platform: str = "") -> list[dict[str, Any]]:
    """Its layers, newest first."""
    query = {"platform": platform or None}
    listed: list[dict[str, Any]] = engine.get(_path(wanted, "/history"), query)
    return listed


def tag_image(engine: Engine, wanted: str, *, repository: str, tag: str) -> None:
    """One more name for the image."""
    engine.post(_path(wanted, "/tag"), {"repo": repository, "tag": tag})


def remove_image(
    engine: Engine,
    wanted: str,
    *,
    force: bool = False,
    keep_parents: bool = False,
    platforms: Sequence[str] = (),
) -> list[dict[str, str]]:
    """What went: ``Untagged`` and ``Deleted`` entries."""
    query = {"force": force, "noprune": keep_parents, "platforms": list(platforms) or None}
    listed: list[dict[str, str]] = engine.delete(_path(wanted), query)
    return listed


def prune_images(engine: Engine, filters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Remove the unused ones."""
    document: dict[str, Any] = engine.post("/images/prune", {"filters": dict(filters) or None})
    return document


def pull_image(
    engine: Engine, *, image: str, tag: str, platform: str = "", credentials: str = ""
) -> Iterator[dict[str, Any]]:
    """Progress documents. `credentials` is the value of ``X-Registry-Auth``."""
    query = {"fromImage": image, "tag": tag or None, "platform": platform or None}
    headers = {"X-Registry-Auth": credentials} if credentials else {}
    return engine.progress(engine.call("POST", "/images/create", query, headers=headers))


def import_image(
    engine: Engine, query: Mapping[str, Any], body: Iterable[bytes] | None
) -> Iterator[dict[str, Any]]:
    """Progress documents of making an image from one tree."""
    headers = {"Content-Type": "application/x-tar"}
    response = engine.call("POST", "/images/create", query, body=body, headers=headers)
    return engine.progress(response)


def load_images(
    engine: Engine, body: Iterable[bytes], *, quiet: bool, platform: str = ""
) -> Iterator[dict[str, Any]]:
    """Progress documents of reading an archive that `save_images` wrote."""
    query = {"quiet": "1" if quiet else "0", "platform": platform or None}
    headers = {"Content-Type": "application/x-tar"}
    response = engine.call("POST", "/images/load", query, body=body, headers=headers)
    return engine.progress(response)


def save_images(engine: Engine, names: Sequence[str], *, platform: str = "") -> Response:
    """A tar stream."""
    query = {"names": list(names), "platform": platform or None}
    return engine.call("GET", "/images/get", query)


def bootstrap_image(
    engine: Engine,
    kind: str,
    *,
    suite: str = "",
    include: Sequence[str] = (),
    host_ca: bool = False,
) -> Iterator[dict[str, Any]]:
    """Make a first image without a registry: ``busybox`` from the host's own, or ``debian``.

    Progress documents: ``stream`` lines and at last ``aux`` with the ``ID``. wherry only.
    """
    query = {
        "kind": kind,
        "suite": suite or None,
        "include": ",".join(include) or None,
        "hostCa": host_ca,
    }
    return engine.progress(engine.call("POST", "/wherry/images/bootstrap", query))
