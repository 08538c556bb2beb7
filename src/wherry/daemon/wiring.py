"""Puts the engine together: the only module that knows every implementation."""

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wherry.daemon.config import Config
from wherry.drivers.network.driver import HostNetworks, NetworkOptions
from wherry.drivers.network.ipam import DEFAULT_POOLS, AddressPool
from wherry.drivers.runtime.conmon import ConmonRuntime
from wherry.drivers.runtime.conmon_log import ConmonLogs
from wherry.drivers.runtime.crun import Program
from wherry.drivers.runtime.sealed import seal_program
from wherry.drivers.runtime.seccomp_filters import CompiledFilters
from wherry.drivers.runtime.shim import ensure_shim
from wherry.drivers.runtime.warm import CgroupWarmer
from wherry.drivers.storage.base import Snapshots
from wherry.drivers.storage.blobs import FileBlobs
from wherry.drivers.storage.copying import CopySnapshots
from wherry.drivers.storage.copyup import TreeCopier
from wherry.drivers.storage.overlay import OverlaySnapshots
from wherry.engine.clock import SystemClock
from wherry.engine.containers.bundles import BundleDefaults, BundleWriter
from wherry.engine.containers.creation import Defaults, Maker
from wherry.engine.containers.exec import Execs
from wherry.engine.containers.filters import SystemCallFilters
from wherry.engine.containers.host import ContainerHost
from wherry.engine.containers.joining import Joining
from wherry.engine.containers.logs import ContainerLogs, LogKeeper
from wherry.engine.containers.service import Containers
from wherry.engine.events import Events
from wherry.engine.images.service import Images
from wherry.engine.networks import NetworkDefaults, Networks
from wherry.engine.volumes import Volumes
from wherry.kernel.cgroup import Hierarchies, Mode, detect_hierarchies
from wherry.kernel.devices import list_thermal_paths
from wherry.kernel.process import list_capabilities
from wherry.model.errors import InvalidArgument, Unsupported
from wherry.model.network import Pool
from wherry.model.resources import HostResources
from wherry.state.containers import ContainerRows
from wherry.state.db import Database
from wherry.state.events import EventRows
from wherry.state.images import ImageRows
from wherry.state.layout import Layout
from wherry.state.networks import NetworkRows
from wherry.state.volumes import VolumeRows

DEFAULT_TABLE = "wherry"
DEFAULT_BRIDGE = "wherry0"
CGROUP_PARENT = "/wherry"
_RUNTIMES = ("crun", "runc")
_STORAGE: Mapping[str, Callable[[Path], Snapshots]] = {
    "overlay2": OverlaySnapshots,
    "vfs": CopySnapshots,
}
_PIDS_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """The implementations that were chosen for this host."""

    snapshots: Snapshots
    blobs: FileBlobs
    runtime: ConmonRuntime
    filters: CompiledFilters
    networks: HostNetworks
    logs: ConmonLogs
    hierarchies: Hierarchies
    runtimes: Mapping[str, str]
    """Names and paths of the runtimes that containers can ask for."""
    default_runtime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """All services."""

    database: Database
    layout: Layout
    drivers: Drivers
    clock: SystemClock
    events: Events
    images: Images
    volumes: Volumes
    networks: Networks
    containers: Containers
    host: ContainerHost
    maker: Maker
    bundles: BundleWriter
    joining: Joining
    execs: Execs
    logs: ContainerLogs
    log_keeper: LogKeeper
    filters: SystemCallFilters


