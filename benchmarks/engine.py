"""One engine under measurement, driven by the stock docker command and nothing else."""

import io
import os
import shutil
import socket
import struct
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IMAGE = "bench/busybox:1"
TOOLS_DIR = Path(__file__).resolve().parents[1] / ".venv" / "tools"


class Engine:
    """Knows its socket; times what it is told to run."""

    def __init__(self, label: str, address: str, pid: int | None = None) -> None:
        self.label, self.address = label, address
        self._given_pid = pid
        program = shutil.which("docker") or shutil.which("docker", path=str(TOOLS_DIR))
        if program is None:
            raise SystemExit("the stock docker command is not on PATH")
        self.program = program
        self.config_dir = tempfile.mkdtemp(prefix="bench-docker-")
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": self.config_dir,
            "DOCKER_CONFIG": self.config_dir,
            "DOCKER_HOST": address,
            "DOCKER_CLI_HINTS": "false",
        }

    def run(self, *args: str, stdin: int | None = subprocess.DEVNULL) -> str:
        """Run `docker ARGS`; returns its standard output; a failure ends the comparison."""
        done = subprocess.run(
            [self.program, *args],
            stdin=stdin,
            capture_output=True,
            env=self.env,
            timeout=600,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{self.label}: docker {' '.join(args)}: {done.stderr.decode()}")
        return done.stdout.decode().strip()

    def start(self, *args: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [self.program, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.env,
        )

    def discard(self, *args: str) -> None:
        """Run `docker ARGS`, whether or not it succeeds."""
        subprocess.run([self.program, *args], capture_output=True, env=self.env, check=False)

    @property
    def pid(self) -> int:
        """The process that listens on the socket (SO_PEERCRED, unix(7)), unless it was given."""
        if self._given_pid is not None:
            return self._given_pid
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.address.removeprefix("unix://"))
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid, _uid, _gid = struct.unpack("iII", credentials)
        return int(pid)

    def make_image(self) -> None:
        """Import the machine's static busybox, unless that was done before."""
        if self.run("images", "-q", IMAGE):
            return
        busybox = shutil.which("busybox")
        if busybox is None:
            raise SystemExit("busybox (static) is needed for the image")
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as tar:
            tar.add(busybox, "bin/busybox")
            for name in ("sh", "true", "sleep", "cat", "seq", "yes", "head", "wc"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            archive.write(made.getvalue())
            archive.flush()
            self.run("import", archive.name, IMAGE)

    def close(self) -> None:
        shutil.rmtree(self.config_dir, ignore_errors=True)


def timed(action: Callable[[], object]) -> float:
    """How long it takes, in seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
