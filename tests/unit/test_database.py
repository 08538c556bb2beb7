"""The database: a change is whole or not at all, and the schema comes up to date."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import make_container
from wherry.model.errors import Unsupported
from wherry.model.lifecycle import Status
from wherry.model.network import Network
from wherry.model.volume import Volume
from wherry.state.containers import ContainerRows
from wherry.state.db import Database
from wherry.state.layout import Layout
from wherry.state.networks import NetworkRows
from wherry.state.volumes import VolumeRows

FULL, NORMAL = 2, 1


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    database = Database(tmp_path / "state.db")
    await database.open()
    yield database
    await database.close()


def pragma(rows: sqlite3.Connection, name: str) -> Any:
    return rows.execute(f"PRAGMA {name}").fetchone()[0]


async def reopened(database: Database, path: Path) -> Database:
    await database.close()
    again = Database(path)
    await again.open()
    return again


async def test_a_new_file_gets_every_migration(database: Database) -> None:
    version = await database.read(lambda rows: pragma(rows, "user_version"))
    tables = await database.read(
        lambda rows: {row[0] for row in rows.execute("SELECT name FROM sqlite_master")}
    )
    assert version >= 1
    assert {"containers", "images", "layers", "volumes", "networks", "events"} <= tables


async def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        database = Database(tmp_path / "state.db")
        await database.open()
        await database.write(lambda rows: rows.execute("UPDATE volumes SET name = name"))
        await database.close()


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=9999")
    connection.close()
    database = Database(path)
    with pytest.raises(Unsupported, match="has schema 9999") as refused:
        await database.open()
    assert refused.value.hint
    await database.close()
    connection = sqlite3.connect(path)
    assert pragma(connection, "user_version") == 9999
    connection.close()


async def test_what_is_no_database_is_a_fault_and_leaves_no_connection(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("not a database at all" * 100)
    database = Database(path)
    with pytest.raises(sqlite3.DatabaseError):
        await database.open()
    with pytest.raises(RuntimeError, match="not open"):
        await database.read(lambda rows: None)
    await database.close()


async def test_a_durable_change_is_synced_and_only_that_one(database: Database) -> None:
    def look(rows: sqlite3.Connection) -> Any:
        return pragma(rows, "synchronous")

    assert await database.write(look) == NORMAL
    assert await database.write(look, durable=True) == FULL
    assert await database.write(look) == NORMAL


async def test_a_durable_change_that_fails_does_not_make_the_next_ones_slow(
    database: Database,
) -> None:
    with pytest.raises(ZeroDivisionError):
        await database.write(lambda rows: 1 // 0, durable=True)
    assert await database.write(lambda rows: pragma(rows, "synchronous")) == NORMAL


async def test_a_change_that_fails_half_way_did_not_happen(database: Database) -> None:
    def change(rows: sqlite3.Connection) -> None:
        rows.execute("INSERT INTO volumes VALUES ('v', '{}')")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(change)
    count = await database.read(lambda rows: rows.execute("SELECT * FROM volumes").fetchall())
    assert count == []


async def test_accesses_happen_in_the_order_they_were_asked_for(database: Database) -> None:
    seen: list[int] = []
    database.post(lambda rows: seen.append(0))
    await asyncio.gather(
        *(database.write(lambda rows, n=n: seen.append(n)) for n in range(1, 6))  # type: ignore[misc]
    )
    assert seen == [0, 1, 2, 3, 4, 5]


async def test_what_was_queued_is_there_after_closing(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    await database.open()
    database.post(lambda rows: rows.execute("INSERT INTO volumes VALUES ('v', '{}')"))
    again = await reopened(database, tmp_path / "state.db")
    found = await again.read(lambda rows: rows.execute("SELECT name FROM volumes").fetchone()[0])
    assert found == "v"
    await again.close()


async def test_another_connection_sees_what_was_committed(
    database: Database, tmp_path: Path
) -> None:
    rows = ContainerRows(database)
    await rows.insert(make_container())
    other = sqlite3.connect(tmp_path / "state.db")
    assert other.execute("SELECT count(*) FROM containers").fetchone()[0] == 1
    other.close()


# rows -------------------------------------------------------------------------------------


async def test_a_container_is_kept_with_its_last_state(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database(path)
    await database.open()
    rows = ContainerRows(database)
    await rows.insert(make_container())
    running = make_container(status=Status.RUNNING)
    await rows.save_state(running)
    again = await reopened(database, path)
    assert await ContainerRows(again).load() == [running]
    await again.close()


async def test_a_new_name_does_not_touch_the_state(database: Database) -> None:
    rows = ContainerRows(database)
    await rows.insert(make_container(status=Status.RUNNING))
    await rows.save_record(make_container(name="new", status=Status.CREATED))
    (kept,) = await rows.load()
    assert (kept.name, kept.state.status) == ("new", Status.RUNNING)


async def test_two_containers_cannot_have_one_name(database: Database) -> None:
    rows = ContainerRows(database)
    await rows.insert(make_container())
    with pytest.raises(sqlite3.IntegrityError):
        await rows.insert(make_container("f" * 64))


async def test_a_start_does_not_wait_for_the_disk_and_a_new_name_does(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: list[int] = []
    write = Database._write

    def watch(self: Database, change: Any, durable: bool) -> Any:
        levels.append(FULL if durable else NORMAL)
        return write(self, change, durable)

    monkeypatch.setattr(Database, "_write", watch)
    rows, container = ContainerRows(database), make_container()
    await rows.insert(container)
    await rows.save_state(container)
    await rows.save_record(container)
    assert levels == [NORMAL, NORMAL, FULL]


async def test_deleted_rows_are_gone(database: Database) -> None:
    containers, volumes = ContainerRows(database), VolumeRows(database)
    one, volume = make_container(), Volume(name="v", created_ns=1)
    await containers.insert(one)
    await volumes.insert(volume)
    assert await volumes.load() == [volume]
    await containers.delete(one.id)
    await volumes.delete("v")
    assert await containers.load() == []
    assert await volumes.load() == []


async def test_a_network_that_is_saved_twice_is_one(database: Database) -> None:
    rows = NetworkRows(database)
    network = Network(id="n", name="net", driver="bridge", created=datetime.now(UTC))
    await rows.save(network)
    await rows.save(network)
    assert await rows.load() == [network]
    await rows.delete("n")
    assert await rows.load() == []


def test_every_path_is_below_one_of_the_roots() -> None:
    layout = Layout(data_root=Path("/d"), run_root=Path("/r"))
    properties = [name for name, one in vars(Layout).items() if isinstance(one, property)]
    methods = ("container_dir", "log_path", "bundle_dir", "rootfs_dir", "exit_dir", "exec_dir")
    paths = [getattr(layout, name) for name in properties]
    paths += [getattr(layout, name)("x") for name in (*methods, "volume_dir")]
    assert len(set(paths)) == len(paths)
    for path in paths:
        assert path.parts[1] in ("d", "r"), path
