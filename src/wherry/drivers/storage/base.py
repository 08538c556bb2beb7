"""What the engine asks of whatever keeps file trees and blobs."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol


class Change(StrEnum):
    MODIFIED = "modified"
    ADDED = "added"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class PathChange:
    change: Change
    path: str
    """Absolute inside the container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """How much a layer may become when it is unpacked."""

    size_bytes: int = 64 << 30
    entries: int = 5_000_000
    ratio: int = 1000
    """Expanded to compressed bytes, watched once 256 MiB were expanded."""
    keep_free_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """What came out of a layer's tar."""

    diff_id: str
    """Digest of the uncompressed tar, ``sha256:…``."""
    size_bytes: int
    """Sum of the sizes of its regular files."""
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InitFile:
    """A file or folder that every container has, made where the image has none."""

    path: str
    folder: bool = False
    link_to: str | None = None


class Snapshots(Protocol):
    """File trees that stand on one another. Keys are short decimal numbers, chosen by the engine.

    A snapshot is first writable and, once something stands on it, never changed again. Every
    method may be called again after a crash; what is already so is success.
    """

    name: str
    """As in ``--storage-driver`` and ``docker info``: overlay2, vfs."""

    def probe(self) -> None:
        """Raise Unsupported, saying why, if this host or this file system cannot do it."""

    async def create(self, key: str, parents: Sequence[str]) -> None:
        """A new writable snapshot on top of `parents`, nearest first."""

    async def unpack(
        self,
        key: str,
        parents: Sequence[str],
        tar: AsyncIterator[bytes] | BinaryIO,
        *,
        limits: UnpackLimits | None = None,
    ) -> Unpacked:
        """Make the snapshot `key` from a layer: tar, plain or compressed (gzip, zstd, bzip2, xz).

        Whole or not at all, and on the disk when it returns. The compressed bytes are not kept.

        Raises:
            InvalidArgument: not a tar, truncated, or an entry that leads out of the tree.
            TooLarge: it grows beyond `limits`.
            OutOfSpace: the disk is full.
        """

    async def pack(self, key: str, parents: Sequence[str], write_to: BinaryIO) -> str:
        """Write the changes of `key` against its parents as an uncompressed layer tar.

        Same tree, same bytes. Returns its digest.
        """

    async def pack_tree(self, root: Path, write_to: BinaryIO) -> None:
        """Write the whole tree at `root` as a plain tar, without any layer's marks (export)."""

    async def changes(self, key: str, parents: Sequence[str]) -> Sequence[PathChange]:
        """What differs from the parents, sorted by path, as `docker diff` tells it."""

    async def mount(
        self, key: str, parents: Sequence[str], target: Path, *, volatile: bool = False
    ) -> None:
        """Show the snapshot, writable, at the existing folder `target`.

        `volatile`: nothing written there need survive a power cut, and a snapshot that was mounted
        so is never mounted again after one. For containers that are removed when they end: neither
        their fsync nor the unmount then waits for the disk.
        """

    async def unmount(self, target: Path) -> None:
        """Undo `mount`; nothing mounted there is success."""

    async def size_bytes(self, key: str) -> int:
        """Bytes of the regular files in this snapshot's own changes."""

    async def remove(self, key: str) -> None:
        """Delete; a snapshot that does not exist is success. Returns once it cannot be found
        any more; the bytes may go a little later."""

    async def list_keys(self) -> Sequence[str]:
        """Everything on the disk, to find what no row names."""

    async def drain(self) -> None:
        """Wait until the bytes of what was removed are gone, too."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Bytes by name: digest ``sha256:…`` and size in bytes."""

    digest: str
    size_bytes: int
    media_type: str = field(default="", compare=False)


class Blobs(Protocol):
    """Immutable bytes, named by their digest."""

    async def put(
        self, chunks: AsyncIterator[bytes] | bytes, *, expected: str | None = None
    ) -> Descriptor:
        """Store; verified while written, synced, then renamed: whole or not at all.

        Raises:
            InvalidArgument: not what `expected` says; nothing is kept.
            OutOfSpace: the disk is full; nothing is kept.
        """

    def has(self, digest: str) -> bool: ...

    def size_bytes(self, digest: str) -> int:
        """NotFound if there is none."""

    def read(self, digest: str) -> bytes:
        """A small blob whole (manifest, configuration: 8 MiB at most). NotFound, TooLarge."""

    def open(self, digest: str) -> BinaryIO:
        """NotFound if there is none."""

    def remove(self, digest: str) -> None:
        """A blob that is not there is success."""

    def list_digests(self) -> Sequence[str]: ...
