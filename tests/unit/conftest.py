"""Unit tests compute. One that starts a program or opens a connection has the wrong address."""

import sys
from collections.abc import Iterator

import pytest

OUTSIDE = {"subprocess.Popen", "os.posix_spawn", "os.fork", "socket.connect", "socket.bind"}

_watching = False


def _refuse(event: str, _args: tuple[object, ...]) -> None:
    if _watching and event in OUTSIDE:
        raise AssertionError(f"{event} in a unit test: move it to tests/contract or tests/system")


sys.addaudithook(_refuse)  # a hook cannot be taken back, hence the flag


@pytest.fixture(autouse=True)
def _no_outside_world() -> Iterator[None]:
    global _watching
    _watching = True
    yield
    _watching = False
