"""Writes what the runtime reads: config.json, process.json, hosts, hostname, resolv.conf.

The tree of the container is written by strangers: every look into it goes through
``kernel/files.py``, resolved inside its root.
"""

import asyncio
import os
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from wherry.engine.containers.exec import ExecSpec
from wherry.engine.containers.prepare import (
    Account,
    hostname_of,
    process_env,
    resolve_user,
)
from wherry.kernel import mount
from wherry.kernel.devices import find_block_device, list_devices, list_host_devices
from wherry.kernel.files import ensure_dir_in_root, open_folder, read_in_root, write_in_root
from wherry.model.capabilities import effective_capabilities
from wherry.model.container import Container
from wherry.model.errors import Conflict, InvalidArgument, LaunchFailed, TooLarge
from wherry.model.mounts import MountKind, MountPoint
from wherry.model.network import Endpoint
from wherry.model.resources import DeviceNode, Resources, ThrottleDevice, Ulimit
from wherry.model.security import SecurityOptions, parse_security_options
from wherry.oci import runtime as oci
from wherry.state.layout import Layout

_ACCOUNTS_LIMIT_BYTES = 4 << 20
_MADE_FILES = (
    ("resolv.conf", "/etc/resolv.conf"),
    ("hostname", "/etc/hostname"),
    ("hosts", "/etc/hosts"),
)
_TMPFS_OPTIONS = ("noexec", "nosuid", "nodev")
# with these in the options, their opposite among the defaults is dropped
_TMPFS_OPPOSITES = {"exec": "noexec", "suid": "nosuid", "dev": "nodev"}


class SystemFiles(Protocol):
    """Contents of the files that every container gets of its own."""

    def hosts(self, container: Container, endpoints: Sequence[Endpoint]) -> str: ...

    def resolv_conf(self, container: Container) -> str: ...


class Filters(Protocol):
    """System call filters, compiled if they can be."""

    def find(
        self, profile: str, capabilities: Collection[str]
    ) -> tuple[oci.Document | None, str | None]:
        """The seccomp section and, if it is compiled already, the program in base 64.

        `profile` is ``builtin`` or a profile's JSON text. InvalidArgument if that is none.
        """


class OtherContainers(Protocol):
    def get(self, wanted: str) -> Container: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleDefaults:
    cgroup_parent: str
    capabilities: tuple[str, ...]
    """What there is to give: the daemon's own."""
    hidden_paths: tuple[str, ...] = ()
    """Masked besides those that every host has."""
    pids_limit: int
    """What one container may take when nothing was said: most of the host's, never all."""
    ulimits: tuple[Ulimit, ...] = ()
    host_name: Callable[[], str] = lambda: os.uname().nodename


