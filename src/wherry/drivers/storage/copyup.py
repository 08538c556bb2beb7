"""Filling a new volume with what an image has at its place."""

import asyncio
import os
import stat
from pathlib import Path

from wherry.drivers.storage.trees import copy_tree
from wherry.kernel.files import open_in_root


class TreeCopier:
    """Copies out of a tree that others wrote: every link is resolved inside it."""

    async def copy_tree(self, root: Path, path: str, target: Path) -> None:
        """Copy what is at `path` inside `root` into the empty folder `target`, owners, modes and
        the folder's own included; nothing there, or no folder, is success."""
        await asyncio.to_thread(_copy, root, path, target)


def _copy(root: Path, path: str, target: Path) -> None:
    try:
        source_fd = open_in_root(root, path, os.O_PATH)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        if stat.S_ISDIR(os.fstat(source_fd).st_mode):
            # nothing runs in this tree yet: the way that was resolved stays what it is
            copy_tree(Path(os.readlink(f"/proc/self/fd/{source_fd}")), target)
    finally:
        os.close(source_fd)
