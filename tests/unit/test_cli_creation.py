"""`run`'s flags become the document that Docker's command would send."""

from pathlib import Path
from typing import Any

import pytest

from wherry.cli.createflags import FIELDS, ROWS, list_create_flags, list_run_flags
from wherry.cli.creation import plan_creation
from wherry.cli.errors import Refused
from wherry.cli.flags import UsageError, parse_flags
from wherry.cli.mounts import parse_mount
from wherry.cli.ports import parse_exposed, parse_ports


def plan(*words: str, detached: bool = False) -> dict[str, Any]:
    flags = parse_flags(words, list_run_flags(), interspersed=False)
    return plan_creation(flags, detached=detached).body


def refusal(*words: str) -> str:
    with pytest.raises(Refused) as caught:
        plan(*words)
    assert caught.value.code == 125
    return str(caught.value)


def test_the_smallest_wish() -> None:
    assert plan("bb") == {
        "Image": "bb",
        "AttachStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        "StdinOnce": False,
        "HostConfig": {"NetworkMode": "default", "RestartPolicy": {"Name": "no"}},
    }


def test_the_command_is_what_follows_the_image_untouched() -> None:
    assert plan("-t", "bb", "sh", "-c", "x", "--rm")["Cmd"] == ["sh", "-c", "x", "--rm"]


def test_nothing_is_attached_to_a_detached_container() -> None:
    body = plan("-d", "-i", "bb", detached=True)
    assert (body["OpenStdin"], body["AttachStdin"], body["StdinOnce"]) == (True, False, False)
    assert not body["AttachStdout"]


def test_attached_streams_can_be_chosen() -> None:
    body = plan("-a", "STDERR", "bb")
    assert (body["AttachStdin"], body["AttachStdout"], body["AttachStderr"]) == (False, False, True)


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (("--cpus", "1.5"), "NanoCpus", 1_500_000_000),
        (("-m", "100m"), "Memory", 104857600),
        (("--memory-swap", "-1"), "MemorySwap", -1),
        (("--init",), "Init", True),
        (("--init=false",), "Init", False),
        (("--cap-add", "net_admin", "--cap-add=ALL"), "CapAdd", ["CAP_NET_ADMIN", "ALL"]),
        (("--ulimit", "nofile=1:2"), "Ulimits", [{"Name": "nofile", "Hard": 2, "Soft": 1}]),
        (
            ("--ulimit", "nofile=3", "--ulimit", "core=-1"),
            "Ulimits",
            [{"Name": "core", "Hard": -1, "Soft": -1}, {"Name": "nofile", "Hard": 3, "Soft": 3}],
        ),
        (("--sysctl", "a=1", "--sysctl", "b=2"), "Sysctls", {"a": "1", "b": "2"}),
        (("--add-host", "a=[::1]"), "ExtraHosts", ["a:::1"]),
        (("--log-opt", "max-size=1m"), "LogConfig", {"Config": {"max-size": "1m"}}),
        (("--tmpfs", "/t:size=1", "--tmpfs", "/u"), "Tmpfs", {"/t": "size=1", "/u": ""}),
        (
            ("--restart", "on-failure:3"),
            "RestartPolicy",
            {"Name": "on-failure", "MaximumRetryCount": 3},
        ),
        (("--gpus", "all"), "DeviceRequests", [{"Count": -1, "Capabilities": [["gpu"]]}]),
        (
            ("--device", "/dev/a:/dev/b:r"),
            "Devices",
            [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "r"}],
        ),
        (
            ("--device-read-bps", "/dev/vda:1mb"),
            "BlkioDeviceReadBps",
            [{"Path": "/dev/vda", "Rate": 1048576}],
        ),
        (("--security-opt", "no-new-privileges"), "SecurityOpt", ["no-new-privileges"]),
        (("--net", "host"), "NetworkMode", "host"),
        (("-v", "/a:/b:ro", "-v", "v:/c"), "Binds", ["/a:/b:ro", "v:/c"]),
    ],
)
def test_a_flag_fills_its_field(words: tuple[str, ...], field: str, value: object) -> None:
    assert plan(*words, "bb")["HostConfig"][field] == value


def test_environment_comes_from_files_first_and_from_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIVEN", "x")
    monkeypatch.delenv("ABSENT", raising=False)
    path = tmp_path / "env"
    path.write_text("# no\nA=1\n\nGIVEN\nABSENT\n")
    words = ("--env-file", str(path), "-e", "GIVEN", "-e", "ABSENT", "-e", "B=2", "bb")
    assert plan(*words)["Env"] == ["A=1", "GIVEN=x", "GIVEN=x", "ABSENT", "B=2"]


