"""What the engine asks of whatever connects containers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wherry.model.network import Endpoint, Network
from wherry.model.ports import PublishedPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A network namespace, bound at a path below the run root; loopback is up."""

    name: str
    path: Path


class Networks(Protocol):
    """The host's side of all networks: namespaces, links, addresses, rules, published ports.

    One object for all of them, because the rule set and the ports are one thing. Every method may
    be called again after a crash; what is already so is success. The kernel is told by netlink and
    libnftables from this process: no program is started on the way of a container's start.
    """

    async def open(
        self,
        networks: Sequence[Network],
        in_use: Sequence[tuple[Endpoint, Sequence[PublishedPort]]],
        *,
        keep: Collection[str] = (),
    ) -> None:
        """Make the kernel look as it should for these networks and these running endpoints, and
        nothing else of ours: bridges, rules, reserved ports; prepare namespaces ahead of need.

        Sandboxes stay that bear the container's id of one of `in_use`, or a name in `keep`.
        """

    async def close(self, *, leave_nothing: bool = False) -> None:
        """Give back what only a living daemon needs; running containers keep their networks.

        With `leave_nothing`, for when none runs, bridges and rules go as well: `open` makes them
        again."""

    async def create_network(self, network: Network) -> Network:
        """Make it in the kernel; returns it with what was chosen (bridge name, subnet, gateway).

        Raises:
            Conflict: subnet or bridge in use, with the name of what is in the way.
        """

    async def remove_network(self, network: Network) -> None: ...

    async def create_sandbox(self, name: str) -> Sandbox:
        """A namespace of this name; taken from the prepared ones if there are any."""

    async def discard_sandbox(self, name: str) -> None:
        """Drop it with every link in it; unknown is success."""

    async def join(
        self, sandbox: Sandbox, network: Network, endpoint: Endpoint, *, interface: str
    ) -> Endpoint:
        """Link the sandbox to `network` with the endpoint's addresses; returns it completed
        (addresses and MAC address where none were asked for, host's link name).

        Addresses belong to the endpoint until `leave` or `discard_sandbox`. The default route is
        that of the endpoint with the highest priority, then of the network whose name comes first.

        Raises:
            Conflict: the address is in use, or none is left.
            InvalidArgument: the address belongs to no subnet of the network.
        """

    async def leave(self, sandbox: str, network: Network, endpoint: Endpoint) -> None:
        """Unlink a container that goes on running (30 ms). One that has ended is left to
        `discard_sandbox`, which drops all its links at once and waits for nothing."""

    async def publish(
        self, endpoint: Endpoint, ports: Sequence[PublishedPort]
    ) -> Sequence[PublishedPort]:
        """Reserve the host's ports and forward them; returns them with every port filled in.
        All or none. ``::`` is left out where the host has no IPv6.

        Raises:
            PortTaken: somebody else has it.
            Conflict: the host has no such address.
        """

    async def unpublish(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None: ...
