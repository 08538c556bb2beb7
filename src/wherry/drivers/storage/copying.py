"""Snapshots as full copies, for file systems on which overlayfs does not work.

::

    <root>/<key>/tree/   everything that this snapshot shows
    <root>/<key>/lower   the parents' keys, nearest first, one a line

Whiteouts are carried out when a layer is unpacked; changes are found by comparing with the parent.
"""

import errno
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from wherry.drivers.storage.base import Change, PathChange, Unpacked, UnpackLimits
from wherry.drivers.storage.batches import on_thread
from wherry.drivers.storage.snapshotdirs import SnapshotDirs
from wherry.drivers.storage.tarlayer import WHITEOUT, LayerWriter, pack_tree
from wherry.drivers.storage.trees import TreeChange, compare_trees, copy_tree, iter_tree, sum_files
from wherry.drivers.storage.unpack import Order, unpack
from wherry.kernel.files import open_folder
from wherry.kernel.mount import SyscallError, bind, unmount


class CopySnapshots:
    """The `Snapshots` contract without any help from the kernel but bind mounts."""

    name = "vfs"

    def __init__(self, root: Path) -> None:
        self._dirs = SnapshotDirs(root)

    def probe(self) -> None:
        """Works wherever files do."""

    async def create(self, key: str, parents: Sequence[str]) -> None:
        if self._dirs.path(key).exists():
            return
        async with self._dirs.publishing(key) as staging:
            await on_thread(lambda: self._furnish(staging, parents))

    async def unpack(
        self,
        key: str,
        parents: Sequence[str],
        tar: AsyncIterator[bytes] | BinaryIO,
        *,
        limits: UnpackLimits | None = None,
    ) -> Unpacked:
        async with self._dirs.publishing(key) as staging:
            await on_thread(lambda: self._furnish(staging, parents))
            order = Order(root=staging / "tree", meaning="merged", limits=limits or UnpackLimits())
            outcome = await unpack(order, tar)
        return outcome.unpacked

    async def pack(self, key: str, parents: Sequence[str], write_to: BinaryIO) -> str:
        return await on_thread(lambda: self._pack(key, parents, write_to))

    async def pack_tree(self, root: Path, write_to: BinaryIO) -> None:
        await on_thread(lambda: pack_tree(root, write_to))

    async def changes(self, key: str, parents: Sequence[str]) -> Sequence[PathChange]:
        found = await on_thread(lambda: self._compare(key, parents))
        return sorted(
            (PathChange(change.change, "/" + os.fsdecode(change.path)) for change in found),
            key=lambda change: change.path,
        )

    async def mount(
        self, key: str, parents: Sequence[str], target: Path, *, volatile: bool = False
    ) -> None:
        bind(self._tree(key), target)

    async def unmount(self, target: Path) -> None:
        try:
            unmount(target, lazy=True)
        except SyscallError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):
                raise

    async def size_bytes(self, key: str) -> int:
        parents = (self._dirs.path(key) / "lower").read_text().split()
        return await on_thread(lambda: self._sum_changes(key, parents))

    async def remove(self, key: str) -> None:
        self._dirs.remove(key)

    async def drain(self) -> None:
        """Wait until what was removed is deleted, too."""
        await self._dirs.drain()

    async def list_keys(self) -> Sequence[str]:
        return self._dirs.list_keys()

    def _tree(self, key: str) -> Path:
        return self._dirs.path(key) / "tree"

    def _furnish(self, staging: Path, parents: Sequence[str]) -> None:
        tree = staging / "tree"
        tree.mkdir()
        tree.chmod(0o755)
        (staging / "lower").write_text("".join(f"{parent}\n" for parent in parents))
        if parents:
            copy_tree(self._tree(parents[0]), tree)

    def _compare(self, key: str, parents: Sequence[str]) -> list[TreeChange]:
        tree = self._tree(key)
        if parents:
            return compare_trees(self._tree(parents[0]), tree)
        with open_folder(tree) as tree_fd:
            return [TreeChange(Change.ADDED, node.path) for node in iter_tree(tree_fd)]

    def _pack(self, key: str, parents: Sequence[str], write_to: BinaryIO) -> str:
        changed: set[bytes] = set()
        deleted: dict[bytes, list[bytes]] = {}
        for change in self._compare(key, parents):
            if change.change is Change.DELETED:
                deleted.setdefault(change.path.rpartition(b"/")[0], []).append(change.path)
            else:
                changed.add(change.path)
        writer = LayerWriter(write_to)
        for path in deleted.pop(b"", ()):
            writer.add_whiteout(path)
        with open_folder(self._tree(key)) as tree_fd:
            for node in iter_tree(tree_fd):
                if node.path not in changed or os.fsencode(node.name).startswith(WHITEOUT):
                    node.descend = False
                    continue
                writer.add(node)
                for path in deleted.pop(node.path, ()):
                    writer.add_whiteout(path)
        return writer.finish()

    def _sum_changes(self, key: str, parents: Sequence[str]) -> int:
        if not parents:
            return sum_files(self._tree(key))
        changed = {
            change.path
            for change in self._compare(key, parents)
            if change.change is not Change.DELETED
        }
        return sum_files(self._tree(key), only=changed)
