"""A container: what was asked for (never changes), and what is known of it (does)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wherry.model.image import HealthcheckConfig
from wherry.model.lifecycle import HAS_PROCESS, Status
from wherry.model.mounts import MountPoint, MountRequest
from wherry.model.network import Endpoint
from wherry.model.ports import ContainerPort, PortBinding, PublishedPort
from wherry.model.resources import Resources
from wherry.model.restart import RestartPolicy

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHM_SIZE_BYTES = 64 << 20
DEFAULT_STOP_SIGNAL = 15
DEFAULT_STOP_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSpec:
    """The program and its surroundings; after `engine.containers.prepare.merge_image` complete."""

    entrypoint: tuple[str, ...] | None = None
    """None: the image's; empty: none at all."""
    command: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    hostname: str = ""
    domainname: str = ""
    terminal: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: tuple[ContainerPort, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    stop_timeout_s: int | None = None
    healthcheck: HealthcheckConfig | None = None
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    network_disabled: bool = False

    @property
    def argv(self) -> tuple[str, ...]:
        return (*(self.entrypoint or ()), *(self.command or ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuritySpec:
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_options: tuple[str, ...] = ()
    read_only_root: bool = False
    masked_paths: tuple[str, ...] | None = None
    """None: the defaults; empty: none."""
    read_only_paths: tuple[str, ...] | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    group_add: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSpec:
    """Empty: one of its own (or the daemon's default); ``host``; ``container:ID``."""

    pid: str = ""
    ipc: str = ""
    uts: str = ""
    cgroup: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRequest:
    """How a container wants to join one network."""

    network: str
    """As the client named it."""
    ipv4: str = ""
    ipv6: str = ""
    mac: str = ""
    link_local: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    driver_options: Mapping[str, str] = field(default_factory=dict)
    gateway_priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    mode: str = "default"
    endpoints: tuple[EndpointRequest, ...] = ()
    bindings: tuple[PortBinding, ...] = ()
    publish_all: bool = False
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSpec:
    driver: str = "json-file"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """What was asked for, with what the image adds to it. Never changes."""

    image: str
    """As the client named it."""
    image_id: str = ""
    program: ProgramSpec = field(default_factory=ProgramSpec)
    security: SecuritySpec = field(default_factory=SecuritySpec)
    namespaces: NamespaceSpec = field(default_factory=NamespaceSpec)
    network: NetworkSpec = field(default_factory=NetworkSpec)
    resources: Resources = field(default_factory=Resources)
    log: LogSpec = field(default_factory=LogSpec)
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    auto_remove: bool = False
    binds: tuple[str, ...] = ()
    mounts: tuple[MountRequest, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    volumes_from: tuple[str, ...] = ()
    volume_driver: str = ""
    storage_options: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    cgroup_parent: str = ""
    runtime: str = ""
    init: bool | None = None
    isolation: str = ""
    id_file: str = ""
    console_size: tuple[int, int] = (0, 0)
    """Height and width."""
    platform: str = ""
    left_out: tuple[str, ...] = ()
    """Lists that the client did not give at all: Docker shows them otherwise than empty ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """What is known of a container, saved before every deed. Times: nanoseconds since the epoch,
    0 for never."""

    status: Status = Status.CREATED
    pid: int = 0
    start_ticks: int = 0
    exit_code: int = 0
    error: str = ""
    out_of_memory: bool = False
    started_ns: int = 0
    finished_ns: int = 0
    restarts: int = 0
    restart_delay_s: float = 0.0
    stopped_by_user: bool = False
    """Stopped or killed on request since the last start: no policy brings it back."""
    exit_serial: int = 0
    """Counts the ends of its processes: who waits for the next one compares."""
    remove_volumes: bool = False
    """It is being removed, and the volumes made for it go with it."""
    sandbox: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    published: tuple[PublishedPort, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One record: identity, specification, state."""

    id: str
    name: str
    created_ns: int
    spec: ContainerSpec
    snapshot: str
    """The storage driver's key of its writable layer."""
    layers: tuple[str, ...]
    """Keys of the image's layers, nearest first."""
    mounts: tuple[MountPoint, ...] = ()
    own_volumes: tuple[str, ...] = ()
    """Volumes made for it without a name."""
    state: ContainerState = field(default_factory=ContainerState)

    @property
    def short_id(self) -> str:
        return self.id[:12]

    @property
    def has_process(self) -> bool:
        return self.state.status in HAS_PROCESS
