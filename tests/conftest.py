"""What a test says it needs, and the engine that the black-box tests share."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.docker import Docker
from tests.support.engine import Engine, OwnEngine, given_engine, own_engine
from tests.support.leftovers import find_leftovers, snapshot_of_host
from tests.support.needs import find_docker, has, list_demanded

ENGINE_NEEDS = ("root", "netns", "overlay", "crun", "conmon", "nft", "busybox")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "needs(*capabilities): skipped where the machine lacks one of them; "
        "fails instead when WHERRY_TESTS_MUST names it",
    )


def pytest_sessionstart() -> None:
    # Whoever ends the tests from outside must not leave an engine and its host behind.
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _insist(capabilities: tuple[str, ...]) -> None:
    missing = [capability for capability in capabilities if not has(capability)]
    if demanded := list_demanded().intersection(missing):
        pytest.fail(f"WHERRY_TESTS_MUST asks for {', '.join(sorted(demanded))}", pytrace=False)
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    _insist(tuple(c for mark in item.iter_markers("needs") for c in mark.args))


@pytest.fixture(scope="session")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all black-box tests: a daemon of our own, or WHERRY_COMPAT_HOST's."""
    if (given := given_engine()) is not None:
        given.make_image()
        yield given
        return
    _insist(ENGINE_NEEDS)
    # A unix socket's path may have 107 bytes: pytest's own folders are too long for that.
    root = tmp_path_factory.mktemp("engine", numbered=True)
    with own_engine(root) as engine:
        yield engine


@pytest.fixture
def engine(shared_engine: Engine) -> Iterator[Engine]:
    """The shared engine; fails the test when anything of it is left on the host afterwards."""
    if not isinstance(shared_engine, OwnEngine):
        yield shared_engine
        return
    before = snapshot_of_host(shared_engine)
    yield shared_engine
    if shared_engine.process is None or not shared_engine.answers():
        pytest.fail(f"the daemon is gone:\n{shared_engine.last_words()}", pytrace=False)
    shared_engine.remove_everything()
    left = find_leftovers(shared_engine, before)
    assert not left, f"left behind: {left}"


@pytest.fixture
def docker(engine: Engine, tmp_path: Path) -> Iterator[Docker]:
    """The stock command on the shared engine."""
    _insist(("docker",))
    program = find_docker()
    assert program is not None
    config_dir = tmp_path / "docker-config"
    config_dir.mkdir()
    command = Docker(program, engine.address, config_dir)
    yield command
    command.discard_made()
