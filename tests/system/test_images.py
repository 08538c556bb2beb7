"""The image service on real storage: bytes in, bytes out, and nothing left behind."""

import asyncio
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from wherry.api.images import routes
from wherry.drivers.bootstrap.busybox import Binary, is_static_program, render_tree
from wherry.drivers.bootstrap.choice import choose_builder
from wherry.drivers.bootstrap.mmdebstrap import Target, plan_sources
from wherry.drivers.storage.blobs import FileBlobs
from wherry.drivers.storage.overlay import OverlaySnapshots
from wherry.engine.clock import SystemClock
from wherry.engine.images.bootstrap import Bootstrap
from wherry.engine.images.results import ImageLoaded, LayerLoaded, NameMoved
from wherry.engine.images.service import Images
from wherry.http.messages import Call, Reply
from wherry.model.errors import InvalidArgument, NoSuchImage, WherryError
from wherry.model.filters import Filters, filters_of
from wherry.model.image import HistoryEntry, Image, ImageConfig
from wherry.model.platform import Platform
from wherry.model.reference import Reference
from wherry.state.db import Database
from wherry.state.images import ImageRows

pytestmark = pytest.mark.needs("root", "overlay")

CANARY = b"the host's own secret"


class Host:
    """The image service with everything below it, in one folder; can be started again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.in_use: dict[str, bool] = {}
        self.layers: set[str] = set()
        self.told: list[tuple[str, str]] = []
        self.database: Database
        self.images: Images

    async def start(self) -> None:
        self.root.mkdir(exist_ok=True)
        self.database = Database(self.root / "state.db")
        await self.database.open()
        self.snapshots = OverlaySnapshots(self.root / "layers")
        self.blobs = FileBlobs(self.root / "content")
        self.images = Images(
            rows=ImageRows(self.database),
            snapshots=self.snapshots,
            blobs=self.blobs,
            events=self,
            clock=SystemClock(),
            unpacks_at_once=2,
        )
        await self.images.open(self, ())

    async def stop(self) -> None:
        await self.database.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def using_image(self, image_id: str) -> Sequence[tuple[str, bool]]:
        return [("f" * 64, self.in_use[image_id])] if image_id in self.in_use else []

    def layers_in_use(self) -> Collection[str]:
        return self.layers

    def publish(
        self, *, kind: str, action: str, actor_id: str, attributes: Mapping[str, str]
    ) -> None:
        self.told.append((action, attributes.get("name", "")))

    async def kept(self) -> tuple[set[str], set[str]]:
        """Snapshots and blobs on the disk."""
        return set(await self.snapshots.list_keys()), set(self.blobs.list_digests())

    async def assert_consistent(self) -> None:
        known = self.images.catalogue
        snapshots, blobs = await self.kept()
        assert snapshots == {one.snapshot for one in known.layers.values()}
        assert blobs == {one.blob for one in known.layers.values()} | set(known.images)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    made = Host(tmp_path / "host")
    await made.start()
    yield made
    await made.stop()


async def pieces(data: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def collected(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


def a_tar(files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return made.getvalue()


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def a_config(*layers: bytes, **changes: Any) -> bytes:
    document: dict[str, Any] = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "config": {"Cmd": ["x"]},
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
        **changes,
    }
    return json.dumps(document).encode()


def an_archive(
    config: bytes,
    layers: Iterable[bytes],
    *,
    tags: Sequence[str] = ("it:1",),
    compress: Callable[[bytes], bytes] = bytes,
    entry: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
    links: Mapping[str, str] | None = None,
) -> bytes:
    named = {f"{at}/layer.tar": compress(layer) for at, layer in enumerate(layers)}
    manifest = {"Config": "config.json", "RepoTags": list(tags), "Layers": list(named)}
    manifest.update(entry or {})
    members = {
        **named,
        "config.json": config,
        "manifest.json": json.dumps([manifest]).encode(),
        **(files or {}),
    }
    return a_tar(members, links=links)


def a_layout(
    config: bytes,
    layers: Sequence[bytes],
    *,
    size_change: int = 0,
    name: str = "docker.io/library/it:1",
    blobs: Mapping[str, bytes] | None = None,
) -> bytes:
    def pointer(data: bytes, media: str, **more: Any) -> dict[str, Any]:
        return {"mediaType": media, "digest": sha256(data), "size": len(data), **more}

    kind = "application/vnd.oci.image"
    described = [pointer(one, f"{kind}.layer.v1.tar") for one in layers]
    for one in described:
        one["size"] += size_change
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": pointer(config, f"{kind}.config.v1+json"),
            "layers": described,
        }
    ).encode()
    index = {
        "schemaVersion": 2,
        "manifests": [
            pointer(
                manifest,
                f"{kind}.manifest.v1+json",
                annotations={"io.containerd.image.name": name},
            )
        ],
    }
    named = {f"blobs/sha256/{sha256(one)[7:]}": one for one in (config, manifest, *layers)}
    return a_tar(
        {
            "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
            "index.json": json.dumps(index).encode(),
            **named,
            **(blobs or {}),
        }
    )


LOWER = a_tar({"a": b"1" * 100_000, "b": b"2"})
UPPER = a_tar({"c": b"3"})
CONFIG = a_config(LOWER, UPPER)


async def load(host: Host, archive: bytes, platform: Platform | None = None) -> list[Any]:
    return [step async for step in host.images.load(pieces(archive), platform=platform)]


async def import_tar(host: Host, name: str | None = "it:1", tar: bytes = LOWER) -> Image:
    reference = Reference.parse(name) if name else None
    return await host.images.import_tar(pieces(tar), reference=reference)


# import


async def test_an_imported_tar_is_an_image_that_survives_a_restart(host: Host) -> None:
    image = await host.images.import_tar(
        pieces(LOWER),
        reference=Reference.parse("it"),
        message="hello",
        changes=['CMD ["sh"]'],
        platform=Platform.parse("linux/arm64/v8"),
    )
    await host.restart()
    found = host.images.get("it")
    assert found == image
    assert (found.diff_ids, found.size_bytes) == ((sha256(LOWER),), 100_001)
    assert (found.comment, found.config.command) == ("hello", ("sh",))
    assert str(found.platform) == "linux/arm64/v8"
    assert sha256(host.blobs.read(found.id)) == found.id
    (key,) = host.images.layers_of(found)
    mounted = host.root / "mounted"
    mounted.mkdir()
    await host.snapshots.create("77", [key])
    await host.snapshots.mount("77", [key], mounted)
    try:
        assert (mounted / "b").read_text() == "2"
    finally:
        await host.snapshots.unmount(mounted)
        await host.snapshots.remove("77")
    await host.assert_consistent()
    assert [one for one in host.told if one[0] != "prune"] == [
        ("tag", "it:latest"),
        ("import", image.id),
    ]


@pytest.mark.parametrize("mode", ["gz", "bz2", "xz"])
async def test_compressed_tars_are_imported(host: Host, mode: str) -> None:
    import bz2
    import lzma

    compress: dict[str, Callable[[bytes], bytes]] = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
    }
    image = await import_tar(host, tar=compress[mode](LOWER))
    assert image.diff_ids == (sha256(LOWER),)
    saved = await collected(host.images.save(["it:1"]))
    other = Host(host.root / "other")
    await other.start()
    try:
        await load(other, saved)
        assert other.images.get("it:1").id == image.id
        assert await collected(other.images.save(["it:1"])) == saved
    finally:
        await other.stop()


@pytest.mark.parametrize("tar", [LOWER[:70_000], b"rubbish" * 1000, gzip.compress(LOWER)[:200]])
async def test_a_broken_tar_leaves_nothing(host: Host, tar: bytes) -> None:
    with pytest.raises(InvalidArgument):
        await import_tar(host, tar=tar)
    assert not host.images.catalogue.images
    assert await host.kept() == (set(), set())


async def test_a_client_that_hangs_up_leaves_nothing(host: Host) -> None:
    async def hang_up() -> AsyncIterator[bytes]:
        yield LOWER[:5000]
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await host.images.import_tar(hang_up(), reference=None)
    assert await host.kept() == (set(), set())


async def test_the_same_tar_twice_is_one_layer(host: Host) -> None:
    await asyncio.gather(*(import_tar(host, f"it:{at}") for at in range(4)))
    assert len(host.images.catalogue.layers) == 1
    await host.assert_consistent()


# save and load


async def test_what_is_saved_is_loaded_with_the_same_ids_and_bytes(
    host: Host, tmp_path: Path
) -> None:
    await load(host, an_archive(CONFIG, [LOWER, UPPER], tags=["it:1", "me/it:2"]))
    await import_tar(host, "other:1", UPPER)
    saved = await collected(host.images.save(["it:1", "me/it", "other:1"]))
    other = Host(tmp_path / "other")
    await other.start()
    try:
        told = await load(other, saved)
        names = [str(one.reference) for one in told if isinstance(one, ImageLoaded)]
        assert [one.removeprefix("docker.io/") for one in names] == [
            "library/it:1",
            "me/it:2",
            "library/other:1",
        ]
        assert other.images.get("it:1").id == sha256(CONFIG)
        assert await collected(other.images.save(["it:1", "me/it", "other:1"])) == saved
        await other.assert_consistent()
    finally:
        await other.stop()


async def test_saving_by_id_keeps_no_name(host: Host) -> None:
    image = await import_tar(host)
    saved = await collected(host.images.save([image.id]))
    await host.images.remove("it:1")
    (_, loaded) = await load(host, saved)
    assert loaded == ImageLoaded(image_id=image.id, reference=None)
    with tarfile.open(fileobj=io.BytesIO(saved)) as tar:
        assert "repositories" not in tar.getnames()


async def test_saving_what_is_not_there_sends_nothing(host: Host) -> None:
    with pytest.raises(NoSuchImage, match=r"^No such image: nope$"):
        host.images.save(["nope"])


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
async def test_both_forms_of_archive_are_loaded(
    host: Host, compress: Callable[[bytes], bytes]
) -> None:
    for archive in (
        an_archive(CONFIG, [LOWER, UPPER], compress=compress),
        compress(an_archive(CONFIG, [LOWER, UPPER])),
        compress(a_layout(CONFIG, [LOWER, UPPER])),
    ):
        told = await load(host, archive)
        assert told[-1] == ImageLoaded(image_id=sha256(CONFIG), reference=Reference.parse("it:1"))
        assert len([one for one in told if isinstance(one, LayerLoaded)]) == 2
        await host.assert_consistent()
        await host.images.remove("it:1")
        assert await host.kept() == (set(), set())


async def test_layers_that_are_there_are_not_unpacked_again(host: Host) -> None:
    await load(host, an_archive(a_config(LOWER), [LOWER], tags=["base:1"]))
    told = await load(host, an_archive(CONFIG, [LOWER, UPPER]))
    (new,) = (one.diff for one in told if isinstance(one, LayerLoaded))
    assert new == sha256(UPPER)
    assert len(host.images.catalogue.layers) == 2


async def test_a_loaded_name_moves(host: Host) -> None:
    old = await import_tar(host)
    told = await load(host, an_archive(CONFIG, [LOWER, UPPER]))
    assert NameMoved(reference=Reference.parse("it:1"), old_id=old.id) in told
    assert host.images.catalogue.names_of(old.id) == ()


async def test_a_link_to_another_layer_is_followed_within_the_archive(host: Host) -> None:
    config = a_config(LOWER, LOWER)
    archive = an_archive(
        config,
        [LOWER],
        entry={"Layers": ["0/layer.tar", "1/layer.tar"]},
        links={"1/layer.tar": "../0/layer.tar"},
    )
    await load(host, archive)
    assert len(host.images.layers_of(host.images.get("it:1"))) == 2
    await host.assert_consistent()


async def test_the_platform_is_looked_at(host: Host) -> None:
    archive = an_archive(CONFIG, [LOWER, UPPER])
    with pytest.raises(WherryError, match="was found but does not match the specified platform"):
        await load(host, archive, Platform.parse("linux/arm64"))
    await load(host, archive, Platform.parse("linux/amd64"))


def hostile() -> Iterable[Any]:
    link = {"0/layer.tar": "/canary"}
    two = {"Layers": ["0/layer.tar", "1/layer.tar"]}
    good = [LOWER, UPPER]
    yield pytest.param(
        an_archive(a_config(CANARY), [], entry={"Layers": ["0/layer.tar"]}, links=link),
        id="a link to a file of the host as a layer",
    )
    yield pytest.param(
        an_archive(CONFIG, good, entry={"Layers": ["../../canary", "1/layer.tar"]}),
        id="a layer outside",
    )
    yield pytest.param(
        an_archive(CONFIG, good, entry={"Config": "/canary"}), id="a configuration outside"
    )
    yield pytest.param(
        an_archive(CONFIG, good, entry={"Config": "c"}, links={"c": "../../../canary"}),
        id="a link to a file of the host as configuration",
    )
    yield pytest.param(
        an_archive(CONFIG, [LOWER, LOWER], entry=two), id="not what the diff id says"
    )
    yield pytest.param(
        an_archive(CONFIG, [LOWER], entry={"Layers": ["0/layer.tar"]}), id="too few layers"
    )
    yield pytest.param(an_archive(CONFIG, good, tags=["-rf"]), id="a tag that is an option")
    yield pytest.param(an_archive(CONFIG, good, tags=["../x:1"]), id="a tag that is a path")
    yield pytest.param(
        an_archive(CONFIG, good, files={"manifest.json": b"[" * 200_000}), id="deep JSON"
    )
    yield pytest.param(an_archive(CONFIG, good, entry={"layers": []}), id="a key in two cases")
    yield pytest.param(
        an_archive(CONFIG, good, files={"manifest.json": b" " * (5 << 20)}), id="much JSON"
    )
    yield pytest.param(
        an_archive(a_config(*[LOWER] * 200), [LOWER], entry={"Layers": ["0/layer.tar"] * 200}),
        id="many layers",
    )
    yield pytest.param(an_archive(a_config(LOWER, UPPER, os="windows"), good), id="another system")
    yield pytest.param(a_layout(CONFIG, good, size_change=1), id="a size that is too large")
    yield pytest.param(a_layout(CONFIG, good, size_change=-1), id="a size that is too small")
    yield pytest.param(
        a_layout(CONFIG, good, blobs={f"blobs/sha256/{sha256(LOWER)[7:]}": LOWER + bytes(512)}),
        id="a blob that is not what its name says",
    )
    yield pytest.param(a_layout(CONFIG, good, name="UP:1"), id="a name in upper case")
    yield pytest.param(a_tar({"x": b"1"}), id="not an archive of images")
    yield pytest.param(a_tar({"repositories": b"{}"}), id="the oldest form")
    yield pytest.param(an_archive(CONFIG, good)[:50_000], id="cut off")
    yield pytest.param(b"rubbish" * 1000, id="rubbish")
    yield pytest.param(b"", id="nothing")
    twice = an_archive(CONFIG, good)
    yield pytest.param(twice[: -twice[::-1].index(b"}"[0])], id="cut off at the end")
    yield pytest.param(
        a_tar({"manifest.json": b"[]"})[:1024] + an_archive(CONFIG, good), id="a name twice"
    )


@pytest.mark.parametrize("archive", list(hostile()))
async def test_a_hostile_archive_is_refused_and_leaves_nothing(
    host: Host, archive: bytes, tmp_path: Path
) -> None:
    (tmp_path / "canary").write_bytes(CANARY)
    with pytest.raises(WherryError):
        await load(host, archive)
    assert not host.images.catalogue.images
    assert await host.kept() == (set(), set())
    assert (tmp_path / "canary").read_bytes() == CANARY


# removal, leases, collection


async def test_the_last_name_takes_image_and_layers_along(host: Host) -> None:
    await load(host, an_archive(a_config(LOWER), [LOWER], tags=["base:1"]))
    await load(host, an_archive(CONFIG, [LOWER, UPPER], tags=["it:1", "it:2"]))
    removed = await host.images.remove("it:2")
    assert (removed.untagged, removed.deleted) == (("it:2",), ())
    removed = await host.images.remove("it:1")
    assert removed.deleted[0] == sha256(CONFIG)
    assert len(removed.deleted) == 2
    await host.assert_consistent()
    assert len(host.images.catalogue.layers) == 1
    await host.restart()
    await host.assert_consistent()


async def test_layers_under_containers_stay_when_the_image_is_forced_away(host: Host) -> None:
    image = await import_tar(host)
    host.in_use[image.id] = False
    host.layers = set(host.images.layers_of(image))
    removed = await host.images.remove("it:1", force=True)
    assert removed.deleted == (image.id,)
    assert len(host.images.catalogue.layers) == 1
    await host.restart()
    assert len(host.images.catalogue.layers) == 1
    host.layers = set()
    await host.images.container_gone()
    assert await host.kept() == (set(), set())


async def test_a_lease_keeps_an_image_from_prune_and_its_layers_from_removal(host: Host) -> None:
    image = await import_tar(host, None)
    keys = host.images.layers_of(image)
    async with host.images.lease(image.id):
        assert not (await host.images.prune(Filters())).removed
        await host.images.remove(image.id, force=True)
        assert set(await host.snapshots.list_keys()) == set(keys)
    await host.images.collect()
    assert await host.kept() == (set(), set())


async def test_prune_takes_what_has_no_name(host: Host) -> None:
    named = await import_tar(host)
    nameless = await import_tar(host, None, UPPER)
    pruned = await host.images.prune(Filters())
    assert [one.deleted[0] for one in pruned.removed] == [nameless.id]
    assert pruned.reclaimed_bytes == 1
    pruned = await host.images.prune(filters_of({"dangling": ["false"]}))
    assert [one.untagged for one in pruned.removed] == [("it:1",)]
    assert pruned.removed[0].deleted[0] == named.id
    assert await host.kept() == (set(), set())


async def test_loading_and_removing_at_once_never_breaks(host: Host) -> None:
    archive = an_archive(CONFIG, [LOWER, UPPER])

    async def keep_loading() -> None:
        for _ in range(15):
            await load(host, archive)

    async def keep_removing() -> None:
        for _ in range(40):
            await host.images.prune(filters_of({"dangling": ["false"]}))
            await asyncio.sleep(0.005)

    await asyncio.gather(keep_loading(), keep_loading(), keep_removing())
    await load(host, archive)
    saved = await collected(host.images.save(["it:1"]))
    assert sha256(LOWER)[7:].encode() in saved
    await host.assert_consistent()


async def test_what_no_row_names_is_gone_after_a_start(host: Host) -> None:
    await import_tar(host)
    await host.blobs.put(b"rubbish")
    await host.snapshots.create("99", [])
    await host.restart()
    await host.assert_consistent()


async def test_keys_go_on_after_a_restart(host: Host) -> None:
    image = await import_tar(host)
    await host.restart()
    assert int(host.images.next_snapshot_key()) > int(host.images.layers_of(image)[0])


async def test_a_snapshot_becomes_an_image(host: Host, tmp_path: Path) -> None:
    base = await import_tar(host)
    keys = host.images.layers_of(base)
    key = host.images.next_snapshot_key()
    await host.snapshots.create(key, keys)
    host.layers = set(keys)
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    await host.snapshots.mount(key, keys, mounted)
    (mounted / "new").write_text("x")
    (mounted / "a").unlink()
    await host.snapshots.unmount(mounted)
    made = [
        await host.images.create_from_snapshot(
            snapshot=key,
            parent=base,
            config=ImageConfig(command=("y",)),
            entry=HistoryEntry(created="2026-01-01T00:00:00Z", created_by="test"),
            references=[Reference.parse("made:1")],
            adopt=adopt,
        )
        for adopt in (False, True)
    ]
    assert made[0].id == made[1].id
    assert made[0].diff_ids[:1] == base.diff_ids
    saved = await collected(host.images.save(["made:1"]))
    await host.images.remove("made:1")
    await load(host, saved)
    assert host.images.get("made:1").id == made[0].id


# names


async def test_tag_and_history(host: Host) -> None:
    image = await import_tar(host)
    await host.images.tag("it:1", Reference.parse("me/other"))
    (shown,) = host.images.list_images(Filters(), shared_sizes=True)
    assert shown.tags == ("it:1", "me/other:latest")
    assert (shown.containers, shown.shared_size_bytes) == (0, 0)
    (line,) = host.images.history("it:1")
    assert (line.size_bytes, line.entry.comment) == (image.size_bytes, "Imported from -")
    assert line.image is not None
    assert line.image.tags == shown.tags


# the routes


class BodyOf:
    def __init__(self, data: bytes) -> None:
        self.data = data

    async def read(self, *, limit_bytes: int) -> bytes:
        return self.data

    def chunks(self) -> AsyncIterator[bytes]:
        return pieces(self.data)


class NoBootstrap:
    def make(
        self, wanted: str, *, include: Sequence[str] = (), host_ca: bool = False
    ) -> AsyncIterator[str | Image]:
        raise AssertionError(wanted)


async def ask(host: Host, route: str, *, body: bytes = b"", **query: str) -> bytes:
    table = routes(host.images, NoBootstrap(), storage_driver="overlay2")
    name = query.pop("name", "")
    call = Call(
        method=route.partition(" ")[0],
        route=route,
        path={"name": name},
        query=query,
        query_all={key: [value] for key, value in query.items()},
        headers={},
        body=BodyOf(body),
    )
    reply = await table[route](call)
    assert isinstance(reply, Reply)
    return reply.body if reply.stream is None else await collected(reply.stream)


async def test_the_routes_import_list_save_load_and_remove(host: Host) -> None:
    line = await ask(
        host, "POST /images/create", body=LOWER, fromSrc="-", repo="it", tag="1", changes="CMD x"
    )
    image_id = json.loads(line)["status"]
    (shown,) = json.loads(await ask(host, "GET /images/json", filter="it"))
    assert (shown["Id"], shown["RepoTags"]) == (image_id, ["it:1"])
    saved = await ask(host, "GET /images/{name:path}/get", name="it:1")
    assert saved == await ask(host, "GET /images/get", names="it:1")
    removed = json.loads(await ask(host, "DELETE /images/{name:path}", name="it:1"))
    assert removed[:2] == [{"Untagged": "it:1"}, {"Deleted": image_id}]
    told = await ask(host, "POST /images/load", body=saved, quiet="1")
    assert [json.loads(one) for one in told.splitlines()] == [{"stream": "Loaded image: it:1\n"}]
    failed = json.loads(await ask(host, "POST /images/load", body=b"rubbish" * 100))
    assert failed["error"] == failed["errorDetail"]["message"]


async def test_a_pull_says_that_there_are_none(host: Host) -> None:
    with pytest.raises(WherryError, match=r"^failed to pull me/x:latest: pulling from registries"):
        await ask(host, "POST /images/create", fromImage="me/x")
    with pytest.raises(InvalidArgument, match=r"^invalid reference format$"):
        await ask(host, "POST /images/create", fromImage="--help")


# first images


@pytest.mark.needs("busybox")
async def test_busybox_is_made_from_the_hosts_own(host: Host) -> None:
    bootstrap = Bootstrap(images=host.images, choose=choose_builder, work_dir=host.root / "work")
    made = [step async for step in bootstrap.make("busybox")]
    again = [step async for step in bootstrap.make("busybox")]
    image = made[-1]
    assert isinstance(image, Image)
    assert isinstance(again[-1], Image)
    assert again[-1].id == image.id
    assert image.size_bytes < 3_000_000
    names = [one.familiar for one in host.images.catalogue.names_of(image.id)]
    assert len(names) == 2
    assert "busybox:latest" in names
    assert not list((host.root / "work").iterdir())
    await host.assert_consistent()


def test_the_same_binary_makes_the_same_tree() -> None:
    binary = Binary(data=b"program", mtime_s=5)
    first = render_tree(binary, ["sh", "ls", "[", "../x"])
    assert first == render_tree(binary, ["[", "ls", "sh"])
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert tar.getmember("bin/sh").linkname == "bin/busybox"
        assert tar.getmember("tmp").mode == 0o1777
    assert not is_static_program(b"#!/bin/sh")


@pytest.mark.parametrize("wanted", ["x", "busybox:1", "debian", "debian:../x", "debian:--help"])
def test_what_cannot_be_made_is_refused(wanted: str) -> None:
    with pytest.raises(InvalidArgument):
        choose_builder(wanted, include=(), host_ca=False)


def test_sources_are_where_apt_has_its_own() -> None:
    targets = [
        Target(site="http://a/debian", release="bookworm", component=part, origin="Debian")
        for part in ("main", "contrib")
    ]
    targets.append(
        Target(
            site="http://a/security", release="bookworm-security", component="main", origin="Debian"
        )
    )
    assert plan_sources(targets, "debian", "bookworm") == [
        "deb http://a/debian bookworm contrib main",
        "deb http://a/security bookworm-security main",
    ]
    assert plan_sources(targets, "debian", "trixie") == ["deb http://a/debian trixie main"]
    assert plan_sources(targets, "ubuntu", "noble") == []
