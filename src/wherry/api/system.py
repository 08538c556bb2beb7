"""Routes of the engine itself: ping, version, info, events, disk usage; and what it has not.

Swarm and plugins are not there, and say so the way a Docker without them does: clients ask for them
as a matter of course.
"""

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import NoReturn, Protocol

from wherry.api.bodies import read_object
from wherry.api.replies import TEXT, json_reply, stream_reply
from wherry.api.streams import Mapped
from wherry.http.messages import Call, Handler, Reply, Routes
from wherry.model.errors import NotFound, Unavailable, Unsupported
from wherry.model.event import Event
from wherry.model.filters import Filters
from wherry.model.system import EngineInfo, EngineVersion, UsageKind
from wherry.wire import system as wire
from wherry.wire.documents import Json
from wherry.wire.events import EventsQuery, encode_event_line
from wherry.wire.versions import ApiVersion, age, negotiate

_PING_HEADERS = {
    # 1: the classic builder; 2 would promise BuildKit
    "Builder-Version": "1",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
}
_NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
    "to connect this node to swarm and try again."
)
_NO_SWARM = "This node is not part of a swarm"


class System(Protocol):
    """The part of ``engine.system.System`` that these routes use."""

    async def version(self) -> EngineVersion: ...
    async def info(self) -> EngineInfo: ...


class Events(Protocol):
    """The part of ``engine.events.Events`` that these routes use."""

    def subscribe(
        self,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        filters: Filters | None = None,
    ) -> AsyncIterator[Event]: ...


class DiskUsage(Protocol):
    """Adds up other modules' documents; `wire.system.encode_disk_usage` makes the whole."""

    async def disk_usage(self, kinds: frozenset[UsageKind], version: ApiVersion) -> Json: ...


def routes(system: System, events: Events, usage: DiskUsage) -> Routes:
    async def ping(call: Call) -> Reply:
        """Exactly ``OK``; the header says which version to speak."""
        return Reply(body=b"OK", content_type=TEXT, headers=_PING_HEADERS)

    async def ping_head(call: Call) -> Reply:
        """The headers of GET, and a length of 0 as Docker has it."""
        return Reply(content_type=TEXT, headers={**_PING_HEADERS, "Content-Length": "0"})

    async def version(call: Call) -> Reply:
        """The engine's version, and its components'."""
        return json_reply(wire.encode_version(await system.version()))

    async def info(call: Call) -> Reply:
        """The engine, its settings and its host."""
        document = wire.encode_info(await system.info())
        age(call.route, negotiate(call.version), document)
        return json_reply(document)

    async def stream_events(call: Call) -> Reply:
        """Events as they happen, one document a line; headers before the first.

        400 for a filter that is not known, and for times in the wrong order.
        """
        query = EventsQuery.decode(call.query)
        listener = events.subscribe(
            since_ns=query.since_ns, until_ns=query.until_ns, filters=query.filters
        )
        return stream_reply(Mapped(listener, encode_event_line))

    async def disk_usage(call: Call) -> Reply:
        """What takes how much space; ``type`` narrows it. 400 for an unknown type."""
        version = negotiate(call.version)
        document = await usage.disk_usage(wire.decode_usage_kinds(call.query_all), version)
        age(call.route, version, document)
        return json_reply(document)

    async def authenticate(call: Call) -> Reply:
        """500: there is no way to a registry yet, and the text says so."""
        server, _ = wire.decode_auth(await read_object(call, required=False))
        host = server.removeprefix("https://").removeprefix("http://").partition("/")[0]
        host = host or "docker.io"
        text = f'Get "https://{host}/v2/": this engine does not log in to registries'
        return json_reply({"message": text}, HTTPStatus.INTERNAL_SERVER_ERROR)

    return {
        "GET /_ping": ping,
        "HEAD /_ping": ping_head,
        "GET /version": version,
        "GET /info": info,
        "GET /events": stream_events,
        "GET /system/df": disk_usage,
        "POST /auth": authenticate,
        **_swarm_routes(),
        **_plugin_routes(),
    }


def _refusing(message: str) -> Handler:
    async def refuse(call: Call) -> Reply:
        """503: there is no swarm."""
        raise Unavailable(message)

    return refuse


def _swarm_routes() -> Routes:
    no_manager = _refusing(_NO_MANAGER)
    table: dict[str, Handler] = {"POST /swarm/leave": _refusing(_NO_SWARM)}
    routes = ["GET /swarm", "GET /swarm/unlockkey"]
    routes += [f"POST /swarm/{what}" for what in ("init", "join", "update", "unlock")]
    for kind in ("nodes", "services", "secrets", "configs"):
        routes += [f"GET /{kind}", f"GET /{kind}/{{id}}", f"DELETE /{kind}/{{id}}"]
        routes += [f"POST /{kind}/{{id}}/update"]
    routes += [f"POST /{kind}/create" for kind in ("services", "secrets", "configs")]
    routes += ["GET /tasks", "GET /tasks/{id}"]
    routes += ["GET /services/{id}/logs", "GET /tasks/{id}/logs"]
    return table | dict.fromkeys(routes, no_manager)


def _plugin_routes() -> Mapping[str, Handler]:
    async def list_plugins(call: Call) -> Reply:
        """An empty list: there are none."""
        return json_reply([])

    async def no_such_plugin(call: Call) -> NoReturn:
        """404, whichever it is."""
        raise NotFound(f'plugin "{call.path["name"]}" not found')

    async def no_plugins(call: Call) -> NoReturn:
        """501: none can be installed."""
        raise Unsupported("this engine has no plugins")

    table: dict[str, Handler] = {
        "GET /plugins": list_plugins,
        "GET /plugins/privileges": no_plugins,
        "POST /plugins/pull": no_plugins,
        "POST /plugins/create": no_plugins,
        "GET /plugins/{name:path}/json": no_such_plugin,
        "DELETE /plugins/{name:path}": no_such_plugin,
    }
    for what in ("enable", "disable", "upgrade", "push", "set"):
        table[f"POST /plugins/{{name:path}}/{what}"] = no_such_plugin
    return table
