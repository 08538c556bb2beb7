"""Routes of ``/networks``."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Protocol

from wherry.api.bodies import read_object
from wherry.api.replies import NO_CONTENT, json_reply
from wherry.http.messages import Call, Reply, Routes
from wherry.model.container import Container
from wherry.model.errors import Unsupported
from wherry.model.filters import Filters
from wherry.model.network import Endpoint, Network
from wherry.wire.filters import decode_filters
from wherry.wire.networks import decode_network, encode_network

_LIST_FILTERS = frozenset({"dangling", "driver", "id", "label", "name", "scope", "type"})
_PRUNE_FILTERS = frozenset({"until", "label", "label!"})


class Networks(Protocol):
    """The part of ``engine.networks.Networks`` that these routes use."""

    def get(self, wanted: str) -> Network: ...
    def list_networks(self, filters: Filters) -> Sequence[Network]: ...
    def members(self, network: Network) -> Sequence[tuple[Container, Endpoint]]: ...
    async def create(self, **wanted: Any) -> Network: ...
    async def remove(self, wanted: str) -> None: ...
    async def prune(self, filters: Filters) -> Sequence[str]: ...


def routes(networks: Networks) -> Routes:
    async def list_networks(call: Call) -> Reply:
        """All that match the filters, without their containers."""
        filters = decode_filters(call.query.get("filters"), _LIST_FILTERS)
        return json_reply([encode_network(one) for one in networks.list_networks(filters)])

    async def inspect(call: Call) -> Reply:
        """One, with the running containers in it."""
        one = networks.get(call.path["id"])
        return json_reply(encode_network(one, networks.members(one)))

    async def create(call: Call) -> Reply:
        """201 with the id; 409 for a name that is taken."""
        made = await networks.create(**decode_network(await read_object(call)))
        return json_reply({"Id": made.id, "Warning": ""}, HTTPStatus.CREATED)

    async def remove(call: Call) -> Reply:
        """204; 403 for a predefined one or while containers are in it."""
        await networks.remove(call.path["id"])
        return NO_CONTENT

    async def prune(call: Call) -> Reply:
        """Removes networks of one's own that no container uses."""
        filters = decode_filters(call.query.get("filters"), _PRUNE_FILTERS)
        return json_reply({"NetworksDeleted": list(await networks.prune(filters)) or None})

    async def not_yet(call: Call) -> Reply:
        """501: a container keeps the networks that it was made with."""
        raise Unsupported("connecting and disconnecting containers is not supported yet")

    return {
        "GET /networks": list_networks,
        "GET /networks/{id}": inspect,
        "POST /networks/create": create,
        "DELETE /networks/{id}": remove,
        "POST /networks/prune": prune,
        "POST /networks/{id}/connect": not_yet,
        "POST /networks/{id}/disconnect": not_yet,
    }
