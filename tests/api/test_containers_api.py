"""``/containers`` over a real socket, with a small service behind it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.conftest import Answer, Client, serving, soon
from tests.support.fakes import ID, NOW_NS, FakeContainers, make_container
from wherry.api import containers
from wherry.engine.containers.listing import FILTERS
from wherry.engine.containers.service import Ended
from wherry.model.container import Container, ContainerSpec
from wherry.model.errors import AlreadySo, Conflict, LaunchFailed, PortTaken
from wherry.model.filters import Filters
from wherry.model.lifecycle import Status
from wherry.model.network import Network
from wherry.wire.containers import Surroundings


class FakeWaiting:
    def __init__(self, ends: asyncio.Event) -> None:
        self._ends = ends

    async def ended(self) -> Ended:
        await self._ends.wait()
        return Ended(exit_code=7)


class Recorder(FakeContainers):
    """Remembers what was asked, and fails as it is told to."""

    def __init__(self, *kept: Container) -> None:
        super().__init__(*kept)
        self.calls: list[tuple[Any, ...]] = []
        self.specs: list[ContainerSpec] = []
        self.failure: Exception | None = None
        self.ends = asyncio.Event()

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure

    async def create(self, spec: ContainerSpec, name: str = "") -> tuple[Container, Sequence[str]]:
        self._note("create", name)
        self.specs.append(spec)
        return make_container(spec=spec, name=name or "made"), ["mind the gap"]

    async def start(self, wanted: str) -> None:
        self._note("start", wanted)

    async def stop(
        self, wanted: str, *, grace_s: int | None = None, signal: str | None = None
    ) -> None:
        self._note("stop", wanted, grace_s, signal)

    async def restart(
        self, wanted: str, *, grace_s: int | None = None, signal: str | None = None
    ) -> None:
        self._note("restart", wanted, grace_s, signal)

    async def kill(self, wanted: str, signal: str = "") -> None:
        self._note("kill", wanted, signal)

    async def pause(self, wanted: str) -> None:
        self._note("pause", wanted)

    async def unpause(self, wanted: str) -> None:
        self._note("unpause", wanted)

    async def rename(self, wanted: str, new_name: str) -> None:
        self._note("rename", wanted, new_name)

    async def wait(self, wanted: str, condition: str = "not-running") -> FakeWaiting:
        self._note("wait", wanted, condition)
        return FakeWaiting(self.ends)

    async def remove(self, wanted: str, *, force: bool = False, volumes: bool = False) -> None:
        self._note("remove", wanted, force, volumes)

    async def resize(self, wanted: str, *, height: int, width: int) -> None:
        self._note("resize", wanted, height, width)

    async def prune(self, filters: Filters) -> tuple[Sequence[str], int]:
        self._note("prune", dict(filters.entries))
        return [], 0


class FakeAround:
    filter_keys = FILTERS

    def __init__(self) -> None:
        self.selected: list[tuple[Mapping[str, Any], bool, int]] = []

    def surroundings(self, container: Container) -> Surroundings:
        return Surroundings(
            networks={}, container_dir="/c", log_path="/l", sandbox_path="/s",
            storage_driver="overlay2", storage_data={},
        )  # fmt: skip

    def networks(self) -> Mapping[str, Network]:
        return {}

    def image_name(self, container: Container) -> str:
        return container.spec.image

    def select(
        self,
        containers: Sequence[Container],
        filters: Filters,
        *,
        all_of_them: bool,
        limit: int,
        word_of: Callable[[Container], str],
    ) -> Sequence[Container]:
        self.selected.append((dict(filters.entries), all_of_them, limit))
        return containers

    async def sizes(self, container: Container) -> tuple[int, int]:
        return 5, 500

    def now_ns(self) -> int:
        return NOW_NS


@pytest.fixture
def service() -> Recorder:
    return Recorder(make_container(status=Status.RUNNING))


@pytest.fixture
def around() -> FakeAround:
    return FakeAround()


@pytest.fixture
async def engine(tmp_path: Path, service: Recorder, around: FakeAround) -> AsyncIterator[Client]:
    async with serving(tmp_path, containers.routes(service, around)) as client:
        yield client


def message(answer: Answer) -> str:
    return str(json.loads(answer.body)["message"])


async def post(engine: Client, target: str, body: Any = None) -> Answer:
    if body is None:
        return await engine.ask("POST", target)
    return await engine.ask(
        "POST", target, json.dumps(body).encode(), Content_Type="application/json"
    )


async def test_create_answers_201_with_the_id_and_the_warnings(
    engine: Client, service: Recorder
) -> None:
    answer = await post(engine, "/v1.51/containers/create?name=web", {"Image": "bb", "Tty": True})
    assert answer.status == 201
    assert json.loads(answer.body) == {"Id": ID, "Warnings": ["mind the gap"]}
    assert service.calls == [("create", "web")]
    assert service.specs[0].program.terminal


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "got EOF while reading request body"),
        (b"[]", "an object is needed"),
        (b"{", "invalid JSON"),
        (b"{}", "config cannot be empty in order to create a container"),
        (b'{"Image": 7}', "cannot unmarshal number"),
        (b'{"Image": "x", "HostConfig": {"PortBindings": {"80": ["x"]}}}', "cannot unmarshal"),
    ],
)
async def test_a_body_that_makes_no_sense_is_a_400(
    engine: Client, service: Recorder, body: bytes, words: str
) -> None:
    answer = await engine.ask("POST", "/containers/create", body, Content_Type="application/json")
    assert answer.status == 400
    assert words in message(answer)
    assert service.calls == []


async def test_an_old_clients_annotations_are_not_looked_at(
    engine: Client, service: Recorder
) -> None:
    body = {"Image": "x", "HostConfig": {"Annotations": {"a": "b"}}}
    await post(engine, "/v1.42/containers/create", body)
    await post(engine, "/v1.43/containers/create", body)
    assert [dict(one.annotations) for one in service.specs] == [{}, {"a": "b"}]


@pytest.mark.parametrize(
    ("method", "target", "call"),
    [
        ("POST", "/containers/web/start", ("start", "web")),
        ("POST", "/containers/web/stop", ("stop", "web", None, None)),
        ("POST", "/containers/web/stop?t=3&signal=INT", ("stop", "web", 3, "INT")),
        ("POST", "/containers/web/stop?t=-1", ("stop", "web", -1, None)),
        ("POST", "/containers/web/restart?t=0", ("restart", "web", 0, None)),
        ("POST", "/containers/web/kill", ("kill", "web", "")),
        ("POST", "/containers/web/kill?signal=HUP", ("kill", "web", "HUP")),
        ("POST", "/containers/web/pause", ("pause", "web")),
        ("POST", "/containers/web/unpause", ("unpause", "web")),
        ("POST", "/containers/web/rename?name=new", ("rename", "web", "new")),
        ("DELETE", "/containers/web", ("remove", "web", False, False)),
        ("DELETE", "/containers/web?force=1&v=true", ("remove", "web", True, True)),
        ("POST", "/containers/web%20x/start", ("start", "web x")),
    ],
)
async def test_what_is_asked_is_passed_on_and_answered_with_nothing(
    engine: Client, service: Recorder, method: str, target: str, call: tuple[Any, ...]
) -> None:
    answer = await engine.ask(method, target)
    assert (answer.status, answer.body) == (204, b"")
    assert service.calls == [call]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (AlreadySo("container is already running"), 304),
        (LaunchFailed("no such file", exit_code=127), 400),
        (LaunchFailed("out of luck"), 500),
        (PortTaken("0.0.0.0", 80), 500),
        (Conflict("container is paused"), 409),
    ],
)
async def test_a_start_that_fails_says_why(
    engine: Client, service: Recorder, failure: Exception, status: int
) -> None:
    service.failure = failure
    answer = await post(engine, "/containers/web/start")
    assert answer.status == status
    if status == 304:
        assert answer.body == b""
    else:
        assert message(answer) == str(failure)


async def test_a_start_with_settings_in_its_body_is_refused(
    engine: Client, service: Recorder
) -> None:
    answer = await post(engine, "/containers/web/start", {"Binds": ["/:/host"]})
    assert answer.status == 400
    assert "starting container with non-empty request body" in message(answer)
    assert service.calls == []
    assert (await post(engine, "/containers/web/start", {})).status == 204


async def test_grace_that_is_no_number_is_a_400(engine: Client, service: Recorder) -> None:
    answer = await post(engine, "/containers/web/stop?t=soon")
    assert answer.status == 400
    assert service.calls == []


async def test_wait_sends_its_headers_at_once_and_the_code_when_it_ends(
    engine: Client, service: Recorder
) -> None:
    reader, writer = await engine.connect()
    writer.write(b"POST /v1.51/containers/web/wait?condition=next-exit HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await soon(reader.readuntil(b"\r\n\r\n"))
    assert head.startswith(b"HTTP/1.1 200")
    assert service.calls == [("wait", "web", "next-exit")]
    service.ends.set()
    await soon(reader.readline())
    assert json.loads(await soon(reader.readline())) == {"StatusCode": 7}
    writer.close()


async def test_the_list_passes_on_what_it_is_narrowed_by(
    engine: Client, around: FakeAround
) -> None:
    filters = quote('{"status":{"exited":true},"label":{"a=b":true}}')
    answer = await engine.ask("GET", f"/containers/json?all=1&limit=5&size=1&filters={filters}")
    (row,) = json.loads(answer.body)
    assert (row["Id"], row["SizeRw"], row["SizeRootFs"]) == (ID, 5, 500)
    assert around.selected == [({"status": ("exited",), "label": ("a=b",)}, True, 5)]
    (row,) = json.loads((await engine.ask("GET", "/containers/json")).body)
    assert "SizeRw" not in row


@pytest.mark.parametrize(
    "query", ['filters={"zz":["a"]}', "filters={", "limit=x", 'filters={"all":["1"]}']
)
async def test_a_list_that_cannot_be_narrowed_so_is_refused(engine: Client, query: str) -> None:
    answer = await engine.ask("GET", f"/containers/json?{quote(query, safe='=&')}")
    assert answer.status == 400


async def test_inspect_tells_sizes_only_when_asked(engine: Client) -> None:
    plain = json.loads((await engine.ask("GET", f"/containers/{ID[:12]}/json")).body)
    sized = json.loads((await engine.ask("GET", f"/containers/{ID}/json?size=1")).body)
    assert plain["Id"] == sized["Id"] == ID
    assert "SizeRw" not in plain
    assert (sized["SizeRw"], sized["SizeRootFs"]) == (5, 500)


async def test_what_is_not_there_is_a_404(engine: Client) -> None:
    answer = await engine.ask("GET", "/containers/nobody/json")
    assert (answer.status, message(answer)) == (404, "No such container: nobody")


async def test_removing_a_link_is_refused_and_removes_nothing(
    engine: Client, service: Recorder
) -> None:
    answer = await engine.ask("DELETE", "/containers/web?link=1")
    assert answer.status == 400
    assert service.calls == []


async def test_resize_needs_both_numbers(engine: Client, service: Recorder) -> None:
    assert (await post(engine, "/containers/web/resize?h=24&w=80")).status == 200
    assert (await post(engine, "/containers/web/resize?h=24")).status == 400
    assert service.calls == [("resize", "web", 24, 80)]


async def test_prune_refuses_a_filter_that_it_does_not_know(
    engine: Client, service: Recorder
) -> None:
    answer = await post(engine, "/containers/prune")
    assert json.loads(answer.body) == {"ContainersDeleted": None, "SpaceReclaimed": 0}
    name = quote('{"name":["web"]}')
    assert (await post(engine, f"/containers/prune?filters={name}")).status == 400
    assert service.calls == [("prune", {})]
