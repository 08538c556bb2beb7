"""Making a container: what is checked, which mounts it gets, what is copied into new volumes."""

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from wherry.drivers.storage.base import Snapshots
from wherry.engine.containers.prepare import check_env
from wherry.model.capabilities import effective_capabilities
from wherry.model.container import Container, ContainerSpec
from wherry.model.errors import Conflict, InvalidArgument, NotFound, Unsupported
from wherry.model.mounts import (
    PROPAGATIONS,
    MountKind,
    MountPoint,
    MountRequest,
    check_destination,
    parse_bind,
)
from wherry.model.resources import HostResources, check_resources
from wherry.model.restart import RestartMode
from wherry.model.security import parse_security_options
from wherry.model.signals import parse_signal
from wherry.model.volume import Volume
from wherry.state.layout import Layout

_LOG_DRIVERS = frozenset({"json-file", "local", "none"})


class Volumes(Protocol):
    async def create(
        self,
        name: str = "",
        *,
        driver: str = "local",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume: ...

    async def remove(self, name: str, *, force: bool = False) -> None: ...

    def find(self, name: str) -> Volume | None: ...

    def mountpoint(self, name: str) -> Path: ...


class OtherContainers(Protocol):
    def get(self, wanted: str) -> Container: ...


class TreeCopier(Protocol):
    async def copy_tree(self, root: Path, path: str, target: Path) -> None:
        """Copy what is at `path` inside `root` (links resolved in it) into the empty folder
        `target`, owners and modes included; nothing there is success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a request that does not say gets."""

    runtimes: frozenset[str]
    runtime: str
    cgroup_namespace: str
    """``host`` on cgroup v1, ``private`` on v2: as Docker has it."""
    resources: HostResources
    log_driver: str = "json-file"
    log_options: Mapping[str, str] = field(default_factory=dict)


class Maker:
    def __init__(
        self,
        *,
        volumes: Volumes,
        snapshots: Snapshots,
        copier: TreeCopier,
        layout: Layout,
        defaults: Defaults,
    ) -> None:
        self._volumes, self._snapshots, self._copier = volumes, snapshots, copier
        self._layout, self._defaults = layout, defaults
        self._others: OtherContainers

    def open(self, others: OtherContainers) -> None:
        self._others = others

    # checks -----------------------------------------------------------------------------

    def check(self, spec: ContainerSpec) -> tuple[ContainerSpec, Sequence[str]]:
        """The specification with the daemon's defaults filled in, and warnings for the client.

        Raises:
            InvalidArgument, Conflict, NotFound: in Docker's words.
        """
        warnings: list[str] = []
        check_env(spec.program.env)
        if spec.program.stop_signal:
            parse_signal(spec.program.stop_signal)
        if spec.program.working_dir and not spec.program.working_dir.startswith("/"):
            raise InvalidArgument(
                f"the working directory '{spec.program.working_dir}' is invalid, it needs to be "
                "an absolute path"
            )
        effective_capabilities(spec.security.cap_add, spec.security.cap_drop)
        parse_security_options(spec.security.security_options)
        warnings += check_resources(spec.resources, self._defaults.resources)
        resources = spec.resources
        if resources.memory_bytes and not resources.memory_swap_bytes:
            # Docker's rule: nothing said about swap means as much swap as memory
            resources = replace(resources, memory_swap_bytes=2 * resources.memory_bytes)
        if spec.auto_remove and spec.restart.mode is not RestartMode.NO:
            raise InvalidArgument("can't create 'AutoRemove' container with restart policy")
        runtime = spec.runtime or self._defaults.runtime
        if runtime not in self._defaults.runtimes:
            raise InvalidArgument(f"unknown or invalid runtime name: {runtime}")
        _refuse_what_is_not_there(spec)
        self._check_namespaces(spec)
        log = spec.log
        if not log.driver:
            log = replace(
                log,
                driver=self._defaults.log_driver,
                options={**self._defaults.log_options, **log.options},
            )
        if log.driver not in _LOG_DRIVERS:
            raise InvalidArgument(f"logger: no log driver named '{log.driver}' is registered")
        namespaces = replace(
            spec.namespaces,
            cgroup=spec.namespaces.cgroup
            or ("host" if spec.security.privileged else self._defaults.cgroup_namespace),
            ipc=spec.namespaces.ipc or "private",
        )
        return (
            replace(spec, resources=resources, log=log, runtime=runtime, namespaces=namespaces),
            warnings,
        )

    def _check_namespaces(self, spec: ContainerSpec) -> None:
        names, network = spec.namespaces, spec.network
        for kind, mode, known in (
            ("PID", names.pid, ("", "host")),
            ("IPC", names.ipc, ("", "private", "shareable", "host", "none")),
            ("UTS", names.uts, ("", "host")),
            ("cgroup namespace", names.cgroup, ("", "private", "host")),
        ):
            if mode in known:
                continue
            if mode.startswith("container:") and kind in ("PID", "IPC"):
                continue  # looked for when it starts: the other may come later
            raise InvalidArgument(f"invalid {kind} mode: {mode}")
        if network.mode.startswith("container:"):
            other = network.mode.partition(":")[2]
            if not other:
                raise InvalidArgument("Container name or ID is required")
            for broken, text in (
                (bool(spec.program.hostname), "hostname"),
                (bool(network.bindings or network.publish_all), "port publishing"),
                (bool(network.dns), "dns"),
                (bool(network.links), "links"),
                (bool(network.extra_hosts), "custom host-to-IP mapping"),
            ):
                if broken:
                    raise Conflict(
                        f"conflicting options: {text} and the container type network mode"
                    )
        if names.uts == "host" and spec.program.hostname:
            raise InvalidArgument("conflicting options: hostname and the UTS mode")

    # mounts -----------------------------------------------------------------------------

    async def make_mounts(
        self, spec: ContainerSpec, container_id: str, undo: AsyncExitStack
    ) -> tuple[tuple[MountPoint, ...], tuple[str, ...]]:
        """Everything that will be mounted, and the volumes made for it without a name.

        What asks for one destination twice is merged: ``--volumes-from``, then binds and mounts,
        then the image's volumes, a later one of these only where nothing is yet.
        """
        points: dict[str, MountPoint] = {}
        own: list[str] = []
        asked: set[str] = set()
        for text in spec.volumes_from:
            points |= {one.destination: one for one in self._from_container(text)}
        for text in spec.binds:
            point = await self._from_bind(text, spec.volume_driver, own, undo)
            _claim(point.destination, asked)
            points[point.destination] = point
        for request in spec.mounts:
            point = await self._from_request(request, own, undo)
            _claim(point.destination, asked)
            points[point.destination] = point
        for target, options in spec.tmpfs.items():
            destination = check_destination(target, whole=target)
            _claim(destination, asked)
            points[destination] = _tmpfs(destination, options)
        for target in spec.program.volumes:
            destination = check_destination(target, whole=target)
            if destination not in points:
                points[destination] = await self._new_volume(destination, own, undo)
        # parents before what is mounted inside them
        ordered = sorted(
            points.values(), key=lambda one: (one.destination.count("/"), one.destination)
        )
        return tuple(ordered), tuple(own)

    def _from_container(self, text: str) -> Sequence[MountPoint]:
        wanted, _, mode = text.partition(":")
        if mode not in ("", "ro", "rw", "z", "Z"):
            raise InvalidArgument(f"invalid mode: {mode}")
        other = self._others.get(wanted)
        return [
            replace(one, writable=one.writable and mode != "ro", mode=mode)
            for one in other.mounts
            if one.kind in (MountKind.BIND, MountKind.VOLUME)
        ]

    async def _from_bind(
        self, text: str, driver: str, own: list[str], undo: AsyncExitStack
    ) -> MountPoint:
        bind = parse_bind(text)
        if bind.is_volume:
            volume = await self._volume(bind.source, driver or "local", {}, {}, undo)
            if not bind.source:
                own.append(volume.name)
            return self._volume_point(
                volume,
                bind.target,
                # Docker shows the relabel mode for a volume that was named without options
                mode=bind.mode or ("z" if bind.source else ""),
                read_only=bind.read_only,
                no_copy=bind.no_copy,
            )
        _ensure_host_folder(bind.source)
        return MountPoint(
            kind=MountKind.BIND,
            destination=bind.target,
            source=bind.source,
            mode=bind.mode,
            writable=not bind.read_only,
            propagation=bind.propagation or "rprivate",
        )

    async def _from_request(
        self, request: MountRequest, own: list[str], undo: AsyncExitStack
    ) -> MountPoint:
        target = _check_mount_target(request)
        match request.kind:
            case MountKind.BIND:
                return _bind_of(request, target)
            case MountKind.TMPFS:
                words = [f"size={request.tmpfs_size_bytes}"] if request.tmpfs_size_bytes else []
                words += [f"mode={request.tmpfs_mode:o}"] if request.tmpfs_mode else []
                words += ["=".join(one) for one in request.tmpfs_options]
                point = _tmpfs(target, ",".join(words))
                return replace(point, from_request=True, writable=not request.read_only)
            case MountKind.VOLUME:
                volume = await self._volume(
                    request.source,
                    request.driver or "local",
                    request.driver_options,
                    request.labels,
                    undo,
                )
                if not request.source:
                    own.append(volume.name)
                return replace(
                    self._volume_point(
                        volume,
                        target,
                        mode="z" if request.source else "",
                        read_only=request.read_only,
                        no_copy=request.no_copy,
                    ),
                    from_request=True,
                    subpath=request.subpath,
                )
            case MountKind.IMAGE:
                raise InvalidArgument("mount type image is not supported yet")

    async def _new_volume(
        self, destination: str, own: list[str], undo: AsyncExitStack
    ) -> MountPoint:
        volume = await self._volume("", "local", {}, {}, undo)
        own.append(volume.name)
        return self._volume_point(volume, destination, mode="", read_only=False, no_copy=False)

    async def _volume(
        self,
        name: str,
        driver: str,
        options: Mapping[str, str],
        labels: Mapping[str, str],
        undo: AsyncExitStack,
    ) -> Volume:
        existed = bool(name) and self._volumes.find(name) is not None
        volume = await self._volumes.create(name, driver=driver, options=options, labels=labels)
        if not existed:
            undo.push_async_callback(_drop_volume, self._volumes, volume.name)
        return volume

    def _volume_point(
        self, volume: Volume, destination: str, *, mode: str, read_only: bool, no_copy: bool
    ) -> MountPoint:
        return MountPoint(
            kind=MountKind.VOLUME,
            destination=destination,
            source=str(self._volumes.mountpoint(volume.name)),
            name=volume.name,
            driver=volume.driver,
            mode=mode,
            writable=not read_only,
            options=("nocopy",) if no_copy else (),
        )

    # copying up -------------------------------------------------------------------------

    async def seed_volumes(self, container: Container) -> None:
        """Fill every new, empty volume with what the image has at its place."""
        empty = [
            one
            for one in container.mounts
            if one.kind is MountKind.VOLUME
            and one.writable
            and not one.subpath
            and "nocopy" not in one.options
            and not os.listdir(one.source)
        ]
        if not empty:
            return
        root = self._layout.rootfs_dir(container.id)
        os.makedirs(root, mode=0o700, exist_ok=True)
        try:
            await self._snapshots.mount(container.snapshot, container.layers, root)
            try:
                for one in empty:
                    await self._copier.copy_tree(root, one.destination, Path(one.source))
            finally:
                await self._snapshots.unmount(root)
        finally:
            with contextlib.suppress(OSError):
                os.rmdir(root)
                os.rmdir(root.parent)

    def discard_folder(self, container_id: str) -> None:
        shutil.rmtree(self._layout.container_dir(container_id), ignore_errors=True)


def _refuse_what_is_not_there(spec: ContainerSpec) -> None:
    """Say no to what would otherwise be ignored without a word."""
    if spec.init:
        raise Unsupported(
            "an init process in the container is not supported yet",
            hint="leave out --init, or start one as the image's entrypoint",
        )
    if spec.namespaces.user not in ("", "host"):
        raise InvalidArgument(f"invalid USER mode: {spec.namespaces.user}")
    for request in spec.resources.device_requests:
        wanted = " ".join(f"[{' '.join(group)}]" for group in request.capabilities)
        raise InvalidArgument(
            f'could not select device driver "{request.driver}" with capabilities: [{wanted}]'
        )
    if spec.storage_options:
        raise InvalidArgument(
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
        )
    if spec.isolation not in ("", "default"):
        raise InvalidArgument(f"invalid isolation '{spec.isolation}' on linux")


async def _drop_volume(volumes: Volumes, name: str) -> None:
    with contextlib.suppress(Conflict, NotFound):
        await volumes.remove(name, force=True)


def _claim(destination: str, asked: set[str]) -> None:
    if destination in asked:
        raise InvalidArgument(f"Duplicate mount point: {destination}")
    asked.add(destination)


def _tmpfs(destination: str, options: str) -> MountPoint:
    words = tuple(one for one in options.split(",") if one)
    return MountPoint(
        kind=MountKind.TMPFS,
        destination=destination,
        mode=options,
        options=words,
        writable="ro" not in words,
    )


def _check_mount_target(request: MountRequest) -> str:
    if not request.target:
        raise InvalidArgument(
            f'invalid mount config for type "{request.kind}": field Target must not be empty'
        )
    if not request.target.startswith("/"):
        raise InvalidArgument(
            f'invalid mount config for type "{request.kind}": invalid mount path: '
            f"'{request.target}' mount path must be absolute"
        )
    if os.path.normpath(request.target) in ("/", "//"):
        raise InvalidArgument(
            f'invalid mount config for type "{request.kind}": invalid specification: '
            "destination can't be '/'"
        )
    return os.path.normpath(request.target)


def _bind_of(request: MountRequest, target: str) -> MountPoint:
    if not request.source:
        raise InvalidArgument(
            'invalid mount config for type "bind": field Source must not be empty'
        )
    if not request.source.startswith("/"):
        raise InvalidArgument(
            f"invalid mount config for type \"bind\": invalid mount path: '{request.source}' "
            "mount path must be absolute"
        )
    if request.propagation and request.propagation not in PROPAGATIONS:
        raise InvalidArgument(f"invalid propagation mode: {request.propagation}")
    if request.create_source:
        _ensure_host_folder(request.source)
    elif not os.path.exists(request.source):
        raise InvalidArgument(
            f'invalid mount config for type "bind": bind source path does not exist: '
            f"{request.source}"
        )
    return MountPoint(
        kind=MountKind.BIND,
        destination=target,
        source=os.path.normpath(request.source),
        writable=not request.read_only,
        propagation=request.propagation or "rprivate",
        non_recursive=request.non_recursive,
        from_request=True,
    )


def _ensure_host_folder(path: str) -> None:
    """``-v /missing:/x`` makes the host's folder, as Docker does."""
    try:
        os.makedirs(path, mode=0o755, exist_ok=True)
    except FileExistsError:
        return  # a file is fine
    except OSError as error:
        raise InvalidArgument(
            f"error while creating mount source path '{path}': mkdir {path}: "
            f"{(error.strerror or '').lower()}"
        ) from error