class BundleWriter:
    def __init__(
        self,
        *,
        layout: Layout,
        files: SystemFiles,
        filters: Filters,
        defaults: BundleDefaults,
        sandbox_path: Callable[[str], Path],
    ) -> None:
        self._layout, self._files, self._filters = layout, files, filters
        self._defaults, self._sandbox_path = defaults, sandbox_path
        self._others: OtherContainers

    def open(self, others: OtherContainers) -> None:
        self._others = others

    async def write(self, container: Container, known: Mapping[str, Any]) -> None:
        """Make everything that the runtime's `create` reads.

        Raises:
            InvalidArgument, Conflict: unknown user, another container that does not run.
            LaunchFailed: the working directory is no folder, a bind's source is gone.
        """
        rootfs = self._layout.rootfs_dir(container.id)
        with open_folder(rootfs) as root_fd:
            self._make_tree(root_fd, container)
            account = await self._account(root_fd, container.spec.program.user, container)
        self._write_system_files(container, known)
        if container.spec.namespaces.ipc == "shareable":
            self._mount_shared_memory(container)
        inputs = self._inputs(container, account, known)
        config = oci.dump(oci.encode_config(inputs))
        _write(self._layout.bundle_dir(container.id) / "config.json", config, 0o600)

    async def discard(self, container: Container) -> None:
        """Undo what `write` mounted; nothing there is success."""
        folder = self._shared_memory_dir(container)
        if os.path.ismount(folder):
            mount.unmount(folder, lazy=True)

    async def write_process(self, container: Container, spec: ExecSpec, exec_dir: str) -> None:
        """``process.json`` of an exec, as whom and where the request says.

        Raises:
            InvalidArgument: unknown user.
        """
        program = container.spec.program
        with open_folder(self._layout.rootfs_dir(container.id)) as root_fd:
            account = await self._account(root_fd, spec.user or program.user, container)
        process = replace(
            self._process(container, account),
            args=spec.command,
            cwd=spec.working_dir or program.working_dir or "/",
            terminal=spec.terminal,
            console_size=spec.console_size,
            env=process_env(
                (*program.env, *spec.env),
                hostname=self._hostname(container),
                terminal=spec.terminal,
                home=account.home,
            ),
            ulimits=self._ulimits(container),
        )
        if spec.privileged:
            every = effective_capabilities(privileged=True, known=self._defaults.capabilities)
            process = replace(process, capabilities=every)
        document = oci.dump(oci.encode_process(process))
        _write(Path(exec_dir) / "process.json", document, 0o600)

    # the tree -------------------------------------------------------------------------------

    def _make_tree(self, root_fd: int, container: Container) -> None:
        """What every container finds in its tree; what exists is left as it is."""
        try:
            write_in_root(root_fd, "/.dockerenv", b"", mode=0o755)
        except FileExistsError:
            pass
        for name in ("/proc", "/sys", "/dev"):
            if not _is_folder(root_fd, name):
                raise LaunchFailed(f"the image has something at {name} that is not a folder")
        if workdir := container.spec.program.working_dir:
            try:
                ensure_dir_in_root(root_fd, workdir, 0o755)
            except NotADirectoryError:
                raise LaunchFailed(
                    f"failed to create task for container: mkdir {workdir}: not a directory"
                ) from None

    async def _account(self, root_fd: int, wanted: str, container: Container) -> Account:
        def read(path: str) -> bytes | None:
            try:
                return read_in_root(root_fd, path, limit_bytes=_ACCOUNTS_LIMIT_BYTES)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except (InvalidArgument, TooLarge, OSError) as error:
                raise InvalidArgument(f"{path} of the container cannot be read: {error}") from None

        passwd, group = read("/etc/passwd"), read("/etc/group")

        def resolve() -> Account:
            return resolve_user(
                wanted, container.spec.security.group_add, passwd=passwd, group=group
            )

        if len(passwd or b"") + len(group or b"") > 1 << 16:
            return await asyncio.to_thread(resolve)
        return resolve()

    def _write_system_files(self, container: Container, known: Mapping[str, Any]) -> None:
        folder = self._layout.container_dir(container.id)
        endpoints = known.get("endpoints", ())
        _write(folder / "hostname", f"{self._hostname(container)}\n".encode(), 0o644)
        _write(folder / "hosts", self._files.hosts(container, endpoints).encode(), 0o644)
        _write(folder / "resolv.conf", self._files.resolv_conf(container).encode(), 0o644)

    # config.json ------------------------------------------------------------------------------

    def _inputs(
        self, container: Container, account: Account, known: Mapping[str, Any]
    ) -> oci.RuntimeInputs:
        spec, security = container.spec, container.spec.security
        options = parse_security_options(security.security_options)
        process = self._process(container, account)
        section, compiled = None, None
        if not security.privileged and options.seccomp != "unconfined":
            section, compiled = self._filters.find(options.seccomp, process.capabilities)
        namespaces = self._namespaces(container, known)
        return oci.RuntimeInputs(
            process=process,
            rootfs_path=str(self._layout.rootfs_dir(container.id)),
            cgroups_path=f"{spec.cgroup_parent or self._defaults.cgroup_parent}/{container.id}",
            readonly=security.read_only_root,
            hostname=self._hostname(container),
            domainname=spec.program.domainname,
            namespaces=namespaces,
            mounts=self._mounts(container),
            shm_path=self._shm_path(container),
            devices=_device_nodes(spec.resources, privileged=security.privileged),
            resources=self._resources(spec.resources),
            block_limits=_block_limits(spec.resources),
            sysctls=dict(security.sysctls),
            # the prepared network namespaces have them already
            default_sysctls=False,
            masked_paths=_paths(
                security.masked_paths, (*oci.MASKED_PATHS, *self._defaults.hidden_paths), options
            ),
            readonly_paths=_paths(security.read_only_paths, oci.READONLY_PATHS, options),
            privileged=security.privileged,
            seccomp=section,
            seccomp_bpf=compiled,
            annotations=spec.annotations,
        )

    def _process(self, container: Container, account: Account) -> oci.ProcessInputs:
        spec, security = container.spec, container.spec.security
        program = spec.program
        options = parse_security_options(security.security_options)
        return oci.ProcessInputs(
            args=program.argv,
            env=process_env(
                program.env,
                hostname=self._hostname(container),
                terminal=program.terminal,
                home=account.home,
            ),
            cwd=program.working_dir or "/",
            uid=account.uid,
            gid=account.gid,
            additional_gids=account.groups,
            terminal=program.terminal,
            console_size=spec.console_size,
            capabilities=effective_capabilities(
                security.cap_add,
                security.cap_drop,
                privileged=security.privileged,
                known=self._defaults.capabilities,
            ),
            no_new_privileges=options.no_new_privileges,
            oom_score_adj=spec.resources.oom_score_adj,
            ulimits=self._ulimits(container),
        )

    def _ulimits(self, container: Container) -> tuple[Ulimit, ...]:
        own = {one.name: one for one in self._defaults.ulimits}
        own |= {one.name: one for one in container.spec.resources.ulimits}
        return tuple(own.values())

    def _resources(self, wanted: Resources) -> Resources:
        if wanted.pids_limit == 0:
            return replace(wanted, pids_limit=self._defaults.pids_limit)
        return wanted

    def _hostname(self, container: Container) -> str:
        spec = container.spec
        if spec.program.hostname:
            return spec.program.hostname
        if spec.network.mode == "host" or spec.namespaces.uts == "host":
            return self._defaults.host_name()
        if other := _other_of(spec.network.mode):
            return self._hostname(self._others.get(other))
        return hostname_of(spec.program, container.id)

    def _namespaces(self, container: Container, known: Mapping[str, Any]) -> oci.Namespaces:
        names = container.spec.namespaces
        sandbox = known.get("sandbox", "")
        network = oci.HOST if not sandbox else str(self._sandbox_path(sandbox))
        return oci.Namespaces(
            pid=self._namespace(names.pid, "pid"),
            net=network,
            ipc=self._namespace(names.ipc, "ipc"),
            uts=oci.HOST if names.uts == "host" else oci.PRIVATE,
            cgroup=oci.HOST if names.cgroup == "host" else oci.PRIVATE,
        )

    def _namespace(self, mode: str, kind: str) -> str:
        if mode == "host":
            return oci.HOST
        if other := _other_of(mode):
            container = self._others.get(other)
            if not container.has_process:
                raise Conflict(
                    f"cannot join {kind} namespace of a non running container: {container.id}"
                )
            return f"/proc/{container.state.pid}/ns/{kind}"
        return oci.PRIVATE

    def _shm_path(self, container: Container) -> str | None:
        mode = container.spec.namespaces.ipc
        if mode == "host":
            return "/dev/shm"
        if mode == "none":
            return ""
        if mode == "shareable":
            return str(self._shared_memory_dir(container))
        if other := _other_of(mode):
            owner = self._others.get(other)
            if owner.spec.namespaces.ipc != "shareable":
                raise Conflict(
                    f"cannot join IPC of a container with ID {owner.id}: non-shareable IPC "
                    "(hint: use IpcMode:shareable for the donor container)"
                )
            return str(self._shared_memory_dir(owner))
        return None

    def _shared_memory_dir(self, container: Container) -> Path:
        return self._layout.bundle_dir(container.id) / "shm"

    def _mount_shared_memory(self, container: Container) -> None:
        """/dev/shm of a container that shares it is mounted on the host: others bind it."""
        folder = self._shared_memory_dir(container)
        folder.mkdir(mode=0o700, exist_ok=True)
        if not os.path.ismount(folder):
            size_bytes = container.spec.resources.shm_size_bytes or oci.SHM_SIZE_BYTES
            flags = mount.MountFlag.NOSUID | mount.MountFlag.NODEV | mount.MountFlag.NOEXEC
            mount.mount("shm", folder, "tmpfs", flags, f"mode=1777,size={size_bytes}")

    def _mounts(self, container: Container) -> tuple[oci.Mount, ...]:
        owner = container
        if other := _other_of(container.spec.network.mode):
            owner = self._others.get(other)
        folder = self._layout.container_dir(owner.id)
        asked = {one.destination for one in container.mounts}
        own = [
            oci.Mount(
                destination=inside,
                source=str(folder / name),
                options=oci.bind_options(read_only=container.spec.security.read_only_root),
            )
            for name, inside in _MADE_FILES
            if inside not in asked
        ]
        return (*own, *(_mount_of(one) for one in container.mounts))