class ImageUsers:
    """What images ask of containers."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers

    def using_image(self, image_id: str) -> Sequence[tuple[str, bool]]:
        return self._containers.using_image(image_id)

    def layers_in_use(self) -> Collection[str]:
        return self._containers.layers_in_use()


def choose_snapshots(config: Config, layout: Layout) -> Snapshots:
    """The storage driver that was asked for, or the best that works here.

    Raises:
        InvalidArgument: there is none of that name.
        Unsupported: this host cannot do what was asked for.
    """
    names = [config.storage_driver] if config.storage_driver else list(_STORAGE)
    refusal: Unsupported | None = None
    for name in names:
        name = {"overlay": "overlay2"}.get(name, name)
        if name not in _STORAGE:
            raise InvalidArgument(
                f"driver not supported: {name}", hint=f"one of {', '.join(_STORAGE)}"
            )
        root = layout.layers_dir / name
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        driver = _STORAGE[name](root)
        try:
            driver.probe()
        except Unsupported as error:
            refusal = error
            continue
        return driver
    raise refusal or Unsupported("no storage driver works on this host")


def make_drivers(config: Config, layout: Layout) -> Drivers:
    """Everything that touches the host. Called on the event loop."""
    hierarchies = detect_hierarchies()
    programs, default = choose_programs(config, layout, hierarchies)
    warmer = CgroupWarmer(hierarchies, path=f"{CGROUP_PARENT}-warm")
    conmon = shutil.which("conmon")
    if conmon is None:
        raise Unsupported("conmon is not installed", hint="install the package conmon")
    cache_dir, work_dir = layout.filters_dir, layout.filters_work_dir
    for folder in (cache_dir, work_dir):
        folder.mkdir(mode=0o700, exist_ok=True)
    return Drivers(
        snapshots=choose_snapshots(config, layout),
        blobs=FileBlobs(layout.content_dir),
        runtime=ConmonRuntime(
            programs=programs,
            default=default,
            hierarchies=hierarchies,
            conmon_path=conmon,
            warmer=warmer,
        ),
        filters=CompiledFilters(programs[default], cache_dir=cache_dir, work_dir=work_dir),
        networks=HostNetworks(netns_dir=layout.netns_dir, options=_network_options(config)),
        logs=ConmonLogs(),
        hierarchies=hierarchies,
        runtimes={name: _path_of(name, config) or "" for name in programs},
        default_runtime=default,
    )


def choose_programs(
    config: Config, layout: Layout, hierarchies: Hierarchies
) -> tuple[dict[str, Program], str]:
    """The runtimes there are, and the one that containers get.

    Raises:
        Unsupported: none is installed, or not the one that was asked for.
    """
    programs: dict[str, Program] = {}
    for name in (*_RUNTIMES, *config.runtimes):
        path = _path_of(name, config)
        if path is None:
            continue
        argv0 = seal_program(path, layout.programs_dir / name)
        if hierarchies.mode is Mode.HYBRID:
            argv0 = ensure_shim(layout.run_root, argv0)
        programs[name] = Program(
            name=name,
            argv0=argv0,
            root_dir=layout.runtime_dir / name,
            is_crun=Path(path).name.startswith("crun"),
        )
        programs[name].root_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    default = config.default_runtime or next(iter(programs), "")
    if default not in programs:
        raise Unsupported(
            f"the runtime {default or 'crun'} is not installed", hint="install the package crun"
        )
    return programs, default


def _path_of(name: str, config: Config) -> str | None:
    if name in config.runtimes:
        return shutil.which(config.runtimes[name].path)
    return shutil.which(name)


def _network_options(config: Config) -> NetworkOptions:
    pools = [AddressPool(base=one.base, prefix=one.size) for one in config.default_address_pools]
    bridge = config.bridge or DEFAULT_BRIDGE
    # an engine beside another has a bridge of another name, and so rules of its own
    table = DEFAULT_TABLE if bridge == DEFAULT_BRIDGE else f"{DEFAULT_TABLE}_{bridge}"
    return NetworkOptions(
        table=table,
        default_bridge=bridge,
        bip=config.bip.network if config.bip else None,
        pools=pools or DEFAULT_POOLS,
        use_iptables=config.iptables,
    )


def make_engine(config: Config, layout: Layout, drivers: Drivers, database: Database) -> Engine:
    """The services, wired; nothing is read or changed yet."""
    clock = SystemClock()
    events = Events(EventRows(database), now_ns=clock.now_ns)
    images = Images(
        rows=ImageRows(database),
        snapshots=drivers.snapshots,
        blobs=drivers.blobs,
        events=events,
        clock=clock,
        unpacks_at_once=2 if drivers.snapshots.name == "overlay2" else 1,
    )
    volumes = Volumes(
        rows=VolumeRows(database),
        events=events,
        clock=clock,
        folder_of=layout.volume_dir,
        trash_dir=layout.trash_dir,
    )
    networks = Networks(
        rows=NetworkRows(database),
        driver=drivers.networks,
        events=events,
        layout=layout,
        defaults=_network_defaults(config),
    )
    filters = SystemCallFilters(drivers.filters)
    bundles = BundleWriter(
        layout=layout,
        files=networks,
        filters=filters,
        defaults=_bundle_defaults(config),
        sandbox_path=networks.sandbox_path,
    )
    maker = Maker(
        volumes=volumes,
        snapshots=drivers.snapshots,
        copier=TreeCopier(),
        layout=layout,
        defaults=_creation_defaults(config, drivers),
    )
    rows = ContainerRows(database)
    containers = Containers(
        rows=rows,
        images=images,
        snapshots=drivers.snapshots,
        runtime=drivers.runtime,
        maker=maker,
        clock=clock,
        layout=layout,
        next_snapshot=images.next_snapshot_key,
    )

    async def forget(container_id: str) -> None:
        containers.forget(container_id)
        # an image that was removed by force lives as long as its containers
        await images.container_gone()

    host = ContainerHost(
        rows=rows,
        runtime=drivers.runtime,
        snapshots=drivers.snapshots,
        connections=networks,
        bundles=bundles,
        volumes=volumes,
        events=events,
        clock=clock,
        layout=layout,
        forget=forget,
    )
    return Engine(
        database=database,
        layout=layout,
        drivers=drivers,
        clock=clock,
        events=events,
        images=images,
        volumes=volumes,
        networks=networks,
        containers=containers,
        host=host,
        maker=maker,
        bundles=bundles,
        joining=Joining(containers=containers, host=host, runtime=drivers.runtime, layout=layout),
        execs=Execs(
            containers=containers,
            host=host,
            runtime=drivers.runtime,
            documents=bundles,
            clock=clock,
            layout=layout,
        ),
        logs=ContainerLogs(files=drivers.logs, containers=containers, layout=layout),
        log_keeper=LogKeeper(
            files=drivers.logs,
            containers=containers,
            runtime=drivers.runtime,
            clock=clock,
            layout=layout,
        ),
        filters=filters,
    )


def _network_defaults(config: Config) -> NetworkDefaults:
    name = config.bridge or DEFAULT_BRIDGE
    pools: tuple[Pool, ...] = ()
    if config.bip is not None:
        pools = (Pool(subnet=config.bip.network, gateway=config.bip.ip),)
    return NetworkDefaults(pools=pools, bridge_name=name)


def _creation_defaults(config: Config, drivers: Drivers) -> Defaults:
    return Defaults(
        runtimes=frozenset(drivers.runtimes),
        runtime=drivers.default_runtime,
        cgroup_namespace="private" if drivers.hierarchies.mode is Mode.V2 else "host",
        resources=read_host_resources(),
        log_driver=config.log_driver,
        log_options=config.log_options,
    )


def _bundle_defaults(config: Config) -> BundleDefaults:
    return BundleDefaults(
        cgroup_parent=CGROUP_PARENT,
        capabilities=list_capabilities(),
        hidden_paths=list_thermal_paths(),
        pids_limit=int(_read_number("/proc/sys/kernel/pid_max", 32768) * _PIDS_SHARE),
        ulimits=config.default_ulimits,
    )


def read_host_resources() -> HostResources:
    """Processors and memory nodes of this host."""

    def read(path: str) -> str:
        try:
            return Path(path).read_text().strip()
        except OSError:
            return "0"

    cpus = read("/sys/devices/system/cpu/online")
    return HostResources(
        cpus=_count(cpus),
        cpuset_cpus=cpus,
        cpuset_mems=read("/sys/devices/system/node/online"),
    )


def _count(ranges: str) -> int:
    total = 0
    for one in ranges.split(","):
        first, _, last = one.partition("-")
        total += int(last or first) - int(first) + 1
    return total


def _read_number(path: str, otherwise: int) -> int:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return otherwise
