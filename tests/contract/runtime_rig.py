"""A run root, a busybox root and a runtime of their own for the tests of the runtime."""

import contextlib
import os
import shutil
import struct
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wherry.drivers.runtime.base import Console, ExecLaunch, Exit, Launch, Stream
from wherry.drivers.runtime.conmon import ConmonRuntime
from wherry.drivers.runtime.crun import Program
from wherry.drivers.runtime.shim import ensure_shim
from wherry.drivers.runtime.warm import CgroupWarmer
from wherry.kernel import cgroup
from wherry.model.capabilities import DEFAULT
from wherry.oci import runtime as oci

HIERARCHIES = cgroup.detect_hierarchies()
COMMANDS = (
    "sh cat echo sleep true grep head dd ls stty kill touch wc seq id mount unshare hostname "
    "readlink tr pwd sysctl"
)


def make_rootfs(directory: Path) -> None:
    """A root with busybox, and files that cannot be executed in every way."""
    binaries = directory / "bin"
    binaries.mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, binaries / "busybox")
    for command in COMMANDS.split():
        (binaries / command).symlink_to("busybox")
    for name in ("proc", "dev", "sys", "etc", "tmp"):
        (directory / name).mkdir()
    (directory / "plain").write_text("not executable\n")


def make_syscall_program(path: Path, number: int, first: int, second: int = 0) -> None:
    """A program for x86-64 that makes one system call and exits with its errno."""
    code = b"\xb8" + struct.pack("<I", number)  # mov eax, number
    code += b"\x48\xbf" + struct.pack("<Q", first)  # mov rdi, first
    code += b"\xbe" + struct.pack("<I", second)  # mov esi, second
    code += b"\x31\xd2\x45\x31\xd2\x45\x31\xc0"  # xor edx, edx; r10d; r8d
    code += b"\x0f\x05\x89\xc7\xf7\xdf"  # syscall; mov edi, eax; neg edi
    code += b"\xb8\xe7\x00\x00\x00\x0f\x05"  # mov eax, exit_group; syscall
    base, header = 0x400000, 120
    size = header + len(code)
    elf = struct.pack("<4sBBBBQ", b"\x7fELF", 2, 1, 1, 0, 0)
    elf += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + header, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    elf += struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    path.write_bytes(elf + code)
    path.chmod(0o755)


def make_program(root_dir: Path) -> Program:
    crun = shutil.which("crun")
    assert crun is not None
    hybrid = HIERARCHIES.mode is cgroup.Mode.HYBRID
    argv0 = ensure_shim(root_dir, crun) if hybrid else crun
    return Program(name="crun", argv0=argv0, root_dir=root_dir, is_crun=True)


@dataclass
class Rig:
    """Everything one test needs; `opened` makes it and leaves nothing behind."""

    directory: Path
    program: Program
    runtime: ConmonRuntime
    cgroup_parent: str
    launches: list[Launch] = field(default_factory=list)

    def launch(
        self,
        *args: str,
        terminal: bool = False,
        stdin: bool = False,
        leave_stdin_open: bool = False,
        process: dict[str, Any] | None = None,
        **inputs: Any,
    ) -> Launch:
        """A container with its bundle written."""
        container_id = uuid.uuid4().hex * 2
        made = Launch(
            id=container_id,
            bundle_dir=self.directory / "containers" / container_id,
            exit_dir=self.directory / "exits" / container_id,
            log_path=self.directory / "logs" / container_id / "container.log",
            terminal=terminal,
            stdin=stdin,
            leave_stdin_open=leave_stdin_open,
        )
        assert made.log_path is not None
        for folder in (made.bundle_dir, made.exit_dir, made.log_path.parent):
            folder.mkdir(parents=True)
        runtime_inputs = oci.RuntimeInputs(
            process=replace(_process(args), terminal=terminal, **(process or {})),
            rootfs_path=str(self.directory / "rootfs"),
            cgroups_path=f"{self.cgroup_parent}/{container_id}",
            hostname="box",
            **inputs,
        )
        config = oci.dump(oci.encode_config(runtime_inputs))
        (made.bundle_dir / "config.json").write_bytes(config)
        self.launches.append(made)
        return made

    def exec_launch(
        self,
        container: Launch,
        *args: str,
        terminal: bool = False,
        stdin: bool = False,
        attach: bool = True,
        **process: Any,
    ) -> ExecLaunch:
        exec_id = uuid.uuid4().hex * 2
        folder = self.directory / "execs" / exec_id
        folder.mkdir(parents=True)
        inputs = replace(_process(args), terminal=terminal, **process)
        (folder / "process.json").write_bytes(oci.dump(oci.encode_process(inputs)))
        return ExecLaunch(
            id=exec_id,
            container=container,
            exec_dir=folder,
            terminal=terminal,
            stdin=stdin,
            attach=attach,
        )

    async def run(self, launch: Launch) -> tuple[bytes, bytes, Exit]:
        """A whole life: what it wrote to stdout and stderr, and how it ended."""
        process = await self.runtime.create(launch)
        console = self.runtime.console(launch)
        await self.runtime.start(launch)
        out, err = await read_all(console)
        ended = await self.runtime.wait(launch, process)
        await console.close()
        await self.runtime.delete(launch)
        return out, err, ended

    def leftovers(self) -> list[str]:
        """Cgroups and runtime state of containers that were to be gone."""
        parents = [Path(mount + self.cgroup_parent) for mount in HIERARCHIES.mounts.values()]
        groups = [
            str(entry)
            for parent in parents
            if parent.exists()
            for entry in parent.iterdir()
            if entry.is_dir()
        ]
        states = (entry for entry in self.program.root_dir.iterdir() if entry.is_dir())
        return groups + [str(entry) for entry in states]


def _process(args: Sequence[str]) -> oci.ProcessInputs:
    return oci.ProcessInputs(args=tuple(args), env=("PATH=/bin",), capabilities=DEFAULT)


async def read_all(console: Console) -> tuple[bytes, bytes]:
    """All that is written to stdout and to stderr, to the end."""
    out: list[bytes] = []
    err: list[bytes] = []
    async for piece in console.output():
        (out if piece.stream is Stream.STDOUT else err).append(piece.data)
    await console.close()
    return b"".join(out), b"".join(err)


async def read_until(console: Console, text: bytes) -> bytes:
    """Output up to the piece in which `text` appears."""
    seen = b""
    async for piece in console.output():
        seen += piece.data
        if text in seen:
            break
    return seen


async def opened(directory: Path) -> AsyncIterator[Rig]:
    make_rootfs(directory / "rootfs")
    (directory / "runtime").mkdir()
    program = make_program(directory / "runtime")
    parent = f"/wherry-test-{uuid.uuid4().hex[:12]}"
    rig = Rig(
        directory=directory,
        program=program,
        runtime=make_runtime(program, parent),
        cgroup_parent=parent,
    )
    try:
        yield rig
    finally:
        for launch in rig.launches:
            await rig.runtime.delete(launch)
        left = rig.leftovers()
        await rig.runtime.close()
        for mount in HIERARCHIES.mounts.values():
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(mount + parent)
        assert left == []


def make_runtime(program: Program, parent: str) -> ConmonRuntime:
    return ConmonRuntime(
        programs={"crun": program},
        default="crun",
        hierarchies=HIERARCHIES,
        warmer=CgroupWarmer(HIERARCHIES, path=parent + "-warm"),
    )
