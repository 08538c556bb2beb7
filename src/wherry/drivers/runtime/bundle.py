"""The files that stand beside ``config.json``, or beside ``process.json`` of an exec."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from wherry.drivers.runtime.base import ExecLaunch, Launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where conmon and the runtime leave what they have to say about one process."""

    container_id: str
    unit: str
    """The container's id, or the exec's: conmon's own name for it."""
    directory: str
    exit_dir: str

    @property
    def pid_path(self) -> str:
        return self.directory + "/pid"

    @property
    def monitor_pid_path(self) -> str:
        return self.directory + "/conmon.pid"

    @property
    def attach_path(self) -> str:
        return self.directory + "/attach"

    @property
    def control_path(self) -> str:
        return self.directory + "/ctl"

    @property
    def persist_dir(self) -> str:
        return self.directory + "/persist"

    @property
    def oom_path(self) -> str:
        return self.persist_dir + "/oom"

    @property
    def exit_path(self) -> str:
        # conmon names it after the container for an exec, too: every exec needs a folder.
        return f"{self.exit_dir}/{self.container_id}"

    def discard(self, *, with_exit: bool) -> None:
        """Remove what an earlier process left; the exit code only if `with_exit`."""
        names = ["pid", "conmon.pid", "attach", "ctl", "winsz", "oom"]
        names += ["persist/exit", "persist/oom"]
        paths = [f"{self.directory}/{name}" for name in names]
        for path in [*paths, self.exit_path] if with_exit else paths:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)


def files_of(launch: Launch | ExecLaunch) -> Files:
    """The files of a container's process, or of an exec's."""
    if isinstance(launch, ExecLaunch):
        directory = str(launch.exec_dir)
        return Files(
            container_id=launch.container.id,
            unit=launch.id,
            directory=directory,
            exit_dir=directory + "/exit",
        )
    return Files(
        container_id=launch.id,
        unit=launch.id,
        directory=str(launch.bundle_dir),
        exit_dir=str(launch.exit_dir),
    )


def read_pid(path: str | Path) -> int | None:
    """The number in a pid file; None if there is none yet."""
    try:
        with open(path, "rb", buffering=0) as file:
            return int(file.read(32) or b"0") or None
    except FileNotFoundError:
        return None
