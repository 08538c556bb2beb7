"""Layers that want out: each is refused, or does in its own tree only what it says.

Beside every store stands a canary: files, a folder and a device that no layer may change, link to
or reveal.
"""

import io
import lzma
import os
import random
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.tars import Item, file, folder, hard_link, make_tar, symlink
from wherry.drivers.storage.base import Unpacked
from wherry.drivers.storage.copying import CopySnapshots
from wherry.drivers.storage.overlay import OverlaySnapshots
from wherry.drivers.storage.unpack import extract_plain
from wherry.model.errors import InvalidArgument, WherryError

pytestmark = pytest.mark.needs("root", "overlay")

Store = OverlaySnapshots | CopySnapshots


@pytest.fixture(params=[OverlaySnapshots, CopySnapshots], ids=["overlay2", "vfs"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    canary = tmp_path / "canary"
    (canary / "victim").mkdir(parents=True)
    (canary / "victim/file").write_text("still there")
    (canary / "secret").write_text("secret")
    (canary / "secret").chmod(0o600)
    before = look_at(canary)
    made: Store = request.param(tmp_path / "layers")
    await made.unpack("1", [], io.BytesIO(make_tar(folder("etc"), file("etc/passwd", b"root"))))
    yield made
    await made.drain()
    assert look_at(canary) == before


def look_at(root: Path) -> list[object]:
    facts: list[object] = []
    for item in sorted(root.rglob("*")):
        found = item.lstat()
        content = item.read_bytes() if item.is_file() else b""
        facts.append(
            (str(item), found.st_mode, found.st_uid, found.st_nlink, found.st_ino, content)
        )
    return facts


async def load(store: Store, *items: Item) -> Unpacked:
    return await store.unpack("2", ["1"], io.BytesIO(make_tar(*items)))


def tree_of(store: Store, tmp_path: Path) -> Path:
    return tmp_path / "layers/2" / ("diff" if store.name == "overlay2" else "tree")


def canary_in(tmp_path: Path) -> str:
    return str(tmp_path / "canary")


@pytest.mark.parametrize(
    "items",
    [
        [file("../canary/secret", b"evil")],
        [file("a/../../canary/secret", b"evil")],
        [file("x", b"evil", records={b"path": b"../../canary/secret"})],
        [folder(".."), file("x")],
        [symlink("../l", "x")],
        [hard_link("../h", "x")],
        [file("../.wh.canary")],
    ],
)
async def test_names_that_lead_out_are_refused(store: Store, items: list[Item]) -> None:
    with pytest.raises(InvalidArgument, match="invalid entry name"):
        await load(store, *items)
    assert await store.list_keys() == ("1",)


async def test_absolute_names_are_inside(store: Store, tmp_path: Path) -> None:
    await load(store, file("/abs", b"in"), file("/../up", b"in"), file("a/./b/../c", b"in"))
    tree = tree_of(store, tmp_path)
    assert [(tree / name).read_bytes() for name in ("abs", "up", "a/c")] == [b"in"] * 3


@pytest.mark.parametrize("target", ["{canary}", "../../../canary", "../../canary", "/"])
async def test_writing_through_a_planted_link_stays_inside(
    store: Store, tmp_path: Path, target: str
) -> None:
    planted = target.format(canary=canary_in(tmp_path))
    items = [symlink("l", planted), file("l/secret", b"evil"), file("l/new", b"evil")]
    try:
        await load(store, *items)
    except InvalidArgument:
        assert await store.list_keys() == ("1",)


async def test_a_chain_of_links_longer_than_a_path_stays_inside(
    store: Store, tmp_path: Path
) -> None:
    long = "d" * 247
    items: list[Item] = []
    way = ""
    for step in "abcdefghijklmnop":
        items += [folder(f"{way}{long}"), symlink(f"{way}{step}", long)]
        way += f"{step}/"
    items += [symlink(f"{way}out", "../" * 16), file(f"{way}out/../canary/secret", b"evil")]
    with pytest.raises(InvalidArgument):
        await load(store, *items, hard_link("h", f"{way}out/canary/secret"))


@pytest.mark.parametrize(
    "items",
    [
        [hard_link("h", "{canary}/secret")],
        [hard_link("h", "../../canary/secret")],
        [symlink("l", "{canary}"), hard_link("h", "l/secret")],
        [hard_link("h", "missing")],
        [folder("d"), hard_link("h", "d")],
        [hard_link("h", "etc/passwd")],
        [hard_link("h", "/")],
        [hard_link("h", "h")],
    ],
)
async def test_hard_links_to_anything_but_this_layers_files_are_refused(
    store: Store, tmp_path: Path, items: list[Item]
) -> None:
    canary = os.fsencode(canary_in(tmp_path))
    told = [
        Item(name=item.name, kind=item.kind, link=item.link.replace(b"{canary}", canary))
        for item in items
    ]
    with pytest.raises(InvalidArgument):
        await load(store, *told)


async def test_a_hard_link_to_a_link_is_the_link_not_what_it_leads_to(
    store: Store, tmp_path: Path
) -> None:
    target = f"{canary_in(tmp_path)}/secret"
    await load(store, symlink("l", target), hard_link("h", "l"), file("after", b"x"))
    assert os.readlink(tree_of(store, tmp_path) / "h") == target


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "etc/.wh.", "etc/.wh..", "etc/.wh..."])
async def test_whiteouts_of_nothing_or_of_folders_above_are_refused(
    store: Store, name: str
) -> None:
    with pytest.raises(InvalidArgument, match="invalid whiteout entry"):
        await load(store, file(name))


