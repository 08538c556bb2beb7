"""What the engine says of itself and of the host."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from wherry.engine.clock import Clock
from wherry.model.container import Container
from wherry.model.errors import InvalidArgument
from wherry.model.lifecycle import Status
from wherry.model.platform import host_platform
from wherry.model.system import (
    Abilities,
    AddressPool,
    Component,
    EngineInfo,
    EngineVersion,
    RuntimeEntry,
)
from wherry.version import VERSION

_OS_RELEASE = Path("/etc/os-release")


class Containers(Protocol):
    def list_containers(self) -> Sequence[Container]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What does not change while the daemon runs."""

    id: str
    storage_driver: str
    data_root: str
    cgroup_version: int
    runtimes: Mapping[str, RuntimeEntry]
    default_runtime: str
    components: Sequence[Component]
    address_pools: Sequence[AddressPool] = ()
    insecure_registries: Sequence[str] = ()
    mirrors: Sequence[str] = ()
    labels: Sequence[str] = ()
    debug: bool = False
    log_driver: str = "json-file"
    abilities: Abilities = field(default_factory=Abilities)
    warnings: Sequence[str] = ()


class System:
    def __init__(
        self,
        *,
        settings: Settings,
        containers: Containers,
        count_images: Callable[[], int],
        count_listeners: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._settings, self._containers = settings, containers
        self._count_images, self._count_listeners = count_images, count_listeners
        self._clock = clock

    async def version(self) -> EngineVersion:
        return EngineVersion(
            version=VERSION,
            language=f"Python {platform.python_version()}",
            arch=host_platform().architecture,
            kernel_version=platform.release(),
            components=self._settings.components,
        )

    async def info(self) -> EngineInfo:
        settings, release = self._settings, _read_os_release()
        every = self._containers.list_containers()
        paused = sum(one.state.status is Status.PAUSED for one in every)
        running = sum(one.has_process for one in every) - paused
        return EngineInfo(
            id=settings.id,
            name=os.uname().nodename,
            version=VERSION,
            running=running,
            paused=paused,
            stopped=len(every) - running - paused,
            images=self._count_images(),
            storage_driver=settings.storage_driver,
            storage_status=_storage_status(settings),
            data_root=settings.data_root,
            log_driver=settings.log_driver,
            cgroup_version=settings.cgroup_version,
            runtimes=settings.runtimes,
            default_runtime=settings.default_runtime,
            security_options=_security_options(settings),
            address_pools=settings.address_pools,
            abilities=settings.abilities,
            insecure_registries=(*settings.insecure_registries, "::1/128", "127.0.0.0/8"),
            mirrors=settings.mirrors,
            kernel_version=platform.release(),
            operating_system=release.get("PRETTY_NAME", "Linux"),
            os_version=release.get("VERSION_ID", ""),
            machine=platform.machine(),
            cpus=len(os.sched_getaffinity(0)),
            memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            time_ns=self._clock.now_ns(),
            labels=settings.labels,
            debug=settings.debug,
            open_files=len(os.listdir("/proc/self/fd")),
            tasks=len(os.listdir("/proc/self/task")),
            event_listeners=self._count_listeners(),
            warnings=settings.warnings,
        )


def _security_options(settings: Settings) -> Sequence[str]:
    options = ["name=seccomp,profile=builtin"]
    if settings.cgroup_version == 2:
        options.append("name=cgroupns")
    return options


def _storage_status(settings: Settings) -> Sequence[tuple[str, str]]:
    if settings.storage_driver != "overlay2":
        return ()
    return (
        ("Backing Filesystem", _filesystem_of(settings.data_root)),
        ("Supports d_type", "true"),
        ("Using metacopy", "false"),
        ("Native Overlay Diff", "true"),
        ("userxattr", "false"),
    )


def _filesystem_of(path: str) -> str:
    """The name of the file system that holds `path`, as /proc/self/mountinfo has it."""
    best, name = "", "unknown"
    try:
        with open("/proc/self/mountinfo") as table:
            for line in table:
                before, _, after = line.partition(" - ")
                target = before.split()[4]
                inside = path == target or path.startswith(target.rstrip("/") + "/")
                if inside and len(target) >= len(best):
                    best, name = target, after.split()[0]
    except OSError:
        return name
    return "extfs" if name.startswith("ext") else name


def _read_os_release() -> Mapping[str, str]:
    try:
        lines = _OS_RELEASE.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value.strip("\"'") for key, _, value in pairs}


def check_not_chrooted() -> None:
    """Refuse to run in a chroot: a container's second process would get the outer root.

    Raises:
        InvalidArgument: the root folder is not that of the mount namespace.
    """
    try:
        own, first = os.stat("/"), os.stat("/proc/self/root/")
        mount_root = _root_mount_is_root()
    except OSError:
        return
    if not mount_root or (own.st_dev, own.st_ino) != (first.st_dev, first.st_ino):
        raise InvalidArgument(
            "the engine cannot run in a chroot", hint="use pivot_root, or a container"
        )


def _root_mount_is_root() -> bool:
    """In a chroot no mount has the path ``/``, unless the new root is a mount itself."""
    with open("/proc/self/mountinfo") as table:
        return any(line.split()[4] == "/" for line in table)
