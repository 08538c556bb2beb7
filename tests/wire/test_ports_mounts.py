"""Ports and mounts in Docker's documents, both ways."""

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.model.errors import InvalidArgument
from wherry.model.mounts import MountKind, MountPoint, MountRequest
from wherry.model.ports import ANY_IPV4, ANY_IPV6, ContainerPort, PublishedPort, Transport
from wherry.wire.mounts import decode_mount, encode_mount, encode_mount_point
from wherry.wire.ports import (
    decode_bindings,
    decode_exposed,
    decode_port,
    encode_bindings,
    encode_port_list,
    encode_published,
)

HTTP = ContainerPort(number=80)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
        {"80/tcp": [{"HostIp": "", "HostPort": ""}]},
        {
            "53/udp": [
                {"HostIp": "127.0.0.1", "HostPort": "53"},
                {"HostIp": "::1", "HostPort": "54"},
            ]
        },
        {"80/sctp": [{"HostIp": "", "HostPort": "8000-8010"}]},
    ],
)
def test_bindings_come_back_as_they_were_sent(document: Any) -> None:
    assert encode_bindings(decode_bindings(document)) == document


@pytest.mark.parametrize("targets", [None, []])
def test_a_port_without_a_binding_gets_any_free_port(targets: Any) -> None:
    (binding,) = decode_bindings({"80": targets})
    assert (binding.port, binding.host_ip, binding.host_port) == (HTTP, None, 0)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"80/xyz": []}, "invalid proto: xyz"),
        ({"eighty": []}, 'invalid port specification: "eighty"'),
        ({"0": []}, 'invalid port specification: "0"'),
        ({"65536": []}, "invalid port specification"),
        ({"٣": []}, "invalid port specification"),
        ({"80": [{"HostPort": "x"}]}, 'invalid port specification: "x"'),
        ({"80": [{"HostPort": "9-5"}]}, 'invalid port specification: "9-5"'),
        ({"80": [{"HostPort": "5-"}]}, 'invalid port specification: "5-"'),
        ({"80": [{"HostPort": "70000"}]}, "invalid port specification"),
        # only the first nine digits were looked at once
        ({"80": [{"HostPort": "0000000001234567"}]}, "invalid port specification"),
        ({"80": [{"HostIp": "localhost"}]}, "invalid IP address: localhost"),
        ({"80": [{"HostPort": 80}]}, "cannot unmarshal number"),
        ({"80": [{"HostIp": []}]}, "cannot unmarshal array"),
        ({"80": "8080"}, "cannot unmarshal string"),
        ({"80": ["8080"]}, "cannot unmarshal string"),
        ({"80": {"HostPort": "80"}}, "cannot unmarshal object"),
    ],
)
def test_bindings_that_cannot_be_are_the_clients_mistake(document: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        list(decode_bindings(document))


@given(st.text(max_size=30))
def test_any_text_is_a_port_or_a_mistake(text: str) -> None:
    try:
        port = decode_port(text)
    except InvalidArgument:
        return
    assert 0 < port.number <= 65535


def test_exposed_ports_keep_their_order() -> None:
    assert [str(one) for one in decode_exposed({"81": {}, "80/udp": {}})] == ["81/tcp", "80/udp"]


def test_an_exposed_port_that_is_not_published_is_null() -> None:
    published = [
        PublishedPort(port=HTTP, host_ip=ANY_IPV4, host_port=8080),
        PublishedPort(port=HTTP, host_ip=ANY_IPV6, host_port=8080),
    ]
    dns = ContainerPort(number=53, transport=Transport.UDP)
    assert encode_published([dns, HTTP], published) == {
        "53/udp": None,
        "80/tcp": [
            {"HostIp": "0.0.0.0", "HostPort": "8080"},
            {"HostIp": "::", "HostPort": "8080"},
        ],
    }
    assert encode_port_list([dns, HTTP], published) == [
        {"PrivatePort": 53, "Type": "udp"},
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
    ]


def test_an_address_may_stand_in_brackets() -> None:
    (binding,) = decode_bindings({"80": [{"HostIp": "[::1]"}]})
    assert binding.host_ip == ip_address("::1")


# mounts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True,
         "BindOptions": {"Propagation": "rslave", "NonRecursive": True, "CreateMountpoint": True}},
        {"Type": "volume", "Source": "v", "Target": "/b",
         "VolumeOptions": {"NoCopy": True, "Labels": {"a": "b"}, "Subpath": "x/y",
                           "DriverConfig": {"Name": "local", "Options": {"type": "nfs"}}}},
        {"Type": "tmpfs", "Target": "/t", "Consistency": "cached",
         "TmpfsOptions": {"SizeBytes": 1024, "Mode": 511, "Options": [["exec"], ["uid", "5"]]}},
        {"Type": "volume", "Target": "/v"},
    ],
)  # fmt: skip
def test_a_mount_comes_back_as_it_was_sent(document: Any) -> None:
    assert encode_mount(decode_mount(document)) == document


@pytest.mark.parametrize(
    "document",
    [
        {"Type": "cluster", "Target": "/t"},
        {},
        {"Type": "bind", "Target": 7},
        {"Type": "bind", "Target": "/t", "BindOptions": "x"},
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Options": ["exec"]}}
        | {"ReadOnly": "y"},
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Options": [["uid", 5]]}},
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": "1m"}},
        {"Type": "volume", "Target": "/t", "VolumeOptions": {"Labels": {"a": 1}}},
    ],
)
def test_a_mount_that_cannot_be_is_the_clients_mistake(document: Any) -> None:
    with pytest.raises(InvalidArgument):
        decode_mount(document)


def test_a_tmpfs_is_shown_only_if_it_was_asked_for_as_a_mount() -> None:
    point = MountPoint(kind=MountKind.TMPFS, destination="/t", mode="size=1m")
    assert encode_mount_point(point) is None
    shown = encode_mount_point(
        MountPoint(kind=MountKind.TMPFS, destination="/t", mode="size=1m", from_request=True)
    )
    assert shown is not None
    assert (shown["Type"], shown["Mode"]) == ("tmpfs", "")


def test_the_list_does_not_say_where_a_nameless_volume_is() -> None:
    point = MountPoint(
        kind=MountKind.VOLUME, destination="/d", name="v", driver="local", source="/x/_data"
    )
    listed, inspected = encode_mount_point(point, in_list=True), encode_mount_point(point)
    assert listed is not None
    assert inspected is not None
    assert (listed["Source"], inspected["Source"]) == ("", "/x/_data")


def test_a_request_without_anything_said_is_the_plainest() -> None:
    assert decode_mount({"Type": "volume", "Target": "/v"}) == MountRequest(
        kind=MountKind.VOLUME, target="/v"
    )
