"""Which address is free, and which subnet."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.drivers.network.ipam import (
    DEFAULT_POOLS,
    AddressPool,
    Taken,
    check_address,
    choose_address,
    choose_pool,
    complete_pool,
    find_clash,
    format_mac_of,
    plan_local_pool,
)
from wherry.model.errors import Conflict, InvalidArgument
from wherry.model.network import Pool

SMALL = Pool(subnet=IPv4Network("10.0.0.0/29"), gateway=IPv4Address("10.0.0.1"))


def taken(*subnets: str) -> list[Taken]:
    return [Taken(subnet=ip_network(subnet), by=f"network {subnet}") for subnet in subnets]


def test_addresses_are_given_one_after_the_other_and_the_freed_one_last() -> None:
    assert str(choose_address(SMALL, ())) == "10.0.0.2"
    assert str(choose_address(SMALL, (), after=ip_address("10.0.0.2"))) == "10.0.0.3"
    assert str(choose_address(SMALL, (), after=ip_address("10.0.0.6"))) == "10.0.0.2"


@given(st.sets(st.integers(2, 6)), st.integers(0, 8))
def test_whatever_is_given_out_was_free_and_usable(used: set[int], last: int) -> None:
    in_use = {SMALL.subnet[number] for number in used}
    after = ip_address(int(SMALL.subnet[0]) + last)
    if len(used) == 5:
        with pytest.raises(Conflict, match="no available IPv4 addresses"):
            choose_address(SMALL, in_use, after=after)
    else:
        chosen = choose_address(SMALL, in_use, after=after)
        assert chosen not in in_use and chosen in list(SMALL.subnet.hosts())[1:]


def test_a_range_and_reserved_addresses_are_respected() -> None:
    pool = Pool(
        subnet=IPv4Network("10.0.0.0/24"),
        ip_range=IPv4Network("10.0.0.64/30"),
        reserved={"router": "10.0.0.65"},
    )
    assert str(choose_address(pool, ())) == "10.0.0.64"
    assert str(choose_address(pool, (), after=ip_address("10.0.0.64"))) == "10.0.0.66"


def test_ipv6_has_no_broadcast_address_and_no_end() -> None:
    pool = complete_pool(Pool(subnet=IPv6Network("fd00:1::/64")))
    assert str(pool.gateway) == "fd00:1::1"
    assert str(choose_address(pool, ())) == "fd00:1::2"


def test_a_gateway_is_the_first_free_address_unless_named() -> None:
    assert str(complete_pool(Pool(subnet=IPv4Network("10.1.0.0/16"))).gateway) == "10.1.0.1"
    busy = Pool(subnet=IPv4Network("10.1.0.0/16"), reserved={"a": "10.1.0.1"})
    assert str(complete_pool(busy).gateway) == "10.1.0.2"
    with pytest.raises(InvalidArgument):
        complete_pool(Pool(subnet=IPv4Network("10.1.0.0/16"), gateway=IPv4Address("10.2.0.1")))


def test_an_address_asked_for_must_be_of_the_network_and_free() -> None:
    wanted = IPv4Address("10.0.0.4")
    assert check_address([SMALL], wanted, ()) == SMALL
    with pytest.raises(Conflict, match="Address already in use"):
        check_address([SMALL], wanted, {wanted})
    with pytest.raises(Conflict, match="Address already in use"):
        check_address([SMALL], IPv4Address("10.0.0.1"), ())
    with pytest.raises(InvalidArgument, match="no configured subnet contains"):
        check_address([SMALL], IPv4Address("10.9.0.1"), ())


def test_five_hundred_networks_find_room_and_never_overlap() -> None:
    used: list[Taken] = taken("172.17.0.0/16", "172.18.3.0/24", "192.168.1.0/24")
    for number in range(500):
        pool = choose_pool(DEFAULT_POOLS, used, version=4)
        assert find_clash(pool.subnet, used) is None
        used.append(Taken(subnet=pool.subnet, by=f"network {number}"))
    assert used[3].subnet == IPv4Network("172.18.4.0/22")


def test_when_all_pools_are_in_use_it_is_said() -> None:
    pools = [AddressPool(base=IPv4Network("10.0.0.0/23"), prefix=24)]
    with pytest.raises(Conflict, match="could not find an available, non-overlapping IPv4"):
        choose_pool(pools, taken("10.0.0.0/25", "10.0.0.0/16"), version=4)


def test_a_clash_is_found_both_ways_and_named() -> None:
    used = taken("10.0.0.0/16", "fd00::/48")
    for subnet in ("10.0.3.0/24", "10.0.0.0/8"):
        clash = find_clash(ip_network(subnet), used)
        assert clash is not None and clash.by == "network 10.0.0.0/16"
    assert find_clash(ip_network("10.1.0.0/16"), used) is None


def test_the_mac_address_follows_from_the_address() -> None:
    assert format_mac_of(IPv4Address("172.17.0.2"), "x") == "02:42:ac:11:00:02"
    assert format_mac_of(None, "x") == format_mac_of(None, "x") != format_mac_of(None, "y")


def test_the_hosts_own_ipv6_range_is_local_and_steady() -> None:
    pool = plan_local_pool("host")
    assert pool == plan_local_pool("host") != plan_local_pool("other")
    assert pool.base.prefixlen == 48 and pool.base.subnet_of(IPv6Network("fd00::/8"))  # type: ignore[arg-type]
