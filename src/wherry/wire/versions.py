"""API versions, and what older clients say and expect. Nothing else compares versions.

Handlers and encoders speak the newest version. A row of a table says what must be changed for a
client that speaks an older one: in its requests before they are decoded, in replies after they
were encoded.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from wherry.model.errors import InvalidArgument
from wherry.wire.documents import Json


class ApiVersion(NamedTuple):
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


OLDEST = ApiVersion(1, 24)
NEWEST = ApiVersion(1, 51)


class Rewrite(NamedTuple):
    needed_before: ApiVersion
    route: str
    apply: Callable[[Json], None]


def parse_version(text: str) -> ApiVersion:
    """``1.43`` as a value.

    Raises:
        InvalidArgument: it is not two numbers with a dot between them.
    """
    if (match := re.fullmatch(r"([0-9]{1,6})\.([0-9]{1,6})", text)) is None:
        raise InvalidArgument(f"invalid API version: {text}")
    return ApiVersion(int(match[1]), int(match[2]))


def negotiate(text: str | None) -> ApiVersion:
    """The version to speak with a client that put `text` before the route.

    Raises:
        InvalidArgument: too old, or too new, in the words that clients look for.
    """
    if text is None:
        return NEWEST
    numbers = tuple(int(part) for part in text.split(".") if part.isdecimal())
    if numbers < OLDEST:
        raise InvalidArgument(
            f"client version {text} is too old. Minimum supported API version is {OLDEST}, "
            "please upgrade your client to a newer version"
        )
    if numbers > NEWEST:
        raise InvalidArgument(
            f"client version {text} is too new. Maximum supported API version is {NEWEST}"
        )
    return parse_version(text)


def modernise(route: str, spoken: ApiVersion, body: Json) -> None:
    """Change a request of an older client, in place, into what it would say today."""
    for rewrite in REQUESTS:
        if rewrite.route == route and spoken < rewrite.needed_before:
            rewrite.apply(body)


def age(route: str, spoken: ApiVersion, reply: Json) -> None:
    """Change a reply, in place, into what a client that speaks `spoken` expects.

    The newest rows apply first: each step back is one version's.
    """
    for rewrite in REPLIES:
        if rewrite.route == route and spoken < rewrite.needed_before:
            rewrite.apply(reply)


def _without(*path: str) -> Callable[[Json], None]:
    def drop(body: Json) -> None:
        inner = body
        for key in path[:-1]:
            found = inner.get(key)
            if not isinstance(found, dict):
                return
            inner = found
        inner.pop(path[-1], None)

    return drop


def _with(key: str, value: object) -> Callable[[Json], None]:
    def add(body: Json) -> None:
        body[key] = value

    return add


def _runtimes_without_status(info: Json) -> None:
    for runtime in info["Runtimes"].values():
        runtime.pop("status", None)


def _commits_with_expected(info: Json) -> None:
    for key in ("ContainerdCommit", "RuncCommit", "InitCommit"):
        if commit := info[key]["ID"]:
            info[key]["Expected"] = commit


def _registries_with_nondistributables(info: Json) -> None:
    info["RegistryConfig"]["AllowNondistributableArtifactsCIDRs"] = None
    info["RegistryConfig"]["AllowNondistributableArtifactsHostnames"] = None


def _bare_security_options(info: Json) -> None:
    info["SecurityOptions"] = [
        option.removeprefix("name=").partition(",")[0] for option in info["SecurityOptions"]
    ]


# Source of all rows: Docker's API version history, and the answers of a Docker 28.5.
REQUESTS: Sequence[Rewrite] = (
    Rewrite(ApiVersion(1, 42), "POST /containers/create", _without("HostConfig", "ConsoleSize")),
    Rewrite(ApiVersion(1, 42), "POST /containers/{id}/exec", _without("ConsoleSize")),
    Rewrite(ApiVersion(1, 43), "POST /containers/create", _without("HostConfig", "Annotations")),
)

REPLIES: Sequence[Rewrite] = (
    Rewrite(ApiVersion(1, 50), "GET /info", _with("BridgeNfIptables", False)),
    Rewrite(ApiVersion(1, 50), "GET /info", _with("BridgeNfIp6tables", False)),
    Rewrite(ApiVersion(1, 49), "GET /info", _without("FirewallBackend")),
    Rewrite(ApiVersion(1, 49), "GET /info", _commits_with_expected),
    Rewrite(ApiVersion(1, 47), "GET /info", _registries_with_nondistributables),
    Rewrite(ApiVersion(1, 46), "GET /info", _without("Containerd")),
    Rewrite(ApiVersion(1, 44), "GET /info", _runtimes_without_status),
    Rewrite(ApiVersion(1, 42), "GET /info", _with("KernelMemory", True)),
    Rewrite(ApiVersion(1, 25), "GET /info", _bare_security_options),
)
