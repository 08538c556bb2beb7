"""Which containers a list shows."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.support.fakes import NOW_NS, make_container, make_spec
from wherry.engine.containers.listing import FILTERS, select
from wherry.model.container import Container, ContainerState, NetworkSpec, ProgramSpec
from wherry.model.errors import InvalidArgument, NoSuchContainer
from wherry.model.filters import filters_of
from wherry.model.lifecycle import Status
from wherry.model.mounts import MountKind, MountPoint
from wherry.model.network import Endpoint
from wherry.model.ports import ANY_IPV4, ContainerPort, PublishedPort, Transport
from wherry.wire.containers import state_word

HTTP = ContainerPort(number=80)
DNS = ContainerPort(number=53, transport=Transport.UDP)


def one(number: int, name: str, status: Status, **spec: object) -> Container:
    return make_container(
        f"{number:x}" * 64, name=name, status=status, created_ns=NOW_NS + number,
        spec=make_spec(**spec),
    )  # fmt: skip


WEB = replace(
    one(
        3, "web", Status.RUNNING,
        program=ProgramSpec(command=("x",), labels={"tier": "front"}, exposed_ports=(HTTP, DNS)),
    ),
    mounts=(MountPoint(kind=MountKind.VOLUME, destination="/data", name="web-data"),),
    state=ContainerState(
        status=Status.RUNNING, started_ns=1,
        endpoints=(Endpoint(id="e", network_id="n1", container_id="c"),),
        published=(PublishedPort(port=HTTP, host_ip=ANY_IPV4, host_port=8080),),
    ),
)  # fmt: skip
PAUSED = one(2, "web-two", Status.PAUSED)
DEAD = replace(
    one(1, "job", Status.EXITED, network=NetworkSpec(mode="back")),
    state=ContainerState(status=Status.EXITED, started_ns=1, exit_code=3),
)
NEW = one(0, "new", Status.CREATED)
EVERY = [WEB, PAUSED, DEAD, NEW]  # newest first


def names(
    filters: Mapping[str, str | tuple[str, ...]] | None = None,
    *,
    all_of_them: bool = False,
    limit: int = 0,
) -> str:
    entries = {
        key: (value,) if isinstance(value, str) else value for key, value in (filters or {}).items()
    }
    found = select(
        EVERY,
        filters_of(entries),
        all_of_them=all_of_them,
        limit=limit,
        word_of=state_word,
        network_names={"n1": "front-net"},
        descends_from=lambda container, wanted: wanted == container.spec.image,
    )
    return " ".join(container.name for container in found)


def test_only_what_runs_is_shown_unless_more_is_asked_for() -> None:
    assert names() == "web web-two"
    assert names(all_of_them=True) == "web web-two job new"


def test_a_limit_counts_the_newest_of_all() -> None:
    assert names(limit=3) == "web web-two job"
    assert names(limit=-1) == "web web-two"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"status": "exited"}, "job"),
        ({"status": ("created", "paused")}, "web-two new"),
        ({"exited": "3"}, "job"),
        ({"exited": "0"}, ""),
        ({"before": "web-two"}, "job new"),
        ({"since": "job"}, "web web-two"),
        ({"since": "/job"}, "web web-two"),
        ({"since": "1111"}, "web web-two"),
        ({"name": "web"}, "web web-two"),
        ({"name": "^web$"}, "web"),
        ({"name": "/web"}, "web web-two"),
        ({"name": "two$"}, "web-two"),
        ({"name": "eb-t"}, "web-two"),
        ({"id": "33"}, "web"),
        ({"label": "tier"}, "web"),
        ({"label": "tier=back"}, ""),
        ({"label": ("tier=front", "other")}, ""),
        ({"volume": "web-data"}, "web"),
        ({"volume": "/data"}, "web"),
        ({"network": "front-net"}, "web"),
        ({"network": "n1"}, "web"),
        ({"publish": "80"}, "web"),
        ({"publish": "70-90/tcp"}, "web"),
        ({"publish": "80/udp"}, ""),
        ({"expose": "53/udp"}, "web"),
        ({"ancestor": "busybox"}, "web web-two"),
        ({"ancestor": "alpine"}, ""),
        ({"health": "none"}, "web web-two"),
        ({"health": "healthy"}, ""),
        ({"is-task": "true"}, ""),
    ],
)
def test_each_filter_finds_what_it_should(filters: dict[str, str], found: str) -> None:
    assert names(filters) == found


def test_what_does_not_run_is_in_the_network_it_will_join() -> None:
    assert names({"network": "back"}, all_of_them=True) == "job"
    assert names({"network": "bridge"}, all_of_them=True) == "new"


@pytest.mark.parametrize(
    "filters",
    [
        {"status": "up"},
        {"health": "ill"},
        {"exited": "three"},
        {"exited": "--3"},
        {"publish": "0"},
        {"publish": "70000"},
        {"publish": "9-5"},
        {"expose": "80/x"},
    ],
)
def test_values_that_make_no_sense_are_refused(filters: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match="invalid filter"):
        names(filters)


def test_before_and_since_need_a_container_that_there_is() -> None:
    for key in ("before", "since"):
        for wanted in ("nobody", "", "/"):
            with pytest.raises(NoSuchContainer):
                names({key: wanted})


def test_every_filter_that_is_known_does_something() -> None:
    ignored = {"isolation"}  # for Windows
    tried = {
        "ancestor", "before", "exited", "id", "label", "name", "status", "health", "since",
        "volume", "network", "is-task", "publish", "expose",
    }  # fmt: skip
    assert tried | ignored == FILTERS
