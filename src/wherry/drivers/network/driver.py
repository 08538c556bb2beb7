"""The host's side of all networks, on the real kernel.

What is wanted is kept here as values (networks, endpoints, published ports); the kernel's rules
are a picture of it that can be drawn again at any time. Calls that return at once (netlink, one
change of a rule: 0.1 to 0.4 ms) are made directly, slow ones (taking a link or a bridge away,
16 to 30 ms) in a thread.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

from wherry.drivers.network import bridge, ipam, links, ruleset
from wherry.drivers.network.base import Sandbox
from wherry.drivers.network.forwarding import Forwarding
from wherry.drivers.network.ipam import AddressPool, IpAddress, Taken
from wherry.drivers.network.links import Joined
from wherry.drivers.network.passage import Passage
from wherry.drivers.network.ruleset import Segment
from wherry.drivers.network.sandboxes import Sandboxes
from wherry.drivers.network.watch import watch_tables
from wherry.kernel.netlink import Netlink, NetlinkError, remove_link, set_port
from wherry.kernel.nftables import Nft, open_nft
from wherry.model.errors import Conflict
from wherry.model.network import Endpoint, Network, Pool
from wherry.model.ports import PublishedPort


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What an administrator may choose; the names, so that two engines do not meet."""

    table: str = "wherry"
    """The nftables table, and the mark on bridges and on iptables' rules."""
    prefix: str = "wh"
    """Of our links' names; two bytes."""
    default_bridge: str = "wherry0"
    bip: IPv4Network | None = None
    """Subnet of the default network; None: 172.17.0.0/16, or a free one if that is in use."""
    pools: Sequence[AddressPool] = ipam.DEFAULT_POOLS
    ipv6_pool: AddressPool | None = None
    mtu_bytes: int = 1500
    spare_namespaces: int = 8
    use_iptables: bool = True
    ip_forward: bool = True


