"""Real packets through the real rules, in a host to throw away."""

import asyncio
import contextlib
import os
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import pytest

from tests.support.host import HOST_ADDRESS, NEIGHBOUR_ADDRESS, Host, in_network_of, throwaway_host
from wherry.drivers.network.base import Sandbox
from wherry.drivers.network.driver import HostNetworks, NetworkOptions
from wherry.kernel import namespaces
from wherry.kernel.netlink import Netlink
from wherry.kernel.nftables import open_nft
from wherry.model.errors import Conflict, PortTaken
from wherry.model.network import Endpoint, Network, Pool
from wherry.model.ports import PublishedPort, parse_publish, plan_published

pytestmark = pytest.mark.needs("root", "netns", "nft")

PATIENCE_S = 0.6
BLOCKED = ("timeout", "refused", "unreachable")
OPTIONS = NetworkOptions(spare_namespaces=2, use_iptables=False)


def a_network(name: str, **more: Any) -> Network:
    return Network(
        id=(name.encode().hex() * 64)[:64],
        name=name,
        driver="bridge",
        created=datetime.now(UTC),
        **more,
    )


class Container:
    """A sandbox with one endpoint, and a server on its port 80 that says who asked."""

    def __init__(self, sandbox: Sandbox, network: Network, endpoint: Endpoint) -> None:
        self.sandbox, self.network, self.endpoint = sandbox, network, endpoint
        self.fd = os.open(sandbox.path, os.O_RDONLY | os.O_CLOEXEC)
        self.published: Sequence[PublishedPort] = ()

    @property
    def address(self) -> str:
        return str(self.endpoint.ipv4)

    @property
    def port(self) -> int:
        return self.published[0].host_port


class Rig:
    """The driver under test, and containers in its networks."""

    def __init__(self, networks: HostNetworks, host: Host, stack: ExitStack) -> None:
        self.networks, self.host, self._stack = networks, host, stack

    async def start(
        self, name: str, network: Network, *publish: str, v6: bool = False, **wish: Any
    ) -> Container:
        sandbox = await self.networks.create_sandbox(name)
        endpoint = Endpoint(
            id=os.urandom(32).hex(), network_id=network.id, container_id=name, **wish
        )
        endpoint = await self.networks.join(sandbox, network, endpoint, interface="eth0")
        container = Container(sandbox, network, endpoint)
        self._stack.callback(os.close, container.fd)
        family = socket.AF_INET6 if v6 else socket.AF_INET
        self._stack.enter_context(
            namespaces.run_in(container.fd, lambda: serving(name, family=family))
        )
        bindings = [binding for text in publish for binding in parse_publish(text)]
        container.published = await self.networks.publish(endpoint, plan_published(bindings))
        return container

    async def stop(self, container: Container) -> None:
        await self.networks.unpublish(container.endpoint, container.published)
        await self.networks.discard_sandbox(container.sandbox.name)

    async def ask(self, address: str, port: int = 80, *, by: Container | None = None) -> str:
        return await self._asked(None if by is None else by.fd, address, port, tcp)

    async def ask_udp(self, address: str, port: int, *, by: Container | None = None) -> str:
        return await self._asked(None if by is None else by.fd, address, port, udp)

    async def ask_from_outside(self, address: str, port: int) -> str:
        fd = os.open(f"/proc/{self.host.neighbour_pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return await self._asked(fd, address, port, tcp)
        finally:
            os.close(fd)

    async def _asked(
        self, fd: int | None, address: str, port: int, how: Callable[[str, int], str]
    ) -> str:
        def asked() -> str:
            return how(address, port) if fd is None else namespaces.run_in(fd, asked_there)

        def asked_there() -> str:
            return how(address, port)

        return await asyncio.to_thread(asked)


def tcp(address: str, port: int) -> str:
    try:
        with socket.create_connection((address, port), timeout=PATIENCE_S) as asking:
            asking.sendall(b"who?")
            asking.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: asking.recv(100), b"")).decode()
    except TimeoutError:
        return "timeout"
    except ConnectionError:
        return "refused"
    except OSError:
        return "unreachable"


def udp(address: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PATIENCE_S)
        try:
            asking.connect((address, port))
            asking.send(b"who?")
            return asking.recv(100).decode()
        except TimeoutError:
            return "timeout"
        except OSError:
            return "refused"


