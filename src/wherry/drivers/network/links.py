"""A container's link to a bridge: what to tell the host's side and what the container's."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_interface

from wherry.drivers.network.sandboxes import Namespace, enable_ipv6
from wherry.kernel.netlink import (
    IpInterface,
    Netlink,
    NetlinkError,
    new_address,
    new_veth,
    remove_default_route,
    remove_link,
    set_default_route,
    set_port,
    set_up,
)
from wherry.model.network import Endpoint, Network

IpAddress = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """An endpoint that is linked."""

    network: Network
    endpoint: Endpoint

    def gateway(self, version: int) -> IpAddress | None:
        """The way to the world by this network; None if it has none."""
        address = self.endpoint.ipv4 if version == 4 else self.endpoint.ipv6
        if address is None or self.network.internal:
            return None
        pools = (pool for pool in self.network.pools if address in pool.subnet)
        return next((pool.gateway for pool in pools), None)


def choose_gateway(joined: Iterable[Joined], version: int) -> IpAddress | None:
    """The default route of a container with these endpoints: of the highest priority, then of
    the network whose name comes first."""
    ranked = sorted(joined, key=lambda one: (-one.endpoint.gateway_priority, one.network.name))
    return next((way for one in ranked if (way := one.gateway(version)) is not None), None)


def interfaces_of(network: Network, endpoint: Endpoint) -> list[IpInterface]:
    """The endpoint's addresses, each with the length of its subnet's prefix."""
    return [
        ip_interface((address, pool.subnet.prefixlen))
        for address in (endpoint.ipv4, endpoint.ipv6)
        if address is not None
        for pool in network.pools
        if address in pool.subnet
    ]


def link(
    host: Netlink,
    namespace: Namespace,
    network: Network,
    endpoint: Endpoint,
    *,
    master: int,
    interface: str,
    mtu_bytes: int,
    isolated: bool,
) -> None:
    """Make the pair, with everything set on both sides but routes.

    Raises:
        NetlinkError: nothing is left.
    """
    assert endpoint.host_link is not None and endpoint.mac is not None
    pair = new_veth(
        endpoint.host_link,
        master=master,
        mtu_bytes=mtu_bytes,
        peer=interface,
        peer_mac=endpoint.mac,
        peer_namespace_fd=namespace.fd,
    )
    host.do(pair)
    try:
        if isolated:
            host.do(set_port(endpoint.host_link, isolated=True))
        inside = namespace.netlink.find_link(interface)
        assert inside is not None
        if endpoint.ipv6 is not None:
            enable_ipv6(namespace, interface)
        addresses = [
            new_address(inside.index, address) for address in interfaces_of(network, endpoint)
        ]
        namespace.netlink.do(*addresses, set_up(inside.index))
    except BaseException:
        host.do(remove_link(endpoint.host_link))
        raise


def settle_route(namespace: Namespace, before: IpAddress | None, now: IpAddress | None) -> None:
    """Make `now` the default gateway. A route that went with its link is gone already."""
    if now == before:
        return
    if now is not None:
        namespace.netlink.do(set_default_route(now))
    elif before is not None:
        try:
            namespace.netlink.do(remove_default_route(before))
        except NetlinkError as error:
            if error.errno != 3:  # ESRCH
                raise
