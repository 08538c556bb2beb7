"""An engine to test against: a real daemon in a host to throw away, or somebody else's engine.

`WHERRY_COMPAT_HOST=unix:///...` runs the compat tests against another Docker engine, to see that
they ask for what Docker really does. `WHERRY_COMPAT_SHARE=/here:/there` names a folder that this
engine sees under another path, when it does not see the machine's files. Never set in CI.
"""

import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import http
from tests.support.docker import IMAGE
from tests.support.host import Host, ThisMachine, throwaway_host
from tests.support.needs import REPOSITORY

STARTS_WITHIN_S = 20
STOPS_WITHIN_S = 15


class Engine:
    """Something that answers on a unix socket, and the host it acts on."""

    def __init__(self, address: str, host: Host) -> None:
        self.address, self.host = address, host
        self.socket_path = address.removeprefix("unix://")

    def request(
        self,
        method: str,
        target: str,
        *,
        body: bytes | dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 60,
    ) -> http.Answer:
        return http.request(
            self.socket_path, method, target, body=body, headers=headers, timeout_s=timeout_s
        )

    def get(self, target: str) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.request("GET", target)
        assert answer.status == 200, (target, answer.status, answer.body)
        return answer.json

    @property
    def is_ours(self) -> bool:
        """Whether it is wherry, started by the tests, with nobody else on it."""
        return False

    def seen_by_engine(self, path: Path) -> str:
        """How the engine's host names a path of this machine."""
        here, _, there = os.environ.get("WHERRY_COMPAT_SHARE", "").partition(":")
        return str(path).replace(here, there, 1) if here else str(path)

    def make_image(self) -> None:
        """Make `IMAGE` of the machine's static busybox by an import, unless it is there."""
        if self.request("GET", f"/images/{IMAGE}/json").status == 200:
            return
        name, _, tag = IMAGE.partition(":")
        answer = self.request(
            "POST",
            f"/images/create?fromSrc=-&repo={name}&tag={tag}&changes=CMD%20%5B%22sh%22%5D",
            body=busybox_tar(),
            headers={"Content-Type": "application/x-tar"},
        )
        assert answer.status == 200, answer.body


class OwnEngine(Engine):
    """A `wherryd` with roots of its own; can be killed and started again."""

    def __init__(self, root: Path, host: Host, options: Sequence[str] = ()) -> None:
        super().__init__(f"unix://{root}/run/wherry.sock", host)
        self.data_root, self.run_root = root / "data", root / "run"
        self.log_path = root / "wherryd.log"
        self.config_path = root / "daemon.json"
        self.options = tuple(options)
        self.process: subprocess.Popen[bytes] | None = None
        self.config_path.write_text("{}")

    @property
    def is_ours(self) -> bool:
        return True

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, *options: str) -> None:
        """Start the daemon and wait until it answers.

        Raises:
            AssertionError: it ended, or did not answer in time; with the end of its log.
        """
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.host.enter,
                    *(sys.executable, "-m", "wherry.daemon.main"),
                    *("-H", self.address),
                    *("--data-root", str(self.data_root), "--exec-root", str(self.run_root)),
                    *("--config-file", str(self.config_path), "--debug"),
                    *self.options,
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
                cwd="/",
            )
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self.answers():
            assert self.process.poll() is None, f"the daemon ended:\n{self.last_words()}"
            assert time.monotonic() < deadline, f"the daemon is silent:\n{self.last_words()}"
            time.sleep(0.02)

    def answers(self) -> bool:
        try:
            return self.request("GET", "/_ping", timeout_s=2).status == 200
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL, as a power cut would: the daemon has no chance to tidy up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """SIGTERM; returns the exit code. The containers run on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"SIGTERM did not end it:\n{self.last_words()}") from None
        finally:
            self.process = None

    def last_words(self, lines: int = 60) -> str:
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def make_image(self) -> None:
        """Made by the engine itself from the distribution's busybox, then named as tests do."""
        if self.request("GET", f"/images/{IMAGE}/json").status == 200:
            return
        answer = self.request("POST", "/wherry/images/bootstrap?kind=busybox")
        assert answer.status == 200, (answer.status, answer.body)
        name, _, tag = IMAGE.partition(":")
        answer = self.request("POST", f"/images/busybox:latest/tag?repo={name}&tag={tag}")
        assert answer.status == 201, (answer.status, answer.body)

    def remove_everything(self) -> None:
        """Containers, volumes, networks of users, images but the tests' own: through the API."""
        for container in self.get("/containers/json?all=1"):
            self.request("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        for volume in self.get("/volumes")["Volumes"] or ():
            self.request("DELETE", f"/volumes/{volume['Name']}?force=1")
        for network in self.get("/networks"):
            if network["Name"] not in ("bridge", "host", "none"):
                self.request("DELETE", f"/networks/{network['Id']}")
        for image in self.get("/images/json"):
            names = image["RepoTags"] or [image["Id"]]
            for name in names:
                if not name.startswith(("busybox:", "compat/")):
                    self.request("DELETE", f"/images/{name}?force=1")


@contextmanager
def own_engine(root: Path, *options: str) -> Iterator[OwnEngine]:
    """A fresh daemon in a fresh host; every container of it is gone afterwards."""
    with throwaway_host() as host:
        engine = OwnEngine(root, host, options)
        engine.start()
        try:
            engine.make_image()
            yield engine
        finally:
            try:
                if engine.process is not None and engine.process.poll() is None:
                    engine.remove_everything()
                    engine.stop()
            finally:
                discard_remains(engine)


def discard_remains(engine: OwnEngine) -> None:
    """After a daemon that could not tidy up: end its processes, drop its mounts."""
    if engine.process is not None:
        engine.kill()
    for pid, command in list_processes():
        if str(engine.run_root) in command or str(engine.data_root) in command:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    below = f"{engine.data_root.parent}/"
    for mount_point in reversed(engine.host.mounts()):
        if mount_point.startswith(below):
            subprocess.run(
                [*engine.host.enter, "umount", "--lazy", mount_point],
                check=False,
                capture_output=True,
            )


def list_processes() -> Iterator[tuple[int, str]]:
    """Every process with its command line; kernel threads have an empty one."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                raw = Path(entry.path, "cmdline").read_bytes()
            except OSError:  # ended meanwhile
                continue
            yield int(entry.name), raw.replace(b"\0", b" ").decode(errors="replace")


def given_engine() -> Engine | None:
    """The engine that `WHERRY_COMPAT_HOST` names, if it does."""
    address = os.environ.get("WHERRY_COMPAT_HOST")
    return Engine(address, ThisMachine()) if address else None


def busybox_tar() -> bytes:
    """A root file system: the static busybox, a link for each of its programs, two accounts."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    programs = subprocess.run(
        [busybox, "--list"], check=True, capture_output=True, text=True
    ).stdout.split()
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for folder, mode in {"bin": 0o755, "etc": 0o755, "root": 0o700, "tmp": 0o1777}.items():
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        tar.add(busybox, "bin/busybox", filter=_owned_by_root)
        for program in programs:
            if program != "busybox":
                link = tarfile.TarInfo(f"bin/{program}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        for path, text in _ACCOUNTS.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text), 0o644
            tar.addfile(entry, io.BytesIO(text))
    return made.getvalue()


_ACCOUNTS = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
}


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = stat.S_IMODE(entry.mode)
    return entry
