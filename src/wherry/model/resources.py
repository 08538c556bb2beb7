"""What a container may use, and whether that makes sense on this host.

The defaults mean "not limited". Texts and ranges: Docker Engine 28.
"""

from dataclasses import dataclass

from wherry.model.errors import InvalidArgument

MEMORY_MINIMUM_BYTES = 6 << 20
UNLIMITED = -1
_OOM_WARNING = (
    "OOM killer is disabled for the container, but no memory limit is set, this can result in "
    "the system running out of resources."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit:
    """One resource limit of setrlimit(2), such as ``nofile``; -1 is no limit."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMapping:
    """A device of the host, or a folder full of them, shown in the container."""

    host_path: str
    container_path: str
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNode:
    """A device to be made in the container, and to be let through."""

    path: str
    kind: str
    """``b``, ``c`` or ``p``."""
    major: int
    minor: int
    mode: int = 0o666
    uid: int = 0
    gid: int = 0
    access: str = "rwm"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest:
    """Devices asked for by driver or capability (GPUs), or by CDI name."""

    driver: str = ""
    count: int = 0
    device_ids: tuple[str, ...] = ()
    capabilities: tuple[tuple[str, ...], ...] = ()
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightDevice:
    path: str
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleDevice:
    """Bytes or operations a second for one block device."""

    path: str
    rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Limits of one container."""

    nano_cpus: int = 0
    cpu_shares: int = 0
    cpu_quota: int = 0
    """Microseconds in each period."""
    cpu_period: int = 0
    cpu_realtime_period: int = 0
    cpu_realtime_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    memory_bytes: int = 0
    memory_swap_bytes: int = 0
    """Memory and swap together; -1 is no limit, 0 twice the memory."""
    memory_reservation_bytes: int = 0
    memory_swappiness: int | None = None
    kernel_memory_tcp_bytes: int = 0
    pids_limit: int = 0
    """0 and -1 are no limit."""
    oom_kill_disable: bool = False
    oom_score_adj: int = 0
    shm_size_bytes: int = 0
    """0: the default of 64 MiB."""
    ulimits: tuple[Ulimit, ...] = ()
    devices: tuple[DeviceMapping, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    """As in the kernel's ``devices.allow``: ``c 42:* rmw``."""
    blkio_weight: int = 0
    blkio_weight_devices: tuple[WeightDevice, ...] = ()
    blkio_read_bps: tuple[ThrottleDevice, ...] = ()
    blkio_write_bps: tuple[ThrottleDevice, ...] = ()
    blkio_read_iops: tuple[ThrottleDevice, ...] = ()
    blkio_write_iops: tuple[ThrottleDevice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResources:
    """What this host has to give."""

    cpus: int
    cpuset_cpus: str
    """The processors that there are, such as ``0-3``."""
    cpuset_mems: str


def check_resources(wanted: Resources, host: HostResources) -> tuple[str, ...]:
    """The warnings that a client is to be shown.

    Raises:
        InvalidArgument: limits that contradict each other, or that this host cannot give.
    """
    _check_memory(wanted)
    _check_cpu(wanted, host)
    _check_cpuset("CPUs", "cpuset cpus", wanted.cpuset_cpus, host.cpuset_cpus)
    _check_cpuset("memory nodes", "cpuset mems", wanted.cpuset_mems, host.cpuset_mems)
    if not -1000 <= wanted.oom_score_adj <= 1000:
        raise InvalidArgument(
            f"Invalid value {wanted.oom_score_adj}, range for oom score adj is [-1000, 1000]"
        )
    if wanted.shm_size_bytes < 0:
        raise InvalidArgument("SHM size can not be less than 0")
    if wanted.blkio_weight and not 10 <= wanted.blkio_weight <= 1000:
        raise InvalidArgument("Range of blkio weight is from 10 to 1000")
    for limit in wanted.ulimits:
        _check_ulimit(limit)
    for rule in wanted.device_cgroup_rules:
        parse_device_rule(rule)
    if wanted.oom_kill_disable and not wanted.memory_bytes:
        return (_OOM_WARNING,)
    return ()


def _check_memory(wanted: Resources) -> None:
    memory, swap = wanted.memory_bytes, wanted.memory_swap_bytes
    reserved = wanted.memory_reservation_bytes
    if 0 != memory < MEMORY_MINIMUM_BYTES:
        raise InvalidArgument("Minimum memory limit allowed is 6MB")
    if swap > 0 and not memory:
        raise InvalidArgument(
            "You should always set the Memory limit when using Memoryswap limit, see usage"
        )
    if 0 < swap < memory:
        raise InvalidArgument(
            "Minimum memoryswap limit should be larger than memory limit, see usage"
        )
    swappiness = wanted.memory_swappiness
    if swappiness is not None and swappiness != UNLIMITED and not 0 <= swappiness <= 100:
        raise InvalidArgument(
            f"Invalid value: {swappiness}, valid memory swappiness range is 0-100"
        )
    if 0 != reserved < MEMORY_MINIMUM_BYTES:
        raise InvalidArgument("Minimum memory reservation allowed is 6MB")
    if 0 < memory < reserved:
        raise InvalidArgument(
            "Minimum memory limit can not be less than memory reservation limit, see usage"
        )


def _check_cpu(wanted: Resources, host: HostResources) -> None:
    if wanted.nano_cpus and wanted.cpu_period:
        raise InvalidArgument("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if wanted.nano_cpus and wanted.cpu_quota:
        raise InvalidArgument("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    if wanted.nano_cpus < 0 or wanted.nano_cpus > host.cpus * 10**9:
        raise InvalidArgument(
            f"range of CPUs is from 0.01 to {host.cpus}.00, as there are only {host.cpus} CPUs "
            "available"
        )
    if wanted.cpu_shares < 0:
        raise InvalidArgument(
            f"invalid CPU shares ({wanted.cpu_shares}): value must be a positive integer"
        )
    if wanted.cpu_period and not 1000 <= wanted.cpu_period <= 1_000_000:
        raise InvalidArgument(
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"
        )
    if 0 < wanted.cpu_quota < 1000:
        raise InvalidArgument("CPU cfs quota can not be less than 1ms (i.e. 1000)")


def _check_cpuset(things: str, name: str, wanted: str, available: str) -> None:
    if not wanted:
        return
    try:
        missing = parse_cpuset(wanted) - parse_cpuset(available)
    except ValueError:
        raise InvalidArgument(
            f"Invalid value {wanted} for {name}: invalid format: {wanted}"
        ) from None
    if missing:
        raise InvalidArgument(
            f"Requested {things} are not available - requested {wanted}, available: {available}"
        )


def parse_cpuset(text: str) -> frozenset[int]:
    """``0-2,5`` as numbers. ValueError if it is something else; numbers end at 8191."""
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        low = _parse_number(first)
        high = _parse_number(last) if dash else low
        if low > high or high > 8191:
            raise ValueError(text)
        numbers.update(range(low, high + 1))
    return frozenset(numbers)


def _parse_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


_ULIMITS = (
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending "
    "stack"
)
ULIMIT_NAMES = frozenset(_ULIMITS.split())


def _check_ulimit(limit: Ulimit) -> None:
    if limit.name not in ULIMIT_NAMES:
        raise InvalidArgument(f"invalid ulimit type: {limit.name}")
    if limit.hard != UNLIMITED and (limit.soft == UNLIMITED or limit.soft > limit.hard):
        raise InvalidArgument(
            f"ulimit soft limit must be less than or equal to hard limit: "
            f"{limit.soft} > {limit.hard}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRule:
    """A line of the devices cgroup; None stands for every number."""

    kind: str
    """``a``, ``b`` or ``c``."""
    major: int | None
    minor: int | None
    access: str
    allow: bool = True


def parse_device_rule(text: str) -> DeviceRule:
    """Read ``c 42:* rmw``.

    Raises:
        InvalidArgument: it has another form.
    """
    parts = text.split(" ")
    if len(parts) == 3 and parts[0] in {"a", "b", "c"}:
        kind, numbers, access = parts
        major, colon, minor = numbers.partition(":")
        if colon and access and len(access) <= 3 and set(access) <= set("rwm"):
            try:
                return DeviceRule(
                    kind=kind,
                    major=None if major == "*" else _parse_number(major),
                    minor=None if minor == "*" else _parse_number(minor),
                    access=access,
                )
            except ValueError:
                pass
    raise InvalidArgument(f"invalid device cgroup rule format: '{text}'")
