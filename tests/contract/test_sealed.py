"""The runtime's program in memory: the same program, and nobody can change it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from wherry.drivers.runtime.sealed import seal_program

pytestmark = pytest.mark.needs("crun")


def find_crun() -> str:
    found = shutil.which("crun")
    assert found is not None
    return found


def version_of(program: str) -> str:
    return subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout


def test_it_is_the_program(tmp_path: Path) -> None:
    link = seal_program(find_crun(), tmp_path / "crun")
    assert version_of(link) == version_of(find_crun())


def test_nobody_can_write_to_it(tmp_path: Path) -> None:
    link = seal_program(find_crun(), tmp_path / "crun")
    with pytest.raises(PermissionError), open(link, "r+b") as file:
        file.write(b"x")


def test_the_link_of_an_earlier_daemon_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "crun").symlink_to("/proc/1/fd/no-more")
    link = seal_program(find_crun(), tmp_path / "crun")
    assert os.readlink(link).startswith(f"/proc/{os.getpid()}/fd/")
    assert sorted(os.listdir(tmp_path)) == ["crun"]