@pytest.mark.parametrize("mark", [".wh.file", ".wh..wh..opq", ".wh.victim"])
async def test_whiteouts_through_a_planted_link_hit_nothing_outside(
    store: Store, tmp_path: Path, mark: str
) -> None:
    try:
        await load(store, symlink("l", f"{canary_in(tmp_path)}/victim"), file(f"l/{mark}"))
    except InvalidArgument:
        pass


async def test_a_whiteout_is_no_folder_to_write_into(store: Store) -> None:
    with pytest.raises(InvalidArgument, match="invalid whiteout entry"):
        await load(store, file("etc/.wh.x/../y"), file("etc/.wh.x/y"))


@pytest.mark.parametrize("kind", [b"0", b"5", b"2", b"3"])
async def test_looks_are_never_changed_through_a_link(
    store: Store, tmp_path: Path, kind: bytes
) -> None:
    first = symlink("l", f"{canary_in(tmp_path)}/secret")
    await load(
        store, first, Item(name=b"l", kind=kind, link=b"x", mode=0o777, uid=9, device=(1, 3))
    )
    assert os.lstat(tree_of(store, tmp_path) / "l").st_uid == 9


async def test_a_folder_takes_the_place_of_a_link(store: Store, tmp_path: Path) -> None:
    await load(store, symlink("d", canary_in(tmp_path)), folder("d"), file("d/secret", b"mine"))
    tree = tree_of(store, tmp_path)
    assert not (tree / "d").is_symlink()
    assert (tree / "d/secret").read_bytes() == b"mine"


async def test_a_link_that_takes_a_folders_place_does_not_get_its_looks(
    store: Store, tmp_path: Path
) -> None:
    await load(store, folder("d", mode=0o777, uid=9), symlink("d", canary_in(tmp_path)))
    assert (tree_of(store, tmp_path) / "d").is_symlink()


async def test_of_two_entries_with_one_name_the_last_counts(store: Store, tmp_path: Path) -> None:
    await load(
        store,
        file("a", b"1"), file("a", b"2"),
        folder("b"), file("b/below"), file("b", b"3"),
        file("c", b"4"), folder("c"), file("c/below", b"5"),
        Item(name=b"d", data=b"6", records={b"path": b"e"}),
    )  # fmt: skip
    tree = tree_of(store, tmp_path)
    assert (tree / "a").read_bytes() == b"2"
    assert (tree / "b").read_bytes() == b"3"
    assert (tree / "c/below").read_bytes() == b"5"
    assert not (tree / "d").exists()


async def test_a_file_is_no_folder_to_write_into(store: Store) -> None:
    with pytest.raises(InvalidArgument):
        await load(store, file("a", b"1"), file("a/b", b"2"))


async def test_overlays_own_attributes_are_left_out(store: Store, tmp_path: Path) -> None:
    forged = {
        b"SCHILY.xattr." + key: b"y"
        for key in (
            b"trusted.overlay.opaque", b"trusted.overlay.redirect", b"trusted.overlay.metacopy",
            b"user.overlay.opaque", b"user.fine",
        )
    }  # fmt: skip
    await load(store, folder("d", records=forged), file("f", records=forged))
    tree = tree_of(store, tmp_path)
    assert os.listxattr(tree / "d") == os.listxattr(tree / "f") == ["user.fine"]


async def test_a_node_that_overlayfs_takes_for_a_whiteout_is_one(
    store: Store, tmp_path: Path
) -> None:
    await load(store, folder("etc"), Item(name=b"etc/passwd", kind=b"3", device=(0, 0)))
    await store.create("3", ["2", "1"])
    target = tmp_path / "mnt"
    target.mkdir()
    await store.mount("3", ["2", "1"], target)
    try:
        assert os.listdir(target / "etc") == []
    finally:
        await store.unmount(target)


