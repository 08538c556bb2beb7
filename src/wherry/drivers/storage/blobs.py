"""Blobs as files named by their digest.

::

    <content>/blobs/sha256/<64 hex>   immutable
    <content>/ingest/                 half-written; emptied at start

Source: OCI image-spec, descriptor.md#digests.
"""

import errno
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from wherry.drivers.storage.base import Descriptor
from wherry.drivers.storage.batches import feed, on_thread
from wherry.kernel.files import remove_tree, sync_folder
from wherry.model.errors import InvalidArgument, NotFound, OutOfSpace, TooLarge

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)
_READ_LIMIT_BYTES = 8 << 20


class FileBlobs:
    """The `Blobs` contract on a folder. One daemon at a time."""

    def __init__(self, content_dir: Path) -> None:
        self._blobs_dir = content_dir / "blobs" / "sha256"
        self._ingest_dir = content_dir / "ingest"
        for folder in (self._blobs_dir, self._ingest_dir):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def discard_unfinished(self) -> None:
        """Empty the ingest folder; at start, when nobody writes."""
        remove_tree(self._ingest_dir)
        self._ingest_dir.mkdir(mode=0o700)

    async def put(
        self, chunks: AsyncIterator[bytes] | bytes, *, expected: str | None = None
    ) -> Descriptor:
        """See `Blobs.put`. Two writers of one blob cannot harm each other."""
        if expected is not None:
            _hex_of(expected)
        draft = _Draft(self._ingest_dir / secrets.token_hex(16))
        try:
            if isinstance(chunks, bytes):
                content = chunks
                await on_thread(lambda: draft.write(content))
            else:
                await feed(chunks, draft.write)
            return await on_thread(lambda: draft.publish(self._blobs_dir, expected))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OutOfSpace("no space left on device") from error
            raise
        finally:
            draft.discard()

    def has(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def size_bytes(self, digest: str) -> int:
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            raise _missing(digest) from None

    def read(self, digest: str) -> bytes:
        with self.open(digest) as file:
            content = file.read(_READ_LIMIT_BYTES + 1)
        if len(content) > _READ_LIMIT_BYTES:
            raise TooLarge(f"blob {digest} is larger than {_READ_LIMIT_BYTES} bytes")
        return content

    def open(self, digest: str) -> BinaryIO:
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError:
            raise _missing(digest) from None

    def remove(self, digest: str) -> None:
        self._path(digest).unlink(missing_ok=True)

    def list_digests(self) -> Sequence[str]:
        names = sorted(os.listdir(self._blobs_dir))
        return tuple(f"sha256:{name}" for name in names if _DIGEST.fullmatch(f"sha256:{name}"))

    def _path(self, digest: str) -> Path:
        return self._blobs_dir / _hex_of(digest)


class _Draft:
    """A blob being written. Its methods block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self._file: BinaryIO | None = path.open("xb", buffering=0)

    def write(self, content: bytes) -> None:
        assert self._file is not None
        self._digest.update(content)
        self._size_bytes += len(content)
        left = memoryview(content)
        while left:
            left = left[self._file.write(left) :]

    def publish(self, folder: Path, expected: str | None) -> Descriptor:
        """Verify, sync, rename, sync the folder: in this order, or a crash leaves a lie."""
        assert self._file is not None
        found = f"sha256:{self._digest.hexdigest()}"
        if expected is not None and found != expected:
            raise InvalidArgument(
                f"digest mismatch: expected {expected}, got {found} ({self._size_bytes} bytes)"
            )
        os.fsync(self._file.fileno())
        self._path.rename(folder / self._digest.hexdigest())
        sync_folder(folder)
        return Descriptor(found, self._size_bytes)

    def discard(self) -> None:
        """What was published has no longer this name."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)


def _hex_of(digest: str) -> str:
    """Raises InvalidArgument before such a text can become part of a path."""
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise InvalidArgument(f"invalid digest: {digest[:100]!r}")
    return match[1]


def _missing(digest: str) -> NotFound:
    return NotFound(f"blob {digest} not found")
