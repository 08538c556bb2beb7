"""rtnetlink, namespaces and nftables on the real kernel, in namespaces of their own."""

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_interface, ip_network
from pathlib import Path

import pytest

from wherry.kernel import nftables
from wherry.kernel.namespaces import (
    bind_namespace,
    create_network_namespace,
    discard_namespace,
    open_namespace,
    run_in,
)
from wherry.kernel.netlink import (
    Netlink,
    NetlinkError,
    new_address,
    new_bridge,
    new_veth,
    remove_link,
    set_alias,
    set_default_route,
    set_port,
    set_up,
)
from wherry.kernel.nftables import Announcements, Change, Nft, NftError, open_nft

pytestmark = pytest.mark.needs("root", "netns", "nft")

MAC = "02:42:00:00:00:01"


def own_namespace() -> int:
    return os.stat("/proc/thread-self/ns/net").st_ino


@pytest.fixture
def namespace_fd() -> Iterator[int]:
    fd, _ = create_network_namespace(lambda: None)
    yield fd
    os.close(fd)


@pytest.fixture
def netlink(namespace_fd: int) -> Iterator[Netlink]:
    with Netlink(namespace_fd) as opened:
        yield opened


def test_a_namespace_is_made_and_entered_by_threads_that_end(namespace_fd: int) -> None:
    before, threads = own_namespace(), threading.active_count()
    inside = run_in(namespace_fd, own_namespace)
    assert inside == os.fstat(namespace_fd).st_ino != before
    assert own_namespace() == before and threading.active_count() == threads
    with pytest.raises(ZeroDivisionError):
        run_in(namespace_fd, lambda: 1 / 0)


def test_a_bound_namespace_is_found_by_its_name(namespace_fd: int, tmp_path: Path) -> None:
    path = tmp_path / "box"
    bind_namespace(namespace_fd, path)
    with pytest.raises(FileExistsError):
        bind_namespace(namespace_fd, path)
    found_fd = open_namespace(path)
    assert os.path.sameopenfile(found_fd, namespace_fd)
    os.close(found_fd)
    discard_namespace(path)
    discard_namespace(path)
    with pytest.raises(FileNotFoundError):
        open_namespace(path)
    path.touch()
    with pytest.raises(OSError, match="Invalid argument"):
        open_namespace(path)
    discard_namespace(path)
    assert not path.exists()


def test_a_socket_acts_in_its_own_namespace_whoever_uses_it(netlink: Netlink) -> None:
    netlink.do(new_bridge("br0", mac=MAC, mtu_bytes=1400))
    assert netlink.find_link("br0") is not None
    with Netlink() as here:
        assert here.find_link("br0") is None


def test_a_pair_joins_a_bridge_and_another_namespace(netlink: Netlink) -> None:
    other_fd, _ = create_network_namespace(lambda: None)
    try:
        netlink.do(new_bridge("br0", mac=MAC, mtu_bytes=1400), set_alias("br0", "mine"))
        bridge = netlink.find_link("br0")
        assert bridge is not None
        assert (bridge.kind, bridge.mac, bridge.mtu_bytes) == ("bridge", MAC, 1400)
        assert (bridge.alias, bridge.up) == ("mine", False)
        netlink.do(
            set_up(bridge.index),
            new_address(bridge.index, ip_interface("10.1.0.1/24")),
            new_veth(
                "v0",
                master=bridge.index,
                mtu_bytes=1400,
                peer="eth0",
                peer_mac="02:42:0a:01:00:02",
                peer_namespace_fd=other_fd,
            ),
            set_port("v0", hairpin=True, isolated=True),
        )
        host_end = netlink.find_link("v0")
        assert host_end is not None and host_end.up and host_end.master == bridge.index
        assert {route.destination for route in netlink.list_routes()} == {ip_network("10.1.0.0/24")}
        with Netlink(other_fd) as inside:
            peer = inside.find_link("eth0")
            assert peer is not None and peer.mac == "02:42:0a:01:00:02" and not peer.up
            inside.do(
                new_address(peer.index, ip_interface("10.1.0.2/24")),
                new_address(peer.index, ip_interface("fd00:1::2/64")),
                set_up(peer.index),
                set_default_route(ip_interface("10.1.0.1/24").ip),
                set_default_route(ip_interface("10.1.0.9/24").ip),
            )
            found = {str(one.interface) for one in inside.list_addresses()}
            assert {"10.1.0.2/24", "fd00:1::2/64"} <= found
        netlink.do(remove_link("v0"))
        assert netlink.find_link("v0") is None
        assert [link.name for link in netlink.list_links()] == ["lo", "br0"]
    finally:
        os.close(other_fd)


def test_an_error_says_what_was_tried_and_what_the_kernel_said(netlink: Netlink) -> None:
    bridge = new_bridge("br0", mac=MAC, mtu_bytes=1500)
    netlink.do(bridge)
    with pytest.raises(NetlinkError, match="bridge br0: File exists") as caught:
        netlink.do(bridge, set_up("br0"))
    assert caught.value.errno == errno.EEXIST
    link = netlink.find_link("br0")
    assert link is not None and link.up, "what follows a failure is done all the same"
    gateway = ip_interface("10.9.9.9/24").ip
    with pytest.raises(NetlinkError, match=r"Nexthop has invalid gateway"):
        netlink.do(set_default_route(gateway))


def program() -> Nft:
    return nftables._Program("/usr/sbin/nft")


@pytest.mark.parametrize("opener", [open_nft, program])
def test_rules_are_changed_in_one_transaction_or_not_at_all(
    namespace_fd: int, opener: Callable[[], Nft]
) -> None:
    def body() -> None:
        with contextlib.closing(opener()) as nft:
            nft.run("add table inet t\nadd set inet t s { type inet_service; elements = { 80 }; }")
            with pytest.raises(NftError, match="No such file"):
                nft.run("add element inet t s { 81 }\nadd element inet t other { 1 }")
            assert "elements = { 80 }" in nft.run("list table inet t")
            assert "elements" not in nft.run("list table inet t", terse=True)
            assert "# handle" in nft.run("list table inet t", handles=True)
            assert "# handle" not in nft.run("list table inet t")

    run_in(namespace_fd, body)


def test_what_happens_to_tables_is_announced(namespace_fd: int) -> None:
    def body() -> None:
        with contextlib.closing(Announcements()) as news, contextlib.closing(open_nft()) as nft:
            assert news.read() == ((), False)
            nft.run("add table inet t\nadd chain inet t c")
            nft.run("flush ruleset")
            seen, lost = news.read()
            assert not lost and {one.table for one in seen} == {"t"}
            assert Change.DELETE_TABLE in {one.change for one in seen}

    run_in(namespace_fd, body)