async def test_devices_and_fifos_are_made_and_not_opened(store: Store, tmp_path: Path) -> None:
    nodes = [
        Item(name=b"disk", kind=b"4", device=(254, 0), mode=0o666),
        Item(name=b"null", kind=b"3", device=(1, 3)),
        Item(name=b"fifo", kind=b"6"),
    ]
    await load(store, *nodes)
    tree = tree_of(store, tmp_path)
    assert stat.S_ISBLK((tree / "disk").stat().st_mode)
    assert (tree / "disk").stat().st_rdev == os.makedev(254, 0)
    assert stat.S_ISFIFO((tree / "fifo").stat().st_mode)
    assert await store.size_bytes("2") == 0


async def test_names_nobody_can_print_are_kept(store: Store, tmp_path: Path) -> None:
    await load(store, Item(name=b"a\nb\x1b[31m"), Item(name=b"\xff\xfe"))
    names = os.listdir(os.fsencode(tree_of(store, tmp_path)))
    assert {b"a\nb\x1b[31m", b"\xff\xfe"} <= set(names)


@pytest.mark.parametrize(
    "records",
    [
        {b"path": b"/".join([b"d" * 200] * 60)},
        {b"path": b"n" * 300},
        {b"path": b"a\0b"},
        {b"linkpath": b"x" * 5000},
        {b"comment": b"c" * (2 << 20)},
    ],
)
async def test_names_and_records_beyond_measure_are_refused(
    store: Store, records: dict[bytes, bytes]
) -> None:
    with pytest.raises(InvalidArgument):
        await load(store, file("x", records=records))


@pytest.mark.parametrize("kind", [b"V", b"M", b"D", b"\xff"])
async def test_entries_of_an_unknown_kind_are_refused(store: Store, kind: bytes) -> None:
    with pytest.raises(InvalidArgument, match="unhandled tar header type"):
        await load(store, Item(name=b"x", kind=kind))


async def test_an_archive_that_never_moves_on_ends_soon(store: Store) -> None:
    """A member of negative size would make a careless reader read it for ever."""
    started = time.monotonic()
    with pytest.raises(InvalidArgument):
        await load(store, file("x", size_field=b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\x00"))
    assert time.monotonic() - started < 5


async def test_headers_with_flipped_bits_are_an_answer_not_a_fault(store: Store) -> None:
    chance = random.Random(1)
    good = bytearray(
        make_tar(folder("d"), file("d/f", b"data", records={b"mtime": b"1.5"}), symlink("l", "d/f"))
    )
    for _ in range(40):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 20)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        for at in range(0, len(bad) - 1024, 512):  # so that more than the checksum is tried
            bad[at + 148 : at + 156] = b" " * 8
            bad[at + 148 : at + 156] = b"%06o\0 " % sum(bad[at : at + 512])
        try:
            await store.unpack("2", ["1"], io.BytesIO(bytes(bad)))
        except WherryError:
            pass


async def test_programs_in_the_tree_are_not_run(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    for name in ("xz", "gzip", "unpigz"):
        (root / "usr/bin" / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (root / "usr/bin" / name).chmod(0o755)
    await extract_plain(root, io.BytesIO(lzma.compress(make_tar(file("f", b"x")))))
    assert (root / "f").read_bytes() == b"x"
    assert not (tmp_path / "ran").exists()


async def test_a_plain_archive_stays_in_its_root_and_gives_no_name_a_meaning(
    tmp_path: Path,
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "home").mkdir(parents=True)
    outside.mkdir()
    (root / "leads-out").symlink_to(outside)
    (root / "up").symlink_to("../../outside")
    archive = make_tar(file(".wh.home", b"kept"), file("f", b"x"))
    await extract_plain(root, io.BytesIO(archive), folder="/home", owner=(7, 8))
    assert sorted(os.listdir(root / "home")) == [".wh.home", "f"]
    assert (root / "home/f").stat().st_uid == 7
    for way in ("/leads-out", "/up"):
        with pytest.raises(InvalidArgument):
            await extract_plain(root, io.BytesIO(archive), folder=way)
    for way in ("leads-out", "up"):
        with pytest.raises(InvalidArgument):
            await extract_plain(root, io.BytesIO(make_tar(file(f"{way}/f", b"x"))))
    assert os.listdir(outside) == []


async def test_a_strict_plain_archive_does_not_swap_folders_and_files(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for item in (file("folder", b"x"), folder("file")):
        with pytest.raises(InvalidArgument, match="cannot overwrite"):
            await extract_plain(tmp_path, io.BytesIO(make_tar(item)), strict=True)
    with pytest.raises(InvalidArgument, match="invalid device"):
        await extract_plain(tmp_path, io.BytesIO(make_tar(Item(name=b"n", kind=b"3"))))
