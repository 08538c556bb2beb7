"""Compiled system call filters, so that no start pays for compiling one (10 ms of crun's 20).

crun is the compiler: it creates a container with the section, and its state holds the filter.
Kept by the hash of the section and crun's version, in a folder that survives the daemon. Only crun
takes compiled filters; where the runtime is another, nothing is ever found here.
"""

import asyncio
import base64
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from wherry.drivers.runtime.crun import Program
from wherry.kernel import process

_TIMEOUT_S = 20.0
_ID = "filter"


class CompiledFilters:
    """Implements `Filters`. `work_dir` and `cache_dir` exist and are private to root."""

    def __init__(self, program: Program, *, cache_dir: Path, work_dir: Path) -> None:
        self._program = program
        self._cache_dir = cache_dir
        self._work_dir = work_dir
        self._known: dict[str, str] = {}
        self._failed: set[str] = set()
        self._tasks: dict[str, asyncio.Task[str | None]] = {}
        self._version: bytes | None = None

    async def open(self, *sections: Mapping[str, Any]) -> None:
        """Ask for the runtime's version, and begin to compile what will be needed soon."""
        if not self._program.is_crun:
            return
        done = await process.run(self._program.argv("--version"), timeout_s=_TIMEOUT_S)
        self._version = done.stdout
        for section in sections:
            self.find_filter(section)

    async def close(self) -> None:
        """Wait for what is being compiled."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def find_filter(self, section: Mapping[str, Any]) -> str | None:
        """The compiled filter in base 64; None starts the compiler in the background."""
        if self._version is None:
            return None
        text = orjson.dumps(section)
        key = hashlib.sha256(text + self._version).hexdigest()
        if (found := self._known.get(key)) is not None:
            return found
        try:
            found = base64.b64encode((self._cache_dir / key).read_bytes()).decode()
        except FileNotFoundError:
            self._begin(key, text)
            return None
        self._known[key] = found
        return found

    async def compile(self, section: Mapping[str, Any]) -> str | None:
        """The compiled filter, waited for; None if the runtime cannot do it."""
        if (found := self.find_filter(section)) is not None or self._version is None:
            return found
        text = orjson.dumps(section)
        task = self._tasks.get(hashlib.sha256(text + self._version).hexdigest())
        return None if task is None else await task

    def _begin(self, key: str, section: bytes) -> None:
        if key in self._tasks or key in self._failed:
            return
        task = asyncio.get_running_loop().create_task(self._compile(key, section))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _compile(self, key: str, section: bytes) -> str | None:
        directory = Path(tempfile.mkdtemp(prefix="filter-", dir=self._work_dir))
        try:
            code = await self._run_compiler(directory, section)
        finally:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        if not code:
            self._failed.add(key)  # The section itself will say what is wrong with it.
            return None
        temporary = self._cache_dir / f".{key}.{os.getpid()}"
        temporary.write_bytes(code)
        temporary.rename(self._cache_dir / key)
        self._known[key] = base64.b64encode(code).decode()
        return self._known[key]

    async def _run_compiler(self, directory: Path, section: bytes) -> bytes | None:
        rootfs = directory / "rootfs"
        (rootfs / "dev").mkdir(parents=True)
        # Never executed: create only looks whether it could be.
        (rootfs / "program").touch(mode=0o755)
        (directory / "config.json").write_bytes(orjson.dumps(_config(section)))
        root = directory / "state"
        words = (f"--root={root}", "--cgroup-manager=disabled")
        create = ("create", f"--bundle={directory}", _ID)
        argv0 = self._program.argv0
        try:
            # No pipes: the created process would hold them open.
            async with asyncio.timeout(_TIMEOUT_S):
                code = await process.reap(process.spawn((argv0, *words, *create)))
            return None if code else (root / _ID / "seccomp.bpf").read_bytes()
        except (FileNotFoundError, TimeoutError):
            return None
        finally:
            delete = ("delete", "--force", _ID)
            await process.run((argv0, *words, *delete), timeout_s=_TIMEOUT_S)


def _config(section: bytes) -> dict[str, Any]:
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["/program"],
            "env": [],
            "cwd": "/",
            # A filter without privileges needs no_new_privs, or CAP_SYS_ADMIN to load it.
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs"},
        "mounts": [],
        "linux": {
            "namespaces": [{"type": "mount"}, {"type": "pid"}],
            "seccomp": orjson.loads(section),
        },
    }
