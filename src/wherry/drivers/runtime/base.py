"""What the engine asks of whatever runs its processes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """All that a container's process needs. Every folder named exists, private to root."""

    id: str
    bundle_dir: Path
    """Holds config.json; pid file, attach socket and control fifo are made in it."""
    exit_dir: Path
    """Where the exit code is written under the container's id; survives the daemon."""
    log_path: Path | None
    """None: nothing is kept."""
    terminal: bool
    stdin: bool
    leave_stdin_open: bool
    """False: the first client that ends its input ends the process's."""
    runtime: str | None = None
    """A name from the daemon's runtimes; None is the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecLaunch:
    """A second process in a running container."""

    id: str
    container: Launch
    exec_dir: Path
    """Holds process.json; pid file, attach socket, exit file are made in it."""
    terminal: bool
    stdin: bool
    attach: bool = True
    """False: nobody will connect to its streams, and what it writes is dropped. True: it waits,
    once the pipes are full, until somebody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that exists: its pid on the host, and when it began, in clock ticks after boot.

    The pair names one process for ever; a pid alone can be given to another.
    """

    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    code: int
    """128 + n when ended by signal n."""
    at: datetime
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of what a process wrote. With a terminal everything is STDOUT."""

    stream: Stream
    data: bytes


class Console(Protocol):
    """A connection to the standard streams of one process."""

    def output(self) -> AsyncIterator[Output]:
        """Pieces as they are written; ends when the process has ended and all was read."""

    async def write(self, data: bytes) -> None:
        """To the process's standard input; waits while it does not read. What comes after its end
        is dropped."""

    async def end_of_input(self) -> None:
        """Close the process's standard input, unless it was launched to leave it open."""

    async def close(self) -> None:
        """Leave; the process goes on. May be called twice."""


class Runtime(Protocol):
    """Runs processes that outlive this daemon.

    Every method may be called again after a crash of the daemon, by a new daemon that knows only
    the `Launch`. What is already so is success. No method blocks the event loop for more than a
    millisecond.
    """

    async def warm(self) -> None:
        """Called when a container is created: whatever makes the next `create` faster."""

    async def create(self, launch: Launch) -> Process:
        """Make the process, stopped just before the user's program.

        Raises:
            LaunchFailed: with the exit code and the words of Docker: no such file (127), not
                executable (126), anything else (125). Nothing is left behind.
        """

    async def start(self, launch: Launch) -> None:
        """Let the user's program run. LaunchFailed as for `create` if it cannot be executed."""

    def console(self, launch: Launch) -> Console:
        """Connect to the standard streams; from `create` until the process has ended.

        Raises:
            Conflict: there is no such process any more.
        """

    async def wait(self, launch: Launch, process: Process) -> Exit:
        """Wait for the end, also of a process that an earlier daemon started."""

    def signal(self, process: Process, number: int) -> None:
        """Send a signal to exactly this process; nothing happens if it has ended."""

    def is_alive(self, process: Process) -> bool:
        """Whether exactly this process still runs."""

    async def find(self, launch: Launch) -> Process | None:
        """The process of a container whose `create` may or may not have happened."""

    async def resize(self, launch: Launch, *, height: int, width: int) -> None:
        """Tell the terminal its size in characters. Nothing happens once the process has ended."""

    async def pause(self, launch: Launch) -> None: ...

    async def resume(self, launch: Launch) -> None: ...

    async def update(self, launch: Launch, limits: Mapping[str, Any]) -> None:
        """Change the limits of a running container; `oci.runtime.encode_limits` makes them.

        Raises:
            InvalidArgument: the kernel would not take them.
        """

    async def delete(self, launch: Launch) -> None:
        """Free all that `create` made: cgroups, runtime state, sockets, leftover processes."""

    async def reopen_log(self, launch: Launch) -> None:
        """The log file was renamed: go on in a new one."""

    # exec -----------------------------------------------------------------------------

    async def exec(self, launch: ExecLaunch) -> Process:
        """Start a second process; its streams wait until `exec_console` connects.

        Raises:
            LaunchFailed: 126 or 127 as above; 125 for the rest.
        """

    def exec_console(self, launch: ExecLaunch) -> Console: ...

    async def exec_wait(self, launch: ExecLaunch, process: Process) -> Exit: ...

    async def exec_resize(self, launch: ExecLaunch, *, height: int, width: int) -> None: ...


class LogLine(NamedTuple):
    """One line that a process wrote."""

    time: str
    """RFC 3339 in UTC with nine digits and ``Z``: texts compare as the times do."""
    stream: Stream
    data: bytes
    """With its newline, if it had one."""
    partial: bool
    """No newline: the last words of a process, or a piece of a very long line."""


class Logs(Protocol):
    """What processes wrote, kept in files."""

    def read(
        self,
        path: Path,
        *,
        since: str = "",
        until: str = "",
        tail: int | None = None,
        ended: asyncio.Event | None = None,
    ) -> AsyncIterator[list[LogLine]]:
        """The lines of the log at `path` and of the files that it was rotated to, oldest first.

        `since` and `until` are times as in `LogLine`, both included. With `ended` new lines are
        waited for, until it is set and all was read. A log that does not exist is empty.
        """

    async def rotate(
        self, runtime: "Runtime", launch: Launch, *, max_bytes: int, max_files: int
    ) -> bool:
        """Begin a new file if the current one has reached `max_bytes`, and keep at most
        `max_files` in all. No line is lost but with the oldest file. True if it was done."""

    def discard(self, path: Path) -> None:
        """Remove a log and all that it was rotated to."""


class Filters(Protocol):
    """Compiled system call filters."""

    def find_filter(self, section: Mapping[str, Any]) -> str | None:
        """The compiled form of a ``linux.seccomp`` section, for `RuntimeInputs.seccomp_bpf`.

        None while there is none: the section itself works too, 10 ms slower. It is then compiled
        in the background for the next one.
        """
