"""Networks and volumes in Docker's documents."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from tests.support.fakes import ID, make_container
from wherry.model.errors import InvalidArgument
from wherry.model.lifecycle import Status
from wherry.model.network import Endpoint, Network
from wherry.model.volume import Volume
from wherry.wire.networks import decode_network, encode_network
from wherry.wire.volumes import encode_volume

REQUEST: dict[str, Any] = {
    "Name": "web",
    "Driver": "bridge",
    "Internal": True,
    "Attachable": True,
    "EnableIPv6": True,
    "Options": {"com.docker.network.bridge.name": "br7"},
    "Labels": {"a": "b"},
    "IPAM": {
        "Driver": "default",
        "Options": {"o": "p"},
        "Config": [
            {"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1", "IPRange": "10.0.0.128/25",
             "AuxiliaryAddresses": {"router": "10.0.0.9"}},
            {"Subnet": "fd00::/64"},
        ],
    },
}  # fmt: skip


def network(**wanted: Any) -> Network:
    return Network(id="n1", created=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), **wanted)


def test_a_network_is_shown_as_it_was_asked_for() -> None:
    shown = encode_network(network(**decode_network(REQUEST)))
    for key, value in REQUEST.items():
        assert shown[key] == value, key
    assert shown["EnableIPv4"] is True
    assert shown["Created"] == "2024-01-02T03:04:05Z"


def test_little_said_is_a_bridge() -> None:
    fields = decode_network({"Name": "x"})
    assert (fields["driver"], fields["ipv4"], fields["pools"]) == ("bridge", True, ())


def test_members_have_their_addresses_with_the_length_of_the_subnet() -> None:
    endpoint = Endpoint(
        id="e1", network_id="n1", container_id=ID, mac="02:42:0a:00:00:02",
        ipv4=IPv4Address("10.0.0.2"), ipv6=IPv6Address("fd00::2"),
    )  # fmt: skip
    one = make_container(status=Status.RUNNING)
    shown = encode_network(network(**decode_network(REQUEST)), [(one, endpoint)])
    assert shown["Containers"] == {
        ID: {
            "Name": "calm_ketch",
            "EndpointID": "e1",
            "MacAddress": "02:42:0a:00:00:02",
            "IPv4Address": "10.0.0.2/24",
            "IPv6Address": "fd00::2/64",
        }
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name is empty"),
        ({"Name": "  "}, "name is empty"),
        ({"Name": 7}, "cannot unmarshal number"),
        ({"Name": "x", "Internal": "yes"}, "cannot unmarshal string"),
        ({"Name": "x", "EnableIPv4": "no"}, "cannot unmarshal string"),
        ({"Name": "x", "IPAM": {"Config": [{}]}}, "a subnet is needed"),
        ({"Name": "x", "IPAM": {"Config": [{"Subnet": "10.0.0/8"}]}}, "invalid subnet"),
        (
            {"Name": "x", "IPAM": {"Config": [{"Subnet": "10.0.0.0/8", "Gateway": "x"}]}},
            "invalid subnet",
        ),
        (
            {"Name": "x", "IPAM": {"Config": [
                {"Subnet": "10.0.0.0/8", "AuxiliaryAddresses": {"a": "b"}}
            ]}},
            "invalid subnet",
        ),
        ({"Name": "x", "IPAM": {"Config": {}}}, "cannot unmarshal object"),
        ({"Name": "x", "Options": {"a": 1}}, "cannot unmarshal number"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_is_the_clients_mistake(body: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        decode_network(body)


def test_a_volume_shows_whole_seconds_and_null_for_nothing() -> None:
    volume = Volume(name="v", created_ns=1_700_000_000_999_999_999)
    assert encode_volume(volume, "/v/_data") == {
        "CreatedAt": "2023-11-14T22:13:20Z",
        "Driver": "local",
        "Labels": None,
        "Mountpoint": "/v/_data",
        "Name": "v",
        "Options": None,
        "Scope": "local",
    }


def test_a_volume_without_a_name_of_its_own_says_so_in_a_label() -> None:
    volume = Volume(name="v", created_ns=1, anonymous=True, labels={"a": "b"})
    assert encode_volume(volume, "/v")["Labels"] == {
        "a": "b",
        "com.docker.volume.anonymous": "",
    }
