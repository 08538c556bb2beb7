"""Limits, as they stand in Docker's ``HostConfig``."""

from typing import Any

from wherry.model.errors import InvalidArgument
from wherry.model.resources import (
    DeviceMapping,
    DeviceRequest,
    Resources,
    ThrottleDevice,
    Ulimit,
    WeightDevice,
)
from wherry.wire.documents import Json
from wherry.wire.fields import flag, integer, items, text, text_lists, text_mapping, texts


def decode_resources(host: Json) -> Resources:
    """The limits in a ``HostConfig``. InvalidArgument for a value of the wrong type."""
    if host.get("KernelMemory"):
        raise InvalidArgument(
            "kernel memory limits are not supported: the kernel has none since 6.1"
        )
    swappiness = host.get("MemorySwappiness")
    return Resources(
        nano_cpus=integer(host, "NanoCpus"),
        cpu_shares=integer(host, "CpuShares"),
        cpu_quota=integer(host, "CpuQuota"),
        cpu_period=integer(host, "CpuPeriod"),
        cpu_realtime_period=integer(host, "CpuRealtimePeriod"),
        cpu_realtime_runtime=integer(host, "CpuRealtimeRuntime"),
        cpuset_cpus=text(host, "CpusetCpus"),
        cpuset_mems=text(host, "CpusetMems"),
        memory_bytes=integer(host, "Memory"),
        memory_swap_bytes=integer(host, "MemorySwap"),
        memory_reservation_bytes=integer(host, "MemoryReservation"),
        memory_swappiness=None if swappiness in (None, -1) else integer(host, "MemorySwappiness"),
        kernel_memory_tcp_bytes=integer(host, "KernelMemoryTCP"),
        pids_limit=integer(host, "PidsLimit"),
        oom_kill_disable=flag(host, "OomKillDisable"),
        oom_score_adj=integer(host, "OomScoreAdj"),
        shm_size_bytes=integer(host, "ShmSize"),
        ulimits=tuple(
            Ulimit(name=text(one, "Name"), soft=integer(one, "Soft"), hard=integer(one, "Hard"))
            for one in items(host, "Ulimits")
        ),
        devices=tuple(
            DeviceMapping(
                host_path=text(one, "PathOnHost"),
                container_path=text(one, "PathInContainer") or text(one, "PathOnHost"),
                permissions=text(one, "CgroupPermissions") or "rwm",
            )
            for one in items(host, "Devices")
        ),
        device_requests=tuple(_decode_request(one) for one in items(host, "DeviceRequests")),
        device_cgroup_rules=texts(host, "DeviceCgroupRules"),
        blkio_weight=integer(host, "BlkioWeight"),
        blkio_weight_devices=tuple(
            WeightDevice(path=text(one, "Path"), weight=integer(one, "Weight"))
            for one in items(host, "BlkioWeightDevice")
        ),
        blkio_read_bps=_rates(host, "BlkioDeviceReadBps"),
        blkio_write_bps=_rates(host, "BlkioDeviceWriteBps"),
        blkio_read_iops=_rates(host, "BlkioDeviceReadIOps"),
        blkio_write_iops=_rates(host, "BlkioDeviceWriteIOps"),
    )


def _rates(host: Json, key: str) -> tuple[ThrottleDevice, ...]:
    return tuple(
        ThrottleDevice(path=text(one, "Path"), rate=integer(one, "Rate"))
        for one in items(host, key)
    )


def _decode_request(one: Json) -> DeviceRequest:
    return DeviceRequest(
        driver=text(one, "Driver"),
        count=integer(one, "Count"),
        device_ids=texts(one, "DeviceIDs"),
        capabilities=text_lists(one, "Capabilities"),
        options=tuple(text_mapping(one, "Options").items()),
    )


def encode_resources(resources: Resources) -> Json:
    """The same back, as ``inspect`` shows it."""
    return {
        "CpuShares": resources.cpu_shares,
        "Memory": resources.memory_bytes,
        "NanoCpus": resources.nano_cpus,
        "BlkioWeight": resources.blkio_weight,
        "BlkioWeightDevice": [
            {"Path": one.path, "Weight": one.weight} for one in resources.blkio_weight_devices
        ],
        "BlkioDeviceReadBps": _encode_rates(resources.blkio_read_bps),
        "BlkioDeviceWriteBps": _encode_rates(resources.blkio_write_bps),
        "BlkioDeviceReadIOps": _encode_rates(resources.blkio_read_iops),
        "BlkioDeviceWriteIOps": _encode_rates(resources.blkio_write_iops),
        "CpuPeriod": resources.cpu_period,
        "CpuQuota": resources.cpu_quota,
        "CpuRealtimePeriod": resources.cpu_realtime_period,
        "CpuRealtimeRuntime": resources.cpu_realtime_runtime,
        "CpusetCpus": resources.cpuset_cpus,
        "CpusetMems": resources.cpuset_mems,
        "Devices": [
            {
                "PathOnHost": one.host_path,
                "PathInContainer": one.container_path,
                "CgroupPermissions": one.permissions,
            }
            for one in resources.devices
        ],
        "DeviceCgroupRules": list(resources.device_cgroup_rules) or None,
        "DeviceRequests": [_encode_request(one) for one in resources.device_requests] or None,
        "MemoryReservation": resources.memory_reservation_bytes,
        "MemorySwap": resources.memory_swap_bytes,
        "MemorySwappiness": resources.memory_swappiness,
        "OomKillDisable": resources.oom_kill_disable,
        "PidsLimit": resources.pids_limit or None,
        "Ulimits": [
            {"Name": one.name, "Hard": one.hard, "Soft": one.soft} for one in resources.ulimits
        ],
    }


def _encode_rates(rates: tuple[ThrottleDevice, ...]) -> list[Json]:
    return [{"Path": one.path, "Rate": one.rate} for one in rates]


def _encode_request(one: DeviceRequest) -> dict[str, Any]:
    return {
        "Driver": one.driver,
        "Count": one.count,
        "DeviceIDs": list(one.device_ids) or None,
        "Capabilities": [list(group) for group in one.capabilities] or None,
        "Options": dict(one.options),
    }
