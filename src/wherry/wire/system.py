"""What an engine says of itself, in Docker's JSON. Source: Docker Engine API, System."""

import json
from collections.abc import Mapping, Sequence

from wherry.model.errors import InvalidArgument
from wherry.model.system import EngineInfo, EngineVersion, RegistryEntry, RuntimeEntry, UsageKind
from wherry.model.timestamps import format_rfc3339_ns
from wherry.wire.documents import Json
from wherry.wire.versions import NEWEST, OLDEST


def encode_version(engine: EngineVersion) -> Json:
    """``GET /version``."""
    shared = {"Os": engine.os, "Arch": engine.arch, "KernelVersion": engine.kernel_version}
    shared |= {"ApiVersion": str(NEWEST), "MinAPIVersion": str(OLDEST)}
    shared |= {
        "GitCommit": engine.git_commit,
        "GoVersion": engine.language,
        "BuildTime": engine.build_time,
    }
    own: Json = {
        "Name": "Engine",
        "Version": engine.version,
        "Details": {**shared, "Experimental": "false"},
    }
    others: list[Json] = [
        {"Name": one.name, "Version": one.version, "Details": dict(one.details)}
        for one in engine.components
    ]
    return {
        "Platform": {"Name": "Wherry"},
        "Components": [own, *others],
        "Version": engine.version,
        **shared,
    }


def encode_info(info: EngineInfo) -> Json:
    """``GET /info``, complete: clients trip over fields that are missing or null."""
    return {
        "ID": info.id,
        "Containers": info.running + info.paused + info.stopped,
        "ContainersRunning": info.running,
        "ContainersPaused": info.paused,
        "ContainersStopped": info.stopped,
        "Images": info.images,
        "Driver": info.storage_driver,
        "DriverStatus": [list(pair) for pair in info.storage_status],
        "Plugins": {
            "Volume": list(info.volume_drivers),
            "Network": list(info.network_drivers),
            "Authorization": None,
            "Log": list(info.log_drivers),
        },
        **_abilities(info),
        **_host(info),
        **_daemon(info),
        "LoggingDriver": info.log_driver,
        "CgroupDriver": info.cgroup_driver,
        "CgroupVersion": str(info.cgroup_version),
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": {
            "IndexConfigs": {one.name: _registry(one) for one in info.registries},
            "InsecureRegistryCIDRs": list(info.insecure_registries),
            "Mirrors": list(info.mirrors),
        },
        "DockerRootDir": info.data_root,
        "HttpProxy": info.http_proxy,
        "HttpsProxy": info.https_proxy,
        "NoProxy": info.no_proxy,
        "Runtimes": {name: _runtime(one) for name, one in info.runtimes.items()},
        "DefaultRuntime": info.default_runtime,
        "Swarm": {
            "NodeID": "",
            "NodeAddr": "",
            "LocalNodeState": "inactive",
            "ControlAvailable": False,
            "Error": "",
            "RemoteManagers": None,
        },
        "Isolation": "",
        "InitBinary": info.init_binary,
        "ContainerdCommit": {"ID": ""},
        "RuncCommit": {"ID": ""},
        "InitCommit": {"ID": ""},
        "SecurityOptions": list(info.security_options),
        "FirewallBackend": {"Driver": info.firewall},
        "DefaultAddressPools": [
            {"Base": pool.base, "Size": pool.size} for pool in info.address_pools
        ],
        "CDISpecDirs": [],
        "Warnings": list(info.warnings),
    }


def decode_usage_kinds(query: Mapping[str, Sequence[str]]) -> frozenset[UsageKind]:
    """What ``GET /system/df`` is asked for: everything, unless ``type`` says less.

    Raises:
        InvalidArgument: a type that there is not.
    """
    wanted = query.get("type", ())
    for one in wanted:
        if one not in set(UsageKind):
            raise InvalidArgument(f"unknown object type: {one}")
    return frozenset(map(UsageKind, wanted or UsageKind))


def encode_disk_usage(
    kinds: frozenset[UsageKind],
    *,
    layers_bytes: int = 0,
    images: Sequence[Json] = (),
    containers: Sequence[Json] = (),
    volumes: Sequence[Json] = (),
    build_cache: Sequence[Json] = (),
) -> Json:
    """``GET /system/df``: what was asked for is a list, the rest is null.

    The lists hold the documents of the respective list endpoints, with sizes.
    """
    return {
        "LayersSize": layers_bytes if UsageKind.IMAGE in kinds else 0,
        "Images": list(images) if UsageKind.IMAGE in kinds else None,
        "Containers": list(containers) if UsageKind.CONTAINER in kinds else None,
        "Volumes": list(volumes) if UsageKind.VOLUME in kinds else None,
        "BuildCache": list(build_cache) if UsageKind.BUILD_CACHE in kinds else None,
    }


def decode_auth(body: Json) -> tuple[str, str]:
    """Registry and user of ``POST /auth``; what is secret is not read."""
    server, user = body.get("serveraddress") or "", body.get("username") or ""
    if not isinstance(server, str) or not isinstance(user, str):
        raise InvalidArgument("serveraddress and username must be strings")
    return server, user


def _abilities(info: EngineInfo) -> Json:
    abilities = info.abilities
    return {
        "MemoryLimit": abilities.memory_limit,
        "SwapLimit": abilities.swap_limit,
        "KernelMemoryTCP": abilities.kernel_memory_tcp,
        "CpuCfsPeriod": abilities.cpu_cfs_period,
        "CpuCfsQuota": abilities.cpu_cfs_quota,
        "CPUShares": abilities.cpu_shares,
        "CPUSet": abilities.cpuset,
        "PidsLimit": abilities.pids_limit,
        "IPv4Forwarding": abilities.ipv4_forwarding,
        "OomKillDisable": abilities.oom_kill_disable,
    }


def _host(info: EngineInfo) -> Json:
    return {
        "Name": info.name,
        "KernelVersion": info.kernel_version,
        "OperatingSystem": info.operating_system,
        "OSVersion": info.os_version,
        "OSType": info.os_type,
        "Architecture": info.machine,
        "NCPU": info.cpus,
        "MemTotal": info.memory_bytes,
        "SystemTime": format_rfc3339_ns(info.time_ns),
    }


def _daemon(info: EngineInfo) -> Json:
    return {
        "ServerVersion": info.version,
        "Debug": info.debug,
        "NFd": info.open_files,
        "NGoroutines": info.tasks,
        "NEventsListener": info.event_listeners,
        "GenericResources": None,
        "Labels": list(info.labels),
        "ExperimentalBuild": False,
        "LiveRestoreEnabled": info.live_restore,
    }


def _registry(one: RegistryEntry) -> Json:
    return {
        "Name": one.name,
        "Mirrors": list(one.mirrors),
        "Secure": one.is_secure,
        "Official": one.is_official,
    }


def _runtime(one: RuntimeEntry) -> Json:
    document: Json = {"path": one.path}
    if one.arguments:
        document["runtimeArgs"] = list(one.arguments)
    if one.features:
        json.loads(one.features)  # a client parses it: better to fail here
        document["status"] = {"org.opencontainers.runtime-spec.features": one.features}
    return document
