"""The law for everything that keeps snapshots, on the real kernel."""

import asyncio
import bz2
import gzip
import hashlib
import io
import lzma
import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.tars import Item, file, folder, hard_link, make_tar, symlink
from wherry.drivers.storage.base import Change, PathChange, UnpackLimits
from wherry.drivers.storage.compression import zstd
from wherry.drivers.storage.copying import CopySnapshots
from wherry.drivers.storage.overlay import OverlaySnapshots
from wherry.drivers.storage.unpack import extract_plain
from wherry.kernel.mount import MountFlag, mount, unmount
from wherry.model.errors import InvalidArgument, OutOfSpace, TooLarge

pytestmark = pytest.mark.needs("root", "overlay")

Store = OverlaySnapshots | CopySnapshots


@pytest.fixture(params=[OverlaySnapshots, CopySnapshots], ids=["overlay2", "vfs"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store = request.param(tmp_path / "layers")
    made.probe()
    yield made
    await made.drain()
    assert not [name for name in os.listdir(tmp_path / "layers") if name.startswith(".")]


class Shown:
    """Snapshots mounted for looking and writing; unmounted at the end."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._targets: list[Path] = []

    async def show(self, key: str, *parents: str) -> Path:
        target = self._folder / f"mnt-{key}-{len(self._targets)}"
        target.mkdir()
        await self._store.mount(key, parents, target)
        self._targets.append(target)
        return target

    async def hide(self) -> None:
        while self._targets:
            await self._store.unmount(self._targets.pop())


@pytest.fixture
async def shown(store: Store, tmp_path: Path) -> AsyncIterator[Shown]:
    made = Shown(store, tmp_path)
    yield made
    await made.hide()


BASE = make_tar(
    folder("etc"),
    file("etc/kept", b"kept"),
    file("etc/dropped", b"dropped"),
    folder("opt", mode=0o1777, uid=7),
    file("opt/a", b"a"),
    folder("opt/sub"),
    file("opt/sub/b", b"b"),
)


async def load(store: Store, key: str, parents: list[str], tar: bytes) -> str:
    return (await store.unpack(key, parents, io.BytesIO(tar))).diff_id


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


async def test_a_child_sees_its_parent_and_never_changes_it(store: Store, shown: Shown) -> None:
    await load(store, "1", [], BASE)
    await store.create("2", ["1"])
    child = await shown.show("2", "1")
    (child / "etc/kept").write_text("changed")
    (child / "etc/dropped").unlink()
    await store.create("3", ["1"])
    other = await shown.show("3", "1")
    assert (other / "etc/kept").read_text() == "kept"
    assert (other / "etc/dropped").read_text() == "dropped"
    assert names(child / "etc") == ["kept"]


async def test_unpacking_tells_digest_size_and_entries(store: Store) -> None:
    done = await store.unpack("1", [], io.BytesIO(BASE))
    assert done.diff_id == "sha256:" + hashlib.sha256(BASE).hexdigest()
    assert (done.size_bytes, done.entries) == (13, 7)
    assert await store.size_bytes("1") == 13


async def test_whiteouts_and_opaque_folders_hide_what_parents_have(
    store: Store, shown: Shown
) -> None:
    await load(store, "1", [], BASE)
    layer = make_tar(file("etc/.wh.dropped"), file("opt/.wh..wh..opq"), file("opt/new", b"n"))
    await load(store, "2", ["1"], layer)
    await store.create("3", ["2", "1"])
    tree = await shown.show("3", "2", "1")
    assert names(tree) == ["etc", "etc/kept", "opt", "opt/new"]


@pytest.mark.parametrize("marked_first", [True, False])
async def test_a_whiteout_spares_what_its_own_layer_brings(
    store: Store, shown: Shown, marked_first: bool
) -> None:
    await load(store, "1", [], BASE)
    mark, mine = [file(".wh.opt")], [folder("opt"), file("opt/mine", b"m")]
    items = mark + mine if marked_first else mine + mark
    await load(store, "2", ["1"], make_tar(*items))
    await store.create("3", ["2", "1"])
    assert names(await shown.show("3", "2", "1") / "opt") == ["mine"]


async def test_a_folder_that_a_layer_only_implies_keeps_its_looks(
    store: Store, shown: Shown
) -> None:
    await load(store, "1", [], BASE)
    await load(store, "2", ["1"], make_tar(file("opt/more", b"m")))
    await store.create("3", ["2", "1"])
    found = (await shown.show("3", "2", "1") / "opt").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o1777, 7)
    assert found.st_mtime == 1_700_000_000


async def test_changes_tell_what_docker_diff_tells(store: Store, shown: Shown) -> None:
    await load(store, "1", [], BASE)
    await store.create("2", ["1"])
    tree = await shown.show("2", "1")
    (tree / "etc/kept").write_text("changed")
    (tree / "etc/dropped").unlink()
    (tree / "new").mkdir()
    (tree / "new/file").touch()
    assert await store.changes("2", ["1"]) == [
        PathChange(Change.MODIFIED, "/etc"),
        PathChange(Change.DELETED, "/etc/dropped"),
        PathChange(Change.MODIFIED, "/etc/kept"),
        PathChange(Change.ADDED, "/new"),
        PathChange(Change.ADDED, "/new/file"),
    ]


async def test_a_folder_made_anew_hides_the_old_one_in_changes_and_pack(
    store: Store, shown: Shown
) -> None:
    await load(store, "1", [], BASE)
    await store.create("2", ["1"])
    tree = await shown.show("2", "1")
    (tree / "opt/sub/b").unlink()
    (tree / "opt/sub").rmdir()
    (tree / "opt/sub").mkdir()
    (tree / "opt/sub/c").touch()
    told = {(change.change, change.path) for change in await store.changes("2", ["1"])}
    assert {(Change.DELETED, "/opt/sub/b"), (Change.ADDED, "/opt/sub/c")} <= told
    packed = io.BytesIO()
    await store.pack("2", ["1"], packed)
    await load(store, "3", ["1"], packed.getvalue())
    await store.create("4", ["3", "1"])
    assert names(await shown.show("4", "3", "1") / "opt/sub") == ["c"]


def facts_of(path: Path) -> list[object]:
    facts: list[object] = []
    inodes: dict[int, int] = {}
    for item in sorted(path.rglob("*")):
        found = item.lstat()
        content = item.read_bytes() if stat.S_ISREG(found.st_mode) else b""
        link = os.readlink(item) if stat.S_ISLNK(found.st_mode) else ""
        xattrs = {
            key: os.getxattr(item, key, follow_symlinks=False)
            for key in os.listxattr(item, follow_symlinks=False)
        }
        same = inodes.setdefault(found.st_ino, len(inodes))
        facts.append(
            (item.relative_to(path), found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns,
             1 if stat.S_ISDIR(found.st_mode) else found.st_nlink, found.st_rdev, same,
             content, link, xattrs)
        )  # fmt: skip
    return facts


def furnish(tree: Path) -> None:
    (tree / ("d" * 120)).mkdir()
    (tree / ("d" * 120) / ("f" * 200)).write_bytes(b"long")
    (tree / "suid").write_bytes(b"x" * 100_000)
    os.chown(tree / "suid", 3_000_000, 70)
    (tree / "suid").chmod(0o6755)
    os.setxattr(tree / "suid", "user.colour", b"gr\xfcn\n")
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(tree / "suid", "security.capability", capability)
    (tree / "twin").hardlink_to(tree / "suid")
    (tree / "link").symlink_to("../" + "x" * 150)
    os.chown(tree / "link", 5, 6, follow_symlinks=False)
    os.mknod(tree / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mkfifo(tree / "fifo", 0o600)
    (tree / "big").write_bytes(os.urandom(3_000_001))
    (tree / os.fsdecode(b"\xff\n\x1b")).touch()
    (tree / "empty").mkdir(mode=0o2750)
    for item in [*tree.rglob("*")]:
        os.utime(item, ns=(5, 1_600_000_000_123_456_789), follow_symlinks=False)


async def test_packing_and_unpacking_give_the_same_tree_back(store: Store, shown: Shown) -> None:
    await store.create("1", [])
    tree = await shown.show("1")
    furnish(tree)
    first, second = io.BytesIO(), io.BytesIO()
    digest = await store.pack("1", [], first)
    assert digest == await store.pack("1", [], second)
    assert digest == "sha256:" + hashlib.sha256(first.getvalue()).hexdigest()
    await load(store, "2", [], first.getvalue())
    assert facts_of(await shown.show("2")) == facts_of(tree)


async def test_an_export_of_the_merged_tree_gives_the_same_tree_back(
    store: Store, shown: Shown, tmp_path: Path
) -> None:
    await load(store, "1", [], BASE)
    await store.create("2", ["1"])
    tree = await shown.show("2", "1")
    furnish(tree)
    exported = io.BytesIO()
    await store.pack_tree(tree, exported)
    target = tmp_path / "plain"
    target.mkdir()
    exported.seek(0)
    await extract_plain(target, exported)
    assert facts_of(target) == facts_of(tree)


@pytest.mark.parametrize(
    "compress",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        zstd.compress,
        lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]) + bytes(512),
    ],
    ids=["gzip", "bzip2", "xz", "zstd", "gzip of two members"],
)
async def test_compressed_layers_are_unpacked(store: Store, compress: object) -> None:
    assert callable(compress)

    async def stream() -> AsyncIterator[bytes]:
        data = compress(BASE)
        for at in range(0, len(data), 100):
            yield data[at : at + 100]

    done = await store.unpack("1", [], stream())
    assert done.diff_id == "sha256:" + hashlib.sha256(BASE).hexdigest()


@pytest.mark.parametrize(
    "data",
    [
        b"no tar at all" * 100,
        BASE[:700],
        gzip.compress(BASE)[:-20],
        gzip.compress(BASE)[:-6] + b"\0\0\0\0\0\0",
        gzip.compress(BASE) + b"garbage",
        make_tar(file("x", b"x", checksum_field=b"000001\0 ")),
        make_tar(file("x", b"x", size_field=b"-0000000001\0")),
        make_tar(file("x", b"x", size_field=b"\xff" * 12)),
        make_tar(file("x", b"x", size_field=b"\x80" + b"\xff" * 11)),
        make_tar(file("x", records={b"size": b"99999999999999999999"})),
        make_tar(file("x", records={b"uid": b"4294967296"})),
    ],
)
async def test_a_broken_layer_leaves_nothing(store: Store, data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        await store.unpack("1", [], io.BytesIO(data))
    assert await store.list_keys() == ()


HUGE_HOLE = {b"GNU.sparse.map": b"0,1", b"GNU.sparse.size": b"%d" % (1 << 62)}


@pytest.mark.parametrize(
    ("tar", "limits"),
    [
        (make_tar(*(file(f"f{n}") for n in range(20))), UnpackLimits(entries=10)),
        (make_tar(file("big", bytes(4 << 20))), UnpackLimits(size_bytes=1 << 20)),
        (
            make_tar(file("hole", b"\0", records=HUGE_HOLE)),
            UnpackLimits(),
        ),
    ],
    ids=["entries", "bytes", "hole"],
)  # fmt: skip
async def test_a_layer_beyond_its_limits_leaves_nothing(
    store: Store, tar: bytes, limits: UnpackLimits
) -> None:
    with pytest.raises(TooLarge):
        await store.unpack("1", [], io.BytesIO(tar), limits=limits)
    assert await store.list_keys() == ()


async def test_a_bomb_is_noticed_by_its_ratio(store: Store) -> None:
    header = make_tar(file("zeros", size_field=b"%011o\0" % (8 << 30 >> 1)), end=False)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as squeezed:
        squeezed.write(header)
        for _ in range(300):
            squeezed.write(bytes(1 << 20))
    packed.seek(0)
    with pytest.raises(TooLarge, match="times its size"):
        await store.unpack("1", [], packed, limits=UnpackLimits(ratio=10))
    assert await store.list_keys() == ()


async def test_a_cancelled_unpack_leaves_nothing(store: Store) -> None:
    waiting = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        yield BASE[:1024] + bytes(0)
        yield make_tar(file("large", bytes(2 << 20)), end=False)
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(_unpack(store, stream()))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.list_keys() == ()


async def _unpack(store: Store, stream: AsyncIterator[bytes]) -> None:
    await store.unpack("1", [], stream)


async def test_everything_may_be_done_twice(store: Store, shown: Shown) -> None:
    await load(store, "1", [], BASE)
    await load(store, "1", [], BASE)
    await store.create("2", ["1"])
    await store.create("2", ["1"])
    target = await shown.show("2", "1")
    await store.unmount(target)
    await store.unmount(target)
    await store.unmount(target / "missing")
    await store.remove("2")
    await store.remove("2")
    assert await store.list_keys() == ("1",)


async def test_leftovers_are_listed_and_can_be_removed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "layers/.new-7/diff").mkdir(parents=True)
    (tmp_path / "layers/.gone-8-1-1").mkdir()
    assert set(await store.list_keys()) == {".new-7", ".gone-8-1-1"}
    for key in await store.list_keys():
        await store.remove(key)
    assert await store.list_keys() == ()


@pytest.mark.parametrize("key", ["", ".", "..", "a/b", "../x", "1\n", "-x"])
async def test_a_key_is_never_a_path(store: Store, key: str) -> None:
    with pytest.raises(InvalidArgument):
        await store.create(key, [])
    with pytest.raises(InvalidArgument):
        await store.remove(key)


async def test_a_very_deep_tree_can_be_removed(store: Store, shown: Shown) -> None:
    await store.create("1", [])
    tree = await shown.show("1")
    here = os.open(tree, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    await shown.hide()
    await store.remove("1")
    await store.drain()


@pytest.fixture
def hundred() -> Iterator[list[str]]:
    yield [str(number) for number in range(100, 0, -1)]


async def test_a_hundred_layers_can_be_shown(tmp_path: Path, hundred: list[str]) -> None:
    store = OverlaySnapshots(tmp_path / "layers")
    for key in hundred:
        await store.create(key, [])
        (tmp_path / "layers" / key / "diff" / f"from-{key}").touch()
    await store.create("top", hundred)
    target = tmp_path / "mnt"
    target.mkdir()
    await store.mount("top", hundred, target)
    try:
        assert len(os.listdir(target)) == 100
    finally:
        await store.unmount(target)


async def test_gnu_sparse_files_get_their_holes(store: Store, shown: Shown, tmp_path: Path) -> None:
    holey = tmp_path / "holey"
    with holey.open("wb") as out:
        for n in range(40):
            out.seek(n * 200_000)
            out.write(b"%d" % n * 5000)
        out.truncate(9_000_000)
    tree = None
    for number, form in enumerate(["gnu", "pax --sparse-version=0.1", "pax --sparse-version=1.0"]):
        archive = tmp_path / f"{number}.tar"
        command = f"tar -C {tmp_path} -S --format={form} -cf {archive} holey"
        process = await asyncio.create_subprocess_shell(command)
        assert await process.wait() == 0
        assert archive.stat().st_size < 2_000_000
        with archive.open("rb") as tar:
            await store.unpack(str(number), [], tar)
        tree = await shown.show(str(number))
        assert (tree / "holey").read_bytes() == holey.read_bytes(), form
        assert (tree / "holey").stat().st_blocks < 9_000_000 // 512 // 2


async def test_a_link_to_a_link_of_this_layer_is_one(store: Store, shown: Shown) -> None:
    tar = make_tar(symlink("one", "nowhere"), hard_link("two", "one"), Item(name=b"three"))
    await load(store, "1", [], tar)
    assert os.readlink(await shown.show("1") / "two") == "nowhere"


@pytest.mark.parametrize("kind", [OverlaySnapshots, CopySnapshots])
async def test_a_full_disk_is_told_and_nothing_is_kept(tmp_path: Path, kind: type[Store]) -> None:
    mount("tmpfs", tmp_path, "tmpfs", MountFlag.NONE, "size=4m")
    try:
        store = kind(tmp_path / "layers")
        tar = make_tar(*(file(f"f{number}", bytes(1 << 20)) for number in range(8)))
        with pytest.raises(OutOfSpace):
            await store.unpack("1", [], io.BytesIO(tar))
        assert await store.list_keys() == ()
        await store.unpack("1", [], io.BytesIO(BASE))
    finally:
        unmount(tmp_path)


async def test_a_volatile_mount_shows_the_same(store: Store, tmp_path: Path) -> None:
    await load(store, "1", [], BASE)
    await store.create("2", ["1"])
    target = tmp_path / "mnt"
    target.mkdir()
    await store.mount("2", ["1"], target, volatile=True)
    try:
        (target / "new").touch()
        assert sorted(os.listdir(target)) == ["etc", "new", "opt"]
    finally:
        await store.unmount(target)
