"""The law for everything that keeps blobs."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wherry.drivers.storage.base import Descriptor
from wherry.drivers.storage.blobs import FileBlobs
from wherry.kernel.mount import MountFlag, mount, unmount
from wherry.model.errors import InvalidArgument, NotFound, OutOfSpace, TooLarge

DATA = b"wherry" * 400_000
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()
BAD_DIGESTS = [
    "", "sha256:", "sha256:../../../etc/passwd", DIGEST.upper(), DIGEST + "\n", DIGEST[:-1],
    DIGEST + "/..", "md5:" + "0" * 64, "sha256:" + "\N{ARABIC-INDIC DIGIT ZERO}" * 64,
]  # fmt: skip


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path)


def files_below(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


async def in_pieces(data: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def test_what_was_put_can_be_read(blobs: FileBlobs, tmp_path: Path) -> None:
    told = await blobs.put(in_pieces(DATA), expected=DIGEST)
    assert told == Descriptor(DIGEST, len(DATA))
    assert told == await blobs.put(DATA)
    assert blobs.has(DIGEST)
    assert blobs.size_bytes(DIGEST) == len(DATA)
    assert blobs.read(DIGEST) == DATA
    with blobs.open(DIGEST) as file:
        assert file.read() == DATA
    assert blobs.list_digests() == (DIGEST,)
    assert files_below(tmp_path) == ["blobs/sha256/" + DIGEST[7:]]


async def test_an_empty_blob_is_one(blobs: FileBlobs) -> None:
    assert (await blobs.put(in_pieces(b""))).size_bytes == 0


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", b"x" + DATA[1:], b""])
async def test_other_bytes_than_expected_are_not_kept(
    blobs: FileBlobs, tmp_path: Path, data: bytes
) -> None:
    with pytest.raises(InvalidArgument):
        await blobs.put(in_pieces(data), expected=DIGEST)
    assert files_below(tmp_path) == []


async def test_a_stream_that_breaks_leaves_nothing(blobs: FileBlobs, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield DATA
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.put(broken())
    assert files_below(tmp_path) == []


async def test_a_cancelled_put_leaves_nothing(blobs: FileBlobs, tmp_path: Path) -> None:
    waiting = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield DATA
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(blobs.put(endless()))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("digest", BAD_DIGESTS)
async def test_a_digest_is_looked_at_before_it_is_a_path(blobs: FileBlobs, digest: str) -> None:
    for ask in (blobs.has, blobs.size_bytes, blobs.read, blobs.open, blobs.remove):
        with pytest.raises(InvalidArgument):
            ask(digest)
    with pytest.raises(InvalidArgument):
        await blobs.put(DATA, expected=digest)


async def test_a_blob_that_is_not_there_is_not_found(blobs: FileBlobs) -> None:
    assert not blobs.has(DIGEST)
    blobs.remove(DIGEST)
    for ask in (blobs.size_bytes, blobs.read, blobs.open):
        with pytest.raises(NotFound):
            ask(DIGEST)


async def test_a_large_blob_is_not_read_whole(blobs: FileBlobs) -> None:
    large = await blobs.put(bytes((8 << 20) + 1))
    with pytest.raises(TooLarge):
        blobs.read(large.digest)


async def test_two_writers_of_one_blob_do_no_harm(blobs: FileBlobs, tmp_path: Path) -> None:
    told = await asyncio.gather(*(blobs.put(in_pieces(DATA, 1000 + n)) for n in range(4)))
    assert {descriptor.digest for descriptor in told} == {DIGEST}
    assert len(files_below(tmp_path)) == 1


async def test_unfinished_blobs_go_at_start(blobs: FileBlobs, tmp_path: Path) -> None:
    (tmp_path / "ingest/half").write_bytes(b"half")
    (tmp_path / "blobs/sha256/not-a-digest").touch()
    blobs.discard_unfinished()
    assert os.listdir(tmp_path / "ingest") == []
    assert blobs.list_digests() == ()


@pytest.mark.needs("root")
async def test_a_full_disk_is_told_and_nothing_is_kept(tmp_path: Path) -> None:
    mount("tmpfs", tmp_path, "tmpfs", MountFlag.NONE, "size=1m")
    try:
        blobs = FileBlobs(tmp_path)
        with pytest.raises(OutOfSpace):
            await blobs.put(in_pieces(DATA))
        assert files_below(tmp_path) == []
        small = await blobs.put(b"fits")
        assert blobs.read(small.digest) == b"fits"
    finally:
        unmount(tmp_path)