def _mount_of(point: MountPoint) -> oci.Mount:
    if point.kind is MountKind.TMPFS:
        return oci.Mount(
            destination=point.destination,
            source="tmpfs",
            kind="tmpfs",
            options=_tmpfs_options(point),
        )
    if not os.path.lexists(point.source):
        raise LaunchFailed(
            "failed to create task for container: error mounting "
            f'"{point.source}": no such file or directory'
        )
    return oci.Mount(
        destination=point.destination,
        source=point.source,
        options=oci.bind_options(
            read_only=not point.writable,
            propagation=point.propagation or "rprivate",
            recursive=not point.non_recursive,
        ),
    )


def _tmpfs_options(point: MountPoint) -> tuple[str, ...]:
    asked = [one for one in point.options if one != "rw"]
    dropped = {_TMPFS_OPPOSITES[one] for one in asked if one in _TMPFS_OPPOSITES}
    options = [one for one in _TMPFS_OPTIONS if one not in dropped]
    if not point.writable and "ro" not in asked:
        asked.append("ro")
    return (*options, *asked)


def _paths(
    asked: tuple[str, ...] | None, default: tuple[str, ...], options: SecurityOptions
) -> tuple[str, ...]:
    if asked is not None:
        return asked
    return () if options.system_paths_unconfined else default


