"""The folders that snapshots live in: how one appears, whole or not at all, and how one goes.

::

    <root>/<key>/            a snapshot
    <root>/.new-<key>/       one being made
    <root>/.gone-<key>-<n>/  one being deleted

Whatever starts with a dot after a crash is rubbish.
"""

import asyncio
import contextlib
import errno
import itertools
import os
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from wherry.drivers.storage.batches import on_thread
from wherry.kernel.files import remove_tree, sync_filesystem, sync_folder
from wherry.model.errors import InvalidArgument, OutOfSpace

_KEY = re.compile(r"(\.new-|\.gone-)?[0-9A-Za-z][0-9A-Za-z-]*", re.ASCII)


class SnapshotDirs:
    """Knows names and moments, not what is inside."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._going: dict[str, asyncio.Future[None]] = {}
        self._counter = itertools.count()
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, key: str) -> Path:
        """Raises InvalidArgument if `key` could be anything but a name here."""
        if _KEY.fullmatch(key) is None:
            raise InvalidArgument(f"invalid snapshot key {key[:100]!r}")
        return self.root / key

    def new_path(self, key: str) -> Path:
        """Where a snapshot is made: empty, for root only until it is published."""
        self.path(key)
        staging = self.root / f".new-{key}"
        try:
            staging.mkdir(mode=0o700)
        except FileExistsError:
            remove_tree(staging)
            staging.mkdir(mode=0o700)
        return staging

    def publish(self, staging: Path, key: str) -> None:
        staging.rename(self.path(key))

    @contextlib.asynccontextmanager
    async def publishing(self, key: str) -> AsyncIterator[Path]:
        """Fill the folder this gives; it is synced and becomes the snapshot, or it is removed.

        Raises:
            OutOfSpace: the disk is full; some file systems notice when they sync only.
        """
        staging = self.root / f".new-{key}"
        try:
            await on_thread(lambda: self.new_path(key))
            yield staging
            await on_thread(lambda: sync_filesystem(staging))
            self._move_away(key)
            self.publish(staging, key)
            await on_thread(lambda: sync_folder(self.root))
        except BaseException as error:
            # Not on_thread: a second cancellation must not leave it half removed and forgotten.
            removing = asyncio.get_running_loop().run_in_executor(None, remove_tree, staging)
            await asyncio.wait([removing])
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OutOfSpace("no space left on device") from error
            raise

    def remove(self, key: str) -> None:
        """The name is free at once, the content goes on a thread: `drain` waits for it."""
        self._move_away(key)

    def _move_away(self, key: str) -> None:
        name = key.removeprefix(".new-").removeprefix(".gone-")
        gone = self.root / f".gone-{name}-{os.getpid()}-{next(self._counter)}"
        try:
            self.path(key).rename(gone)
        except FileNotFoundError:
            return
        going = asyncio.get_running_loop().run_in_executor(None, remove_tree, gone)
        self._going[gone.name] = going
        going.add_done_callback(lambda _: self._going.pop(gone.name, None))

    async def drain(self) -> None:
        """Wait for all deletions; raises the first error of one."""
        while self._going:
            await asyncio.gather(*self._going.values())

    def list_keys(self) -> Sequence[str]:
        """All but what is being deleted right now."""
        return tuple(sorted(name for name in os.listdir(self.root) if name not in self._going))
