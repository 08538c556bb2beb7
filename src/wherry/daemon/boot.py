"""The start of the daemon, in this order, and its end.

1. Take the lock: one daemon a data root.
2. Open the database, migrating it if it is older.
3. Empty what holds nothing (half-written blobs, trash), delete what no row names.
4. Make the network's kernel objects as they should be.
5. Take over every container, and apply the restart policies.
6. Listen.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from wherry.api import app, containers, images, networks, streaming, system, volumes
from wherry.api.usage import Usage
from wherry.daemon.config import Config
from wherry.daemon.documents import Around
from wherry.daemon.listening import listen
from wherry.daemon.wiring import Engine, ImageUsers, make_drivers, make_engine
from wherry.drivers.bootstrap.choice import choose_builder
from wherry.engine.images.bootstrap import Bootstrap
from wherry.engine.system import Settings, System, check_not_chrooted
from wherry.http.server import Server
from wherry.kernel import mount
from wherry.kernel.cgroup import Mode
from wherry.kernel.files import lock_file
from wherry.model.capabilities import DEFAULT as DEFAULT_CAPABILITIES
from wherry.model.errors import Conflict, Unsupported
from wherry.model.system import AddressPool, Component, RuntimeEntry
from wherry.state.db import Database
from wherry.state.layout import Layout
from wherry.version import VERSION

log = logging.getLogger("wherry.daemon")

_DRAIN_S = 5.0


async def serve(config: Config) -> None:
    """Run the engine until cancelled; containers run on.

    Raises:
        Conflict: another daemon has this data root.
        Unsupported: the host lacks something, said with what to do about it.
    """
    async with running(config) as (engine, server):
        from wherry.daemon.main import notify

        await listen(server, config)
        log.info("listening on %s", ", ".join(map(str, config.hosts)))
        notify("READY=1")
        try:
            await engine.log_keeper.run()
        finally:
            await server.close()


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[tuple[Engine, Server]]:
    """The engine, open, and a server that answers for it and listens nowhere yet."""
    if os.geteuid() != 0:
        raise Unsupported("wherryd needs to be root", hint="start it with sudo")
    check_not_chrooted()
    layout = Layout(data_root=config.data_root.absolute(), run_root=config.exec_root.absolute())
    make_data_root(layout)
    lock_fd = take_lock(layout)
    prepare_folders(layout)
    database = Database(layout.database_path)
    try:
        await database.open()
        engine = make_engine(config, layout, make_drivers(config, layout), database)
        try:
            await _open(engine)
            yield engine, _make_server(config, engine)
        finally:
            await _close(engine)
    finally:
        with contextlib.suppress(Exception):
            await database.close()
        os.close(lock_fd)


def make_data_root(layout: Layout) -> None:
    """It can be walked through and not listed: what a container's mounts name lies below."""
    os.makedirs(layout.data_root, mode=0o711, exist_ok=True)
    os.chmod(layout.data_root, 0o711)


def prepare_folders(layout: Layout) -> None:
    """Make every folder that the rest takes for granted.

    The one that root file systems are mounted in is a mount of its own: crun makes the mount
    that holds one private, and volumes' mounts are to travel all the same.
    """
    os.makedirs(layout.run_root, mode=0o711, exist_ok=True)
    os.chmod(layout.run_root, 0o711)
    for folder, mode in (
        (layout.content_dir, 0o700),
        (layout.layers_dir, 0o700),
        (layout.containers_dir, 0o710),
        (layout.volumes_dir, 0o701),
        (layout.trash_dir, 0o700),
        (layout.bundles_dir, 0o700),
        (layout.exits_dir, 0o700),
        (layout.execs_dir, 0o700),
        (layout.netns_dir, 0o700),
        (layout.runtime_dir, 0o700),
        (layout.programs_dir, 0o700),
    ):
        os.makedirs(folder, mode=mode, exist_ok=True)
        os.chmod(folder, mode)
    _make_private_mount(layout.bundles_dir)


def _discard_private_mount(folder: Path) -> None:
    """At the end, unless containers run on in it."""
    if mount.is_mount_point(folder) and not os.listdir(folder):
        with contextlib.suppress(OSError):
            mount.unmount(folder)


def _make_private_mount(folder: Path) -> None:
    # a second one on top would hide what is mounted in the first: every container's files
    if not mount.is_mount_point(folder):
        mount.bind(folder, folder)
    mount.set_propagation(folder, mount.MountFlag.PRIVATE)


def take_lock(layout: Layout) -> int:
    """The lock of the data root, held as long as the descriptor is open.

    Raises:
        Conflict: another daemon holds it.
    """
    try:
        lock_fd = lock_file(layout.lock_path)
    except (BlockingIOError, Conflict):
        holder = "another daemon"
        with contextlib.suppress(OSError, ValueError):
            holder = f"process {int(layout.lock_path.read_text())}"
        raise Conflict(
            f"the data root {layout.data_root} is in use by {holder}",
            hint="stop that daemon, or give this one another --data-root and --exec-root",
        ) from None
    os.ftruncate(lock_fd, 0)
    os.pwrite(lock_fd, f"{os.getpid()}\n".encode(), 0)
    return lock_fd


