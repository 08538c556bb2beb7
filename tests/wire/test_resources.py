"""Limits in Docker's documents, both ways."""

from typing import Any

import pytest

from wherry.model.errors import InvalidArgument
from wherry.model.resources import Resources
from wherry.wire.resources import decode_resources, encode_resources

FULL: dict[str, Any] = {
    "CpuShares": 512,
    "Memory": 67108864,
    "NanoCpus": 500000000,
    "BlkioWeight": 300,
    "BlkioWeightDevice": [{"Path": "/dev/sda", "Weight": 400}],
    "BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 1}],
    "BlkioDeviceWriteBps": [{"Path": "/dev/sda", "Rate": 2}],
    "BlkioDeviceReadIOps": [{"Path": "/dev/sda", "Rate": 3}],
    "BlkioDeviceWriteIOps": [{"Path": "/dev/sda", "Rate": 4}],
    "CpuPeriod": 100000,
    "CpuQuota": 50000,
    "CpuRealtimePeriod": 1,
    "CpuRealtimeRuntime": 2,
    "CpusetCpus": "0-1",
    "CpusetMems": "0",
    "Devices": [
        {"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rw"}
    ],
    "DeviceCgroupRules": ["c 42:* rmw"],
    "DeviceRequests": [
        {"Driver": "cdi", "Count": -1, "DeviceIDs": ["a"], "Capabilities": [["gpu"]],
         "Options": {"x": "y"}}
    ],
    "MemoryReservation": 33554432,
    "MemorySwap": -1,
    "MemorySwappiness": 60,
    "OomKillDisable": True,
    "PidsLimit": 100,
    "Ulimits": [{"Name": "nofile", "Hard": 88, "Soft": 77}],
}  # fmt: skip


def test_every_limit_comes_back_as_it_was_sent() -> None:
    assert encode_resources(decode_resources(FULL)) == FULL


def test_every_field_of_the_model_is_said_in_the_document() -> None:
    said = {**FULL, "OomScoreAdj": 5, "ShmSize": 9, "KernelMemoryTCP": 7}
    decoded, nothing = decode_resources(said), Resources()
    unsaid = [
        name for name in Resources.__slots__ if getattr(decoded, name) == getattr(nothing, name)
    ]
    assert unsaid == []


def test_nothing_said_is_no_limit() -> None:
    assert decode_resources({}) == Resources()
    assert decode_resources(dict.fromkeys(FULL)) == Resources()


def test_a_swappiness_of_minus_one_is_none() -> None:
    assert decode_resources({"MemorySwappiness": -1}).memory_swappiness is None
    assert decode_resources({"MemorySwappiness": 0}).memory_swappiness == 0


def test_a_device_is_shown_under_its_own_name_unless_another_is_given() -> None:
    (device,) = decode_resources({"Devices": [{"PathOnHost": "/dev/null"}]}).devices
    assert (device.container_path, device.permissions) == ("/dev/null", "rwm")


@pytest.mark.parametrize(
    "host",
    [
        {"Memory": "64m"},
        {"Memory": 1.5},
        {"Memory": 1e300},
        {"Memory": 1 << 63},
        {"Memory": True},
        {"NanoCpus": []},
        {"KernelMemory": 5},
        {"CpusetCpus": 1},
        {"OomKillDisable": "yes"},
        {"Ulimits": {"Name": "nofile"}},
        {"Ulimits": ["nofile=1"]},
        {"Devices": [{"PathOnHost": 7}]},
        {"DeviceCgroupRules": [7]},
        {"DeviceRequests": [{"DeviceIDs": [1]}]},
        {"DeviceRequests": [{"Capabilities": "gpu"}]},
        {"DeviceRequests": [{"Capabilities": [[1]]}]},
        {"DeviceRequests": [{"Options": ["a"]}]},
        {"BlkioWeightDevice": [[]]},
        {"BlkioDeviceReadBps": [{"Rate": "fast"}]},
    ],
)
def test_a_value_of_another_type_is_the_clients_mistake(host: Any) -> None:
    with pytest.raises(InvalidArgument):
        decode_resources(host)


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert decode_resources({"Memory": 67108864.0}).memory_bytes == 67108864
