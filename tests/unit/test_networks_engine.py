"""Networks: records, who is in them, and how a container gets in and out."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import (
    ID,
    FakeContainers,
    FakeEvents,
    FakeRows,
    make_container,
    make_spec,
)
from wherry.drivers.network.base import Sandbox
from wherry.engine.networks import PREDEFINED, Networks
from wherry.engine.networks import NetworkDefaults as Defaults
from wherry.model.container import Container, EndpointRequest, NetworkSpec, ProgramSpec
from wherry.model.errors import (
    Conflict,
    Forbidden,
    InvalidArgument,
    NoSuchNetwork,
    PortTaken,
    Unsupported,
)
from wherry.model.filters import Filters, filters_of
from wherry.model.lifecycle import Status
from wherry.model.network import Endpoint, Network, Pool
from wherry.model.ports import ContainerPort, PortBinding, PublishedPort
from wherry.state.layout import Layout

HTTP = ContainerPort(number=80)
POOL = Pool(subnet=ip_network("10.9.0.0/24"), gateway=ip_address("10.9.0.1"))


class FakeDriver:
    """The kernel's side: gives out addresses and remembers what it was asked for."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.failures: dict[str, Exception] = {}
        self.published: list[PublishedPort] = []
        self.kept: Collection[str] = ()

    def _do(self, what: str) -> None:
        self.log.append(what)
        if failure := self.failures.get(what.split()[0]):
            raise failure

    async def open(self, networks: Any, in_use: Any, *, keep: Collection[str] = ()) -> None:
        self.kept = keep

    async def close(self, *, leave_nothing: bool = False) -> None:
        self._do("close")

    async def create_network(self, network: Network) -> Network:
        self._do(f"create {network.name}")
        return replace(network, pools=network.pools or (POOL,), bridge="br0")

    async def remove_network(self, network: Network) -> None:
        self._do(f"remove {network.name}")

    async def create_sandbox(self, name: str) -> Sandbox:
        self._do("sandbox")
        return Sandbox(name=name, path=Path("/run/netns") / name)

    async def discard_sandbox(self, name: str) -> None:
        self._do("discard")

    async def join(
        self, sandbox: Sandbox, network: Network, endpoint: Endpoint, *, interface: str
    ) -> Endpoint:
        self._do(f"join {network.name} {interface}")
        return replace(endpoint, ipv4=endpoint.ipv4 or IPv4Address("10.9.0.2"))

    async def leave(self, sandbox: str, network: Network, endpoint: Endpoint) -> None:
        self._do("leave")

    async def publish(
        self, endpoint: Endpoint, ports: Sequence[PublishedPort]
    ) -> Sequence[PublishedPort]:
        self._do("publish")
        self.published = list(ports)
        return [replace(one, host_port=one.host_port or 32768) for one in ports]

    async def unpublish(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None:
        self._do("unpublish")


class Rig:
    def __init__(self, tmp_path: Path) -> None:
        self.driver, self.rows, self.events = FakeDriver(), FakeRows(), FakeEvents()
        self.containers = FakeContainers()
        self.resolv_conf = tmp_path / "resolv.conf"
        self.resolv_conf.write_text("nameserver 192.0.2.1\nsearch example.org\n")
        self.networks = self.make(tmp_path)

    def make(self, tmp_path: Path) -> Networks:
        return Networks(
            rows=self.rows,
            driver=self.driver,
            events=self.events,
            layout=Layout(data_root=tmp_path, run_root=tmp_path),
            defaults=Defaults(bridge_name="test0"),
            resolv_conf=self.resolv_conf,
        )

    async def create(self, name: str, **fields: Any) -> Network:
        return await self.networks.create(**{"name": name, "driver": "bridge", **fields})

    def in_network(self, network: str, **more: Any) -> Container:
        return make_container(spec=make_spec(network=NetworkSpec(mode=network, **more)))


@pytest.fixture
async def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    await rig.networks.open(rig.containers)
    rig.driver.log.clear()
    return rig


async def test_every_engine_has_bridge_host_and_none(rig: Rig, tmp_path: Path) -> None:
    assert [one.name for one in rig.networks.list_networks(Filters())] == sorted(PREDEFINED)
    bridge = rig.networks.get("bridge")
    assert rig.networks.get("default") is bridge
    assert bridge.options["com.docker.network.bridge.name"] == "test0"
    again = rig.make(tmp_path)
    await again.open(rig.containers)
    assert again.get("bridge").id == bridge.id


async def test_a_network_is_found_by_name_id_and_the_beginning_of_one(rig: Rig) -> None:
    made = await rig.create("web")
    for wanted in ("web", made.id, made.id[:12]):
        assert rig.networks.get(wanted) is made
    for wanted in ("none-such", "", "zz"):
        with pytest.raises(NoSuchNetwork):
            rig.networks.get(wanted)


async def test_a_beginning_that_fits_two_is_refused(rig: Rig) -> None:
    for end in ("1", "2"):
        one = replace(rig.networks.get("none"), id="abc" + end, name=f"n{end}")
        rig.networks.by_id()[one.id] = one  # type: ignore[index]
    with pytest.raises(InvalidArgument, match=r"network abc is ambiguous \(2 matches"):
        rig.networks.get("abc")


async def test_names_are_taken_once(rig: Rig) -> None:
    await rig.create("web")
    with pytest.raises(Conflict, match="network with name web already exists"):
        await rig.create("web")


@pytest.mark.parametrize(
    ("driver", "kind"), [("host", Forbidden), ("null", Forbidden), ("overlay", Unsupported)]
)
async def test_other_drivers_are_refused(rig: Rig, driver: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await rig.create("x", driver=driver)


async def test_a_network_that_cannot_be_kept_is_taken_back_from_the_kernel(rig: Rig) -> None:
    rig.rows.failure = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        await rig.create("web")
    assert rig.driver.log == ["create web", "remove web"]
    assert rig.networks.find("web") is None


async def test_predefined_networks_stay(rig: Rig) -> None:
    for name in PREDEFINED:
        with pytest.raises(Forbidden, match="pre-defined network and cannot be removed"):
            await rig.networks.remove(name)


async def test_a_network_with_containers_in_it_stays(rig: Rig) -> None:
    network = await rig.create("web")
    endpoint = Endpoint(id="e", network_id=network.id, container_id=ID)
    one = rig.in_network("web")
    running = replace(one, state=replace(one.state, status=Status.RUNNING, endpoints=(endpoint,)))
    rig.containers.kept.append(running)
    with pytest.raises(Forbidden, match=r'has active endpoints .name:"calm_ketch"'):
        await rig.networks.remove("web")
    rig.containers.kept[:] = [one]
    await rig.networks.remove("web")
    assert rig.events.told == ["network create", "network destroy"]


async def test_prune_spares_what_any_container_was_made_for_however_it_was_named(rig: Rig) -> None:
    by_name, by_part = await rig.create("a"), await rig.create("b")
    asked = await rig.create("c")
    await rig.create("d")
    for mode in (by_name.name, by_part.id[:10]):
        rig.containers.kept.append(rig.in_network(mode))
    request = EndpointRequest(network=asked.name)
    rig.containers.kept.append(rig.in_network("bridge", endpoints=(request,)))
    assert await rig.networks.prune(Filters()) == ["d"]


async def test_prune_ignores_no_filter(rig: Rig) -> None:
    await rig.create("old", labels={"keep": ""})
    await rig.create("new")
    assert await rig.networks.prune(filters_of({"until": ["1h"]})) == []
    assert await rig.networks.prune(filters_of({"label!": ["keep"]})) == ["new"]
    assert await rig.networks.prune(filters_of({"until": ["0s"], "label": ["keep"]})) == ["old"]
    with pytest.raises(InvalidArgument):
        await rig.networks.prune(filters_of({"until": ["soon"]}))


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"driver": ["null"]}, ["none"]),
        ({"name": ["o"]}, ["host", "none"]),
        ({"type": ["custom"]}, ["web"]),
        ({"type": ["builtin"], "driver": ["bridge"]}, ["bridge"]),
        ({"scope": ["swarm"]}, []),
        ({"label": ["tier=web"]}, ["web"]),
        ({"dangling": ["true"]}, ["web"]),
    ],
)
async def test_the_list_is_narrowed(
    rig: Rig, filters: dict[str, list[str]], names: list[str]
) -> None:
    await rig.create("web", labels={"tier": "web"})
    found = rig.networks.list_networks(filters_of(filters))
    assert [one.name for one in found] == names


