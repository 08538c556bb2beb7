"""Routes of ``/containers``: making, looking, life. A handler decodes, calls, encodes."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from wherry.api.bodies import read_object
from wherry.api.replies import JSON, NO_CONTENT, json_reply, stream_reply
from wherry.http.messages import Call, Reply, Routes
from wherry.model.container import Container, ContainerSpec
from wherry.model.errors import InvalidArgument
from wherry.model.filters import Filters
from wherry.model.network import Network
from wherry.wire.containers import (
    Surroundings,
    decode_create,
    encode_container,
    encode_summary,
    state_word,
)
from wherry.wire.documents import Json
from wherry.wire.filters import decode_filters
from wherry.wire.jsonstream import encode_line
from wherry.wire.query import decode_flag, decode_integer, decode_size


class Ended(Protocol):
    @property
    def exit_code(self) -> int: ...


class Waiting(Protocol):
    async def ended(self) -> Ended: ...


class Containers(Protocol):
    """The part of ``engine.containers.service.Containers`` that these routes use."""

    def get(self, wanted: str) -> Container: ...
    def list_containers(self) -> Sequence[Container]: ...
    async def create(
        self, spec: ContainerSpec, name: str = ""
    ) -> tuple[Container, Sequence[str]]: ...
    async def start(self, wanted: str) -> None: ...
    async def stop(
        self, wanted: str, *, grace_s: int | None = None, signal: str | None = None
    ) -> None: ...
    async def restart(
        self, wanted: str, *, grace_s: int | None = None, signal: str | None = None
    ) -> None: ...
    async def kill(self, wanted: str, signal: str = "") -> None: ...
    async def pause(self, wanted: str) -> None: ...
    async def unpause(self, wanted: str) -> None: ...
    async def rename(self, wanted: str, new_name: str) -> None: ...
    async def wait(self, wanted: str, condition: str = "not-running") -> Waiting: ...
    async def remove(self, wanted: str, *, force: bool = False, volumes: bool = False) -> None: ...
    async def resize(self, wanted: str, *, height: int, width: int) -> None: ...
    async def prune(self, filters: Filters) -> tuple[Sequence[str], int]: ...


class Around(Protocol):
    """What a container's documents say beyond its record."""

    def surroundings(self, container: Container) -> Surroundings: ...
    def networks(self) -> Mapping[str, Network]: ...
    def image_name(self, container: Container) -> str: ...
    def select(
        self,
        containers: Sequence[Container],
        filters: Filters,
        *,
        all_of_them: bool,
        limit: int,
        word_of: Callable[[Container], str],
    ) -> Sequence[Container]: ...
    async def sizes(self, container: Container) -> tuple[int, int]:
        """Bytes of its own layer, and of that together with its image."""

    def now_ns(self) -> int: ...

    filter_keys: frozenset[str]


_PRUNE_FILTERS = frozenset({"until", "label", "label!"})


