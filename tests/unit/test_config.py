"""The daemon's settings: defaults, file, command line, and what is refused."""

import json
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from wherry.daemon.config import (
    AddressPool,
    Config,
    InheritedAddress,
    TcpAddress,
    UnixAddress,
    load,
    parse_address,
)
from wherry.daemon.main import main
from wherry.model.errors import InvalidArgument
from wherry.model.resources import Ulimit
from wherry.model.system import RuntimeEntry


def read(tmp_path: Path, *arguments: str, **file: Any) -> Config:
    path = tmp_path / "daemon.json"
    path.write_text(json.dumps({key.replace("_", "-"): value for key, value in file.items()}))
    return load(["--config-file", str(path), *arguments]).config


def test_without_anything_it_listens_on_its_own_socket_only(tmp_path: Path) -> None:
    config = read(tmp_path)
    assert config.hosts == (UnixAddress(Path("/run/wherry/wherry.sock")),)
    assert config.data_root == Path("/var/lib/wherry")
    assert config.log_level == "info"


FLAGS = [
    *("-H", "fd://", "-H", "tcp://127.0.0.1:2375", "-G", "staff", "--data-root", "/d"),
    *("--exec-root", "/e", "-D", "-s", "overlay2", "--default-runtime", "crun"),
    *("--add-runtime", "mine=/opt/mine", "--bip", "10.9.0.1/24"),
    *("--default-address-pool", "base=10.0.0.0/8,size=24", "--insecure-registry", "r:5000"),
    *("--default-ulimit", "nofile=1024:2048", "--default-ulimit", "core=0", "-p", "/pid"),
    *("--live-restore", "--iptables=false", "--shutdown-timeout", "3"),
    *("--log-driver", "local", "--log-opt", "max-size=10m", "--docker-socket"),
]
FILE: dict[str, Any] = {
    "hosts": ["fd://", "tcp://127.0.0.1:2375"],
    "group": "staff",
    "data-root": "/d",
    "exec-root": "/e",
    "debug": True,
    "storage-driver": "overlay2",
    "default-runtime": "crun",
    "runtimes": {"mine": {"path": "/opt/mine"}},
    "bip": "10.9.0.1/24",
    "default-address-pools": [{"base": "10.0.0.0/8", "size": 24}],
    "insecure-registries": ["r:5000"],
    "default-ulimits": {
        "nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048},
        "core": {"Name": "core", "Soft": 0, "Hard": 0},
    },
    "pidfile": "/pid",
    "live-restore": True,
    "iptables": False,
    "shutdown-timeout": 3,
    "log-driver": "local",
    "log-opts": {"max-size": "10m"},
    "docker-socket": True,
}


def test_flags_and_file_say_the_same_in_their_own_ways(tmp_path: Path) -> None:
    config = read(tmp_path, *FLAGS)
    assert config == read(tmp_path, **FILE)
    assert config.hosts == (InheritedAddress(), TcpAddress("127.0.0.1", 2375))
    assert config.debug
    assert config.runtimes == {"mine": RuntimeEntry(path="/opt/mine")}
    assert config.bip == IPv4Interface("10.9.0.1/24")
    assert config.default_address_pools == (AddressPool(IPv4Network("10.0.0.0/8"), 24),)
    assert config.default_ulimits == (
        Ulimit(name="nofile", soft=1024, hard=2048),
        Ulimit(name="core", soft=0, hard=0),
    )
    assert config.log_options == {"max-size": "10m"}
    assert not config.iptables


def test_a_setting_in_both_places_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read(tmp_path, "--group", "a", "-H", "fd://", group="b", hosts=["unix:///x"])
    assert str(caught.value) == (
        "the following directives are specified both as a flag and in the configuration file: "
        "group: (from flag: a, from file: b), "
        "hosts: (from flag: [fd://], from file: [unix:///x])"
    )


def test_a_setting_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidArgument,
        match=r"the following directives don't match any configuration option: frob, nicate$",
    ):
        read(tmp_path, nicate=1, frob=2)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hosts", "unix:///x"),
        ("hosts", ["http://x"]),
        ("hosts", ["unix://relative"]),
        ("hosts", ["tcp://127.0.0.1:99999"]),
        ("debug", "yes"),
        ("bip", "10.0.0.1/99"),
        ("default-address-pools", [{"base": "10.0.0.0/16", "size": 8}]),
        ("default-address-pools", [{"size": 8}]),
        ("default-ulimits", {"nofile": {"Soft": "x", "Hard": 1}}),
        ("shutdown-timeout", "3"),
        ("runtimes", {"a": {}}),
        ("log-level", "loud"),
        ("log-driver", "carrier-pigeon"),
        ("log-opts", {"frob": "1"}),
    ],
)
def test_a_wrong_value_is_an_error(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(InvalidArgument):
        read(tmp_path, **{key: value})


def test_tcp_without_certificates_is_for_loopback_numbers_only(tmp_path: Path) -> None:
    for address in ("tcp://0.0.0.0:2375", "tcp://localhost:2375", "192.0.2.1:2375"):
        with pytest.raises(InvalidArgument) as caught:
            read(tmp_path, "-H", address)
        assert caught.value.hint is not None
        assert read(tmp_path, "-H", address, "--tlsverify").tlsverify
    assert read(tmp_path, "-H", "tcp://[::1]:2375").hosts == (TcpAddress("::1", 2375),)


def test_addresses() -> None:
    assert parse_address("unix:///a/b") == UnixAddress(Path("/a/b"))
    assert parse_address("tcp://:2376") == TcpAddress("127.0.0.1", 2376)
    assert parse_address("tcp://1.2.3.4") == TcpAddress("1.2.3.4", 2375)
    assert parse_address("fd://wherry.socket") == InheritedAddress("wherry.socket")
    for wrong in ("ssh://x", "tcp://x:1/path", "unix://"):
        with pytest.raises(InvalidArgument):
            parse_address(wrong)


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no such file or directory"):
        load(["--config-file", str(tmp_path / "none.json")])


def test_validating_says_ok_or_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "daemon.json"
    path.write_text("{}")
    assert main(["--validate", "--config-file", str(path)]) == 0
    assert capsys.readouterr().out == "configuration OK\n"
    path.write_text('{"x": 1}')
    assert main(["--validate", "--config-file", str(path)]) == 1
    assert "don't match any configuration option: x" in capsys.readouterr().err


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for flag in ("--host", "--tlsverify", "--data-root", "--validate", "--config-file"):
        assert flag in text
