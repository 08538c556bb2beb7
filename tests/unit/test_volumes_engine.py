"""Volumes: made once, kept while used, gone with their data."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.fakes import FakeClock, FakeEvents, FakeRows, FakeUsers
from wherry.engine.volumes import Volumes
from wherry.model.errors import Conflict, InvalidArgument, NoSuchVolume, Unsupported
from wherry.model.filters import Filters, filters_of
from wherry.state.layout import Layout


class Rig:
    def __init__(self, tmp_path: Path) -> None:
        self.layout = Layout(data_root=tmp_path, run_root=tmp_path)
        self.layout.trash_dir.mkdir()
        self.rows, self.events, self.users = FakeRows(), FakeEvents(), FakeUsers()
        self.volumes = Volumes(
            rows=self.rows,
            events=self.events,
            clock=FakeClock(),
            folder_of=self.layout.volume_dir,
            trash_dir=self.layout.trash_dir,
        )

    def names(self, **filters: tuple[str, ...]) -> list[str]:
        return [one.name for one in self.volumes.list_volumes(filters_of(filters))]

    async def prune(self, **filters: tuple[str, ...]) -> tuple[list[str], int]:
        gone, freed = await self.volumes.prune(filters_of(filters))
        return list(gone), freed


@pytest.fixture
async def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    await rig.volumes.open(rig.users)
    return rig


async def test_a_volume_is_a_folder_a_row_and_an_event(rig: Rig) -> None:
    made = await rig.volumes.create("data", labels={"tier": "web"})
    assert rig.volumes.mountpoint("data").is_dir()
    assert rig.rows.kept["data"] == made
    assert rig.events.told == ["volume create"]


async def test_a_name_that_is_there_already_is_given_back_as_it_was(rig: Rig) -> None:
    made = await rig.volumes.create("data", labels={"a": "1"})
    assert await rig.volumes.create("data", labels={"a": "2"}) == made
    assert rig.events.told == ["volume create"]


async def test_two_requests_for_one_name_make_one_volume(rig: Rig) -> None:
    first, second = await asyncio.gather(rig.volumes.create("data"), rig.volumes.create("data"))
    assert first is second
    assert rig.events.told == ["volume create"]


async def test_a_volume_that_cannot_be_kept_is_not_there(rig: Rig) -> None:
    rig.rows.failure = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        await rig.volumes.create("data")
    assert rig.volumes.find("data") is None
    assert rig.events.told == []


@pytest.mark.parametrize("name", ["../up", "a", "a/b"])
async def test_a_name_cannot_lead_out_of_the_volumes(rig: Rig, name: str) -> None:
    with pytest.raises(InvalidArgument):
        await rig.volumes.create(name)


@pytest.mark.parametrize(
    ("driver", "options"), [("nfs", {}), ("local", {"type": "nfs", "device": ":/x"})]
)
async def test_what_only_others_can_is_refused_and_not_ignored(
    rig: Rig, driver: str, options: Mapping[str, str]
) -> None:
    with pytest.raises(Unsupported):
        await rig.volumes.create("data", driver=driver, options=options)
    assert rig.names() == []


async def test_a_removed_volume_takes_its_data_with_it(rig: Rig, tmp_path: Path) -> None:
    await rig.volumes.create("data")
    (rig.volumes.mountpoint("data") / "file").write_text("x")
    await rig.volumes.remove("data")
    assert not rig.volumes.mountpoint("data").parent.exists()
    assert list(rig.layout.trash_dir.iterdir()) == []
    assert rig.rows.kept == {}
    assert rig.events.told[-1] == "volume destroy"
    with pytest.raises(NoSuchVolume):
        rig.volumes.get("data")


async def test_a_volume_in_use_stays_whatever_is_asked(rig: Rig) -> None:
    await rig.volumes.create("data")
    rig.users.of["data"] = ["c2", "c1"]
    for force in (False, True):
        with pytest.raises(Conflict, match=r"remove data: volume is in use - \[c1, c2\]"):
            await rig.volumes.remove("data", force=force)
    assert rig.names() == ["data"]


async def test_removing_what_is_not_there_is_a_mistake_unless_forced(rig: Rig) -> None:
    with pytest.raises(NoSuchVolume):
        await rig.volumes.remove("none")
    await rig.volumes.remove("none", force=True)


async def test_a_new_volume_never_loses_its_folder_to_the_removal_of_its_namesake(rig: Rig) -> None:
    await rig.volumes.create("data")
    (rig.volumes.mountpoint("data") / "old").write_text("x")
    _, made = await asyncio.gather(rig.volumes.remove("data"), rig.volumes.create("data"))
    assert rig.volumes.get("data") == made
    assert list(rig.volumes.mountpoint("data").iterdir()) == []
    assert "data" in rig.rows.kept


async def test_a_volume_whose_row_stays_stays_with_its_data(rig: Rig) -> None:
    await rig.volumes.create("data")
    rig.rows.failure = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        await rig.volumes.remove("data")
    assert rig.names() == ["data"]
    assert rig.volumes.mountpoint("data").is_dir()


async def test_prune_takes_only_what_nobody_named_unless_told_otherwise(rig: Rig) -> None:
    await rig.volumes.create("named")
    nameless = await rig.volumes.create()
    used = await rig.volumes.create()
    rig.users.of[used.name] = ["c1"]
    (rig.volumes.mountpoint(nameless.name) / "file").write_bytes(b"12345")
    assert await rig.prune() == ([nameless.name], 5)
    assert await rig.prune(all=("true",)) == (["named"], 0)
    assert rig.names() == [used.name]


async def test_prune_is_narrowed_by_labels_and_by_their_absence(rig: Rig) -> None:
    await rig.volumes.create("keep", labels={"keep": "yes"})
    await rig.volumes.create("drop", labels={"keep": "no"})
    await rig.volumes.create("bare")
    everything = {"all": ("1",)}
    assert await rig.prune(**everything, label=("keep=no",)) == (["drop"], 0)
    # one label that is to be spared is enough
    assert await rig.prune(**everything, **{"label!": ("keep", "other")}) == (["bare"], 0)
    assert rig.names() == ["keep"]


async def test_the_list_is_narrowed_by_every_filter(rig: Rig) -> None:
    await rig.volumes.create("web-data", labels={"tier": "web"})
    await rig.volumes.create("db-data")
    rig.users.of["db-data"] = ["c1"]
    assert rig.names() == ["db-data", "web-data"]
    assert rig.names(name=("web",)) == ["web-data"]
    assert rig.names(label=("tier=web",)) == ["web-data"]
    assert rig.names(dangling=("true",)) == ["web-data"]
    assert rig.names(dangling=("0",)) == ["db-data"]
    assert rig.names(driver=("nfs",)) == []
    with pytest.raises(InvalidArgument, match="invalid filter 'dangling=maybe'"):
        rig.names(dangling=("maybe",))


async def test_what_was_kept_is_there_after_a_restart(rig: Rig, tmp_path: Path) -> None:
    await rig.volumes.create("data")
    again = Volumes(
        rows=rig.rows,
        events=rig.events,
        clock=FakeClock(),
        folder_of=rig.layout.volume_dir,
        trash_dir=rig.layout.trash_dir,
    )
    await again.open(rig.users)
    assert [one.name for one in again.list_volumes(Filters())] == ["data"]
    assert again.unknown_folders(["data", "stray"]) == ["stray"]


async def test_usage_counts_bytes_and_users(rig: Rig) -> None:
    await rig.volumes.create("data")
    folder = rig.volumes.mountpoint("data") / "sub"
    folder.mkdir()
    (folder / "file").write_bytes(b"123")
    rig.users.of["data"] = ["c1", "c2"]
    assert await rig.volumes.usage("data") == (3, 2)