async def _open(engine: Engine) -> None:
    await engine.events.start()
    engine.maker.open(engine.containers)
    engine.bundles.open(engine.containers)
    await engine.containers.open(engine.host)
    await engine.volumes.open(engine.containers.ids_using_volume)
    await engine.images.open(ImageUsers(engine.containers), engine.containers.snapshots_in_use())
    await asyncio.to_thread(_sweep, engine)
    await engine.networks.open(engine.containers)
    section = engine.filters.default_section(DEFAULT_CAPABILITIES)
    await engine.drivers.filters.open(section)
    await engine.containers.resume()


def _sweep(engine: Engine) -> None:
    """Delete what a crash left and no row names."""
    layout = engine.layout
    known = {one.id for one in engine.containers.list_containers()}
    for folder in (layout.trash_dir, layout.execs_dir):
        for one in folder.iterdir():
            _discard(one)
    for one in layout.containers_dir.iterdir():
        if one.name not in known:
            _discard(one)
    for bundle in layout.bundles_dir.iterdir():
        if bundle.name not in known:
            with contextlib.suppress(OSError):
                mount.unmount(bundle / "rootfs", lazy=True)
            _discard(bundle)
    for one in layout.exits_dir.iterdir():
        if one.name not in known:
            _discard(one)
    names = [one.name for one in layout.volumes_dir.iterdir()]
    for name in engine.volumes.unknown_folders(names):
        with contextlib.suppress(OSError):  # empty: made by a daemon that died before the row
            layout.volume_dir(name).rmdir()
            layout.volume_dir(name).parent.rmdir()
            continue
        # never deleted: it may be somebody's data; a volume of this name will find it
        log.warning("the folder of volume %s has no record", name)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


async def _close(engine: Engine) -> None:
    """Let go of everything but the containers."""
    for step in (
        engine.execs.close,
        engine.containers.close,
        engine.networks.close,
        engine.drivers.filters.close,
        engine.drivers.runtime.close,
        engine.events.close,
    ):
        try:
            async with asyncio.timeout(_DRAIN_S):
                await step()
        except Exception:
            log.warning("at the end: %s failed", step.__qualname__, exc_info=True)
    engine.drivers.logs.close()
    _discard_private_mount(engine.layout.bundles_dir)


def _make_server(config: Config, engine: Engine) -> Server:
    around = Around(engine)
    about = System(
        settings=_settings(config, engine),
        containers=engine.containers,
        count_images=lambda: len(engine.images.catalogue.images),
        count_listeners=lambda: engine.events.listeners,
        clock=engine.clock,
    )
    bootstrap = Bootstrap(
        images=engine.images, choose=choose_builder, work_dir=engine.layout.trash_dir
    )
    usage = Usage(
        containers=engine.containers,
        images=engine.images,
        volumes=engine.volumes,
        around=around,
        encode_image=images.encode_listed,
    )
    return app.App(
        containers.routes(engine.containers, around),
        streaming.routes(engine.containers, engine.joining, engine.logs, engine.execs),
        images.routes(engine.images, bootstrap, storage_driver=engine.drivers.snapshots.name),
        volumes.routes(engine.volumes),
        networks.routes(engine.networks),
        system.routes(about, engine.events, usage),
        engine_version=VERSION,
    ).make_server()


def _settings(config: Config, engine: Engine) -> Settings:
    drivers = engine.drivers
    return Settings(
        id=hashlib.sha256(str(engine.layout.data_root).encode()).hexdigest()[:32],
        storage_driver=drivers.snapshots.name,
        data_root=str(engine.layout.data_root),
        cgroup_version=2 if drivers.hierarchies.mode is Mode.V2 else 1,
        runtimes={name: RuntimeEntry(path=path) for name, path in drivers.runtimes.items()},
        default_runtime=drivers.default_runtime,
        components=_components(drivers.runtimes),
        address_pools=[
            AddressPool(base=str(one.base), size=one.size) for one in config.default_address_pools
        ],
        insecure_registries=config.insecure_registries,
        mirrors=config.registry_mirrors,
        labels=config.labels,
        debug=config.debug,
        log_driver=config.log_driver,
    )


def _components(runtimes: Mapping[str, str]) -> list[Component]:
    found: list[Component] = []
    for name, path in {**runtimes, "conmon": shutil.which("conmon") or "conmon"}.items():
        try:
            done = subprocess.run(
                [path, "--version"], capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        words = done.stdout.split()
        version = words[words.index("version") + 1] if "version" in words[:-1] else "unknown"
        found.append(Component(name=name, version=version))
    return found
