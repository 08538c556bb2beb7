"""Containers in Docker's documents: create, list, inspect. Compared with what Docker answered."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import pytest

from tests.compat.documents import RECORDED_DIR, RICH, VOLUME, flatten
from tests.compat.test_inspect_documents import DIFFERS
from tests.support.fakes import ID, NOW_NS, SECOND_NS, make_container
from wherry.model.container import Container, ContainerState
from wherry.model.errors import InvalidArgument
from wherry.model.lifecycle import Status
from wherry.model.mounts import MountKind, MountPoint
from wherry.model.network import Endpoint, Network, Pool
from wherry.model.ports import ContainerPort, PublishedPort
from wherry.wire.containers import (
    Surroundings,
    decode_create,
    encode_container,
    encode_host_config,
    encode_summary,
    state_word,
    status_text,
)
from wherry.wire.exec import decode_console_size, decode_exec, encode_exec

NETWORK = Network(
    id="a" * 64,
    name="bridge",
    driver="bridge",
    created=datetime(2024, 1, 1, tzinfo=UTC),
    pools=(Pool(subnet=ip_network("172.17.0.0/16"), gateway=ip_address("172.17.0.1")),),
)
ENDPOINT = Endpoint(
    id="e" * 64, network_id=NETWORK.id, container_id=ID,
    ipv4=IPv4Address("172.17.0.2"), mac="02:42:ac:11:00:02",
)  # fmt: skip
AROUND = Surroundings(
    networks={NETWORK.id: NETWORK},
    container_dir="/data/containers/x",
    log_path="/data/containers/x/container.log",
    sandbox_path="/run/netns/x",
    storage_driver="overlay2",
    storage_data={"UpperDir": "/u"},
)


def rich(status: Status = Status.RUNNING) -> Container:
    """The container that was recorded, with what the image and the daemon add to the request."""
    spec = decode_create(RICH)
    program = replace(spec.program, labels={"k": "v", **spec.program.labels})
    spec = replace(
        spec,
        image_id="sha256:" + "b" * 64,
        program=program,
        runtime="crun",
        log=replace(spec.log, driver="json-file"),
        namespaces=replace(spec.namespaces, cgroup="host", ipc="private"),
        resources=replace(spec.resources, memory_swap_bytes=134217728),
    )
    volume = MountPoint(
        kind=MountKind.VOLUME, destination="/data", name=VOLUME, driver="local",
        source=f"/data/volumes/{VOLUME}/_data", mode="ro", writable=False,
    )  # fmt: skip
    nameless = replace(volume, destination="/anonymous", name="d" * 64, mode="", writable=True)
    http = ContainerPort(number=80)
    return make_container(
        name="compat-document",
        spec=spec,
        mounts=(nameless, volume),
        state=ContainerState(
            status=status, pid=42, started_ns=NOW_NS, sandbox=ID, endpoints=(ENDPOINT,),
            published=(
                PublishedPort(port=http, host_ip=ip_address("127.0.0.1"), host_port=38180),
            ),
        ),
        status=status,
    )  # fmt: skip


def differences(name: str, document: Any) -> dict[str, tuple[Any, Any]]:
    ours = flatten(name, document)
    recorded = json.loads((RECORDED_DIR / f"{name}.json").read_text())
    absent = "<absent>"
    return {
        path: (recorded.get(path, absent), ours.get(path, absent))
        for path in recorded.keys() | ours.keys()
        if recorded.get(path, absent) != ours.get(path, absent)
        and not any(fnmatchcase(path, pattern) for pattern in DIFFERS)
    }


def test_what_inspect_shows_is_what_docker_recorded() -> None:
    assert differences("container-running", encode_container(rich(), AROUND)) == {}


def test_what_the_list_shows_is_what_docker_recorded() -> None:
    row = encode_summary(
        rich(), AROUND.networks, now_ns=NOW_NS + SECOND_NS, image="compat/document:1"
    )
    assert differences("list-running", [row]) == {}


def test_the_host_config_that_was_sent_is_the_one_that_is_shown() -> None:
    shown = encode_host_config(decode_create(RICH))
    for key, value in RICH["HostConfig"].items():
        assert shown[key] == value, key


def test_lists_that_were_not_given_are_null_and_empty_ones_stay_empty() -> None:
    nothing = encode_host_config(decode_create({"Image": "x"}))
    empty = encode_host_config(
        decode_create({"Image": "x", "HostConfig": {"Dns": [], "Devices": [], "Ulimits": []}})
    )
    for key in ("Dns", "Devices", "Ulimits"):
        assert nothing[key] is None, key
        assert empty[key] == [], key


def test_paths_are_masked_unless_it_is_privileged_or_others_are_named() -> None:
    def masked(**host: Any) -> Any:
        return encode_host_config(decode_create({"Image": "x", "HostConfig": host}))["MaskedPaths"]

    assert "/proc/kcore" in masked()
    assert masked(Privileged=True) == []
    assert masked(MaskedPaths=["/a"]) == ["/a"]
    assert masked(MaskedPaths=[]) == []


def test_the_default_network_is_the_bridge() -> None:
    for mode in ("", "default", "bridge"):
        spec = decode_create({"Image": "x", "HostConfig": {"NetworkMode": mode}})
        assert spec.network.mode == "bridge"


def test_an_old_clients_mac_address_goes_to_the_endpoint() -> None:
    spec = decode_create(
        {
            "Image": "x",
            "MacAddress": "02:00:00:00:00:01",
            "NetworkingConfig": {"EndpointsConfig": {"n": None}},
        }
    )
    assert [one.mac for one in spec.network.endpoints] == ["02:00:00:00:00:01"]


@pytest.mark.parametrize(
    ("said", "entrypoint"),
    [(None, None), ([], ()), (["/a", "b"], ("/a", "b")), ("/a b", ("/a b",))],
)
def test_no_entrypoint_and_an_empty_one_are_told_apart(said: Any, entrypoint: Any) -> None:
    assert decode_create({"Image": "x", "Entrypoint": said}).program.entrypoint == entrypoint


HOSTS = [
    {"ConsoleSize": "big"}, {"ConsoleSize": [1]}, {"ConsoleSize": [-1, 1 << 70]},
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_a_size_that_is_none_counts_as_not_said(host: Any) -> None:
    assert decode_create({"Image": "x", "HostConfig": host}).console_size == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Image": ""},
        {"Image": 7},
        {"Image": "x", "Cmd": [1]},
        {"Image": "x", "Cmd": {"a": 1}},
        {"Image": "x", "Env": "A=1 B=2", "Tty": "yes"},
        {"Image": "x", "Labels": ["a"]},
        {"Image": "x", "Labels": {"a": 1}},
        {"Image": "x", "Healthcheck": ["CMD"]},
        {"Image": "x", "Healthcheck": {"Interval": "1s"}},
        {"Image": "x", "ExposedPorts": ["80"]},
        {"Image": "x", "ExposedPorts": {"x": {}}},
        {"Image": "x", "Volumes": ["/x"]},
        {"Image": "x", "StopTimeout": "5"},
        {"Image": "x", "HostConfig": []},
        {"Image": "x", "HostConfig": {"Init": "yes"}},
        {"Image": "x", "HostConfig": {"Mounts": ["x"]}},
        {"Image": "x", "HostConfig": {"Tmpfs": {"/x": 1}}},
        {"Image": "x", "HostConfig": {"PortBindings": {"80": [7]}}},
        {"Image": "x", "HostConfig": {"LogConfig": "json-file"}},
        {"Image": "x", "HostConfig": {"RestartPolicy": {"Name": "sometimes"}}},
        {"Image": "x", "NetworkingConfig": {"EndpointsConfig": {"n": "x"}}},
        {"Image": "x", "NetworkingConfig": {"EndpointsConfig": {"n": {"IPAMConfig": "x"}}}},
    ],
)
def test_a_field_of_another_type_is_the_clients_mistake_and_never_a_fault(body: Any) -> None:
    with pytest.raises(InvalidArgument):
        decode_create(body)


# status -----------------------------------------------------------------------------------


def at(status: Status, **state: Any) -> Container:
    known = ContainerState(**{"started_ns": NOW_NS, "finished_ns": NOW_NS, **state})
    return make_container(state=known, status=status)


@pytest.mark.parametrize(
    ("one", "word", "text"),
    [
        (make_container(), "created", "Created"),
        (make_container(status=Status.CREATED), "created", "Created"),
        (replace(make_container(), state=ContainerState(status=Status.STARTING)), "created",
         "Created"),
        (at(Status.STARTING, exit_code=1), "exited", "Exited (1) 5 minutes ago"),
        (at(Status.RUNNING), "running", "Up 5 minutes"),
        (at(Status.STOPPING), "running", "Up 5 minutes"),
        (at(Status.PAUSED), "paused", "Up 5 minutes (Paused)"),
        (at(Status.RESTARTING, exit_code=2), "restarting", "Restarting (2) 5 minutes ago"),
        (at(Status.EXITED, exit_code=137), "exited", "Exited (137) 5 minutes ago"),
        (at(Status.REMOVING), "removing", "Removal In Progress"),
        (at(Status.GONE), "removing", "Removal In Progress"),
        (at(Status.DEAD), "dead", "Dead"),
    ],
)  # fmt: skip
def test_docker_has_seven_words_for_ten_statuses(one: Container, word: str, text: str) -> None:
    assert state_word(one) == word
    assert status_text(one, NOW_NS + 300 * SECOND_NS) == text


def test_every_status_has_one_of_dockers_words() -> None:
    words = {"created", "running", "paused", "restarting", "removing", "exited", "dead"}
    assert {state_word(at(status)) for status in Status} <= words


def test_what_has_ended_has_neither_pid_nor_addresses() -> None:
    shown = encode_container(rich(Status.EXITED), AROUND)
    assert shown["State"]["Pid"] == 0
    assert shown["NetworkSettings"]["IPAddress"] == ""
    assert shown["NetworkSettings"]["Ports"] == {}
    assert shown["NetworkSettings"]["Networks"]["bridge"]["EndpointID"] == ""


def test_a_time_that_has_not_come_is_dockers_year_one() -> None:
    state = encode_container(make_container(), AROUND)["State"]
    assert state["StartedAt"] == state["FinishedAt"] == "0001-01-01T00:00:00Z"


# exec -------------------------------------------------------------------------------------


def test_an_exec_is_shown_as_it_was_asked_for() -> None:
    request = decode_exec(
        {"Cmd": ["sh", "-c", "x"], "User": "web", "Tty": True, "Privileged": True,
         "AttachStdin": True, "DetachKeys": "ctrl-a"}
    )  # fmt: skip
    shown = encode_exec("x1", "c1", request, {"Running": False, "ExitCode": None, "Pid": 0})
    assert shown["ProcessConfig"] == {
        "tty": True,
        "entrypoint": "sh",
        "arguments": ["-c", "x"],
        "privileged": True,
        "user": "web",
    }
    assert (shown["OpenStdin"], shown["OpenStdout"], shown["ExitCode"]) == (True, False, None)


@pytest.mark.parametrize(
    "body", [{}, {"Cmd": []}, {"Cmd": None}, {"Cmd": 7}, {"Cmd": ["a"], "Env": [1]}]
)
def test_an_exec_without_a_command_or_of_other_types_is_refused(body: Any) -> None:
    with pytest.raises(InvalidArgument):
        decode_exec(body)


def test_a_terminals_size_is_height_and_width() -> None:
    assert decode_console_size({"ConsoleSize": [24, 80]}) == (24, 80)
    assert decode_console_size({"ConsoleSize": None}) == (0, 0)
