"""What an engine says of itself and of the host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A program that the engine is made of or leans on."""

    name: str
    version: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineVersion:
    version: str
    git_commit: str = ""
    build_time: str = ""
    """RFC 3339, empty when it is not known."""
    language: str = ""
    """The interpreter and its version."""
    os: str = "linux"
    arch: str
    """As in image references: amd64, arm64."""
    kernel_version: str
    components: Sequence[Component] = ()
    """Besides the engine itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeEntry:
    """A runtime that containers can ask for."""

    path: str
    arguments: Sequence[str] = ()
    features: str = ""
    """The runtime's own JSON document of what it can do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPool:
    base: str
    """A network in CIDR notation."""
    size: int
    """Prefix length of the networks that are cut from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEntry:
    name: str
    mirrors: Sequence[str] = ()
    is_secure: bool = True
    is_official: bool = False


DOCKER_HUB = RegistryEntry(name="docker.io", is_official=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What the host's kernel lets a container be limited by."""

    memory_limit: bool = True
    swap_limit: bool = True
    cpu_cfs_period: bool = True
    cpu_cfs_quota: bool = True
    cpu_shares: bool = True
    cpuset: bool = True
    pids_limit: bool = True
    oom_kill_disable: bool = False
    ipv4_forwarding: bool = True
    kernel_memory_tcp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """The engine, its settings and its host at one moment."""

    id: str
    name: str
    """The host's name."""
    version: str
    # what there is
    running: int = 0
    paused: int = 0
    stopped: int = 0
    images: int = 0
    # how it is kept
    storage_driver: str
    storage_status: Sequence[tuple[str, str]] = ()
    data_root: str
    log_driver: str = "json-file"
    log_drivers: Sequence[str] = ("json-file", "none")
    volume_drivers: Sequence[str] = ("local",)
    network_drivers: Sequence[str] = ("bridge", "host", "null")
    cgroup_driver: str = "cgroupfs"
    cgroup_version: int
    """1 or 2."""
    runtimes: Mapping[str, RuntimeEntry] = field(default_factory=dict)
    default_runtime: str
    init_binary: str = ""
    security_options: Sequence[str] = ("name=seccomp,profile=builtin",)
    firewall: str = "nftables"
    address_pools: Sequence[AddressPool] = ()
    abilities: Abilities = Abilities()
    # where images come from
    registries: Sequence[RegistryEntry] = (DOCKER_HUB,)
    insecure_registries: Sequence[str] = ("::1/128", "127.0.0.0/8")
    """Networks in CIDR notation."""
    mirrors: Sequence[str] = ()
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    # the host
    kernel_version: str
    operating_system: str
    os_version: str = ""
    os_type: str = "linux"
    machine: str
    """As uname(1) says: x86_64, aarch64."""
    cpus: int
    memory_bytes: int
    time_ns: int
    # this daemon
    labels: Sequence[str] = ()
    debug: bool = False
    live_restore: bool = True
    open_files: int = 0
    tasks: int = 0
    event_listeners: int = 0
    warnings: Sequence[str] = ()


class UsageKind(StrEnum):
    """What disk usage can be asked for."""

    CONTAINER = "container"
    IMAGE = "image"
    VOLUME = "volume"
    BUILD_CACHE = "build-cache"
