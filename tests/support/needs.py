"""What this machine can do, by the names that tests ask for with `@pytest.mark.needs(...)`.

A test that needs what is not here is skipped, unless `WHERRY_TESTS_MUST` (names, separated by
commas) says that this machine must have it: then the test fails, so that a skip hides nothing.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS_DIR = REPOSITORY / ".venv" / "tools"


def find_docker() -> str | None:
    """The stock command: the machine's, or else the one that set-up put beside the tests."""
    return shutil.which("docker") or shutil.which("docker", path=str(TOOLS_DIR))


def _root() -> bool:
    return os.geteuid() == 0


@cache
def _netns() -> bool:
    return _root() and subprocess.run(["unshare", "--net", "true"], check=False).returncode == 0


def _overlay() -> bool:
    if "overlay" not in Path("/proc/filesystems").read_text():
        subprocess.run(["modprobe", "overlay"], check=False, capture_output=True)
    return "overlay" in Path("/proc/filesystems").read_text()


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _docker_28() -> bool:
    """A stock command whose words are those that ours were modelled on."""
    if (docker := find_docker()) is None:
        return False
    said = subprocess.run([docker, "--version"], check=False, capture_output=True, text=True).stdout
    version = said.removeprefix("Docker version ").partition(".")[0]
    return version.isdecimal() and int(version) == 28


def _loop() -> bool:
    return Path("/dev/loop-control").exists() and shutil.which("mkfs.ext4") is not None


CAPABILITIES: dict[str, Callable[[], bool]] = {
    "root": _root,
    "netns": _netns,
    "overlay": _overlay,
    "crun": _program("crun"),
    "conmon": _program("conmon"),
    "nft": _program("nft"),
    "busybox": _program("busybox"),
    "mmdebstrap": _program("mmdebstrap"),
    "loop": _loop,
    "docker-28": _docker_28,
    "docker": lambda: find_docker() is not None,
}


@cache
def has(capability: str) -> bool:
    """Whether this machine has it. An unknown name is a mistake in the test: KeyError."""
    return CAPABILITIES[capability]()


def list_demanded() -> frozenset[str]:
    """What `WHERRY_TESTS_MUST` says this machine must have."""
    return frozenset(filter(None, os.environ.get("WHERRY_TESTS_MUST", "").split(",")))
