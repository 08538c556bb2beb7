"""What an upperdir says about its parents: as changes, as a layer tar. And folders it implies.

Lower folders are looked up as overlayfs does it: nearest first, a whiteout or an opaque folder
ends the search, and only what is a folder in each of them is merged.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from wherry.drivers.storage.base import Change
from wherry.drivers.storage.tarlayer import WHITEOUT, LayerWriter
from wherry.drivers.storage.trees import (
    TreeChange,
    is_whiteout,
    iter_tree,
    list_names,
    read_xattrs,
)
from wherry.kernel.files import open_folder, open_in_root
from wherry.model.errors import Unsupported

_OPAQUE_XATTR = "trusted.overlay.opaque"
_DEEPEST = 400


def pack_upper(diff: Path, write_to: BinaryIO) -> str:
    """Write an upperdir as a layer; returns its digest. Blocking."""
    writer = LayerWriter(write_to)
    with open_folder(diff) as diff_fd:
        for node in iter_tree(diff_fd):
            if is_whiteout(node.found):
                writer.add_whiteout(node.path)
            elif os.fsencode(node.name).startswith(WHITEOUT):
                node.descend = False  # a layer cannot say it
            else:
                writer.add(node)
                if stat.S_ISDIR(node.found.st_mode) and _is_opaque(node.way):
                    writer.add_opaque(node.path)
    return writer.finish()


def list_upper_changes(diff: Path, parents: Sequence[Path]) -> list[TreeChange]:
    """What the upperdir `diff` changes; folders on the way to a change included. Blocking."""
    with open_folder(diff) as diff_fd:
        below = [os.fsencode(parent) for parent in parents]
        return _changes_in(diff_fd, b"", below, _DEEPEST)


def _changes_in(
    folder_fd: int, prefix: bytes, below: list[bytes], levels_left: int
) -> list[TreeChange]:
    if levels_left == 0:
        raise Unsupported(f"the tree is more than {_DEEPEST} folders deep")
    changes: list[TreeChange] = []
    for name in list_names(folder_fd):
        raw = os.fsencode(name)
        path = prefix + raw
        found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        old, folders = _look_below(below, raw)
        if is_whiteout(found):
            if old is not None:
                changes.append(TreeChange(Change.DELETED, path))
            continue
        inside: list[TreeChange] = []
        if stat.S_ISDIR(found.st_mode):
            opaque = _is_opaque(f"/proc/self/fd/{folder_fd}/{name}")
            if opaque:
                inside = _hidden_by_opaque(folder_fd, name, path, folders)
            with open_folder(name, dir_fd=folder_fd) as child_fd:
                # In an opaque folder what was there before is still "before": modified, not added.
                inside += _changes_in(child_fd, path + b"/", folders, levels_left - 1)
        if old is None:
            changes.append(TreeChange(Change.ADDED, path))
        elif inside or not _is_same_folder(old, found):
            changes.append(TreeChange(Change.MODIFIED, path))
        changes += inside
    return changes


def _hidden_by_opaque(
    folder_fd: int, name: str, path: bytes, folders: list[bytes]
) -> list[TreeChange]:
    with open_folder(name, dir_fd=folder_fd) as child_fd:
        present = {os.fsencode(entry) for entry in os.listdir(child_fd)}
    before = {entry for folder in folders for entry in os.listdir(folder)}
    return [
        TreeChange(Change.DELETED, path + b"/" + entry)
        for entry in sorted(before - present)
        if _look_below(folders, entry)[0] is not None
    ]


def _is_same_folder(old: os.stat_result, new: os.stat_result) -> bool:
    """A folder is copied up for what happens in it; that alone does not change it."""
    return (
        stat.S_ISDIR(old.st_mode)
        and old.st_mode == new.st_mode
        and (old.st_uid, old.st_gid) == (new.st_uid, new.st_gid)
        and old.st_mtime_ns == new.st_mtime_ns
    )


def _look_below(below: Iterable[bytes], name: bytes) -> tuple[os.stat_result | None, list[bytes]]:
    """What the parents show as `name`, and, if that is a folder, all that are merged in it."""
    first: os.stat_result | None = None
    folders: list[bytes] = []
    for folder in below:
        path = folder + b"/" + name
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if is_whiteout(found):
            break
        if not stat.S_ISDIR(found.st_mode):
            first = first or found
            break
        first = first or found
        folders.append(path)
        if _is_opaque(os.fsdecode(path)):
            break
    return first, folders


def _is_opaque(way: str) -> bool:
    try:
        return os.getxattr(way, _OPAQUE_XATTR, follow_symlinks=False) == b"y"
    except OSError:
        return False


def mirror_folders(paths: Iterable[bytes], diff: Path, parents: Sequence[Path]) -> None:
    """Give folders that a layer only implies the looks they have in its parents. Blocking.

    Otherwise a layer with ``tmp/x`` and no ``tmp`` would take everybody's right to write to /tmp.
    """
    with open_folder(diff) as diff_fd:
        for path in paths:
            source_fd = _find_folder(path, parents)
            if source_fd is None:
                continue
            try:
                target_fd = open_in_root(
                    diff_fd, path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                )
            except OSError:  # a later entry took its place
                os.close(source_fd)
                continue
            try:
                _copy_looks(source_fd, target_fd)
            finally:
                os.close(target_fd)
                os.close(source_fd)


def _find_folder(path: bytes, parents: Sequence[Path]) -> int | None:
    for parent in parents:
        try:
            return open_in_root(parent, path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        except OSError:
            return None  # not a folder there: the new one stands for itself
    return None


def _copy_looks(source_fd: int, target_fd: int) -> None:
    found = os.fstat(source_fd)
    os.fchown(target_fd, found.st_uid, found.st_gid)
    os.fchmod(target_fd, stat.S_IMODE(found.st_mode))
    for name, value in read_xattrs(f"/proc/self/fd/{source_fd}/.").items():
        os.setxattr(target_fd, name, value)
    os.utime(target_fd, ns=(found.st_atime_ns, found.st_mtime_ns))
