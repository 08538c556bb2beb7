"""Containers run by crun under conmon, one small process that holds the streams of each.

conmon leaves at once to become nobody's child, says the pid or an error on the *sync pipe*
(``{"data": PID}``, ``{"data": -1, "message": …}``), writes the log, listens on ``attach``, takes
orders from the fifo ``ctl`` (``1 HEIGHT WIDTH`` resize, ``2 0 0`` new log file), and at the end
writes the exit code to the exit folder. So a daemon may come and go. Source: conmon(8) 2.1,
ctr_exit.c, ctrl.c.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from wherry.drivers.runtime import console, crun
from wherry.drivers.runtime.base import Console, ExecLaunch, Exit, Launch, Process
from wherry.drivers.runtime.bundle import Files, files_of, read_pid
from wherry.drivers.runtime.crun import Program
from wherry.drivers.runtime.warm import CgroupWarmer
from wherry.kernel import cgroup, pidfd, process
from wherry.kernel.cgroup import Hierarchies
from wherry.kernel.inotify import Watches
from wherry.model.errors import Conflict, InvalidArgument, LaunchFailed, Unavailable

_LAUNCH_TIMEOUT_S = 120.0
_LEFTOVER_TIMEOUT_S = 10.0
_FREEZE_LOOKS = 5000
_LOST_EXIT_CODE = 255
_MOST_CHARACTERS = 1000
"""conmon ignores a larger terminal."""


class ConmonRuntime:
    """Implements `Runtime`. Made on the event loop that uses it; `close` when the daemon ends."""

    def __init__(
        self,
        *,
        programs: Mapping[str, Program],
        default: str,
        hierarchies: Hierarchies,
        conmon_path: str = "/usr/bin/conmon",
        warmer: CgroupWarmer | None = None,
    ) -> None:
        self._programs = dict(programs)
        self._default = default
        self._hierarchies = hierarchies
        self._conmon_path = conmon_path
        self._warmer = warmer
        self._watches = Watches()
        self._exec_consoles: dict[str, console.AttachConsole] = {}

    async def close(self) -> None:
        """Let go of everything but the containers."""
        for one in self._exec_consoles.values():
            await one.close()
        self._exec_consoles.clear()
        self._watches.close()
        if self._warmer is not None:
            await self._warmer.close()

    async def warm(self) -> None:
        if self._warmer is not None:
            self._warmer.begin()

    def _program(self, launch: Launch) -> Program:
        name = launch.runtime or self._default
        try:
            return self._programs[name]
        except KeyError:
            raise InvalidArgument(f"unknown or invalid runtime name: {name}") from None

    # life -----------------------------------------------------------------------------

    async def create(self, launch: Launch) -> Process:
        program, files = self._program(launch), files_of(launch)
        if os.path.exists(files.pid_path) or os.path.exists(program.state_dir(launch.id)):
            found = await self.find(launch)
            if found is not None and self.is_alive(found):
                return found
            await self.delete(launch)
        files.discard(with_exit=True)
        os.makedirs(files.persist_dir, mode=0o700, exist_ok=True)
        try:
            answer = await self._spawn(_create_argv(self._conmon_path, program, launch, files))
            pid = _pid_of(answer)
        except BaseException:
            await asyncio.shield(self.delete(launch))
            raise
        if pid is None:
            document = _read_process(launch.bundle_dir / "config.json", "process")
            await self.delete(launch)
            raise crun.explain_create(_message_of(answer), document)
        return Process(pid=pid, start_ticks=pidfd.start_ticks(pid) or 0)

    async def _spawn(
        self, argv: tuple[str, ...], pipes: Mapping[str, int] | None = None
    ) -> dict[str, Any]:
        """Run conmon until it has said how the launch went; `pipes` are handed to it by name."""
        read, write = os.pipe2(os.O_CLOEXEC)
        errors = os.memfd_create("conmon", os.MFD_CLOEXEC)
        try:
            fds, env = {2: errors, 3: write}, {**process.ENVIRONMENT, "_OCI_SYNCPIPE": "3"}
            for number, (name, fd) in enumerate((pipes or {}).items(), start=4):
                fds[number] = fd
                env[name] = str(number)
            try:
                pid = process.spawn(argv, fds=fds, env=env)
            finally:
                os.close(write)
                for fd in (pipes or {}).values():
                    os.close(fd)
            async with asyncio.timeout(_LAUNCH_TIMEOUT_S):
                line = await _read_line(read)
            await process.reap(pid)
            if not line:
                said = os.pread(errors, 4096, 0).decode("utf-8", "replace").strip()
                raise LaunchFailed(f"conmon did not start: {said or 'it said nothing'}")
            answer: dict[str, Any] = json.loads(line)
            return answer
        except TimeoutError:
            raise LaunchFailed("the runtime did not answer in time") from None
        finally:
            os.close(read)
            os.close(errors)

    async def start(self, launch: Launch) -> None:
        program = self._program(launch)
        status = crun.read_status(program, launch.id)
        if status is None:
            raise LaunchFailed("the container has no process to start")
        process_ = Process(pid=status.pid, start_ticks=status.start_ticks)
        await crun.start(program, launch.id, process_)

    async def find(self, launch: Launch) -> Process | None:
        status = crun.read_status(self._program(launch), launch.id)
        if status is None:
            return None
        found = Process(pid=status.pid, start_ticks=status.start_ticks)
        files = files_of(launch)
        if os.path.exists(files.exit_path):
            return found
        # conmon ends when nobody hears what came of the launch: without it there is no log and
        # no exit code, and what it made has not begun to run
        if self.is_alive(found) and (monitor := _open_monitor(files)) is not None:
            os.close(monitor)
            return found
        return None

    def signal(self, process: Process, number: int) -> None:
        pidfd.send_signal(process.pid, process.start_ticks, number)

    def is_alive(self, process: Process) -> bool:
        return pidfd.start_ticks(process.pid) == process.start_ticks

    async def pause(self, launch: Launch) -> None:
        path = self._cgroup_path(launch)
        cgroup.freeze(self._hierarchies, path)
        for _ in range(_FREEZE_LOOKS):
            if cgroup.is_frozen(self._hierarchies, path):
                return
            await asyncio.sleep(0.001)  # The kernel freezes one by one, and tells nobody.
        cgroup.thaw(self._hierarchies, path)
        raise Unavailable("the container's processes could not be frozen")

    async def resume(self, launch: Launch) -> None:
        cgroup.thaw(self._hierarchies, self._cgroup_path(launch))

    async def update(self, launch: Launch, limits: Mapping[str, Any]) -> None:
        await crun.update(self._program(launch), launch.id, launch.bundle_dir, limits)

    def _cgroup_path(self, launch: Launch) -> str:
        path = crun.read_cgroup_path(self._program(launch), launch.id, launch.bundle_dir)
        if path is None:
            raise Conflict(f"Container {launch.id} is not running")
        return path

    async def delete(self, launch: Launch) -> None:
        program = self._program(launch)
        path = crun.read_cgroup_path(program, launch.id, launch.bundle_dir)
        status = crun.read_status(program, launch.id)
        if status is not None:
            pidfd.send_signal(status.pid, status.start_ticks, signal.SIGKILL)
        if path is not None and not cgroup.remove(self._hierarchies, path):
            await self._remove_occupied(path)
        await crun.delete(program, launch.id)
        files_of(launch).discard(with_exit=False)

    async def _remove_occupied(self, path: str) -> None:
        """End what is left in a container's cgroups: init's end does it only for its own pids."""
        async with asyncio.timeout(_LEFTOVER_TIMEOUT_S):
            pause_s = 0.0005
            while True:
                cgroup.kill_all(self._hierarchies, path)
                with contextlib.suppress(OSError):
                    cgroup.thaw(self._hierarchies, path)
                if cgroup.remove(self._hierarchies, path):
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 0.05)

    # streams --------------------------------------------------------------------------

    def console(self, launch: Launch) -> Console:
        return console.connect(files_of(launch).attach_path)

    async def resize(self, launch: Launch, *, height: int, width: int) -> None:
        _order(files_of(launch), f"1 {_characters(height)} {_characters(width)}\n")

    async def reopen_log(self, launch: Launch) -> None:
        _order(files_of(launch), "2 0 0\n")

    # end ------------------------------------------------------------------------------

    async def wait(self, launch: Launch, process: Process) -> Exit:
        return await self._wait(files_of(launch), process)

    async def _wait(self, files: Files, process: Process) -> Exit:
        fd = pidfd.open_exactly(process.pid, process.start_ticks)
        try:
            if fd is not None:
                await pidfd.wait_readable(fd)
            found = await self._wait_for_exit_file(files)
            if found is None:
                found = _last_words(fd), datetime.now(UTC)
        finally:
            if fd is not None:
                os.close(fd)
        code, at = found
        return Exit(code=code, at=at, out_of_memory=os.path.exists(files.oom_path))

    async def _wait_for_exit_file(self, files: Files) -> tuple[int, datetime] | None:
        """The exit code and its time; None if conmon ended without leaving one."""
        if (found := _read_exit(files)) is not None:
            return found
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        monitor = _open_monitor(files)
        try:
            watch = self._watches.add(files.exit_dir, changed.set)
        except FileNotFoundError:
            return None
        if monitor is not None:
            loop.add_reader(monitor, changed.set)
        try:
            while (found := _read_exit(files)) is None:
                # It writes the code before it ends: once it is gone, one more look is enough.
                if monitor is None or _has_ended(monitor):
                    return _read_exit(files)
                changed.clear()
                await changed.wait()
            return found
        finally:
            self._watches.remove(watch, changed.set)
            if monitor is not None:
                loop.remove_reader(monitor)
                os.close(monitor)

    # exec -----------------------------------------------------------------------------

    async def exec(self, launch: ExecLaunch) -> Process:
        program, files = self._program(launch.container), files_of(launch)
        files.discard(with_exit=True)
        os.makedirs(files.persist_dir, mode=0o700, exist_ok=True)
        os.makedirs(files.exit_dir, mode=0o700, exist_ok=True)
        argv = _exec_argv(self._conmon_path, program, launch, files)
        if launch.attach:
            answer = await self._exec_attached(argv, launch, files)
        else:
            answer = await self._spawn(argv)
        pid = _pid_of(answer)
        if pid is None:
            await self._discard_exec_console(launch)
            document = _read_process(launch.exec_dir / "process.json")
            raise crun.explain_exec(_message_of(answer), document)
        return Process(pid=pid, start_ticks=pidfd.start_ticks(pid) or 0)

    async def _exec_attached(
        self, argv: tuple[str, ...], launch: ExecLaunch, files: Files
    ) -> dict[str, Any]:
        """conmon makes the socket, we connect, then it is let go on: no output can be missed."""
        attach_read, attach_write = os.pipe2(os.O_CLOEXEC)
        start_read, start_write = os.pipe2(os.O_CLOEXEC)
        pipes = {"_OCI_ATTACHPIPE": attach_write, "_OCI_STARTPIPE": start_read}
        os.write(start_write, b"\0")  # The first byte lets it leave us, the second begin.
        launching = asyncio.create_task(self._spawn((*argv, "--exec-attach"), pipes))
        try:
            if await _read_line(attach_read):
                self._exec_consoles[launch.id] = console.connect(files.attach_path)
                os.write(start_write, b"\0")
            return await launching
        except BaseException:
            launching.cancel()
            await self._discard_exec_console(launch)
            raise
        finally:
            os.close(attach_read)
            os.close(start_write)

    async def _discard_exec_console(self, launch: ExecLaunch) -> None:
        if (connected := self._exec_consoles.pop(launch.id, None)) is not None:
            await connected.close()

    def exec_console(self, launch: ExecLaunch) -> Console:
        if (connected := self._exec_consoles.pop(launch.id, None)) is not None:
            return connected
        return console.connect(files_of(launch).attach_path)

    async def exec_wait(self, launch: ExecLaunch, process: Process) -> Exit:
        return await self._wait(files_of(launch), process)

    async def exec_resize(self, launch: ExecLaunch, *, height: int, width: int) -> None:
        _order(files_of(launch), f"1 {_characters(height)} {_characters(width)}\n")


# conmon's command line ------------------------------------------------------------------


def _common_argv(
    conmon_path: str, program: Program, files: Files, *, terminal: bool, stdin: bool
) -> list[str]:
    argv = [conmon_path, "--api-version", "1", "-c", files.container_id, "-u", files.unit]
    argv += ["-n", files.unit[:12], "-r", program.argv0, f"--runtime-arg=--root={program.root_dir}"]
    argv += ["-b", files.directory, "-p", files.pid_path, "-P", files.monitor_pid_path]
    argv += ["--exit-dir", files.exit_dir, "-0", files.persist_dir]
    argv += ["--full-attach", "--no-sync-log", "--log-level", "error"]
    if terminal:
        argv.append("-t")
    if stdin:
        argv.append("-i")
    return argv


def _create_argv(
    conmon_path: str, program: Program, launch: Launch, files: Files
) -> tuple[str, ...]:
    argv = _common_argv(conmon_path, program, files, terminal=launch.terminal, stdin=launch.stdin)
    argv += ["-l", "none" if launch.log_path is None else f"k8s-file:{launch.log_path}"]
    if launch.leave_stdin_open:
        argv.append("--leave-stdin-open")
    return tuple(argv)


def _exec_argv(
    conmon_path: str, program: Program, launch: ExecLaunch, files: Files
) -> tuple[str, ...]:
    argv = _common_argv(conmon_path, program, files, terminal=launch.terminal, stdin=launch.stdin)
    argv += ["-l", "none", "-e", "--exec-process-spec", f"{launch.exec_dir}/process.json"]
    return tuple(argv)


# what conmon says -----------------------------------------------------------------------


async def _read_line(fd: int) -> bytes:
    """Up to the first newline, or to the end; `fd` stays open."""
    os.set_blocking(fd, False)
    line = b""
    while not line.endswith(b"\n"):
        try:
            piece = os.read(fd, 1 << 16)
        except BlockingIOError:
            await pidfd.wait_readable(fd)
            continue
        if not piece:
            break
        line += piece
    return line.partition(b"\n")[0]


def _pid_of(answer: Mapping[str, Any]) -> int | None:
    pid = answer.get("data", answer.get("pid", -1))
    return pid if isinstance(pid, int) and pid > 0 else None


def _message_of(answer: Mapping[str, Any]) -> str:
    return str(answer.get("message") or "the runtime gave no reason")


def _read_process(path: Path, key: str | None = None) -> Mapping[str, Any]:
    try:
        document: Mapping[str, Any] = orjson.loads(path.read_bytes())
        return document[key] if key else document
    except (OSError, KeyError, ValueError):
        return {}


def _read_exit(files: Files) -> tuple[int, datetime] | None:
    try:
        with open(files.exit_path, "rb", buffering=0) as file:
            text = file.read(16)
            written = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    return (int(text), datetime.fromtimestamp(written, UTC)) if text else None


def _open_monitor(files: Files) -> int | None:
    """A pidfd of the conmon that serves a process; None if it is gone."""
    pid = read_pid(files.monitor_pid_path)
    if pid is None:
        return None
    try:
        fd = pidfd.open_pidfd(pid)
    except ProcessLookupError:
        return None
    with contextlib.suppress(OSError):
        # The number may be another's by now.
        if files.unit.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return fd
    os.close(fd)
    return None


def _has_ended(fd: int) -> bool:
    try:
        signal.pidfd_send_signal(fd, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _last_words(fd: int | None) -> int:
    """The exit code of a process whose conmon was killed, from the kernel if it still knows."""
    status = None if fd is None else pidfd.find_exit_status(fd)
    if status is None:
        return _LOST_EXIT_CODE
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _order(files: Files, line: str) -> None:
    try:
        fd = os.open(files.control_path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return  # No conmon, nobody to tell.
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


def _characters(count: int) -> int:
    return max(0, min(count, _MOST_CHARACTERS))
