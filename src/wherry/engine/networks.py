"""Networks: which there are, who is in them, and how a container gets in and out.

The kernel's side is the driver's; here are records, addresses and ports.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Protocol

from wherry.drivers.network.base import Networks as NetworkDriver
from wherry.drivers.network.base import Sandbox
from wherry.drivers.network.files import (
    parse_resolv_conf,
    render_hosts,
    render_hosts_of_host,
    render_resolv_conf,
)
from wherry.model.container import Container, EndpointRequest
from wherry.model.errors import (
    Conflict,
    Forbidden,
    InvalidArgument,
    NoSuchContainer,
    NoSuchNetwork,
    Unsupported,
)
from wherry.model.filters import Filters
from wherry.model.ids import make_id
from wherry.model.lifecycle import HOLDS_RESOURCES
from wherry.model.network import Endpoint, Network, Pool
from wherry.model.ports import PortBinding, PublishedPort, plan_published
from wherry.model.timestamps import parse_moment_ns
from wherry.state.layout import Layout

PREDEFINED = ("bridge", "host", "none")
_DRIVERS = frozenset({"bridge", "host", "null"})


class NetworkRows(Protocol):
    async def save(self, network: Network) -> None: ...
    async def delete(self, network_id: str) -> None: ...
    async def load(self) -> Sequence[Network]: ...


class NetworkEvents(Protocol):
    def publish(
        self, *, kind: str, action: str, actor_id: str, attributes: Mapping[str, str]
    ) -> None: ...


class Containers(Protocol):
    def get(self, wanted: str) -> Container: ...
    def list_containers(self) -> Sequence[Container]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDefaults:
    pools: tuple[Pool, ...] = ()
    """Subnet and gateway of the default bridge; none: chosen."""
    bridge_name: str = "wherry0"
    mtu_bytes: int = 1500


@dataclass(frozen=True, slots=True)
class _Connected:
    endpoints: tuple[Endpoint, ...] = ()
    published: tuple[PublishedPort, ...] = ()


class Networks:
    def __init__(
        self,
        *,
        rows: NetworkRows,
        driver: NetworkDriver,
        events: NetworkEvents,
        layout: Layout,
        defaults: NetworkDefaults,
        resolv_conf: Path = Path("/etc/resolv.conf"),
    ) -> None:
        self._rows, self._driver, self._events = rows, driver, events
        self._layout, self._defaults, self._resolv_conf = layout, defaults, resolv_conf
        self._networks: dict[str, Network] = {}
        self._connected: dict[str, _Connected] = {}
        """By container, what `disconnect` has to undo."""
        self._changing = asyncio.Lock()
        self._containers: Containers

    # start and end of the engine ------------------------------------------------------------

    async def open(self, containers: Containers) -> None:
        """Load what is kept, make what every engine has, and put the kernel in order."""
        self._containers = containers
        self._networks = {one.id: one for one in await self._rows.load()}
        # of one that has ended, addresses and ports may be another's by now
        running = [
            one
            for one in containers.list_containers()
            if one.state.sandbox and one.state.status in HOLDS_RESOURCES
        ]
        self._connected = {
            one.id: _Connected(one.state.endpoints, one.state.published) for one in running
        }
        in_use = [
            (endpoint, container.state.published if number == 0 else ())
            for container in running
            for number, endpoint in enumerate(container.state.endpoints)
        ]
        await self._driver.open(
            list(self._networks.values()), in_use, keep=[one.state.sandbox for one in running]
        )
        for name in PREDEFINED:
            if self.find(name) is None:
                await self._make_predefined(name)

    async def close(self) -> None:
        """Let go of the kernel's objects; those that running containers need stay."""
        needed = any(
            one.state.status in HOLDS_RESOURCES for one in self._containers.list_containers()
        )
        await self._driver.close(leave_nothing=not needed)

    async def _make_predefined(self, name: str) -> None:
        network = Network(
            id=make_id(),
            name=name,
            driver={"bridge": "bridge", "host": "host", "none": "null"}[name],
            created=datetime.now(UTC),
        )
        if name == "bridge":
            options = {
                "com.docker.network.bridge.default_bridge": "true",
                "com.docker.network.bridge.enable_icc": "true",
                "com.docker.network.bridge.enable_ip_masquerade": "true",
                "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
                "com.docker.network.bridge.name": self._defaults.bridge_name,
                "com.docker.network.driver.mtu": str(self._defaults.mtu_bytes),
            }
            network = replace(network, options=options, pools=self._defaults.pools)
            network = await self._driver.create_network(network)
        await self._rows.save(network)
        self._networks[network.id] = network

    # looking ----------------------------------------------------------------------------

    def by_id(self) -> Mapping[str, Network]:
        return self._networks

    def find(self, wanted: str) -> Network | None:
        if wanted in self._networks:
            return self._networks[wanted]
        name = "bridge" if wanted == "default" else wanted
        for one in self._networks.values():
            if one.name == name:
                return one
        found = [one for key, one in self._networks.items() if wanted and key.startswith(wanted)]
        if len(found) > 1:
            raise InvalidArgument(
                f"network {wanted} is ambiguous ({len(found)} matches found based on ID prefix)"
            )
        return found[0] if found else None

    def get(self, wanted: str) -> Network:
        """By name, id or the beginning of an id. NoSuchNetwork."""
        if (found := self.find(wanted)) is None:
            raise NoSuchNetwork(wanted)
        return found

    def list_networks(self, filters: Filters) -> Sequence[Network]:
        """Those that match the filters, in the order of their names."""
        return sorted(
            (one for one in self._networks.values() if self._matches(one, filters)),
            key=lambda one: one.name,
        )

    def members(self, network: Network) -> Sequence[tuple[Container, Endpoint]]:
        """The running containers in it, with their endpoints."""
        return [
            (container, endpoint)
            for container in self._containers.list_containers()
            if container.has_process
            for endpoint in container.state.endpoints
            if endpoint.network_id == network.id
        ]

    def _matches(self, network: Network, filters: Filters) -> bool:
        kind = "builtin" if network.name in PREDEFINED else "custom"
        dangling = filters.flag("dangling")
        return (
            filters.match_exact("driver", network.driver)
            and filters.match_part("id", network.id)
            and filters.match_part("name", network.name)
            and filters.match_exact("scope", "local")
            and filters.match_exact("type", kind)
            and filters.match_labels("label", network.labels)
            and (dangling is None or dangling == (kind == "custom" and not self.members(network)))
        )

    # making -----------------------------------------------------------------------------

    async def create(self, **wanted: Any) -> Network:
        """Make a network; the arguments are fields of `Network`.

        Raises:
            Conflict: the name or the subnet is taken.
            Unsupported: a driver that is not there.
            Forbidden: host and null networks cannot be made.
        """
        name, driver = wanted["name"], wanted["driver"]
        if driver in ("host", "null"):
            raise Forbidden(f"only one instance of {driver!r} network is allowed".replace("'", '"'))
        if driver not in _DRIVERS:
            raise Unsupported(
                f"could not find plugin {driver} in v1 plugin registry: plugin not found"
            )
        async with self._changing:
            if any(one.name == name for one in self._networks.values()):
                raise Conflict(f"network with name {name} already exists")
            network = Network(id=make_id(), created=datetime.now(UTC), **wanted)
            network = await self._driver.create_network(network)
            try:
                await self._rows.save(network)
            except BaseException:
                await self._driver.remove_network(network)
                raise
            self._networks[network.id] = network
        self._tell(network, "create")
        return network

    async def remove(self, wanted: str) -> None:
        """Delete a network of one's own.

        Raises:
            Forbidden: predefined, or containers are in it.
        """
        async with self._changing:
            network = self.get(wanted)
            if network.name in PREDEFINED:
                raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
            if members := self.members(network):
                inside = ", ".join(f'name:"{one.name}" id:"{one.short_id}"' for one, _ in members)
                raise Forbidden(
                    f"error while removing network: network {network.name} has active endpoints "
                    f"({inside})"
                )
            await self._rows.delete(network.id)
            del self._networks[network.id]
            await self._driver.remove_network(network)
        self._tell(network, "destroy")

    async def prune(self, filters: Filters) -> Sequence[str]:
        """Remove networks of one's own that no container uses; their names.

        Filters: until (created before), label, label!.
        """
        now_ns = time.time_ns()
        until_ns = [parse_moment_ns(one, now_ns=now_ns) for one in filters.values("until")]
        used = self._ids_asked_for()
        gone: list[str] = []
        for network in self.list_networks(Filters()):
            if network.name in PREDEFINED or network.id in used:
                continue
            if any(network.created.timestamp() * 1e9 > one for one in until_ns):
                continue
            if not filters.match_labels("label", network.labels) or filters.match_any_label(
                "label!", network.labels
            ):
                continue
            try:
                await self.remove(network.id)
            except (Forbidden, NoSuchNetwork):
                continue  # joined, or removed, meanwhile
            gone.append(network.name)
        return gone

    def _ids_asked_for(self) -> Collection[str]:
        """Of all networks that a container, running or not, was made for."""
        names = {
            name
            for one in self._containers.list_containers()
            for name in (
                one.spec.network.mode,
                *(request.network for request in one.spec.network.endpoints),
            )
        }
        found: set[str] = set()
        for name in names:
            with contextlib.suppress(InvalidArgument):  # by now the beginning of several ids
                if network := self.find(name):
                    found.add(network.id)
        return found

    # a container's start and end ------------------------------------------------------------

    async def connect(self, container: Container) -> Mapping[str, Any]:
        """Give a container that starts its networks; returns the fields of its state.

        Raises:
            NoSuchNetwork, Conflict, PortTaken: in Docker's words; everything is undone.
        """
        mode = container.spec.network.mode
        if mode == "host":
            # no link and no address, but the container is in that network all the same
            endpoint = _endpoint_of(self.get(mode), container, EndpointRequest(network=mode))
            self._connected[container.id] = _Connected((endpoint,))
            self._tell(self.get(mode), "connect", container)
            return {"sandbox": "", "endpoints": (endpoint,), "published": ()}
        if mode.startswith("container:"):
            other = self._containers.get(mode.partition(":")[2])
            if not other.has_process:
                raise Conflict(
                    f"cannot join network namespace of a non running container: {other.id}"
                )
            return {"sandbox": other.state.sandbox, "endpoints": (), "published": ()}
        async with AsyncExitStack() as undo:
            sandbox = await self._driver.create_sandbox(container.id)
            undo.push_async_callback(self._driver.discard_sandbox, container.id)
            endpoints = await self._join_all(container, sandbox)
            published: Sequence[PublishedPort] = ()
            wanted = _ports_of(container)
            if wanted and self._networks[endpoints[0].network_id].driver == "bridge":
                published = await self._driver.publish(endpoints[0], wanted)
            undo.pop_all()
        self._connected[container.id] = _Connected(tuple(endpoints), tuple(published))
        for endpoint in endpoints:
            self._tell(self._networks[endpoint.network_id], "connect", container)
        return {
            "sandbox": sandbox.name,
            "endpoints": tuple(endpoints),
            "published": tuple(published),
        }

    async def _join_all(self, container: Container, sandbox: Sandbox) -> list[Endpoint]:
        mode = container.spec.network.mode
        requests = {self.get(one.network).id: one for one in container.spec.network.endpoints}
        first = self.get(mode)
        ids = [first.id, *(key for key in requests if key != first.id)]
        endpoints: list[Endpoint] = []
        for key in ids:
            network = self._networks[key]
            request = requests.get(key, EndpointRequest(network=network.name))
            endpoint = _endpoint_of(network, container, request)
            joined = await self._driver.join(
                sandbox, network, endpoint, interface=f"eth{len(endpoints)}"
            )
            endpoints.append(joined)
        return endpoints

    async def disconnect(self, container: Container) -> None:
        """Undo `connect`, also when only half of it happened."""
        connected = self._connected.pop(container.id, _Connected())
        if connected.published and connected.endpoints:
            await self._driver.unpublish(connected.endpoints[0], connected.published)
        if not container.spec.network.mode.startswith("container:"):
            await self._driver.discard_sandbox(container.id)
        for endpoint in connected.endpoints:
            if network := self._networks.get(endpoint.network_id):
                self._tell(network, "disconnect", container)

    # files of a container -------------------------------------------------------------------

    def hosts(self, container: Container, endpoints: Sequence[Endpoint]) -> str:
        """The text of its /etc/hosts."""
        extra = [self._extra_host(one) for one in container.spec.network.extra_hosts]
        extra += self._linked(container)
        if container.spec.network.mode == "host":
            return render_hosts_of_host(_read(Path("/etc/hosts")), extra)
        program = container.spec.program
        return render_hosts(
            hostname=program.hostname or container.short_id,
            domain=program.domainname,
            addresses=[str(one) for e in endpoints for one in (e.ipv4, e.ipv6) if one],
            extra=extra,
        )

    def resolv_conf(self, container: Container) -> str:
        """The text of its /etc/resolv.conf."""
        network = container.spec.network
        return render_resolv_conf(
            parse_resolv_conf(_read(self._resolv_conf)),
            embedded=False,
            host_network=network.mode == "host",
            nameservers=network.dns,
            search=network.dns_search,
            options=network.dns_options,
        ).text

    def sandbox_path(self, name: str) -> Path:
        return self._layout.netns_dir / name

    def _extra_host(self, text: str) -> tuple[str, str]:
        separator = "=" if "=" in text else ":"
        name, _, address = text.partition(separator)
        if address == "host-gateway":
            bridge = self.find("bridge")
            gateways = (
                [str(pool.gateway) for pool in bridge.pools if pool.gateway] if bridge else []
            )
            if not gateways:
                raise InvalidArgument("unable to derive the IP value for host-gateway")
            address = gateways[0]
        return name, address.strip("[]")

    def _linked(self, container: Container) -> list[tuple[str, str]]:
        lines: list[tuple[str, str]] = []
        for link in container.spec.network.links:
            wanted, _, alias = link.partition(":")
            try:
                other = self._containers.get(wanted)
            except NoSuchContainer:
                continue
            name = (alias or wanted).rpartition("/")[2]
            names = " ".join(dict.fromkeys((name, other.short_id, other.name)))
            lines += [(names, str(one.ipv4)) for one in other.state.endpoints[:1] if one.ipv4]
        return lines

    def _tell(self, network: Network, action: str, container: Container | None = None) -> None:
        attributes = {"name": network.name, "type": network.driver}
        if container is not None:
            attributes["container"] = container.id
        self._events.publish(
            kind="network", action=action, actor_id=network.id, attributes=attributes
        )


def _ports_of(container: Container) -> Sequence[PublishedPort]:
    """What to publish: the bindings, and with publish_all every exposed port without one."""
    network = container.spec.network
    bindings = list(network.bindings)
    if network.publish_all:
        bound = {binding.port for binding in bindings}
        exposed = container.spec.program.exposed_ports
        bindings += [PortBinding(port=port) for port in exposed if port not in bound]
    return plan_published(bindings)


def _endpoint_of(network: Network, container: Container, request: EndpointRequest) -> Endpoint:
    """What is asked of the driver: addresses that were not named are its choice."""
    ipv4, ipv6 = _parse_address(request.ipv4), _parse_address(request.ipv6)
    return Endpoint(
        id=make_id(),
        network_id=network.id,
        container_id=container.id,
        ipv4=ipv4 if isinstance(ipv4, IPv4Address) else None,
        ipv6=ipv6 if isinstance(ipv6, IPv6Address) else None,
        mac=request.mac or None,
        aliases=request.aliases,
        driver_options=request.driver_options,
        gateway_priority=request.gateway_priority,
    )


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    if not text:
        return None
    try:
        return ip_address(text)
    except ValueError:
        raise InvalidArgument(f"invalid IP address: {text}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
