"""Which containers a list shows. Pure."""

from collections.abc import Callable, Mapping, Sequence

from wherry.model.container import Container
from wherry.model.errors import InvalidArgument, NoSuchContainer
from wherry.model.filters import Filters
from wherry.model.ports import ContainerPort, Transport

FILTERS = frozenset(
    "ancestor before exited id isolation label name status health since volume network is-task "
    "publish expose".split()
)
_STATUSES = frozenset("created restarting running removing paused exited dead".split())
_HEALTH = frozenset("starting healthy unhealthy none".split())


def select(
    containers: Sequence[Container],
    filters: Filters,
    *,
    all_of_them: bool,
    limit: int,
    word_of: Callable[[Container], str],
    network_names: Mapping[str, str],
    descends_from: Callable[[Container, str], bool],
) -> Sequence[Container]:
    """Those of `containers` (newest first) that match every filter, at most `limit` if positive.

    Args:
        word_of: a container's status in Docker's words.
        network_names: network id to name.
        descends_from: whether a container's image is, or was made from, the named one.

    Raises:
        InvalidArgument: a value that the filter does not know.
        NoSuchContainer: ``before`` or ``since`` names none.
    """
    _check(filters)
    before = _find(containers, filters.values("before"))
    since = _find(containers, filters.values("since"))
    stopped_too = (
        all_of_them
        or limit > 0
        or bool({"status", "exited", "before", "since"} & set(filters.entries))
    )
    found: list[Container] = []
    for one in containers:
        if before is not None and one.created_ns >= before.created_ns:
            continue
        if since is not None and one.created_ns <= since.created_ns:
            continue
        word = word_of(one)
        if not stopped_too and word not in ("running", "paused", "restarting"):
            continue
        if _matches(one, word, filters, network_names, descends_from):
            found.append(one)
            if len(found) == limit:
                break
    return found


def _check(filters: Filters) -> None:
    for value in filters.values("status"):
        if value not in _STATUSES:
            raise InvalidArgument(f"invalid filter 'status={value}'")
    for value in filters.values("health"):
        if value not in _HEALTH:
            raise InvalidArgument(f"invalid filter 'health={value}'")
    for value in filters.values("exited"):
        if not value.removeprefix("-").isdecimal():
            raise InvalidArgument(f"invalid filter 'exited={value}'")
    for key in ("publish", "expose"):
        for value in filters.values(key):
            _parse_ports(key, value)


def _find(containers: Sequence[Container], wanted: Sequence[str]) -> Container | None:
    for name in wanted[:1]:
        for one in containers:
            if one.name == name.removeprefix("/") or (name and one.id.startswith(name)):
                return one
        raise NoSuchContainer(name)
    return None


def _matches(
    one: Container,
    word: str,
    filters: Filters,
    network_names: Mapping[str, str],
    descends_from: Callable[[Container, str], bool],
) -> bool:
    if "status" in filters and word not in filters.values("status"):
        return False
    if "exited" in filters and not (
        word == "exited" and str(one.state.exit_code) in filters.values("exited")
    ):
        return False
    if "health" in filters and "none" not in filters.values("health"):
        return False
    if "is-task" in filters and filters.flag("is-task"):
        return False
    if not filters.match_prefix("id", one.id):
        return False
    if not _matches_name(one, filters.values("name")):
        return False
    if not filters.match_labels("label", one.spec.program.labels):
        return False
    if "ancestor" in filters and not any(
        descends_from(one, wanted) for wanted in filters.values("ancestor")
    ):
        return False
    return _matches_places(one, filters, network_names)


def _matches_name(one: Container, wanted: Sequence[str]) -> bool:
    """A part of the name, with or without the slash; ``^`` and ``$`` tie it to the ends."""
    if not wanted:
        return True
    for text in wanted:
        bare = text.removeprefix("^").removeprefix("/").removesuffix("$")
        from_start, to_end = text.startswith(("^", "/")), text.endswith("$")
        if from_start and to_end:
            held = one.name == bare
        elif from_start:
            held = one.name.startswith(bare)
        elif to_end:
            held = one.name.endswith(bare)
        else:
            held = bare in one.name
        if held:
            return True
    return False


def _matches_places(one: Container, filters: Filters, network_names: Mapping[str, str]) -> bool:
    volumes = [name for mount in one.mounts for name in (mount.name, mount.destination) if name]
    if not filters.match_exact("volume", *volumes):
        return False
    networks = [endpoint.network_id for endpoint in one.state.endpoints] if one.has_process else []
    names = [network_names[key] for key in networks if key in network_names]
    if not one.has_process:
        names.append(one.spec.network.mode)
    if not filters.match_exact("network", *networks, *names):
        return False
    published = {port.port for port in one.state.published} if one.has_process else set()
    exposed = set(one.spec.program.exposed_ports) | {
        binding.port for binding in one.spec.network.bindings
    }
    for key, ports in (("publish", published), ("expose", exposed)):
        if key in filters and not any(
            port in ports for value in filters.values(key) for port in _parse_ports(key, value)
        ):
            return False
    return True


def _parse_ports(key: str, value: str) -> Sequence[ContainerPort]:
    numbers, _, transport = value.partition("/")
    first, _, last = numbers.partition("-")
    try:
        kind = Transport(transport or "tcp")
        begin, end = int(first), int(last or first)
    except ValueError:
        raise InvalidArgument(f"invalid filter '{key}={value}'") from None
    if not 0 < begin <= end < 65_536:
        raise InvalidArgument(f"invalid filter '{key}={value}'")
    return [ContainerPort(number=number, transport=kind) for number in range(begin, end + 1)]
