"""Routes of ``/volumes``."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from wherry.api.bodies import read_object
from wherry.api.replies import NO_CONTENT, json_reply
from wherry.http.messages import Call, Reply, Routes
from wherry.model.filters import Filters, filters_of
from wherry.model.volume import Volume
from wherry.wire.documents import Json
from wherry.wire.fields import text, text_mapping
from wherry.wire.filters import decode_filters
from wherry.wire.query import decode_flag
from wherry.wire.versions import ApiVersion, negotiate
from wherry.wire.volumes import encode_volume

_LIST_FILTERS = frozenset({"dangling", "driver", "label", "name"})
_PRUNE_FILTERS = frozenset({"label", "label!", "all"})


class Volumes(Protocol):
    """The part of ``engine.volumes.Volumes`` that these routes use."""

    def get(self, name: str) -> Volume: ...
    def mountpoint(self, name: str) -> Path: ...
    def list_volumes(self, filters: Filters) -> Sequence[Volume]: ...
    async def create(
        self,
        name: str = "",
        *,
        driver: str = "local",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume: ...
    async def remove(self, name: str, *, force: bool = False) -> None: ...
    async def prune(self, filters: Filters) -> tuple[Sequence[str], int]: ...


def routes(volumes: Volumes) -> Routes:
    def encode(one: Volume) -> Json:
        return encode_volume(one, str(volumes.mountpoint(one.name)))

    async def list_volumes(call: Call) -> Reply:
        """All that match the filters."""
        filters = decode_filters(call.query.get("filters"), _LIST_FILTERS)
        found = [encode(one) for one in volumes.list_volumes(filters)]
        return json_reply({"Volumes": found, "Warnings": None})

    async def create(call: Call) -> Reply:
        """201, also with the volume that has this name already."""
        body = await read_object(call, required=False)
        made = await volumes.create(
            text(body, "Name"),
            driver=text(body, "Driver") or "local",
            options=text_mapping(body, "DriverOpts"),
            labels=text_mapping(body, "Labels"),
        )
        return json_reply(encode(made), HTTPStatus.CREATED)

    async def inspect(call: Call) -> Reply:
        """One by name."""
        return json_reply(encode(volumes.get(call.path["name"])))

    async def remove(call: Call) -> Reply:
        """204; 409 while a container uses it."""
        await volumes.remove(call.path["name"], force=decode_flag(call.query, "force"))
        return NO_CONTENT

    async def prune(call: Call) -> Reply:
        """Removes what nobody uses; since API 1.42 only volumes without a name of their own."""
        filters = decode_filters(call.query.get("filters"), _PRUNE_FILTERS)
        if negotiate(call.version) < ApiVersion(1, 42):
            filters = filters_of({**filters.entries, "all": ("true",)})
        gone, freed = await volumes.prune(filters)
        return json_reply({"VolumesDeleted": list(gone) or None, "SpaceReclaimed": freed})

    return {
        "GET /volumes": list_volumes,
        "POST /volumes/create": create,
        "GET /volumes/{name}": inspect,
        "DELETE /volumes/{name}": remove,
        "POST /volumes/prune": prune,
    }