def _device_nodes(wanted: Resources, *, privileged: bool) -> tuple[DeviceNode, ...]:
    nodes = list(list_host_devices()) if privileged else []
    for mapping in wanted.devices:
        nodes += list_devices(mapping)
    return tuple(nodes)


def _block_limits(wanted: Resources) -> oci.BlockLimits:
    def numbers(devices: Sequence[ThrottleDevice]) -> tuple[tuple[int, int, int], ...]:
        return tuple((*find_block_device(one.path), one.rate) for one in devices)

    return oci.BlockLimits(
        weights=tuple(
            (*find_block_device(one.path), one.weight) for one in wanted.blkio_weight_devices
        ),
        read_bps=numbers(wanted.blkio_read_bps),
        write_bps=numbers(wanted.blkio_write_bps),
        read_iops=numbers(wanted.blkio_read_iops),
        write_iops=numbers(wanted.blkio_write_iops),
    )


def _is_folder(root_fd: int, path: str) -> bool:
    """True as well when there is nothing yet: the runtime makes it then."""
    try:
        found = os.stat(path.lstrip("/"), dir_fd=root_fd, follow_symlinks=False)
    except FileNotFoundError:
        return True
    return stat.S_ISDIR(found.st_mode)


def _other_of(mode: str) -> str:
    kind, _, other = mode.partition(":")
    return other if kind == "container" else ""


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.write(descriptor, content)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)
