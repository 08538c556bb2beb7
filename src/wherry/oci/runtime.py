"""``config.json`` and ``process.json`` for crun or runc: the one place that spells them.

What goes in is decided elsewhere and complete; nothing is looked up here. The defaults (mounts,
masked and read-only paths, devices) are Docker's, in the union with Podman's where both protect
something. Source: OCI runtime spec 1.0.2 (crun 1.8 refuses a newer number), config.md and
config-linux.md; moby 28 ``oci/defaults.go``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from wherry.model.resources import (
    DeviceNode,
    DeviceRule,
    Resources,
    Ulimit,
    parse_device_rule,
)

Document = dict[str, Any]

OCI_VERSION = "1.0.2"
BPF_ANNOTATION = "run.oci.seccomp_bpf_data"
"""crun only: the filter, compiled, in base 64."""
ALLOWED_ANNOTATIONS = ("org.opencontainers.", "com.docker.")
"""Prefixes of what may pass from a request to the runtime; crun takes orders by annotation."""

PRIVATE, HOST = "private", "host"
SHM_SIZE_BYTES = 64 << 20
CPU_PERIOD_US = 100_000

MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
    "/sys/fs/selinux",
)
READONLY_PATHS = (
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)
DEFAULT_SYSCTLS: Mapping[str, str] = {
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespaces:
    """Each is ``private``, ``host``, or the path of an existing one."""

    pid: str = PRIVATE
    net: str = PRIVATE
    ipc: str = PRIVATE
    uts: str = PRIVATE
    cgroup: str = PRIVATE
    mount: str = PRIVATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One entry of ``mounts``, after the default ones."""

    destination: str
    source: str
    kind: str = "bind"
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLimits:
    """Limits of block devices, as (major, minor, value)."""

    weights: tuple[tuple[int, int, int], ...] = ()
    read_bps: tuple[tuple[int, int, int], ...] = ()
    write_bps: tuple[tuple[int, int, int], ...] = ()
    read_iops: tuple[tuple[int, int, int], ...] = ()
    write_iops: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessInputs:
    """A program and who it runs as: the container's own, or an exec's."""

    args: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = "/"
    uid: int = 0
    gid: int = 0
    additional_gids: tuple[int, ...] = ()
    umask: int | None = None
    terminal: bool = False
    console_size: tuple[int, int] = (0, 0)
    """Height and width; 0 leaves it to the terminal."""
    capabilities: tuple[str, ...] = ()
    no_new_privileges: bool = False
    apparmor_profile: str = ""
    selinux_label: str = ""
    oom_score_adj: int = 0
    ulimits: tuple[Ulimit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeInputs:
    """All that a container is made of."""

    process: ProcessInputs
    rootfs_path: str
    cgroups_path: str
    readonly: bool = False
    hostname: str = ""
    domainname: str = ""
    namespaces: Namespaces = field(default_factory=Namespaces)
    mounts: tuple[Mount, ...] = ()
    shm_path: str | None = None
    """A folder of the host for ``/dev/shm``; None: a tmpfs of its own; empty: no ``/dev/shm``."""
    devices: tuple[DeviceNode, ...] = ()
    resources: Resources = field(default_factory=Resources)
    block_limits: BlockLimits = field(default_factory=BlockLimits)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    default_sysctls: bool = True
    """Let programs without privileges open low ports and send pings, in its own network."""
    masked_paths: tuple[str, ...] = MASKED_PATHS
    readonly_paths: tuple[str, ...] = READONLY_PATHS
    privileged: bool = False
    seccomp: Document | None = None
    """The resolved section; None: unconfined, or `seccomp_bpf` is there."""
    seccomp_bpf: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    selinux_mount_label: str = ""


def bind_options(
    *,
    read_only: bool = False,
    propagation: str = "rprivate",
    recursive: bool = True,
    force_recursive_read_only: bool = False,
) -> tuple[str, ...]:
    """The options of a bind mount. `force_recursive_read_only` also covers what is mounted below
    the source (mount_setattr, Linux 5.12)."""
    words = ["rbind" if recursive else "bind"]
    if read_only:
        words.append("rro" if force_recursive_read_only else "ro")
    return (*words, propagation or "rprivate")


def encode_config(inputs: RuntimeInputs) -> Document:
    """The content of ``config.json``. Parts are shared between documents: not to be changed."""
    process = replace(
        inputs.process,
        oom_score_adj=inputs.process.oom_score_adj or inputs.resources.oom_score_adj,
        ulimits=inputs.process.ulimits or inputs.resources.ulimits,
    )
    document: Document = {
        "ociVersion": OCI_VERSION,
        "process": encode_process(process),
        "root": {"path": inputs.rootfs_path, "readonly": inputs.readonly},
        "mounts": _mounts(inputs),
        "linux": _linux(inputs),
    }
    if inputs.namespaces.uts != HOST:
        document["hostname"] = inputs.hostname
    annotations = {
        key: value
        for key, value in inputs.annotations.items()
        if key.startswith(ALLOWED_ANNOTATIONS)
    }
    if inputs.seccomp_bpf is not None:
        annotations[BPF_ANNOTATION] = inputs.seccomp_bpf
    if annotations:
        document["annotations"] = annotations
    return document


def dump(document: Document) -> bytes:
    """A document as the bytes of its file."""
    return orjson.dumps(document)


def encode_process(inputs: ProcessInputs) -> Document:
    """The ``process`` object; for an exec the whole of ``process.json``."""
    capabilities = list(inputs.capabilities)
    user: Document = {"uid": inputs.uid, "gid": inputs.gid}
    if inputs.additional_gids:
        user["additionalGids"] = list(inputs.additional_gids)
    if inputs.umask is not None:
        user["umask"] = inputs.umask
    process: Document = {
        "terminal": inputs.terminal,
        "user": user,
        "args": list(inputs.args),
        "env": list(inputs.env),
        "cwd": inputs.cwd,
        # Nothing inheritable or ambient: other users' programs start with none (CVE-2022-24769).
        "capabilities": {
            "bounding": capabilities,
            "effective": capabilities,
            "permitted": capabilities,
        },
        "noNewPrivileges": inputs.no_new_privileges,
        # Always said: otherwise the daemon's own would be inherited.
        "oomScoreAdj": inputs.oom_score_adj,
    }
    if inputs.terminal and all(inputs.console_size):
        height, width = inputs.console_size
        process["consoleSize"] = {"height": height, "width": width}
    if inputs.ulimits:
        process["rlimits"] = [_rlimit(limit) for limit in inputs.ulimits]
    if inputs.apparmor_profile:
        process["apparmorProfile"] = inputs.apparmor_profile
    if inputs.selinux_label:
        process["selinuxLabel"] = inputs.selinux_label
    return process


def _rlimit(limit: Ulimit) -> Document:
    unlimited = (1 << 64) - 1
    return {
        "type": "RLIMIT_" + limit.name.upper(),
        "soft": unlimited if limit.soft < 0 else limit.soft,
        "hard": unlimited if limit.hard < 0 else limit.hard,
    }


# mounts ---------------------------------------------------------------------------------


def _mount(destination: str, kind: str, source: str, options: str) -> Document:
    return {
        "destination": destination,
        "type": kind,
        "source": source,
        "options": options.split(","),
    }


_PROC = _mount("/proc", "proc", "proc", "nosuid,noexec,nodev")
_DEV = _mount("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k")
_PTS = _mount(
    "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"
)
_SYS = _mount("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro")
_SYS_RW = _mount("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,rw")
_CGROUP = _mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro,nosuid,noexec,nodev")
_CGROUP_RW = _mount("/sys/fs/cgroup", "cgroup", "cgroup", "rw,nosuid,noexec,nodev")
_MQUEUE = _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev")
_MQUEUE_HOST = _mount("/dev/mqueue", "bind", "/dev/mqueue", "rbind,nosuid,noexec,nodev")


def _mounts(inputs: RuntimeInputs) -> list[Document]:
    own = inputs.namespaces
    mounts = [
        _PROC,
        _DEV,
        _PTS,
        _SYS_RW if inputs.privileged else _SYS,
        _CGROUP_RW if inputs.privileged else _CGROUP,
        _MQUEUE_HOST if own.ipc == HOST else _MQUEUE,
    ]
    if (shm := _shm(inputs)) is not None:
        mounts.append(shm)
    # A mount of the user's at one of these places is instead of ours.
    taken = {mount.destination for mount in inputs.mounts}
    kept = [mount for mount in mounts if mount["destination"] not in taken]
    return kept + [
        {
            "destination": mount.destination,
            "type": mount.kind,
            "source": mount.source,
            "options": list(mount.options),
        }
        for mount in inputs.mounts
    ]


def _shm(inputs: RuntimeInputs) -> Document | None:
    if inputs.shm_path == "":
        return None
    if inputs.shm_path is not None:
        return _mount("/dev/shm", "bind", inputs.shm_path, "rbind,rprivate")
    size_bytes = inputs.resources.shm_size_bytes or SHM_SIZE_BYTES
    return _mount("/dev/shm", "tmpfs", "shm", f"nosuid,noexec,nodev,mode=1777,size={size_bytes}")


def _root_propagation(mounts: tuple[Mount, ...]) -> str | None:
    """What the root needs so that mounts can travel through one of these."""
    words = {word for mount in mounts for word in mount.options}
    if words & {"shared", "rshared"}:
        return "shared"
    if words & {"slave", "rslave"}:
        return "rslave"
    return None


# linux ----------------------------------------------------------------------------------


def _linux(inputs: RuntimeInputs) -> Document:
    linux: Document = {
        "cgroupsPath": inputs.cgroups_path,
        "namespaces": _namespaces(inputs.namespaces),
        "resources": encode_resources(inputs),
    }
    sysctls = dict(inputs.sysctls)
    if inputs.default_sysctls and inputs.namespaces.net != HOST:
        sysctls = {**DEFAULT_SYSCTLS, **sysctls}
    if inputs.domainname and inputs.namespaces.uts != HOST:
        sysctls.setdefault("kernel.domainname", inputs.domainname)  # 1.0.2 has no field for it.
    if sysctls:
        linux["sysctl"] = sysctls
    if inputs.devices:
        linux["devices"] = [_device(node) for node in inputs.devices]
    if not inputs.privileged:
        if inputs.masked_paths:
            linux["maskedPaths"] = list(inputs.masked_paths)
        if inputs.readonly_paths:
            linux["readonlyPaths"] = list(inputs.readonly_paths)
        if inputs.seccomp is not None and inputs.seccomp_bpf is None:
            linux["seccomp"] = inputs.seccomp
    if (propagation := _root_propagation(inputs.mounts)) is not None:
        linux["rootfsPropagation"] = propagation
    if inputs.selinux_mount_label:
        linux["mountLabel"] = inputs.selinux_mount_label
    return linux


def _namespaces(own: Namespaces) -> list[Document]:
    kinds = (
        ("mount", own.mount),
        ("network", own.net),
        ("uts", own.uts),
        ("pid", own.pid),
        ("ipc", own.ipc),
        ("cgroup", own.cgroup),
    )
    return [
        {"type": kind} if choice == PRIVATE else {"type": kind, "path": choice}
        for kind, choice in kinds
        if choice != HOST
    ]


def _device(node: DeviceNode) -> Document:
    return {
        "path": node.path,
        "type": node.kind,
        "major": node.major,
        "minor": node.minor,
        "fileMode": node.mode,
        "uid": node.uid,
        "gid": node.gid,
    }


# resources ------------------------------------------------------------------------------


def _device_rule(rule: DeviceRule) -> Document:
    document: Document = {"allow": rule.allow, "access": rule.access}
    if rule.kind != "a":
        document["type"] = rule.kind
    if rule.major is not None:
        document["major"] = rule.major
    if rule.minor is not None:
        document["minor"] = rule.minor
    return document


def _allow(kind: str, major: int | None, minor: int | None, access: str = "rwm") -> Document:
    return _device_rule(DeviceRule(kind=kind, major=major, minor=minor, access=access))


_DENY_ALL: Document = {"allow": False, "access": "rwm"}
_ALLOW_ALL: Document = {"allow": True, "access": "rwm"}
_DEVICE_RULES = (
    _DENY_ALL,
    _allow("c", None, None, "m"),
    _allow("b", None, None, "m"),
    _allow("c", 1, 3),  # null
    _allow("c", 1, 5),  # zero
    _allow("c", 1, 7),  # full
    _allow("c", 1, 8),  # random
    _allow("c", 1, 9),  # urandom
    _allow("c", 5, 0),  # tty
    _allow("c", 5, 1),  # console
    _allow("c", 5, 2),  # ptmx
    _allow("c", 136, None),  # pts
    {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "rwm"},  # fuse
)


def encode_resources(inputs: RuntimeInputs) -> Document:
    """``linux.resources``: limits that were not set are left out."""
    wanted = inputs.resources
    resources: Document = {"devices": _device_rules(inputs)}
    if memory := _memory(wanted):
        resources["memory"] = memory
    if cpu := _cpu(wanted):
        resources["cpu"] = cpu
    if wanted.pids_limit > 0:
        resources["pids"] = {"limit": wanted.pids_limit}
    if block := _block(wanted, inputs.block_limits):
        resources["blockIO"] = block
    return resources


def encode_limits(wanted: Resources) -> Document:
    """What `Runtime.update` takes: the limits alone, those that can change while it runs."""
    limits = {
        "memory": _memory(wanted),
        "cpu": _cpu(wanted),
        "pids": {"limit": wanted.pids_limit} if wanted.pids_limit else {},
        "blockIO": {"weight": wanted.blkio_weight} if wanted.blkio_weight else {},
    }
    return {key: value for key, value in limits.items() if value}


def _device_rules(inputs: RuntimeInputs) -> list[Document]:
    if inputs.privileged:
        return [_ALLOW_ALL]
    rules = list(_DEVICE_RULES)
    rules += [
        _allow(node.kind, node.major, node.minor, node.access)
        for node in inputs.devices
        if node.kind in {"b", "c"}
    ]
    rules += [
        _device_rule(parse_device_rule(text)) for text in inputs.resources.device_cgroup_rules
    ]
    return rules


def _memory(wanted: Resources) -> Document:
    memory: Document = {}
    if wanted.memory_bytes:
        memory["limit"] = wanted.memory_bytes
        # Docker's rule: nothing said about swap means as much swap as memory.
        memory["swap"] = wanted.memory_swap_bytes or 2 * wanted.memory_bytes
    elif wanted.memory_swap_bytes:
        memory["swap"] = wanted.memory_swap_bytes
    if wanted.memory_reservation_bytes:
        memory["reservation"] = wanted.memory_reservation_bytes
    if wanted.memory_swappiness is not None and wanted.memory_swappiness >= 0:
        memory["swappiness"] = wanted.memory_swappiness
    if wanted.oom_kill_disable:
        memory["disableOOMKiller"] = True
    if wanted.kernel_memory_tcp_bytes:
        memory["kernelTCP"] = wanted.kernel_memory_tcp_bytes
    return memory


def _cpu(wanted: Resources) -> Document:
    cpu: Document = {}
    if wanted.nano_cpus:
        cpu["period"] = CPU_PERIOD_US
        cpu["quota"] = max(1000, wanted.nano_cpus * CPU_PERIOD_US // 10**9)
    for key, value in (
        ("shares", wanted.cpu_shares),
        ("quota", wanted.cpu_quota),
        ("period", wanted.cpu_period),
        ("realtimePeriod", wanted.cpu_realtime_period),
        ("realtimeRuntime", wanted.cpu_realtime_runtime),
        ("cpus", wanted.cpuset_cpus),
        ("mems", wanted.cpuset_mems),
    ):
        if value:
            cpu[key] = value
    if cpu.get("shares") == 1:
        cpu["shares"] = 2  # The kernel's smallest.
    return cpu


def _block(wanted: Resources, limits: BlockLimits) -> Document:
    block: Document = {}
    if wanted.blkio_weight:
        block["weight"] = wanted.blkio_weight
    if limits.weights:
        block["weightDevice"] = [
            {"major": major, "minor": minor, "weight": weight}
            for major, minor, weight in limits.weights
        ]
    for key, values in (
        ("throttleReadBpsDevice", limits.read_bps),
        ("throttleWriteBpsDevice", limits.write_bps),
        ("throttleReadIOPSDevice", limits.read_iops),
        ("throttleWriteIOPSDevice", limits.write_iops),
    ):
        if values:
            block[key] = [
                {"major": major, "minor": minor, "rate": rate} for major, minor, rate in values
            ]
    return block