# a container's start and end ---------------------------------------------------------------


async def test_a_start_joins_every_network_it_was_made_for_and_its_own_first(rig: Rig) -> None:
    web, back = await rig.create("web"), await rig.create("back")
    requests = (
        EndpointRequest(network="back", ipv4="10.9.0.77", aliases=("db",)),
        EndpointRequest(network="web"),
    )
    known = await rig.networks.connect(rig.in_network("web", endpoints=requests))
    joins = [one for one in rig.driver.log if one.startswith("join")]
    assert joins == ["join web eth0", "join back eth1"]
    assert [one.network_id for one in known["endpoints"]] == [web.id, back.id]
    assert str(known["endpoints"][1].ipv4) == "10.9.0.77"
    assert known["sandbox"] == ID
    assert rig.events.told[2:] == ["network connect", "network connect"]


async def test_a_binding_without_an_address_is_published_for_both_families(rig: Rig) -> None:
    one = rig.in_network("bridge", bindings=(PortBinding(port=HTTP, host_port=8080),))
    known = await rig.networks.connect(one)
    assert [(str(p.host_ip), p.host_port) for p in known["published"]] == [
        ("0.0.0.0", 8080),
        ("::", 8080),
    ]


async def test_publish_all_takes_every_exposed_port_that_has_no_binding(rig: Rig) -> None:
    dns = ContainerPort(number=53)
    one = rig.in_network(
        "bridge",
        publish_all=True,
        bindings=(PortBinding(port=HTTP, host_ip=ip_address("127.0.0.1"), host_port=80),),
    )
    program = ProgramSpec(exposed_ports=(HTTP, dns))
    await rig.networks.connect(replace(one, spec=replace(one.spec, program=program)))
    assert [(p.port, str(p.host_ip)) for p in rig.driver.published] == [
        (HTTP, "127.0.0.1"),
        (dns, "0.0.0.0"),
        (dns, "::"),
    ]


