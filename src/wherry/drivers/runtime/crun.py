"""crun and runc: their command lines, what they keep on disk, and what their errors mean.

crun keeps ``<root>/<id>/status`` (JSON), ``exec.fifo`` (a byte written to it starts the program)
and ``seccomp.bpf``. Writing the fifo and removing the folder ourselves saves two processes of
about 5 ms each; wherever that does not work out, the program itself is asked.
Source: crun.1, libcrun's status.c and container.c (1.8), runc's state.json.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from wherry.drivers.runtime.base import Process
from wherry.kernel import pidfd, process
from wherry.model.errors import InvalidArgument, LaunchFailed

_COMMAND_TIMEOUT_S = 30.0
_CREATE_WORDS = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: error during container init: "
)
_EXEC_WORDS = "OCI runtime exec failed: exec failed: unable to start container process: "
_TYPE_HINT = (
    ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified "
    "host path exists and is the expected type"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An OCI runtime as this daemon calls it."""

    name: str
    argv0: str
    """What is executed: the runtime, or the shim in front of it."""
    root_dir: Path
    """Where it keeps its state."""
    is_crun: bool

    def state_dir(self, container_id: str) -> str:
        return f"{self.root_dir}/{container_id}"

    def argv(self, *words: str) -> tuple[str, ...]:
        return (self.argv0, f"--root={self.root_dir}", *words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the runtime has written down about a container."""

    pid: int
    start_ticks: int
    cgroup_path: str


def read_status(program: Program, container_id: str) -> Status | None:
    """The runtime's own record; None if it knows no such container."""
    directory = program.state_dir(container_id)
    try:
        if program.is_crun:
            return _decode_crun(_load(f"{directory}/status"))
        return _decode_runc(_load(f"{directory}/state.json"))
    except (FileNotFoundError, NotADirectoryError, KeyError, ValueError):
        return None  # A half-written record belongs to a create that never came back.


def _load(path: str) -> dict[str, Any]:
    with open(path, "rb", buffering=0) as file:
        document: dict[str, Any] = orjson.loads(file.read())
        return document


def _decode_crun(document: Mapping[str, Any]) -> Status:
    return Status(
        pid=document["pid"],
        start_ticks=document["process-start-time"],
        cgroup_path=_absolute(document.get("cgroup-path") or ""),
    )


def _decode_runc(document: Mapping[str, Any]) -> Status:
    return Status(
        pid=document["init_process_pid"],
        start_ticks=document["init_process_start"],
        cgroup_path=_absolute(document["config"]["cgroups"].get("path") or ""),
    )


def read_cgroup_path(program: Program, container_id: str, bundle_dir: Path) -> str | None:
    """Where a container's cgroups are, from the runtime's record or from what it was told."""
    status = read_status(program, container_id)
    if status is not None and status.cgroup_path:
        return status.cgroup_path
    try:
        document = orjson.loads((bundle_dir / "config.json").read_bytes())
        return _absolute(document["linux"]["cgroupsPath"]) or None
    except (OSError, KeyError, TypeError, ValueError):
        return None


def _absolute(path: str) -> str:
    """A path below the tree's root; the root itself is nobody's to remove."""
    parts = [part for part in path.split("/") if part]
    return "/" + "/".join(parts) if parts and ".." not in parts else ""


async def start(program: Program, container_id: str, process_: Process) -> None:
    """Let a created container's program run; nothing happens if it does already.

    Raises:
        LaunchFailed: the runtime said no, or the container ended before.
    """
    if program.is_crun and _start_by_fifo(program, container_id):
        return
    if program.is_crun and not os.path.exists(f"{program.state_dir(container_id)}/exec.fifo"):
        if pidfd.start_ticks(process_.pid) == process_.start_ticks:
            return
        raise LaunchFailed(_CREATE_WORDS + "the container ended before it was started")
    done = await process.run(program.argv("start", container_id), timeout_s=_COMMAND_TIMEOUT_S)
    if done.code:
        raise LaunchFailed(_CREATE_WORDS + _words(done.stderr))


def _start_by_fifo(program: Program, container_id: str) -> bool:
    path = f"{program.state_dir(container_id)}/exec.fifo"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno == errno.ENXIO:  # Its init is not there yet: `crun start` waits for it.
            return False
        raise
    try:
        os.write(fd, b"\0")
    finally:
        os.close(fd)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return True


async def update(
    program: Program, container_id: str, bundle_dir: Path, limits: Mapping[str, Any]
) -> None:
    """Change limits while the container runs. InvalidArgument if the kernel will not."""
    path = bundle_dir / "limits.json"
    path.write_bytes(orjson.dumps(limits))
    argv = program.argv("update", "--resources", str(path), container_id)
    done = await process.run(argv, timeout_s=_COMMAND_TIMEOUT_S)
    if done.code:
        raise InvalidArgument(
            f"Cannot update container {container_id}: runc did not terminate successfully: "
            f"{_words(done.stderr)}"
        )


async def delete(program: Program, container_id: str) -> None:
    """Make the runtime forget a container that has ended and whose cgroups are gone."""
    directory = program.state_dir(container_id)
    if not os.path.isdir(directory):
        return
    if not program.is_crun:
        argv = program.argv("delete", "--force", container_id)
        await process.run(argv, timeout_s=_COMMAND_TIMEOUT_S)
    shutil.rmtree(directory, ignore_errors=True)


def _words(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip()


# errors ---------------------------------------------------------------------------------


def explain_create(message: str, document: Mapping[str, Any]) -> LaunchFailed:
    """What the runtime said when it could not create a container, in Docker's words.

    `document` is the ``process`` object that it was given.
    """
    words = _explain(message, document)
    if "not a directory" in words:
        words += _TYPE_HINT
    return LaunchFailed(_CREATE_WORDS + words, exit_code=exit_code_of(words))


def explain_exec(message: str, document: Mapping[str, Any]) -> LaunchFailed:
    """The same for an exec."""
    words = _explain(message, document)
    if "not a directory" in words:
        words += _TYPE_HINT
    return LaunchFailed(_EXEC_WORDS + words, exit_code=exit_code_of(words))


def exit_code_of(words: str) -> int:
    """Docker's rule: the code follows from what the text says."""
    text = words.lower()
    if any(
        part in text
        for part in ("executable file not found", "no such file or directory", "not a directory")
    ):
        return 127
    if any(
        part in text
        # the last two are crun's words since 1.15
        for part in (
            "permission denied",
            "is a directory",
            "it is not executable",
            "is not a regular file",
        )
    ):
        return 126
    return 125


def _explain(message: str, document: Mapping[str, Any]) -> str:
    text = message.strip()
    command = (document.get("args") or [""])[0]
    quoted = f'exec: "{command}": '
    if text.startswith("executable file ") and "not found in $PATH" in text:
        if "/" in command:
            return f"{quoted}stat {command}: no such file or directory"
        return quoted + "executable file not found in $PATH"
    if text.startswith("open executable: "):
        # crun says "operation not permitted" of what is no regular file.
        if not command:
            return quoted + "executable file not found in $PATH"
        if "Operation not permitted" in text:
            return quoted + "is a directory: permission denied"
        return quoted + _lower(text.removeprefix("open executable: "))
    if text.startswith("chdir "):
        reason = _lower(text.rpartition(": ")[2])
        cwd = document.get("cwd", "")
        return f'chdir to cwd ("{cwd}") set in config.json failed: {reason}'
    if text.startswith("exec: "):
        return quoted + _lower(text.removeprefix("exec: "))
    head, colon, reason = text.rpartition(": ")
    return head + colon + _lower(reason)


def _lower(reason: str) -> str:
    """The C library's words as Go spells them."""
    return reason[:1].lower() + reason[1:]
