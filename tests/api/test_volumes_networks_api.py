"""``/volumes`` and ``/networks`` over a real socket, with small services behind them."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.conftest import Answer, Client, serving
from wherry.api import networks, volumes
from wherry.model.container import Container
from wherry.model.errors import Conflict, Forbidden, NoSuchNetwork, NoSuchVolume
from wherry.model.filters import Filters
from wherry.model.network import Endpoint, Network
from wherry.model.volume import Volume

NEVER = quote('{"never":["x"]}')
WEB = Network(id="n" * 64, name="web", driver="bridge", created=datetime(2024, 1, 1, tzinfo=UTC))


class FakeVolumes:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.failure: Exception | None = None

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure

    def get(self, name: str) -> Volume:
        if name != "data":
            raise NoSuchVolume(name)
        return Volume(name=name, created_ns=1)

    def mountpoint(self, name: str) -> Path:
        return Path("/v") / name / "_data"

    def list_volumes(self, filters: Filters) -> Sequence[Volume]:
        self._note("list", dict(filters.entries))
        return [self.get("data")]

    async def create(
        self,
        name: str = "",
        *,
        driver: str = "local",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume:
        self._note("create", name, driver, options, labels)
        return Volume(name=name or "made", created_ns=1, labels=labels or {})

    async def remove(self, name: str, *, force: bool = False) -> None:
        self._note("remove", name, force)

    async def prune(self, filters: Filters) -> tuple[Sequence[str], int]:
        self._note("prune", dict(filters.entries))
        return ["old"], 7


class FakeNetworks:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.failure: Exception | None = None

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure

    def get(self, wanted: str) -> Network:
        if wanted != "web":
            raise NoSuchNetwork(wanted)
        return WEB

    def list_networks(self, filters: Filters) -> Sequence[Network]:
        self._note("list", dict(filters.entries))
        return [WEB]

    def members(self, network: Network) -> Sequence[tuple[Container, Endpoint]]:
        return []

    async def create(self, **wanted: Any) -> Network:
        self._note("create", wanted["name"], wanted["driver"])
        return WEB

    async def remove(self, wanted: str) -> None:
        self._note("remove", wanted)

    async def prune(self, filters: Filters) -> Sequence[str]:
        self._note("prune", dict(filters.entries))
        return []


@pytest.fixture
def kept() -> FakeVolumes:
    return FakeVolumes()


@pytest.fixture
def joined() -> FakeNetworks:
    return FakeNetworks()


@pytest.fixture
async def engine(tmp_path: Path, kept: FakeVolumes, joined: FakeNetworks) -> AsyncIterator[Client]:
    async with serving(tmp_path, volumes.routes(kept), networks.routes(joined)) as client:
        yield client


async def post(engine: Client, target: str, body: bytes = b"") -> Answer:
    return await engine.ask("POST", target, body, Content_Type="application/json")


def message(answer: Answer) -> str:
    return str(json.loads(answer.body)["message"])


async def test_a_volume_is_made_as_it_was_asked_for(engine: Client, kept: FakeVolumes) -> None:
    body = b'{"Name":"data","DriverOpts":{"o":"p"},"Labels":{"a":"b"}}'
    answer = await post(engine, "/volumes/create", body)
    shown = json.loads(answer.body)
    assert (answer.status, shown["Name"], shown["Mountpoint"]) == (201, "data", "/v/data/_data")
    assert kept.calls == [("create", "data", "local", {"o": "p"}, {"a": "b"})]


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
async def test_a_volume_needs_nothing_said(engine: Client, kept: FakeVolumes, body: bytes) -> None:
    assert (await post(engine, "/volumes/create", body)).status == 201
    assert kept.calls == [("create", "", "local", {}, {})]


async def test_volumes_are_listed_in_an_object(engine: Client) -> None:
    shown = json.loads((await engine.ask("GET", "/volumes")).body)
    assert [one["Name"] for one in shown["Volumes"]] == ["data"]
    assert shown["Warnings"] is None


async def test_a_volume_that_is_not_there_is_a_404(engine: Client) -> None:
    answer = await engine.ask("GET", "/volumes/none")
    assert (answer.status, message(answer)) == (404, "get none: no such volume")


async def test_a_volume_in_use_is_a_409(engine: Client, kept: FakeVolumes) -> None:
    kept.failure = Conflict("remove data: volume is in use - [c1]")
    assert (await engine.ask("DELETE", "/volumes/data?force=1")).status == 409
    assert kept.calls == [("remove", "data", True)]


async def test_clients_before_1_42_prune_volumes_with_names_too(
    engine: Client, kept: FakeVolumes
) -> None:
    answer = await post(engine, "/v1.42/volumes/prune")
    assert json.loads(answer.body) == {"VolumesDeleted": ["old"], "SpaceReclaimed": 7}
    await post(engine, "/v1.41/volumes/prune")
    assert kept.calls == [("prune", {}), ("prune", {"all": ("true",)})]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/volumes/prune"),
        ("GET", "/volumes"),
        ("POST", "/networks/prune"),
        ("GET", "/networks"),
    ],
)
async def test_no_filter_is_ignored(
    engine: Client, kept: FakeVolumes, joined: FakeNetworks, method: str, target: str
) -> None:
    answer = await engine.ask(method, f"{target}?filters={NEVER}")
    assert (answer.status, message(answer)) == (400, "invalid filter 'never'")
    assert kept.calls == joined.calls == []


async def test_a_network_is_made_and_its_id_told(engine: Client, joined: FakeNetworks) -> None:
    answer = await post(engine, "/networks/create", b'{"Name":"web","CheckDuplicate":true}')
    assert (answer.status, json.loads(answer.body)) == (201, {"Id": WEB.id, "Warning": ""})
    assert joined.calls == [("create", "web", "bridge")]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Name":"x","IPAM":{"Config":[{"Subnet":"x"}]}}'])
async def test_a_network_that_cannot_be_is_a_400(
    engine: Client, joined: FakeNetworks, body: bytes
) -> None:
    assert (await post(engine, "/networks/create", body)).status == 400
    assert joined.calls == []


@pytest.mark.parametrize(("failure", "status"), [(Conflict("taken"), 409), (Forbidden("no"), 403)])
async def test_a_network_that_may_not_be_says_why(
    engine: Client, joined: FakeNetworks, failure: Exception, status: int
) -> None:
    joined.failure = failure
    answer = await post(engine, "/networks/create", b'{"Name":"x"}')
    assert (answer.status, message(answer)) == (status, str(failure))
    assert (await engine.ask("DELETE", "/networks/web")).status == status


async def test_networks_are_listed_and_looked_at(engine: Client) -> None:
    listed = json.loads((await engine.ask("GET", "/networks")).body)
    shown = json.loads((await engine.ask("GET", "/networks/web")).body)
    assert [one["Name"] for one in listed] == ["web"]
    assert (shown["Id"], shown["Containers"]) == (WEB.id, {})
    answer = await engine.ask("GET", "/networks/none")
    assert (answer.status, message(answer)) == (404, "network none not found")


@pytest.mark.parametrize("verb", ["connect", "disconnect"])
async def test_changing_networks_later_is_refused_and_not_ignored(
    engine: Client, verb: str
) -> None:
    answer = await post(engine, f"/networks/web/{verb}", b'{"Container":"c1"}')
    assert answer.status == 501
