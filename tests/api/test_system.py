"""The engine's own endpoints, over a real socket with small services behind them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.api.conftest import Client, serving, soon
from wherry.api import system
from wherry.engine.events import Events
from wherry.model.system import (
    AddressPool,
    Component,
    EngineInfo,
    EngineVersion,
    RuntimeEntry,
    UsageKind,
)
from wherry.state.db import Database
from wherry.state.events import EventRows
from wherry.wire.documents import Json
from wherry.wire.system import encode_disk_usage
from wherry.wire.versions import ApiVersion

NO_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
    "to connect this node to swarm and try again."
)


class FakeSystem:
    async def version(self) -> EngineVersion:
        return EngineVersion(
            version="1.2.3",
            arch="amd64",
            kernel_version="6.1",
            components=(Component(name="crun", version="1.8.1"),),
        )

    async def info(self) -> EngineInfo:
        return EngineInfo(
            id="x",
            name="host",
            version="1.2.3",
            running=1,
            stopped=2,
            storage_driver="overlay2",
            storage_status=(("Backing Filesystem", "extfs"),),
            data_root="/d",
            cgroup_version=2,
            runtimes={"crun": RuntimeEntry(path="/usr/bin/crun", features="{}")},
            default_runtime="crun",
            kernel_version="6.1",
            operating_system="Debian",
            machine="x86_64",
            cpus=2,
            memory_bytes=1,
            time_ns=1_700_000_000_000_000_001,
            address_pools=(AddressPool(base="172.17.0.0/12", size=16),),
        )


class FakeUsage:
    async def disk_usage(self, kinds: frozenset[UsageKind], version: ApiVersion) -> Json:
        return encode_disk_usage(kinds, layers_bytes=7)


@pytest.fixture
async def events(tmp_path: Path) -> AsyncIterator[Events]:
    database = Database(tmp_path / "state.db")
    await database.open()
    events = Events(EventRows(database))
    await events.start()
    yield events
    await events.close()
    await database.close()


@pytest.fixture
async def engine(tmp_path: Path, events: Events) -> AsyncIterator[Client]:
    async with serving(tmp_path, system.routes(FakeSystem(), events, FakeUsage())) as client:
        yield client


async def test_ping_is_exactly_ok_and_says_what_clients_need(engine: Client) -> None:
    for target in ("/_ping", "/v1.24/_ping"):
        answer = await engine.ask("GET", target)
        assert answer.body == b"OK"
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["api-version"] == "1.51"
        assert answer.headers["builder-version"] == "1"
        assert answer.headers["swarm"] == "inactive"
        assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate"
        assert answer.headers["pragma"] == "no-cache"
        head = await engine.ask("HEAD", target)
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "0")


async def test_version_is_complete(engine: Client) -> None:
    version = json.loads((await engine.ask("GET", "/version")).body)
    assert version["ApiVersion"] == "1.51"
    assert version["MinAPIVersion"] == "1.24"
    assert version["Platform"]["Name"]
    assert [one["Name"] for one in version["Components"]] == ["Engine", "crun"]
    for key in ("Version", "Os", "Arch", "KernelVersion", "GitCommit", "GoVersion", "BuildTime"):
        assert isinstance(version[key], str)


async def test_info_has_what_clients_trip_over(engine: Client) -> None:
    info = json.loads((await engine.ask("GET", "/info")).body)
    assert info["CgroupVersion"] == "2"
    assert info["Containers"] == 3
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    assert info["Plugins"]["Volume"] == ["local"]
    assert info["DefaultAddressPools"] == [{"Base": "172.17.0.0/12", "Size": 16}]
    assert info["RegistryConfig"]["IndexConfigs"]["docker.io"]["Official"] is True
    assert info["SystemTime"] == "2023-11-14T22:13:20.000000001Z"
    assert "KernelMemory" not in info
    assert "BridgeNfIptables" not in info


async def test_info_for_an_older_client(engine: Client) -> None:
    info = json.loads((await engine.ask("GET", "/v1.40/info")).body)
    assert info["KernelMemory"] is True
    assert info["BridgeNfIptables"] is False
    assert "FirewallBackend" not in info
    assert info["Runtimes"] == {"crun": {"path": "/usr/bin/crun"}}


async def test_swarm_is_absent_in_dockers_words(engine: Client) -> None:
    for method, target in (
        ("GET", "/swarm"),
        ("GET", "/nodes"),
        ("GET", "/services/x"),
        ("POST", "/secrets/create"),
        ("GET", "/tasks/x/logs"),
    ):
        answer = await engine.ask(method, "/v1.51" + target)
        assert (answer.status, json.loads(answer.body)) == (503, {"message": NO_MANAGER})
    leave = await engine.ask("POST", "/swarm/leave")
    assert json.loads(leave.body) == {"message": "This node is not part of a swarm"}


async def test_there_are_no_plugins(engine: Client) -> None:
    assert (await engine.ask("GET", "/plugins")).body == b"[]\n"
    answer = await engine.ask("GET", "/plugins/a/b:c/json")
    assert (answer.status, json.loads(answer.body)) == (
        404,
        {"message": 'plugin "a/b:c" not found'},
    )


async def test_session_and_grpc_are_not_there(engine: Client) -> None:
    for target in ("/session", "/grpc"):
        assert (await engine.ask("POST", target)).status == 404


async def test_disk_usage_is_narrowed_by_type(engine: Client) -> None:
    usage = json.loads((await engine.ask("GET", "/system/df?type=volume&type=container")).body)
    assert usage == {
        "LayersSize": 0,
        "Images": None,
        "Containers": [],
        "Volumes": [],
        "BuildCache": None,
    }
    answer = await engine.ask("GET", "/system/df?type=foo")
    assert json.loads(answer.body) == {"message": "unknown object type: foo"}


async def test_login_fails_as_for_a_registry_out_of_reach(engine: Client) -> None:
    answer = await engine.ask(
        "POST",
        "/auth",
        b'{"username":"a","password":"secret","serveraddress":"https://r.example/v1/"}',
        Content_Type="application/json",
    )
    assert answer.status == 500
    assert json.loads(answer.body)["message"].startswith('Get "https://r.example/v2/": ')
    assert b"secret" not in answer.body


async def listeners_leave(events: Events) -> None:
    while events.listeners:  # noqa: ASYNC110 - the server tells nobody when a stream has ended
        await asyncio.sleep(0.01)


async def test_events_send_their_headers_at_once_and_then_what_happens(
    engine: Client, events: Events
) -> None:
    reader, writer = await engine.connect()
    writer.write(b"GET /v1.51/events HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await soon(reader.readuntil(b"\r\n\r\n"))
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert events.listeners == 1
    events.publish(
        kind="container", action="start", actor_id="c1", attributes={"image": "bb", "name": "web"}
    )
    await soon(reader.readline())  # the chunk's length
    event = json.loads(await soon(reader.readline()))
    assert list(event)[:3] == ["status", "id", "from"]
    assert (event["status"], event["id"], event["from"]) == ("start", "c1", "bb")
    assert event["Actor"] == {"ID": "c1", "Attributes": {"image": "bb", "name": "web"}}
    assert event["scope"] == "local"
    assert event["timeNano"] // 10**9 == event["time"]
    writer.close()
    await soon(listeners_leave(events))


async def test_events_of_the_past_are_told_again(engine: Client, events: Events) -> None:
    for number in range(3):
        events.publish(kind="volume", action="create", actor_id=f"v{number}", attributes={})
    until = time.time() + 0.05
    answer = await engine.ask("GET", f"/events?since=0.5&until={until:.9f}")
    told = [json.loads(line)["Actor"]["ID"] for line in answer.body.splitlines()]
    assert told == ["v0", "v1", "v2"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("since=10&until=5", "`since` time (10) cannot be after `until` time (5)"),
        ("filters={", "invalid filter"),
        ('filters={"zz":["a"]}', "invalid filter 'zz'"),
    ],
)
async def test_wrong_questions_about_events_are_refused(
    engine: Client, events: Events, query: str, message: str
) -> None:
    answer = await engine.ask("GET", f"/events?{quote(query, safe='=&')}")
    assert (answer.status, json.loads(answer.body)) == (400, {"message": message})
    assert events.listeners == 0
