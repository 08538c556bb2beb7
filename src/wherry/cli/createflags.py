"""The flags of `run` and `create`: one row each, with the field of Docker's document it fills.

A row without a field is worked on in `creation`.
"""

from __future__ import annotations

from wherry.cli.flags import Flag
from wherry.cli.mounts import parse_mount
from wherry.cli.units import parse_duration_ns, parse_memory_bytes
from wherry.cli.values import (
    parse_address,
    parse_attached,
    parse_bytes_rate,
    parse_cpus,
    parse_environment,
    parse_extra_host,
    parse_gpus,
    parse_label,
    parse_limit,
    parse_mac,
    parse_network,
    parse_operations_rate,
    parse_swap,
    parse_weight,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Row = tuple[str, str, str, str, str]


def _capability(text: str) -> str:
    name = text.upper()
    return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


_CONVERTERS: dict[str, tuple[Callable[[str], Any], bool]] = {
    # kind as help shows it, and the reader that a row with this kind or name uses; repeats?
    "bytes": (parse_memory_bytes, False),
    "duration": (parse_duration_ns, False),
    "decimal": (parse_cpus, False),
    "mount": (parse_mount, True),
    "network": (parse_network, True),
    "ulimit": (parse_limit, True),
    "gpu-request": (parse_gpus, True),
    "memory-swap": (parse_swap, False),
    "env": (parse_environment, True),
    "label": (parse_label, True),
    "attach": (parse_attached, True),
    "add-host": (parse_extra_host, True),
    "dns": (parse_address, True),
    "mac-address": (parse_mac, False),
    "cap-add": (_capability, True),
    "cap-drop": (_capability, True),
    "blkio-weight-device": (parse_weight, True),
    "device-read-bps": (parse_bytes_rate, True),
    "device-write-bps": (parse_bytes_rate, True),
    "device-read-iops": (parse_operations_rate, True),
    "device-write-iops": (parse_operations_rate, True),
    "shm-size": (parse_memory_bytes, False),
    "log-opt": (parse_label, True),
    "storage-opt": (parse_label, True),
}

# fmt: off
# ruff: noqa: E501 - one flag, one line
ROWS: tuple[Row, ...] = (
    # name, short, kind, field (one that begins with a dot is HostConfig's), text
    ("add-host", "", "list", ".ExtraHosts", "Add a custom host-to-IP mapping (host:ip)"),
    ("annotation", "", "map", ".Annotations", "Add an annotation, passed to the OCI runtime"),
    ("attach", "a", "list", "", "Attach to STDIN, STDOUT or STDERR"),
    ("blkio-weight", "", "uint16", ".BlkioWeight", "Block IO weight, between 10 and 1000, or 0"),
    ("blkio-weight-device", "", "list", ".BlkioWeightDevice", "Block IO weight of a device"),
    ("cap-add", "", "list", ".CapAdd", "Add Linux capabilities"),
    ("cap-drop", "", "list", ".CapDrop", "Drop Linux capabilities"),
    ("cgroup-parent", "", "string", ".CgroupParent", "Optional parent cgroup for the container"),
    ("cgroupns", "", "string", ".CgroupnsMode", "Cgroup namespace to use (host|private)"),
    ("cidfile", "", "string", "", "Write the container ID to the file"),
    ("cpu-count", "", "int64", ".CpuCount", "CPU count (Windows only)"),
    ("cpu-percent", "", "int64", ".CpuPercent", "CPU percent (Windows only)"),
    ("cpu-period", "", "int64", ".CpuPeriod", "Limit the CPU scheduler's period, in microseconds"),
    ("cpu-quota", "", "int64", ".CpuQuota", "Limit the CPU scheduler's quota, in microseconds"),
    ("cpu-rt-period", "", "int64", ".CpuRealtimePeriod", "Limit CPU real-time period in microseconds"),
    ("cpu-rt-runtime", "", "int64", ".CpuRealtimeRuntime", "Limit CPU real-time runtime in microseconds"),
    ("cpu-shares", "c", "int64", ".CpuShares", "CPU shares (relative weight)"),
    ("cpus", "", "decimal", ".NanoCpus", "Number of CPUs"),
    ("cpuset-cpus", "", "string", ".CpusetCpus", "CPUs in which to allow execution (0-3, 0,1)"),
    ("cpuset-mems", "", "string", ".CpusetMems", "Memory nodes in which to allow execution (0-3, 0,1)"),
    ("detach", "d", "bool", "", "Run container in background and print container ID"),
    ("detach-keys", "", "string", "", "Override the key sequence for detaching a container"),
    ("device", "", "list", "", "Add a host device to the container"),
    ("device-cgroup-rule", "", "list", ".DeviceCgroupRules", "Add a rule to the cgroup allowed devices list"),
    ("device-read-bps", "", "list", ".BlkioDeviceReadBps", "Limit read rate (bytes per second) from a device"),
    ("device-read-iops", "", "list", ".BlkioDeviceReadIOps", "Limit read rate (IO per second) from a device"),
    ("device-write-bps", "", "list", ".BlkioDeviceWriteBps", "Limit write rate (bytes per second) to a device"),
    ("device-write-iops", "", "list", ".BlkioDeviceWriteIOps", "Limit write rate (IO per second) to a device"),
    ("disable-content-trust", "", "bool", "", "Skip image verification"),
    ("dns", "", "list", ".Dns", "Set custom DNS servers"),
    ("dns-option", "", "list", ".DnsOptions", "Set DNS options"),
    ("dns-search", "", "list", ".DnsSearch", "Set custom DNS search domains"),
    ("domainname", "", "string", "Domainname", "Container NIS domain name"),
    ("entrypoint", "", "string", "", "Overwrite the default ENTRYPOINT of the image"),
    ("env", "e", "list", "", "Set environment variables"),
    ("env-file", "", "list", "", "Read in a file of environment variables"),
    ("expose", "", "list", "", "Expose a port or a range of ports"),
    ("gpus", "", "gpu-request", ".DeviceRequests", "GPU devices to add to the container ('all' for all)"),
    ("group-add", "", "list", ".GroupAdd", "Add additional groups to join"),
    ("health-cmd", "", "string", "", "Command to run to check health"),
    ("health-interval", "", "duration", "", "Time between running the check (ms|s|m|h)"),
    ("health-retries", "", "int", "", "Consecutive failures needed to report unhealthy"),
    ("health-start-interval", "", "duration", "", "Time between checks during the start period"),
    ("health-start-period", "", "duration", "", "Time to initialize before failures count"),
    ("health-timeout", "", "duration", "", "Maximum time to allow one check to run"),
    ("hostname", "h", "string", "Hostname", "Container host name"),
    ("init", "", "bool", ".Init", "Run an init inside the container that forwards signals and reaps processes"),
    ("interactive", "i", "bool", "OpenStdin", "Keep STDIN open even if not attached"),
    ("io-maxbandwidth", "", "bytes", ".IOMaximumBandwidth", "Maximum IO bandwidth (Windows only)"),
    ("io-maxiops", "", "uint", ".IOMaximumIOps", "Maximum IOps (Windows only)"),
    ("ip", "", "string", "", "IPv4 address (e.g., 172.30.100.104)"),
    ("ip6", "", "string", "", "IPv6 address (e.g., 2001:db8::33)"),
    ("ipc", "", "string", ".IpcMode", "IPC mode to use"),
    ("isolation", "", "string", ".Isolation", "Container isolation technology"),
    ("kernel-memory", "", "bytes", ".KernelMemory", "Kernel memory limit"),
    ("label", "l", "list", "", "Set meta data on a container"),
    ("label-file", "", "list", "", "Read in a line delimited file of labels"),
    ("link", "", "list", ".Links", "Add link to another container"),
    ("link-local-ip", "", "list", "", "Container IPv4/IPv6 link-local addresses"),
    ("log-driver", "", "string", ".LogConfig.Type", "Logging driver for the container"),
    ("log-opt", "", "list", ".LogConfig.Config", "Log driver options"),
    ("mac-address", "", "string", "", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    ("memory", "m", "bytes", ".Memory", "Memory limit"),
    ("memory-reservation", "", "bytes", ".MemoryReservation", "Memory soft limit"),
    ("memory-swap", "", "bytes", ".MemorySwap", "Memory plus swap; '-1' for unlimited swap"),
    ("memory-swappiness", "", "int64", ".MemorySwappiness", "Tune container memory swappiness (0 to 100)"),
    ("mount", "", "mount", ".Mounts", "Attach a filesystem mount to the container"),
    ("name", "", "string", "", "Assign a name to the container"),
    ("network", "", "network", "", "Connect a container to a network"),
    ("network-alias", "", "list", "", "Add network-scoped alias for the container"),
    ("no-healthcheck", "", "bool", "", "Disable any container-specified HEALTHCHECK"),
    ("oom-kill-disable", "", "bool", ".OomKillDisable", "Disable OOM Killer"),
    ("oom-score-adj", "", "int", ".OomScoreAdj", "Tune host's OOM preferences (-1000 to 1000)"),
    ("pid", "", "string", ".PidMode", "PID namespace to use"),
    ("pids-limit", "", "int64", ".PidsLimit", "Tune container pids limit (set -1 for unlimited)"),
    ("platform", "", "string", "", "Set platform if server is multi-platform capable"),
    ("privileged", "", "bool", ".Privileged", "Give extended privileges to this container"),
    ("publish", "p", "list", "", "Publish a container's port(s) to the host"),
    ("publish-all", "P", "bool", ".PublishAllPorts", "Publish all exposed ports to random ports"),
    ("pull", "", "string", "", 'Pull image before running ("always", "missing", "never")'),
    ("quiet", "q", "bool", "", "Suppress the pull output"),
    ("read-only", "", "bool", ".ReadonlyRootfs", "Mount the container's root filesystem as read only"),
    ("restart", "", "string", "", "Restart policy to apply when a container exits"),
    ("rm", "", "bool", ".AutoRemove", "Remove the container and its anonymous volumes when it exits"),
    ("runtime", "", "string", ".Runtime", "Runtime to use for this container"),
    ("security-opt", "", "list", "", "Security Options"),
    ("shm-size", "", "bytes", ".ShmSize", "Size of /dev/shm"),
    ("sig-proxy", "", "bool", "", "Proxy received signals to the process (default true)"),
    ("stop-signal", "", "string", "StopSignal", "Signal to stop the container"),
    ("stop-timeout", "", "int", "StopTimeout", "Timeout (in seconds) to stop a container"),
    ("storage-opt", "", "list", ".StorageOpt", "Storage driver options for the container"),
    ("sysctl", "", "map", ".Sysctls", "Sysctl options"),
    ("tmpfs", "", "list", "", "Mount a tmpfs directory"),
    ("tty", "t", "bool", "Tty", "Allocate a pseudo-TTY"),
    ("ulimit", "", "ulimit", ".Ulimits", "Ulimit options"),
    ("use-api-socket", "", "bool", "", "Bind mount the API socket and its credentials"),
    ("user", "u", "string", "User", "Username or UID (format: <name|uid>[:<group|gid>])"),
    ("userns", "", "string", ".UsernsMode", "User namespace to use"),
    ("uts", "", "string", ".UTSMode", "UTS namespace to use"),
    ("volume", "v", "list", "", "Bind mount a volume"),
    ("volume-driver", "", "string", ".VolumeDriver", "Optional volume driver for the container"),
    ("volumes-from", "", "list", ".VolumesFrom", "Mount volumes from the specified container(s)"),
    ("workdir", "w", "string", "WorkingDir", "Working directory inside the container"),
)
# fmt: on

_OLD_NAMES = {"net": "network", "net-alias": "network-alias", "dns-opt": "dns-option"}
_RUN_ONLY = ("detach", "detach-keys", "sig-proxy")
FIELDS: dict[str, str] = {
    row[0]: f"HostConfig{row[3]}" if row[3].startswith(".") else row[3] for row in ROWS if row[3]
}
"""Flag to field, dots for nesting."""


def _make_flag(row: Row) -> Flag:
    name, short, kind, _, text = row
    convert, repeats = _CONVERTERS.get(name) or _CONVERTERS.get(kind) or (None, None)
    return Flag(name, short, kind, text, convert=convert, repeats=repeats)


def list_run_flags() -> list[Flag]:
    """Of `run`."""
    return [_make_flag(row) for row in ROWS] + [_make_old(old) for old in _OLD_NAMES]


def list_create_flags() -> list[Flag]:
    """Of `create`: without what concerns the streams."""
    kept = [_make_flag(row) for row in ROWS if row[0] not in _RUN_ONLY]
    return kept + [_make_old(old) for old in _OLD_NAMES]


def _make_old(old: str) -> Flag:
    row = next(row for row in ROWS if row[0] == _OLD_NAMES[old])
    flag = _make_flag((old, "", row[2], "", row[4]))
    if old == "net":
        flag.convert, flag.repeats = parse_network, True
    flag.hidden = True
    return flag