@pytest.mark.parametrize("step", ["join", "publish"])
async def test_what_fails_half_way_is_undone(rig: Rig, step: str) -> None:
    rig.driver.failures[step] = PortTaken("0.0.0.0", 80)
    one = rig.in_network("bridge", bindings=(PortBinding(port=HTTP, host_port=80),))
    with pytest.raises(PortTaken):
        await rig.networks.connect(one)
    assert rig.driver.log[-1] == "discard"
    assert rig.events.told == []


async def test_an_unknown_network_or_address_is_the_requests_mistake(rig: Rig) -> None:
    with pytest.raises(NoSuchNetwork):
        await rig.networks.connect(rig.in_network("nowhere"))
    request = EndpointRequest(network="bridge", ipv4="10.9.0.300")
    with pytest.raises(InvalidArgument, match=r"invalid IP address: 10\.9\.0\.300"):
        await rig.networks.connect(rig.in_network("bridge", endpoints=(request,)))


async def test_the_hosts_network_needs_nothing_made(rig: Rig) -> None:
    one = rig.in_network("host")
    known = await rig.networks.connect(one)
    assert known["sandbox"] == ""
    assert rig.driver.log == []
    await rig.networks.disconnect(one)
    assert rig.events.told == ["network connect", "network disconnect"]


async def test_another_containers_network_is_shared_and_left_to_it(rig: Rig) -> None:
    other = make_container("f" * 64, name="other", status=Status.RUNNING)
    rig.containers.kept.append(replace(other, state=replace(other.state, sandbox="theirs")))
    one = rig.in_network("container:other")
    assert (await rig.networks.connect(one))["sandbox"] == "theirs"
    await rig.networks.disconnect(one)
    assert rig.driver.log == []


async def test_the_network_of_what_does_not_run_cannot_be_shared(rig: Rig) -> None:
    rig.containers.kept.append(make_container("f" * 64, name="other"))
    with pytest.raises(Conflict, match="cannot join network namespace of a non running container"):
        await rig.networks.connect(rig.in_network("container:other"))


async def test_an_end_gives_everything_back(rig: Rig) -> None:
    one = rig.in_network("bridge", bindings=(PortBinding(port=HTTP, host_port=80),))
    await rig.networks.connect(one)
    rig.driver.log.clear()
    await rig.networks.disconnect(one)
    assert rig.driver.log == ["unpublish", "discard"]
    assert rig.events.told == ["network connect", "network disconnect"]
    await rig.networks.disconnect(one)
    assert rig.events.told.count("network disconnect") == 1


# files ------------------------------------------------------------------------------------


async def test_hosts_have_the_container_its_extra_names_and_its_links(rig: Rig) -> None:
    other = make_container("f" * 64, name="db")
    endpoint = Endpoint(id="e", network_id="n", container_id="c", ipv4=IPv4Address("10.9.0.5"))
    rig.containers.kept.append(replace(other, state=replace(other.state, endpoints=(endpoint,))))
    one = rig.in_network(
        "bridge",
        extra_hosts=("api:192.0.2.7", "v6=[fd00::1]", "gate:host-gateway"),
        links=("db:store", "gone"),
    )
    mine = Endpoint(id="e", network_id="n", container_id="c", ipv4=IPv4Address("10.9.0.2"))
    lines = [line.split() for line in rig.networks.hosts(one, [mine]).splitlines()]
    assert ["10.9.0.2", ID[:12]] in lines
    assert ["192.0.2.7", "api"] in lines
    assert ["fd00::1", "v6"] in lines
    assert ["10.9.0.1", "gate"] in lines
    assert ["10.9.0.5", "store", "f" * 12, "db"] in lines


async def test_name_servers_are_the_hosts_unless_others_were_asked_for(rig: Rig) -> None:
    text = rig.networks.resolv_conf(rig.in_network("bridge"))
    assert "nameserver 192.0.2.1" in text
    own = rig.networks.resolv_conf(
        rig.in_network("bridge", dns=("192.0.2.53",), dns_search=("x.test",))
    )
    assert "nameserver 192.0.2.53" in own
    assert "192.0.2.1\n" not in own
    assert "search x.test" in own


async def test_a_new_daemon_keeps_the_sandboxes_of_what_runs(rig: Rig, tmp_path: Path) -> None:
    for number, status in enumerate((Status.RUNNING, Status.EXITED)):
        one = make_container(f"{number}" * 64, name=status, status=status)
        rig.containers.kept.append(replace(one, state=replace(one.state, sandbox=status)))
    await rig.make(tmp_path).open(rig.containers)
    assert rig.driver.kept == ["running"]
