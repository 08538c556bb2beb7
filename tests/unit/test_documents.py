"""Records to text and back: nothing is lost, and older documents can be read."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import make_container, make_spec
from wherry.model.container import (
    Container,
    ContainerState,
    EndpointRequest,
    NetworkSpec,
    ProgramSpec,
)
from wherry.model.image import HealthcheckConfig
from wherry.model.lifecycle import Status
from wherry.model.mounts import MountKind, MountPoint, MountRequest
from wherry.model.network import Endpoint, Network, Pool
from wherry.model.ports import ContainerPort, PortBinding, PublishedPort, Transport
from wherry.model.resources import Resources, Ulimit
from wherry.model.restart import RestartMode, RestartPolicy
from wherry.model.volume import Volume
from wherry.state.documents import decode, encode

DNS = ContainerPort(number=53, transport=Transport.UDP)

RECORDS = [
    make_container(),
    make_container(
        status=Status.PAUSED,
        spec=make_spec(
            program=ProgramSpec(
                entrypoint=(), env=("A=1",), labels={"k": "v"}, exposed_ports=(DNS,),
                stop_timeout_s=0, healthcheck=HealthcheckConfig(test=("NONE",)),
            ),
            network=NetworkSpec(
                endpoints=(EndpointRequest(network="n", ipv4="10.0.0.2", aliases=("a", "b")),),
                bindings=(
                    PortBinding(port=DNS, host_ip=ip_address("::1"), host_port=1),
                    PortBinding(port=DNS),
                ),
            ),
            resources=Resources(ulimits=(Ulimit(name="nofile", soft=1, hard=2),)),
            restart=RestartPolicy(mode=RestartMode.ON_FAILURE, maximum_retries=3),
            mounts=(
                MountRequest(kind=MountKind.TMPFS, target="/t", tmpfs_options=(("a", "b"), ("c",))),
            ),
            console_size=(24, 80),
        ),
        mounts=(MountPoint(kind=MountKind.VOLUME, destination="/d", name="v"),),
        own_volumes=("v",),
        state=ContainerState(
            endpoints=(
                Endpoint(
                    id="e", network_id="n", container_id="c",
                    ipv4=IPv4Address("10.0.0.2"), ipv6=IPv6Address("fd00::2"),
                ),
            ),
            published=(PublishedPort(port=DNS, host_ip=IPv6Address("::"), host_port=53),),
        ),
    ),
    Network(
        id="n", name="net", driver="bridge", created=datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        pools=(
            Pool(subnet=ip_network("10.0.0.0/24"), gateway=ip_address("10.0.0.1")),
            Pool(subnet=ip_network("fd00::/64"), reserved={"router": "fd00::9"}),
        ),
    ),
    Volume(name="v", created_ns=1_700_000_000_123_456_789, labels={"a": ""}, anonymous=True),
]  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: type(one).__name__)
def test_what_was_written_is_read_again(record: object) -> None:
    assert decode(type(record), encode(record)) == record


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
)
def test_any_text_survives(name: str, labels: dict[str, str]) -> None:
    record = Volume(name=name, created_ns=1, labels=labels)
    assert decode(Volume, encode(record)) == record


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Newer:
    name: str
    options: dict[str, str] = field(default_factory=dict)


def test_a_newer_class_reads_an_older_document() -> None:
    assert decode(Newer, encode(Older(name="x", size=1))) == Newer(name="x")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '"x"', '{"name": "v"}', '{"name":"v","created_ns":1,"labels":7}']
)
def test_what_is_no_such_document_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        decode(Volume, text)


def test_a_status_that_nobody_knows_is_not_passed_on() -> None:
    with pytest.raises(ValueError, match="flying"):
        decode(ContainerState, '{"status": "flying"}')


def test_tuples_do_not_become_lists() -> None:
    decoded = decode(Container, encode(RECORDS[1]))
    assert isinstance(decoded.spec.mounts[0].tmpfs_options[0], tuple)
    assert isinstance(decoded.layers, tuple)
    hash(decoded.state.endpoints[0].aliases)
