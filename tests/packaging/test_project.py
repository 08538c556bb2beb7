"""The project as it is handed over: entry points, locked versions, import rules."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def _locked(name: str) -> dict[str, str]:
    lines = (REPOSITORY / name).read_text().splitlines()
    found = [re.fullmatch(r"([a-z0-9-]+)==([^ ;]+)( ;.*)?", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("script", sorted(PROJECT["scripts"]))
def test_entry_points_exist(script: str) -> None:
    module, _, function = PROJECT["scripts"][script].partition(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_one_version(name: str) -> None:
    lines = (REPOSITORY / name).read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert len(_locked(name)) == len(packages) > 5


def test_what_the_project_asks_for_is_locked() -> None:
    wanted = {re.split(r"[<>=; ]", text)[0].replace(".", "-") for text in PROJECT["dependencies"]}
    assert wanted <= _locked("requirements.lock").keys()


def test_what_runs_here_is_what_is_locked() -> None:
    from importlib.metadata import PackageNotFoundError, version

    different = {}
    for lock in LOCKS:
        for name, locked in _locked(lock).items():
            try:
                if version(name) != locked:
                    different[name] = version(name)
            except PackageNotFoundError:
                pass  # not needed on this version of Python
    assert not different


def test_the_import_rules_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [program, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("path", ["scripts/setup", "scripts/engine", ".ci/run", "examples/demo.sh"])
def test_scripts_are_executable_and_parse(path: str) -> None:
    file = REPOSITORY / path
    assert file.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(file)], check=True)