def serving(
    name: str, *, address: str = "", port: int = 80, family: socket.AddressFamily = socket.AF_INET
) -> AbstractContextManager[None]:
    """``<name> saw <address>`` to everybody who asks by TCP or UDP. The sockets are made by the
    call itself: they belong to the caller's namespace, whoever enters the context."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            said = f"{name} saw {self.client_address[0].removeprefix('::ffff:')}".encode()
            if isinstance(self.request, tuple):
                self.request[1].sendto(said, self.client_address)
            else:
                self.request.recv(100)
                self.request.sendall(said)

    class TcpServer(socketserver.TCPServer):
        allow_reuse_address = True
        address_family = family

    class UdpServer(socketserver.UDPServer):
        address_family = family

    return _served([TcpServer((address, port), Answer), UdpServer((address, port), Answer)])


@contextmanager
def _served(servers: Sequence[socketserver.BaseServer]) -> Iterator[None]:
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


@pytest.fixture
def host() -> Iterator[Host]:
    with throwaway_host() as made:
        yield made


@pytest.fixture
def netns_dir(tmp_path: Path) -> Path:
    return tmp_path / "netns"


def inside(host: Host, body: Callable[[], Awaitable[None]]) -> None:
    """Run the test's body in the host's network: its loop, and every thread that it starts."""

    async def run() -> None:
        await body()

    in_network_of(host.pid, lambda: asyncio.run(run()))


@asynccontextmanager
async def a_rig(
    host: Host, netns_dir: Path, options: NetworkOptions = OPTIONS
) -> AsyncIterator[Rig]:
    networks = HostNetworks(netns_dir=netns_dir, options=options)
    await networks.open([], [])
    try:
        with ExitStack() as stack:
            yield Rig(networks, host, stack)
    finally:
        await networks.discard_all()
        await networks.close()


def run_outside(host: Host, command: str) -> None:
    subprocess.run(
        ["nsenter", f"--target={host.neighbour_pid}", "--net", "--", *command.split()], check=True
    )


def add_route(subnet: str) -> None:
    subprocess.run(["ip", "route", "add", subnet, "via", NEIGHBOUR_ADDRESS], check=True)


def is_set_bridge_filter(value: int) -> bool:
    """Whether packets between ports of one bridge pass the rules of IP, too."""
    path = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if not path.exists():
        return value == 0
    path.write_text(str(value))
    return path.read_text().strip() == str(value)


@pytest.mark.parametrize("bridge_filter", [0, 1])
def test_a_published_port_is_reached_from_everywhere_and_nothing_else_is(
    host: Host, netns_dir: Path, bridge_filter: int
) -> None:
    async def body() -> None:
        if not is_set_bridge_filter(bridge_filter):
            pytest.skip("no br_netfilter here")
        async with a_rig(host, netns_dir) as rig:
            default = await rig.networks.create_network(a_network("bridge"))
            other = await rig.networks.create_network(a_network("other"))
            a = await rig.start("a", default, "8080:80", "8080:80/udp", "127.0.0.1:8081:80")
            b = await rig.start("b", default)
            c = await rig.start("c", other)
            gateway = str(default.pools[0].gateway)

            # From the host itself.
            assert await rig.ask("127.0.0.1", 8080) == f"a saw {gateway}"
            assert await rig.ask(HOST_ADDRESS, 8080) == f"a saw {gateway}"
            assert await rig.ask(gateway, 8080) == f"a saw {gateway}"
            assert await rig.ask("127.0.0.1", 8081) == f"a saw {gateway}"
            assert await rig.ask(a.address) == f"a saw {gateway}"
            assert await rig.ask("::1", 8080) == f"a saw {gateway}"
            assert await rig.ask_udp("127.0.0.1", 8080) == f"a saw {gateway}"
            assert await rig.ask_udp("::1", 8080) == f"a saw {gateway}"
            # From outside: the address of the client is kept, loopback is loopback.
            assert await rig.ask_from_outside(HOST_ADDRESS, 8080) == f"a saw {NEIGHBOUR_ADDRESS}"
            assert await rig.ask_from_outside(HOST_ADDRESS, 8081) in BLOCKED
            # Between containers.
            assert await rig.ask(a.address, by=b) == f"a saw {b.address}"
            assert (await rig.ask(HOST_ADDRESS, 8080, by=b)).startswith("a saw ")
            assert (await rig.ask(gateway, 8080, by=b)).startswith("a saw ")
            assert (await rig.ask(HOST_ADDRESS, 8080, by=c)).startswith("a saw ")
            assert (await rig.ask(gateway, 8080, by=c)).startswith("a saw ")
            assert (await rig.ask_udp(HOST_ADDRESS, 8080, by=c)).startswith("a saw ")
            assert await rig.ask(a.address, by=c) in BLOCKED
            assert await rig.ask(c.address, by=a) in BLOCKED
            # To itself.
            assert (await rig.ask(HOST_ADDRESS, 8080, by=a)).startswith("a saw ")
            assert (await rig.ask(gateway, 8080, by=a)).startswith("a saw ")

            await rig.stop(a)
            assert await rig.ask(HOST_ADDRESS, 8080) == "refused"
            assert await rig.ask("::1", 8080) == "refused"

    inside(host, body)


def test_a_container_reaches_the_world_by_the_hosts_address(host: Host, netns_dir: Path) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            closed = await rig.networks.create_network(a_network("closed", internal=True))
            a = await rig.start("a", net)
            i = await rig.start("i", closed)
            j = await rig.start("j", closed)
            with in_network_of(host.neighbour_pid, lambda: serving("world", port=7000)):
                assert await rig.ask(NEIGHBOUR_ADDRESS, 7000, by=a) == f"world saw {HOST_ADDRESS}"
                assert await rig.ask(NEIGHBOUR_ADDRESS, 7000, by=i) in BLOCKED
            assert await rig.ask(j.address, by=i) == f"j saw {i.address}"
            assert await rig.ask(i.address, by=a) in BLOCKED

    inside(host, body)


def test_a_neighbour_with_a_route_reaches_no_container_directly(
    host: Host, netns_dir: Path
) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            closed = await rig.networks.create_network(a_network("closed", internal=True))
            a = await rig.start("a", net, "8080:80")
            i = await rig.start("i", closed)
            for network in (net, closed):
                run_outside(host, f"ip route add {network.pools[0].subnet} via {HOST_ADDRESS}")
            assert await rig.ask_from_outside(a.address, 80) in BLOCKED
            assert await rig.ask_from_outside(i.address, 80) in BLOCKED
            assert await rig.ask_from_outside(HOST_ADDRESS, 8080) == f"a saw {NEIGHBOUR_ADDRESS}"

    inside(host, body)


def test_loopback_services_of_the_host_are_out_of_a_containers_reach(
    host: Host, netns_dir: Path
) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            a = await rig.start("a", net, "127.0.0.5:7001:80")
            gateway = net.pools[0].gateway
            with serving("secret", address="127.0.0.5", port=7000):
                assert await rig.ask("127.0.0.5", 7000) == "secret saw 127.0.0.1"

                def turn_to_gateway() -> None:
                    ip = ("ip", "route", "add", "127.0.0.5/32", "via", str(gateway))
                    for command in (
                        ("ip", "route", "del", "local", "127.0.0.0/8", "table", "local"),
                        ip,
                    ):
                        subprocess.run(command, check=True)

                namespaces.run_in(a.fd, turn_to_gateway)
                assert await rig.ask("127.0.0.5", 7000, by=a) in BLOCKED
                assert await rig.ask("127.0.0.5", 7001, by=a) in BLOCKED

    inside(host, body)


def test_containers_of_a_network_without_icc_do_not_see_each_other(
    host: Host, netns_dir: Path
) -> None:
    async def body() -> None:
        if not is_set_bridge_filter(0):
            pytest.skip("no br_netfilter here")
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(
                a_network("apart", options={"com.docker.network.bridge.enable_icc": "false"})
            )
            a = await rig.start("a", net, "8080:80")
            b = await rig.start("b", net)
            assert await rig.ask(a.address, by=b) in BLOCKED
            assert (await rig.ask(HOST_ADDRESS, 8080, by=b)).startswith("a saw ")

    inside(host, body)


def test_a_network_with_ipv6_is_published_and_guarded_by_the_same_rules(
    host: Host, netns_dir: Path
) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            subnet = IPv6Network("fd42:7::/64")
            net = await rig.networks.create_network(
                a_network("six", ipv6=True, pools=(Pool(subnet=subnet),))
            )
            other = await rig.networks.create_network(a_network("seven", ipv6=True))
            a = await rig.start("a", net, "8080:80", v6=True)
            b = await rig.start("b", net)
            c = await rig.start("c", other)
            gateway = "fd42:7::1"
            assert str(a.endpoint.ipv6) == "fd42:7::2"
            assert await rig.ask("fd42:7::2") == f"a saw {gateway}"
            assert await rig.ask("::1", 8080) == f"a saw {gateway}"
            assert await rig.ask(gateway, 8080) == f"a saw {gateway}"
            assert await rig.ask("fd42:7::2", by=b) == "a saw fd42:7::3"
            assert (await rig.ask(gateway, 8080, by=c)).startswith("a saw ")
            assert await rig.ask("fd42:7::2", by=c) in BLOCKED

    inside(host, body)


def test_an_ipv4_container_has_no_ipv6_but_on_its_loopback(host: Host, netns_dir: Path) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            a = await rig.start("a", net)

            def look() -> list[str]:
                with Netlink() as netlink:
                    return sorted(str(one.interface) for one in netlink.list_addresses())

            assert namespaces.run_in(a.fd, look) == [
                "127.0.0.1/8",
                f"{a.address}/{net.pools[0].subnet.prefixlen}",
                "::1/128",
            ]
            ping = Path("/proc/sys/net/ipv4/ping_group_range")
            low = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
            assert namespaces.run_in(a.fd, ping.read_text).split() == ["0", "2147483647"]
            assert namespaces.run_in(a.fd, low.read_text).strip() == "0"

    inside(host, body)


def test_a_port_that_somebody_has_is_not_published(host: Host, netns_dir: Path) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            a = await rig.start("a", net, "8080:80")
            with pytest.raises(PortTaken, match=r"Bind for 0\.0\.0\.0:8080 failed: port is al"):
                await rig.start("b", net, "8079:80", "8080:80")
            with pytest.raises(PortTaken):
                await rig.start("c", net, "127.0.0.1:8080:80")
            with serving("host", port=8082), pytest.raises(PortTaken):
                await rig.start("d", net, "8082:80")
            with pytest.raises(OSError, match="in use"), serving("host", port=8080):
                pass
            # All or none: the failed one gave back what it already had.
            e = await rig.start("e", net, "8079:80", "8080:80/udp")
            assert (await rig.ask("127.0.0.1", 8079)).startswith("e saw")
            assert (await rig.ask("127.0.0.1", 8080)).startswith("a saw")
            await rig.stop(a)
            f = await rig.start("f", net, "8080:80")
            assert (await rig.ask("127.0.0.1", 8080)).startswith("f saw")
            assert (await rig.ask("::1", 8080)).startswith("f saw")
            assert e.published != f.published
            with pytest.raises(Conflict, match="cannot assign requested address"):
                await rig.start("g", net, "192.0.2.77:8090:80")

    inside(host, body)


def test_any_port_will_do_and_both_families_get_the_same(host: Host, netns_dir: Path) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            a = await rig.start("a", net, "80")
            b = await rig.start("b", net, "80")
            c = await rig.start("c", net, "9000-9005:80")
            d = await rig.start("d", net, "9000-9005:80")
            assert [str(port.host_ip) for port in a.published] == ["0.0.0.0", "::"]
            assert len({port.host_port for port in a.published}) == 1
            assert 32768 <= a.port < b.port <= 60999
            assert (c.port, d.port) == (9000, 9001)
            assert (await rig.ask("::1", d.port)).startswith("d saw")

    inside(host, body)


def test_a_second_network_is_joined_and_left_while_the_container_runs(
    host: Host, netns_dir: Path
) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            one = await rig.networks.create_network(a_network("one"))
            two = await rig.networks.create_network(a_network("two"))
            a = await rig.start("a", one)
            b = await rig.start("b", two)
            assert await rig.ask(b.address, by=a) in BLOCKED
            second = Endpoint(id="e" * 64, network_id=two.id, container_id="a")
            second = await rig.networks.join(a.sandbox, two, second, interface="eth1")
            assert await rig.ask(b.address, by=a) == f"b saw {second.ipv4}"
            # The way to the world moves over when the first network is left.
            await rig.networks.leave("a", one, a.endpoint)
            with in_network_of(host.neighbour_pid, lambda: serving("world", port=7000)):
                assert await rig.ask(NEIGHBOUR_ADDRESS, 7000, by=a) == f"world saw {HOST_ADDRESS}"
            await rig.networks.leave("a", two, second)
            assert await rig.ask(b.address, by=a) in BLOCKED

    inside(host, body)


def test_an_address_can_be_asked_for_and_belongs_to_one(host: Host, netns_dir: Path) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(
                a_network("web", pools=(Pool(subnet=IPv4Network("10.77.0.0/24")),))
            )
            wished = IPv4Address("10.77.0.2")
            a = await rig.start("a", net, ipv4=wished, mac="02:42:00:00:00:99")
            b = await rig.start("b", net)
            assert (a.address, b.address) == ("10.77.0.2", "10.77.0.3")
            with pytest.raises(Conflict, match="Address already in use"):
                await rig.start("c", net, ipv4=wished)
            await rig.stop(a)
            d = await rig.start("d", net, ipv4=wished)
            assert await rig.ask(d.address, by=b) == f"d saw {b.address}"

    inside(host, body)


def test_subnets_in_use_are_refused_by_name_and_left_out(host: Host, netns_dir: Path) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            create = rig.networks.create_network
            web = await create(a_network("web"))
            assert web.pools[0].subnet == IPv4Network("172.18.0.0/22")
            add_route("172.18.4.0/24")
            assert (await create(a_network("next"))).pools[0].subnet == IPv4Network("172.18.8.0/22")
            for subnet, name in (("172.18.1.0/24", "network web"), ("198.51.100.0/28", "eth0")):
                with pytest.raises(Conflict, match=f"Pool overlaps.*{name}"):
                    await create(a_network("bad", pools=(Pool(subnet=IPv4Network(subnet)),)))
            with pytest.raises(Conflict, match="already used by network web"):
                bridge = {"com.docker.network.bridge.name": str(web.bridge)}
                await create(a_network("bad", options=bridge))

    inside(host, body)


def test_rules_that_another_program_flushed_come_back_by_themselves(
    host: Host, netns_dir: Path
) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            await rig.start("a", net, "8080:80")
            nft = open_nft()
            before = nft.run("list table inet wherry")
            for damage in ("flush ruleset", "flush table inet wherry", "delete table inet wherry"):
                nft.run(damage)
                deadline = time.monotonic() + 5
                while list_table() != before:
                    assert time.monotonic() < deadline, damage
                    await asyncio.sleep(0.01)
                assert (await rig.ask("127.0.0.1", 8080)).startswith("a saw")
            nft.close()

    def list_table() -> str:
        with contextlib.closing(open_nft()) as nft, contextlib.suppress(Exception):
            return nft.run("list table inet wherry")
        return ""

    inside(host, body)


def test_a_restarted_daemon_takes_over_what_runs_and_clears_what_does_not(
    host: Host, netns_dir: Path
) -> None:
    async def body() -> None:
        with ExitStack() as stack:
            first = HostNetworks(netns_dir=netns_dir, options=OPTIONS)
            await first.open([], [])
            rig = Rig(first, host, stack)
            net = await first.create_network(a_network("web"))
            lost = await first.create_network(a_network("lost"))
            a = await rig.start("a", net, "8080:80")
            await rig.start("gone", net)
            await first.close()
            # The rules outlive the daemon, and so do containers.
            assert (await rig.ask("127.0.0.1", 8080)).startswith("a saw")

            second = HostNetworks(netns_dir=netns_dir, options=OPTIONS)
            await second.open([net], [(a.endpoint, a.published)])
            rig = Rig(second, host, stack)
            try:
                assert sorted(path.name for path in netns_dir.iterdir()) == ["a"]
                with Netlink() as netlink:
                    assert netlink.find_link(str(lost.bridge)) is None
                for address in ("127.0.0.1", HOST_ADDRESS, "::1"):
                    assert (await rig.ask(address, 8080)).startswith("a saw"), address
                b = await rig.start("b", net)
                assert b.address not in (a.address, str(net.pools[0].gateway))
                with pytest.raises(PortTaken):
                    await rig.start("c", net, "8080:80")
                await rig.stop(a)
                assert await rig.ask("127.0.0.1", 8080) == "refused"
            finally:
                await second.discard_all()
                await second.close()

    inside(host, body)


CLOSED_FORWARD = """
table ip filter {
  chain DOCKER-USER { }
  chain FORWARD { type filter hook forward priority 0; policy drop; counter jump DOCKER-USER; }
}
"""


def test_a_forward_chain_that_others_closed_lets_our_bridges_pass(
    host: Host, netns_dir: Path
) -> None:
    async def body() -> None:
        nft = open_nft()
        nft.run(CLOSED_FORWARD)
        options = replace(OPTIONS, use_iptables=True)
        async with a_rig(host, netns_dir, options) as rig:
            net = await rig.networks.create_network(a_network("web"))
            a = await rig.start("a", net, "8080:80")
            assert await rig.ask_from_outside(HOST_ADDRESS, 8080) == f"a saw {NEIGHBOUR_ADDRESS}"
            with in_network_of(host.neighbour_pid, lambda: serving("world", port=7000)):
                assert await rig.ask(NEIGHBOUR_ADDRESS, 7000, by=a) == f"world saw {HOST_ADDRESS}"
            # Whoever builds the chains anew (Docker, ufw) is followed.
            nft.run("delete table ip filter")
            nft.run(CLOSED_FORWARD)
            deadline = time.monotonic() + 5
            while nft.run("list table ip filter").count(str(net.bridge)) != 2:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            assert await rig.ask_from_outside(HOST_ADDRESS, 8080) == f"a saw {NEIGHBOUR_ADDRESS}"
        assert "comment" not in nft.run("list table ip filter")
        nft.close()

    inside(host, body)


def test_a_udp_client_that_never_pauses_finds_the_next_container(
    host: Host, netns_dir: Path
) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            with host.open_socket(socket.AF_INET, socket.SOCK_DGRAM, neighbour=True) as client:
                client.settimeout(PATIENCE_S)
                client.connect((HOST_ADDRESS, 8053))

                def ask() -> str:
                    client.send(b"who?")
                    return client.recv(100).decode()

                for name in ("a", "b"):
                    container = await rig.start(name, net, "8053:80/udp")
                    assert await asyncio.to_thread(ask) == f"{name} saw {NEIGHBOUR_ADDRESS}"
                    await rig.stop(container)
                    with pytest.raises(OSError, match=r"refused|timed out"):
                        await asyncio.to_thread(ask)

    inside(host, body)


def test_what_is_asked_twice_is_done_once(host: Host, netns_dir: Path) -> None:
    async def body() -> None:
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            assert await rig.networks.create_network(net) == net
            a = await rig.start("a", net, "8080:80")
            assert await rig.networks.create_sandbox("a") == a.sandbox
            again = await rig.networks.join(a.sandbox, net, a.endpoint, interface="eth0")
            assert again == a.endpoint
            await rig.networks.unpublish(a.endpoint, a.published)
            await rig.networks.unpublish(a.endpoint, a.published)
            for _ in range(2):
                await rig.networks.discard_sandbox("a")
                await rig.networks.leave("a", net, a.endpoint)
                await rig.networks.remove_network(net)

    inside(host, body)


def test_nothing_is_left_behind(host: Host, netns_dir: Path) -> None:
    async def body() -> None:
        def look() -> tuple[list[str], str]:
            with Netlink() as netlink, contextlib.closing(open_nft()) as nft:
                return sorted(one.name for one in netlink.list_links()), nft.run("list ruleset")

        before = look(), set(os.listdir("/proc/self/fd"))
        async with a_rig(host, netns_dir) as rig:
            net = await rig.networks.create_network(a_network("web"))
            for number in range(5):
                container = await rig.start(f"c{number}", net, "80", "80/udp")
                await rig.stop(container)
        deadline = time.monotonic() + 10
        while look() != before[0]:  # the kernel takes links apart in its own time
            assert time.monotonic() < deadline, look()
            await asyncio.sleep(0.05)
        assert set(os.listdir("/proc/self/fd")) == before[1]

    inside(host, body)
    assert list(netns_dir.iterdir()) == []
    assert str(netns_dir) not in Path("/proc/self/mounts").read_text()
