"""Sockets that systemd handed over."""

import os
import socket
from pathlib import Path

import pytest

from tests.api.conftest import Client, Seen, routes
from wherry.api.app import App
from wherry.daemon import listening
from wherry.daemon.config import Config, InheritedAddress
from wherry.model.errors import InvalidArgument


async def test_an_inherited_socket_is_used_by_name_and_the_environment_forgotten(
    tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "api.sock"))
        bound.listen()
        fd = bound.detach()
    monkeypatch.setattr(listening, "_FIRST_FD", fd)
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDNAMES", "wherry.socket")
    server = App(routes(seen), engine_version="1").make_server()
    await listening.listen(server, Config(hosts=(InheritedAddress("wherry.socket"),)))
    assert "LISTEN_FDS" not in os.environ
    assert (await Client(tmp_path / "api.sock", server).ask("GET", "/hello")).status == 200
    await server.close(grace_s=0.1)
    assert (tmp_path / "api.sock").exists()  # it belongs to systemd


async def test_sockets_for_another_process_are_left_alone(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", "1")
    server = App(routes(seen), engine_version="1").make_server()
    with pytest.raises(InvalidArgument, match="no sockets found via socket activation"):
        await listening.listen(server, Config(hosts=(InheritedAddress(),)))
    await server.close(grace_s=0)
