"""Bridges on the host: made, found again, removed.

A bridge that we made carries ``<table>:<network's id>`` as its alias. One that was there before,
named by ``com.docker.network.bridge.name``, is used and never removed.
"""

import contextlib
import errno
import hashlib
from collections.abc import Collection, Iterable
from ipaddress import ip_interface
from pathlib import Path

from wherry.drivers.network.ipam import Taken, format_mac_of
from wherry.kernel.netlink import (
    Link,
    Message,
    Netlink,
    NetlinkError,
    new_address,
    new_bridge,
    remove_link,
    set_alias,
    set_up,
)
from wherry.model.errors import Conflict
from wherry.model.network import Network

NAME_OPTION = "com.docker.network.bridge.name"
MTU_OPTION = "com.docker.network.driver.mtu"
_NEARLY_DEFAULT_BITS = 7
"""Routes this wide (a VPN's 0.0.0.0/1) are ways to the world, not networks in use."""


def choose_name(network: Network, prefix: str, default_name: str) -> str:
    """What the network's bridge is called; at most 15 bytes."""
    if asked := network.options.get(NAME_OPTION):
        return asked
    return default_name if network.name == "bridge" else f"{prefix}-{network.id[:12]}"


def mtu_of(network: Network, default_bytes: int) -> int:
    return int(network.options.get(MTU_OPTION) or default_bytes)


def ensure_bridge(netlink: Netlink, network: Network, *, alias: str, mtu_bytes: int) -> None:
    """Make the network's bridge, or complete what is there.

    Raises:
        Conflict: a link of this name is no bridge.
    """
    assert network.bridge is not None
    name = network.bridge
    link = netlink.find_link(name)
    if link is None:
        mac = format_mac_of(None, f"{network.id} {hashlib.sha256(name.encode()).hexdigest()}")
        netlink.do(new_bridge(name, mac=mac, mtu_bytes=mtu_bytes), set_alias(name, alias))
        link = netlink.find_link(name)
    if link is None or link.kind != "bridge":
        raise Conflict(f"existing interface {name} is not a bridge")
    _write_settings(name, ipv6=network.ipv6)
    wanted = [
        ip_interface((pool.gateway, pool.subnet.prefixlen))
        for pool in network.pools
        if pool.gateway is not None
    ]
    _do_missing(netlink, [new_address(link.index, interface) for interface in wanted])
    netlink.do(set_up(link.index))


def remove_bridge(name: str) -> None:
    """Unknown is success. Takes about 30 ms: call it in a thread."""
    with Netlink() as netlink, contextlib.suppress(NetlinkError):
        netlink.do(remove_link(name))


def is_ours(link: Link, table: str) -> bool:
    return link.kind == "bridge" and link.alias.startswith(f"{table}:")


def list_taken_by_host(netlink: Netlink, own_bridges: Collection[str]) -> Iterable[Taken]:
    """Subnets of the host's addresses and routes, but for those of our bridges."""
    names = {link.index: link.name for link in netlink.list_links()}
    for address in netlink.list_addresses():
        name = names.get(address.index, "")
        if name not in own_bridges and not address.interface.is_link_local:
            yield Taken(
                subnet=address.interface.network, by=f"address {address.interface.ip} of {name}"
            )
    for route in netlink.list_routes():
        name, subnet = names.get(route.index, ""), route.destination
        if name in own_bridges or subnet.is_link_local or subnet.is_multicast:
            continue
        if subnet.prefixlen > _NEARLY_DEFAULT_BITS:
            yield Taken(subnet=subnet, by=f"route to {subnet} via {name}")


def write_setting(name: str, value: str) -> None:
    """As sysctl(8), written only where it differs. Unknown is success: a kernel without IPv6."""
    path = Path("/proc/sys", name)
    with contextlib.suppress(FileNotFoundError):
        if path.read_text().strip() != value:
            path.write_text(value)


def _write_settings(bridge: str, *, ipv6: bool) -> None:
    # A connection to 127.0.0.1 that is forwarded leaves by the bridge; the rules see to it that
    # no such address comes in by it.
    write_setting(f"net/ipv4/conf/{bridge}/route_localnet", "1")
    # A container must not give the host routes.
    write_setting(f"net/ipv6/conf/{bridge}/accept_ra", "0")
    if ipv6:
        write_setting(f"net/ipv6/conf/{bridge}/accept_dad", "0")
    write_setting(f"net/ipv6/conf/{bridge}/disable_ipv6", "0" if ipv6 else "1")


def _do_missing(netlink: Netlink, messages: Iterable[Message]) -> None:
    for message in messages:
        try:
            netlink.do(message)
        except NetlinkError as error:
            if error.errno != errno.EEXIST:
                raise