class HostNetworks:
    """See ``base.Networks``. A sandbox is expected to bear its container's id as name.

    Bridges are made here; the host's own network and ``none`` need nothing on this side.
    """

    def __init__(
        self, *, netns_dir: Path, options: NetworkOptions | None = None, nft: Nft | None = None
    ) -> None:
        self._options = options or NetworkOptions()
        self._nft = nft or open_nft()
        self._netlink = Netlink()
        self._forwarding = Forwarding(self._nft, self._options.table, self._list_segments)
        self._sandboxes = Sandboxes(netns_dir, spare=self._options.spare_namespaces)
        self._passage = Passage(self._nft, remark=self._options.table)
        self._networks: dict[str, Network] = {}
        self._masters: dict[str, int] = {}
        self._leases: dict[str, dict[IpAddress, str]] = {}
        self._given_last: dict[tuple[str, int], IpAddress] = {}
        self._joined: dict[str, dict[str, Joined]] = {}
        self._gateways: dict[tuple[str, int], IpAddress | None] = {}
        self._background: list[asyncio.Task[None]] = []

    async def open(
        self,
        networks: Sequence[Network],
        in_use: Sequence[tuple[Endpoint, Sequence[PublishedPort]]],
        *,
        keep: Collection[str] = (),
    ) -> None:
        if self._options.ip_forward:
            bridge.write_setting("net/ipv4/ip_forward", "1")
        self._networks = {network.id: network for network in networks}
        self._sandboxes.adopt({*keep, *(endpoint.container_id for endpoint, _ in in_use)})
        for network in networks:
            if network.bridge is not None:
                self._ensure_bridge(network)
        await self._discard_foreign_bridges()
        for endpoint, ports in in_use:
            self._adopt(endpoint, ports)
        self._forwarding.draw()
        for endpoint, _ports in in_use:
            await self._forwarding.start_proxies(endpoint)
        await self._ensure_passage()
        self._background = [
            asyncio.create_task(self._sandboxes.keep_ready(), name="network namespaces"),
            asyncio.create_task(
                watch_tables(
                    self._options.table,
                    on_own=self._forwarding.restore,
                    on_foreign=self._ensure_passage,
                ),
                name="network rules",
            ),
        ]

    async def close(self, *, leave_nothing: bool = False) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._background = []
        if leave_nothing:
            await self.discard_all()
        await self._forwarding.close()
        self._sandboxes.close()
        self._netlink.close()
        self._nft.close()

    async def discard_all(self) -> None:
        """Take everything of ours from the host: table, bridges, sandboxes, accepts. For a host
        that the engine leaves for good; nothing may run any more."""
        for network in tuple(self._networks.values()):
            await self.remove_network(network)
        self._sandboxes.adopt(())
        self._forwarding.erase()

    async def create_network(self, network: Network) -> Network:
        if network.driver != "bridge":
            self._networks[network.id] = network
            return network
        if (known := self._networks.get(network.id)) is not None:
            return known
        options = self._options
        name = bridge.choose_name(network, options.prefix, options.default_bridge)
        for other in self._networks.values():
            if other.bridge == name:
                raise Conflict(f"bridge name {name} is already used by network {other.name}")
        adopted = self._netlink.find_link(name) is not None
        pools = self._choose_pools(network, {name} if adopted else set())
        chosen = replace(network, bridge=name, pools=pools)
        segment = ruleset.plan_segment(chosen)
        assert segment is not None
        try:
            self._ensure_bridge(chosen)
            self._networks[chosen.id] = chosen
            self._forwarding.change(added=ruleset.segment_elements(segment))
            await self._ensure_passage_of(chosen)
        except BaseException:
            await self.remove_network(chosen)
            raise
        return chosen

    async def remove_network(self, network: Network) -> None:
        known = self._networks.pop(network.id, network)
        self._leases.pop(network.id, None)
        was_made = self._masters.pop(network.id, None) is not None
        for version in (4, 6):
            self._given_last.pop((network.id, version), None)
        if known.bridge is None:
            return
        segment = ruleset.plan_segment(known)
        if segment is not None and was_made:
            self._forwarding.change(removed=ruleset.segment_elements(segment))
        link = self._netlink.find_link(known.bridge)
        if link is not None and bridge.is_ours(link, self._options.table):
            await asyncio.to_thread(bridge.remove_bridge, known.bridge)
        if self._options.use_iptables:
            await self._passage.discard(known.bridge)

    async def create_sandbox(self, name: str) -> Sandbox:
        return self._sandboxes.create(name)

    async def discard_sandbox(self, name: str) -> None:
        for joined in self._joined.pop(name, {}).values():
            self._silence(joined.endpoint)
            self._free(joined.endpoint)
        self._forget_gateways(name)
        self._sandboxes.discard(name)

    async def join(
        self, sandbox: Sandbox, network: Network, endpoint: Endpoint, *, interface: str
    ) -> Endpoint:
        network = self._networks.get(network.id, network)
        if network.bridge is None:
            return endpoint
        joined = self._joined.setdefault(sandbox.name, {})
        if (already := joined.get(endpoint.id)) is not None and not _is_partial(already):
            return already.endpoint
        completed = self._complete(network, endpoint)
        try:
            self._link(sandbox.name, network, completed, interface)
            joined[completed.id] = Joined(network=network, endpoint=completed)
            self._settle_routes(sandbox.name)
        except BaseException:
            joined.pop(completed.id, None)
            self._free(completed)
            raise
        return completed

    async def leave(self, sandbox: str, network: Network, endpoint: Endpoint) -> None:
        known = self._joined.get(sandbox, {}).pop(endpoint.id, None)
        left = known.endpoint if known is not None else endpoint
        if left.host_link is not None and self._sandboxes.has(sandbox):
            await asyncio.to_thread(_discard_link, left.host_link)
            self._settle_routes(sandbox)
        self._free(left)

    async def publish(
        self, endpoint: Endpoint, ports: Sequence[PublishedPort]
    ) -> Sequence[PublishedPort]:
        if not ports:
            return ()
        if endpoint.host_link is not None:
            # A container may ask for its own port by the host's address.
            self._netlink.do(set_port(endpoint.host_link, hairpin=True))
        return await self._forwarding.publish(endpoint, ports)

    async def unpublish(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None:
        await self._forwarding.unpublish(endpoint, ports)

    def _list_segments(self) -> Iterator[Segment]:
        for network in self._networks.values():
            if (segment := ruleset.plan_segment(network)) is not None:
                yield segment

    def _choose_pools(self, network: Network, adopted: set[str]) -> tuple[Pool, ...]:
        ours = {other.bridge for other in self._networks.values() if other.bridge} | adopted
        taken = [
            *(
                Taken(subnet=pool.subnet, by=f"network {other.name}")
                for other in self._networks.values()
                for pool in other.pools
            ),
            *bridge.list_taken_by_host(self._netlink, ours),
        ]
        pools = [ipam.complete_pool(pool) for pool in network.pools]
        for pool in pools:
            if (clash := ipam.find_clash(pool.subnet, taken)) is not None:
                raise Conflict(
                    "invalid pool request: Pool overlaps with other one on this address space: "
                    f"{pool.subnet} with {clash.subnet} ({clash.by})"
                )
        if network.ipv4 and not any(pool.subnet.version == 4 for pool in pools):
            pools.insert(0, self._choose_default(network, taken))
        if network.ipv6 and not any(pool.subnet.version == 6 for pool in pools):
            local = self._options.ipv6_pool or ipam.plan_local_pool(_read_host_id())
            pools.append(ipam.choose_pool([local], taken, version=6))
        return tuple(pools)

    def _choose_default(self, network: Network, taken: Collection[Taken]) -> Pool:
        if network.name == "bridge":
            subnet = self._options.bip or ipam.DEFAULT_BRIDGE_SUBNET
            if self._options.bip is not None or ipam.find_clash(subnet, taken) is None:
                return ipam.complete_pool(Pool(subnet=subnet))
        # The default network's subnet is kept for it, whether it is there yet or not.
        kept = Taken(subnet=ipam.DEFAULT_BRIDGE_SUBNET, by="the default network")
        return ipam.choose_pool(self._options.pools, [*taken, kept], version=4)

    def _ensure_bridge(self, network: Network) -> None:
        assert network.bridge is not None
        if network.ipv6 and self._options.ip_forward:
            bridge.write_setting("net/ipv6/conf/all/forwarding", "1")
        bridge.ensure_bridge(
            self._netlink,
            network,
            alias=f"{self._options.table}:{network.id}",
            mtu_bytes=bridge.mtu_of(network, self._options.mtu_bytes),
        )
        link = self._netlink.find_link(network.bridge)
        assert link is not None
        self._masters[network.id] = link.index

    async def _discard_foreign_bridges(self) -> None:
        """Bridges of ours whose network is gone: what a crash between two steps leaves."""
        names = {network.bridge for network in self._networks.values()}
        for link in self._netlink.list_links():
            if bridge.is_ours(link, self._options.table) and link.name not in names:
                await asyncio.to_thread(bridge.remove_bridge, link.name)
                if self._options.use_iptables:
                    await self._passage.discard(link.name)

    async def _ensure_passage(self) -> None:
        for network in tuple(self._networks.values()):
            await self._ensure_passage_of(network)

    async def _ensure_passage_of(self, network: Network) -> None:
        if self._options.use_iptables and network.bridge is not None:
            await self._passage.ensure(network.bridge, ipv6=network.ipv6)

    def _complete(self, network: Network, endpoint: Endpoint) -> Endpoint:
        """With addresses, which are taken from now on."""
        leases = self._leases.setdefault(network.id, {})
        others = {address for address, holder in leases.items() if holder != endpoint.id}
        ipv4 = self._lease(network, 4, endpoint.ipv4, others)
        ipv6 = self._lease(network, 6, endpoint.ipv6, others)
        leases.update((address, endpoint.id) for address in (ipv4, ipv6) if address is not None)
        return replace(
            endpoint,
            ipv4=ipv4 if isinstance(ipv4, IPv4Address) else None,
            ipv6=ipv6 if isinstance(ipv6, IPv6Address) else None,
            mac=endpoint.mac or ipam.format_mac_of(ipv4, endpoint.id),
            # Never a name used before: the link of the last time may still be there.
            host_link=f"{self._options.prefix}v{secrets.token_hex(6)}",
        )

    def _lease(
        self, network: Network, version: int, wanted: IpAddress | None, others: set[IpAddress]
    ) -> IpAddress | None:
        pools = [pool for pool in network.pools if pool.subnet.version == version]
        if wanted is not None:
            ipam.check_address(pools, wanted, others)
            return wanted
        if not pools:
            return None
        after = self._given_last.get((network.id, version))
        self._given_last[network.id, version] = given = ipam.choose_address(
            pools[0], others, after=after
        )
        return given

    def _link(self, sandbox: str, network: Network, endpoint: Endpoint, interface: str) -> None:
        namespace = self._sandboxes.get(sandbox)
        segment = ruleset.plan_segment(network)
        assert segment is not None

        def attempt() -> None:
            links.link(
                self._netlink,
                namespace,
                network,
                endpoint,
                master=self._masters[network.id],
                interface=interface,
                mtu_bytes=bridge.mtu_of(network, self._options.mtu_bytes),
                isolated=not segment.together,
            )

        try:
            attempt()
        except NetlinkError as error:
            if error.errno != 17:  # EEXIST: of an attempt that was cut short
                raise
            namespace.netlink.do(remove_link(interface))
            attempt()

    def _silence(self, endpoint: Endpoint) -> None:
        """The kernel takes a link apart when it finds time, and a process that was left behind
        may keep it: until then it must not answer for an address that is another's by then."""
        if endpoint.host_link is not None:
            with contextlib.suppress(NetlinkError):
                self._netlink.do(set_port(endpoint.host_link, disabled=True))

    def _free(self, endpoint: Endpoint) -> None:
        leases = self._leases.get(endpoint.network_id, {})
        for address in (endpoint.ipv4, endpoint.ipv6):
            if address is not None and leases.get(address) == endpoint.id:
                del leases[address]

    def _settle_routes(self, sandbox: str) -> None:
        joined = self._joined.get(sandbox, {}).values()
        namespace = self._sandboxes.get(sandbox)
        for version in (4, 6):
            before = self._gateways.get((sandbox, version))
            now = links.choose_gateway(joined, version)
            links.settle_route(namespace, before, now)
            self._gateways[sandbox, version] = now

    def _forget_gateways(self, sandbox: str) -> None:
        for version in (4, 6):
            self._gateways.pop((sandbox, version), None)

    def _adopt(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None:
        """An endpoint that an earlier daemon linked."""
        network = self._networks.get(endpoint.network_id)
        if network is None or network.bridge is None:
            return
        joined = Joined(network=network, endpoint=endpoint)
        self._joined.setdefault(endpoint.container_id, {})[endpoint.id] = joined
        leases = self._leases.setdefault(network.id, {})
        for address in (endpoint.ipv4, endpoint.ipv6):
            if address is not None:
                leases[address] = endpoint.id
        self._forwarding.adopt(endpoint, ports)


def _is_partial(joined: Joined) -> bool:
    return joined.endpoint.host_link is None


def _discard_link(name: str) -> None:
    with Netlink() as netlink, contextlib.suppress(NetlinkError):
        netlink.do(remove_link(name))


def _read_host_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/etc/machine-id").read_text().strip()
    return ""
