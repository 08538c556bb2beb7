"""Every path below the data root and the run root. No other module joins these names.

::

    <data root>/                      0711 root, nothing below it is listable for others
        lock                          held by the one daemon of this root
        state.db                      intent and metadata (SQLite)
        content/blobs/sha256/<hex>    blobs, immutable
        content/ingest/               half-written blobs: emptied at start
        layers/<driver>/<number>/     snapshots
        containers/<id>/              log, hosts, hostname, resolv.conf
        volumes/<name>/_data          the user's data
        trash/                        what is being deleted; emptied at start
    <run root>/                       0700 root; gone at reboot, as it should be
        containers/<id>/              bundle: config.json, pid, attach socket, rootfs mount
        exits/<id>/                   conmon's exit file
        execs/<id>/                   one exec: process.json, pid, attach socket
        netns/<name>                  network namespaces, bound
        runtime/                      the runtime's own state
        programs/                     links to the runtimes' programs
        wherry.sock
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are. Pure: makes no folder and reads none."""

    data_root: Path
    run_root: Path

    @property
    def lock_path(self) -> Path:
        return self.data_root / "lock"

    @property
    def database_path(self) -> Path:
        return self.data_root / "state.db"

    @property
    def content_dir(self) -> Path:
        return self.data_root / "content"

    @property
    def layers_dir(self) -> Path:
        return self.data_root / "layers"

    @property
    def volumes_dir(self) -> Path:
        return self.data_root / "volumes"

    @property
    def trash_dir(self) -> Path:
        return self.data_root / "trash"

    @property
    def containers_dir(self) -> Path:
        return self.data_root / "containers"

    @property
    def bundles_dir(self) -> Path:
        return self.run_root / "containers"

    @property
    def exits_dir(self) -> Path:
        return self.run_root / "exits"

    @property
    def execs_dir(self) -> Path:
        return self.run_root / "execs"

    @property
    def netns_dir(self) -> Path:
        return self.run_root / "netns"

    @property
    def runtime_dir(self) -> Path:
        return self.run_root / "runtime"

    @property
    def programs_dir(self) -> Path:
        """Links to the runtimes' programs, which are in the daemon's memory."""
        return self.run_root / "programs"

    @property
    def filters_dir(self) -> Path:
        """Compiled system call filters, kept across restarts."""
        return self.data_root / "filters"

    @property
    def filters_work_dir(self) -> Path:
        """Where filters are compiled."""
        return self.run_root / "filters"

    @property
    def socket_path(self) -> Path:
        return self.run_root / "wherry.sock"

    def container_dir(self, container_id: str) -> Path:
        return self.containers_dir / container_id

    def log_path(self, container_id: str) -> Path:
        return self.container_dir(container_id) / "container.log"

    def bundle_dir(self, container_id: str) -> Path:
        return self.bundles_dir / container_id

    def rootfs_dir(self, container_id: str) -> Path:
        return self.bundle_dir(container_id) / "rootfs"

    def exit_dir(self, container_id: str) -> Path:
        """One folder a container: an exec's exit file would carry the container's name, too."""
        return self.exits_dir / container_id

    def exec_dir(self, exec_id: str) -> Path:
        return self.execs_dir / exec_id

    def volume_dir(self, name: str) -> Path:
        return self.volumes_dir / name / "_data"