def routes(containers: Containers, around: Around) -> Routes:
    async def create(call: Call) -> Reply:
        """201 with the id and warnings; 404 without the image; 409 for a name that is taken."""
        spec = decode_create(await read_object(call))
        made, warnings = await containers.create(spec, call.query.get("name", ""))
        return json_reply({"Id": made.id, "Warnings": list(warnings)}, HTTPStatus.CREATED)

    async def list_containers(call: Call) -> Reply:
        """Newest first; only those that run, unless ``all``, ``limit`` or a filter says more."""
        filters = decode_filters(call.query.get("filters"), around.filter_keys)
        found = around.select(
            containers.list_containers(),
            filters,
            all_of_them=decode_flag(call.query, "all"),
            limit=decode_integer(call.query, "limit") or 0,
            word_of=state_word,
        )
        networks, now_ns = around.networks(), around.now_ns()
        with_sizes = decode_flag(call.query, "size")
        rows: list[Json] = []
        for one in found:
            row = encode_summary(one, networks, now_ns=now_ns, image=around.image_name(one))
            if with_sizes:
                row["SizeRw"], row["SizeRootFs"] = await around.sizes(one)
            rows.append(row)
        return json_reply(rows)

    async def inspect(call: Call) -> Reply:
        """All that is known of one; ``size`` adds what it takes on disk."""
        one = containers.get(call.path["id"])
        document = encode_container(one, around.surroundings(one))
        if decode_flag(call.query, "size"):
            document["SizeRw"], document["SizeRootFs"] = await around.sizes(one)
        return json_reply(document)

    async def start(call: Call) -> Reply:
        """204 once its program runs; 304 if it did already; 400 or 500 why it cannot."""
        if len(await call.body.read(limit_bytes=1 << 20)) > _START_BODY_BYTES:
            raise InvalidArgument(
                "starting container with non-empty request body was deprecated "
                "since API v1.22 and removed in v1.24"
            )
        await containers.start(call.path["id"])
        return NO_CONTENT

    async def stop(call: Call) -> Reply:
        """204 when stopped; 304 if it already was; 404 if there is none."""
        grace_s, signal = _ending(call)
        await containers.stop(call.path["id"], grace_s=grace_s, signal=signal)
        return NO_CONTENT

    async def restart(call: Call) -> Reply:
        """204 once it runs again."""
        grace_s, signal = _ending(call)
        await containers.restart(call.path["id"], grace_s=grace_s, signal=signal)
        return NO_CONTENT

    async def kill(call: Call) -> Reply:
        """204 once the signal was sent; 409 if it does not run."""
        await containers.kill(call.path["id"], call.query.get("signal", ""))
        return NO_CONTENT

    async def pause(call: Call) -> Reply:
        """204 once all its processes are frozen."""
        await containers.pause(call.path["id"])
        return NO_CONTENT

    async def unpause(call: Call) -> Reply:
        """204 once they go on."""
        await containers.unpause(call.path["id"])
        return NO_CONTENT

    async def rename(call: Call) -> Reply:
        """204; 409 for a name that is taken."""
        await containers.rename(call.path["id"], call.query.get("name", ""))
        return NO_CONTENT

    async def wait(call: Call) -> Reply:
        """Headers at once, the exit code when the condition holds."""
        waiting = await containers.wait(call.path["id"], call.query.get("condition", "not-running"))
        return stream_reply(_exit_code(waiting), JSON)

    async def remove(call: Call) -> Reply:
        """204 once it is gone; 409 while it runs, unless forced."""
        if decode_flag(call.query, "link"):
            raise InvalidArgument("removing a link is not supported: make the container again")
        await containers.remove(
            call.path["id"],
            force=decode_flag(call.query, "force"),
            volumes=decode_flag(call.query, "v"),
        )
        return NO_CONTENT

    async def resize(call: Call) -> Reply:
        """200 once the terminal has the size."""
        height, width = decode_size(call.query)
        await containers.resize(call.path["id"], height=height, width=width)
        return Reply()

    async def prune(call: Call) -> Reply:
        """Removes all that do not run; filters: until, label."""
        filters = decode_filters(call.query.get("filters"), _PRUNE_FILTERS)
        gone, freed = await containers.prune(filters)
        return json_reply({"ContainersDeleted": list(gone) or None, "SpaceReclaimed": freed})

    return {
        "POST /containers/create": create,
        "GET /containers/json": list_containers,
        "GET /containers/{id}/json": inspect,
        "POST /containers/{id}/start": start,
        "POST /containers/{id}/stop": stop,
        "POST /containers/{id}/restart": restart,
        "POST /containers/{id}/kill": kill,
        "POST /containers/{id}/pause": pause,
        "POST /containers/{id}/unpause": unpause,
        "POST /containers/{id}/rename": rename,
        "POST /containers/{id}/wait": wait,
        "POST /containers/{id}/resize": resize,
        "POST /containers/prune": prune,
        "DELETE /containers/{id}": remove,
    }


_START_BODY_BYTES = 7


def _ending(call: Call) -> tuple[int | None, str | None]:
    return decode_integer(call.query, "t"), call.query.get("signal") or None


async def _exit_code(waiting: Waiting) -> AsyncIterator[bytes]:
    ended = await waiting.ended()
    yield encode_line({"StatusCode": ended.exit_code})