def test_labels_come_from_files_too(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_text("a=1\nb\n")
    body = plan("--label-file", str(path), "-l", "a=2", "-l", "c", "bb")
    assert body["Labels"] == {"a": "2", "b": "", "c": ""}


def test_a_health_check_is_made_of_its_flags() -> None:
    words = ("--health-cmd", "true", "--health-interval", "5s", "--health-retries", "3", "bb")
    assert plan(*words)["Healthcheck"] == {
        "Test": ["CMD-SHELL", "true"],
        "Interval": 5_000_000_000,
        "Retries": 3,
    }
    assert plan("--no-healthcheck", "bb")["Healthcheck"] == {"Test": ["NONE"]}


def test_lone_network_flags_concern_the_first_network() -> None:
    words = ("--network", "n1", "--network", "name=n2,alias=b,ip=10.0.0.9", "--network-alias", "a")
    body = plan(*words, "--ip", "10.0.0.5", "bb")
    assert body["HostConfig"]["NetworkMode"] == "n1"
    assert body["NetworkingConfig"]["EndpointsConfig"] == {
        "n1": {"IPAMConfig": {"IPv4Address": "10.0.0.5"}, "Aliases": ["a"]},
        "n2": {"Aliases": ["b"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}},
    }


def test_ports_are_published_and_exposed() -> None:
    body = plan("-p", "8080:80", "--expose", "100-101/udp", "bb")
    assert body["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    assert set(body["ExposedPorts"]) == {"80/tcp", "100/udp", "101/udp"}


@pytest.mark.parametrize(
    ("spec", "bindings"),
    [
        ("80", [("80/tcp", "", "")]),
        ("8080:80/udp", [("80/udp", "", "8080")]),
        ("127.0.0.1::80", [("80/tcp", "127.0.0.1", "")]),
        ("[::1]:5:6", [("6/tcp", "::1", "5")]),
        ("::1:5:6", [("6/tcp", "::1", "5")]),
        ("90-91:80-81", [("80/tcp", "", "90"), ("81/tcp", "", "91")]),
        ("6000-6001:70", [("70/tcp", "", "6000-6001")]),
        ("target=80,published=8080,protocol=udp", [("80/udp", "", "8080")]),
    ],
)
def test_a_port_can_be_published_in_every_way(spec: str, bindings: list[tuple[str, ...]]) -> None:
    found = [
        (port, binding["HostIp"], binding["HostPort"])
        for port, many in parse_ports([spec]).items()
        for binding in many
    ]
    assert found == bindings


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("foo", "invalid containerPort: foo"),
        ("70000:80", "invalid hostPort: 70000"),
        ("1-3:1-2", "invalid ranges specified for container and host Ports: 1-2 and 1-3"),
        ("x:1:2", "invalid IP address: x"),
        ("80/foo", "invalid proto: foo"),
    ],
)
def test_a_port_that_is_none_is_told(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_ports([spec])


def test_what_is_exposed_is_no_mapping() -> None:
    with pytest.raises(ValueError, match="invalid port format for --expose: 1:2"):
        parse_exposed(["1:2"])


def test_mounts_are_read_field_by_field() -> None:
    assert parse_mount("type=bind,src=/a,dst=/b,ro,bind-propagation=rshared") == {
        "Type": "bind",
        "Source": "/a",
        "Target": "/b",
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rshared"},
    }
    assert parse_mount('dst=/v,volume-opt=a=b,"volume-label=x=1,2"')["VolumeOptions"] == {
        "DriverConfig": {"Options": {"a": "b"}},
        "Labels": {"x": "1,2"},
    }
    assert parse_mount("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770")["TmpfsOptions"] == {
        "SizeBytes": 1048576,
        "Mode": 0o1770,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo", "invalid field 'foo' must be a key=value pair"),
        ("type=bind", "target is required"),
        ("dst=/a,foo=x", "unexpected key 'foo' in 'foo=x'"),
        (
            "type=bind,src=/a,dst=/b,volume-nocopy",
            "cannot mix 'volume-*' options with mount type 'bind'",
        ),
    ],
)
def test_a_mount_that_is_none_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_mount(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("",), "invalid reference format"),
        (
            ("UPPER",),
            "invalid reference format: repository name (library/UPPER) must be lowercase",
        ),
        (
            ("--restart", "always", "--rm", "bb"),
            "conflicting options: cannot specify both --restart and --rm",
        ),
        (
            ("--memory-swappiness", "101", "bb"),
            "invalid value: 101. Valid memory swappiness range is 0-100",
        ),
        (("-v", ":/a", "bb"), "invalid spec: :/a: empty section between colons"),
        (("--env-file", "/none", "bb"), "open /none: no such file or directory"),
        (("--device", "foo", "bb"), "foo is not an absolute path"),
        (
            ("--pull", "foo", "bb"),
            'invalid pull option: \'foo\': must be one of "always", "missing" or "never"',
        ),
        (
            ("--network", "host", "--network", "n", "bb"),
            (
                "conflicting options: cannot attach both user-defined and non-user-defined "
                "network-modes"
            ),
        ),
        (
            ("--no-healthcheck", "--health-cmd", "x", "bb"),
            "--no-healthcheck conflicts with --health-* options",
        ),
        (("--security-opt", "foo", "bb"), 'Invalid --security-opt: "foo"'),
        (("--pid", "foo", "bb"), "--pid: invalid PID mode"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(words: tuple[str, ...], message: str) -> None:
    assert refusal(*words) == message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-e", "=x"), "invalid environment variable: =x"),
        (("-l", "=x"), "invalid label '=x': empty name"),
        (("--ulimit", "foo"), "invalid ulimit argument: foo"),
        (("--add-host", "foo"), 'bad format for add-host: "foo"'),
        (("--cpus", "a"), "failed to parse a as a rational number"),
        (("--mac-address", "foo"), "foo is not a valid mac address"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_flag(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(*words, "bb")
    assert str(caught.value).endswith(f"flag: {message}")


def test_every_field_belongs_to_a_flag_that_both_commands_know() -> None:
    names = {flag.name for flag in list_create_flags()}
    assert set(FIELDS) <= names
    assert {row[0] for row in ROWS} - names == {"detach", "detach-keys", "sig-proxy"}
