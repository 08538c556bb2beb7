"""Which subnet and which address is free. Computes only.

Addresses are given out one after the other and not again at once: whoever still remembers the
last holder of an address (a neighbour table, a connection, a namespace that the kernel is about
to take apart) gets time to forget.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from wherry.model.errors import Conflict, InvalidArgument
from wherry.model.network import Pool

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPool:
    """A range that is cut into subnets of one size."""

    base: IpNetwork
    prefix: int


DEFAULT_POOLS: Sequence[AddressPool] = (
    *(AddressPool(base=ip_network(f"172.{n}.0.0/16"), prefix=22) for n in range(18, 32)),
    AddressPool(base=ip_network("192.168.0.0/16"), prefix=24),
)
"""Docker's ranges in smaller pieces: 896 networks of 1021 containers (a bridge has room for 1023
ports), and 256 of 253 where those are in use."""

DEFAULT_BRIDGE_SUBNET = IPv4Network("172.17.0.0/16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A subnet in use, and by whom in words: ``network web``, ``route via eth0``."""

    subnet: IpNetwork
    by: str


def find_clash(subnet: IpNetwork, taken: Iterable[Taken]) -> Taken | None:
    """The first of `taken` that shares an address with `subnet`."""
    for other in taken:
        if other.subnet.version == subnet.version and _overlap(subnet, other.subnet):
            return other
    return None


def choose_pool(pools: Iterable[AddressPool], taken: Collection[Taken], *, version: int) -> Pool:
    """The first subnet of the pools that nobody uses, with its first address as gateway.

    Raises:
        Conflict: all are in use.
    """
    used = sorted(_bounds(other.subnet) for other in taken if other.subnet.version == version)
    for pool in pools:
        if pool.base.version != version:
            continue
        size = 1 << (pool.base.max_prefixlen - pool.prefix)
        start, end = _bounds(pool.base)
        while start + size - 1 <= end:
            blocking = [last for first, last in used if first < start + size and last >= start]
            if not blocking:
                subnet = ip_network((start, pool.prefix))
                return Pool(subnet=subnet, gateway=subnet[1])
            # The next piece after the last address that is in the way.
            start += (max(blocking) - start) // size * size + size
    raise Conflict(
        f"could not find an available, non-overlapping IPv{version} address pool among the "
        f"defaults to assign to the network"
    )


def complete_pool(pool: Pool) -> Pool:
    """With the first free address as gateway, where none was asked for.

    Raises:
        InvalidArgument: gateway or range lie outside the subnet.
    """
    subnet = pool.subnet
    if pool.ip_range is not None and not _contains(subnet, pool.ip_range):
        raise InvalidArgument(
            f"invalid pool request: {pool.ip_range} is not a part of subnet {subnet}"
        )
    if pool.gateway is not None:
        if pool.gateway not in subnet:
            raise InvalidArgument(f"no matching subnet for gateway {pool.gateway}")
        return pool
    start = pool.ip_range or subnet
    first = start[0] if start[0] != subnet[0] else subnet[1]
    reserved = {ip_address(address) for address in pool.reserved.values()}
    candidates = (ip_address(int(first) + step) for step in range(len(reserved) + 1))
    gateway = next(address for address in candidates if address not in reserved)
    return Pool(subnet=subnet, gateway=gateway, ip_range=pool.ip_range, reserved=pool.reserved)


def choose_address(
    pool: Pool, taken: Collection[IpAddress], *, after: IpAddress | None = None
) -> IpAddress:
    """The next free address behind `after` (the one given out last), from the start again when
    the end was reached.

    Raises:
        Conflict: the pool is used up.
    """
    first, last = _usable(pool)
    never = {int(ip_address(address)) for address in pool.reserved.values()}
    if pool.gateway is not None:
        never.add(int(pool.gateway))
    begin = int(after) + 1 if after is not None and first <= int(after) < last else first
    make = IPv4Address if pool.subnet.version == 4 else IPv6Address
    for number in _around(begin, first, last):
        if number not in never and (address := make(number)) not in taken:
            return address
    raise Conflict(
        f"no available IPv{pool.subnet.version} addresses on this network's address "
        f"pools: {pool.subnet}"
    )


def check_address(pools: Sequence[Pool], wanted: IpAddress, taken: Collection[IpAddress]) -> Pool:
    """The pool from which a client may have exactly this address.

    Raises:
        InvalidArgument: it belongs to no subnet of the network.
        Conflict: somebody has it.
    """
    for pool in pools:
        if wanted in pool.subnet:
            if wanted in taken or wanted == pool.gateway:
                raise Conflict("failed to set up container networking: Address already in use")
            return pool
    raise InvalidArgument(f"no configured subnet contains IP address {wanted}")


def format_mac_of(address: IpAddress | None, seed: str) -> str:
    """A locally administered MAC address: of an IPv4 address its own bytes, so that a successor
    with the same address needs no neighbour to learn anything new; otherwise made from `seed`."""
    tail = (
        address.packed
        if isinstance(address, IPv4Address)
        else hashlib.sha256(seed.encode()).digest()
    )
    return "02:42:" + ":".join(f"{byte:02x}" for byte in tail[:4])


def plan_local_pool(seed: str) -> AddressPool:
    """A range of unique local IPv6 addresses (RFC 4193) of this host, cut into /64."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:5], "big")
    return AddressPool(base=IPv6Network(((0xFD << 120) | (number << 80), 48)), prefix=64)


def _usable(pool: Pool) -> tuple[int, int]:
    first, last = _bounds(pool.subnet)
    if pool.subnet.num_addresses > 2:
        first += 1  # the subnet's own name
        last -= pool.subnet.version == 4  # broadcast
    if pool.ip_range is not None:
        low, high = _bounds(pool.ip_range)
        first, last = max(first, low), min(last, high)
    return first, last


def _around(begin: int, first: int, last: int) -> Iterator[int]:
    yield from range(begin, last + 1)
    yield from range(first, begin)


def _bounds(subnet: IpNetwork) -> tuple[int, int]:
    return int(subnet.network_address), int(subnet.broadcast_address)


def _overlap(one: IpNetwork, other: IpNetwork) -> bool:
    (first, last), (other_first, other_last) = _bounds(one), _bounds(other)
    return first <= other_last and other_first <= last


def _contains(outer: IpNetwork, inner: IpNetwork) -> bool:
    (first, last), (inner_first, inner_last) = _bounds(outer), _bounds(inner)
    return outer.version == inner.version and first <= inner_first and inner_last <= last
