"""Walking, comparing and copying file trees that others wrote, perhaps are still writing.

Every folder is opened from its parent's descriptor and never through a link, so a tree that is
changed meanwhile can make a walk incomplete but cannot lead it out.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from wherry.drivers.storage.base import Change
from wherry.kernel.files import copy_content, open_folder
from wherry.model.errors import Unsupported

_DEEPEST = 400
OVERLAY_XATTRS = "trusted.overlay."


class Node:
    """One thing in a tree, as a walk comes by. `folder_fd` is open until the walk goes on."""

    __slots__ = ("descend", "folder_fd", "found", "name", "path")

    def __init__(self, path: bytes, name: str, folder_fd: int, found: os.stat_result) -> None:
        self.path = path
        """From the root of the walk, without a leading slash."""
        self.name, self.folder_fd, self.found = name, folder_fd, found
        self.descend = stat.S_ISDIR(found.st_mode)
        """Set to False to leave out what is in a folder."""

    @property
    def way(self) -> str:
        """A path for calls that take no descriptor; not to be followed if it is a link."""
        return f"/proc/self/fd/{self.folder_fd}/{self.name}"

    def read_xattrs(self) -> dict[str, bytes]:
        """All but overlayfs's own."""
        return read_xattrs(self.way)

    def open(self) -> int:
        """The regular file. Never waits for a FIFO that took its place. The caller closes."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(self.name, flags, dir_fd=self.folder_fd)


def read_xattrs(way: str) -> dict[str, bytes]:
    try:
        names = os.listxattr(way, follow_symlinks=False)
        return {
            name: os.getxattr(way, name, follow_symlinks=False)
            for name in names
            if not name.startswith(OVERLAY_XATTRS)
        }
    except OSError:
        return {}  # a file system without, or gone meanwhile


def iter_tree(root_fd: int) -> Iterator[Node]:
    """Everything below, a folder before what is in it, by name in byte order.

    Raises:
        Unsupported: deeper than any honest tree.
    """
    return _iter_folder(root_fd, b"", _DEEPEST)


def list_names(folder_fd: int) -> list[str]:
    return sorted(os.listdir(folder_fd), key=os.fsencode)


def _iter_folder(folder_fd: int, prefix: bytes, levels_left: int) -> Iterator[Node]:
    if levels_left == 0:
        raise Unsupported(f"the tree is more than {_DEEPEST} folders deep")
    for name in list_names(folder_fd):
        try:
            found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        node = Node(prefix + os.fsencode(name), name, folder_fd, found)
        yield node
        if node.descend:
            try:
                with open_folder(name, dir_fd=folder_fd) as child_fd:
                    yield from _iter_folder(child_fd, node.path + b"/", levels_left - 1)
            except (FileNotFoundError, NotADirectoryError):
                continue


def is_whiteout(found: os.stat_result) -> bool:
    """As overlayfs writes one: a character device 0:0."""
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


@dataclass(frozen=True, slots=True)
class TreeChange:
    change: Change
    path: bytes


def compare_trees(old: Path, new: Path) -> list[TreeChange]:
    """What must be done to `old` to make `new` of it; folders on the way to a change included."""
    with open_folder(old) as old_fd, open_folder(new) as new_fd:
        return _compare_folders(old_fd, new_fd, b"", _DEEPEST)


def _compare_folders(old_fd: int, new_fd: int, prefix: bytes, levels_left: int) -> list[TreeChange]:
    if levels_left == 0:
        raise Unsupported(f"the tree is more than {_DEEPEST} folders deep")
    before, after = _look(old_fd), _look(new_fd)
    found: list[TreeChange] = []
    for name in sorted(before.keys() | after.keys(), key=os.fsencode):
        path = prefix + os.fsencode(name)
        old, new = before.get(name), after.get(name)
        if new is None:
            found.append(TreeChange(Change.DELETED, path))
        elif old is None:
            found.append(TreeChange(Change.ADDED, path))
            if stat.S_ISDIR(new.st_mode):
                with open_folder(name, dir_fd=new_fd) as child_fd:
                    below = _iter_folder(child_fd, path + b"/", levels_left - 1)
                    found += [TreeChange(Change.ADDED, node.path) for node in below]
        else:
            inside: list[TreeChange] = []
            both_folders = stat.S_ISDIR(old.st_mode) and stat.S_ISDIR(new.st_mode)
            if both_folders:
                with (
                    open_folder(name, dir_fd=old_fd) as old_child_fd,
                    open_folder(name, dir_fd=new_fd) as new_child_fd,
                ):
                    inside = _compare_folders(
                        old_child_fd, new_child_fd, path + b"/", levels_left - 1
                    )
            elif stat.S_ISDIR(new.st_mode):
                with open_folder(name, dir_fd=new_fd) as child_fd:
                    below = _iter_folder(child_fd, path + b"/", levels_left - 1)
                    inside = [TreeChange(Change.ADDED, node.path) for node in below]
            if inside or not _same(Node(path, name, old_fd, old), Node(path, name, new_fd, new)):
                found.append(TreeChange(Change.MODIFIED, path))
            found += inside
    return found


def _look(folder_fd: int) -> Mapping[str, os.stat_result]:
    return {
        name: os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        for name in os.listdir(folder_fd)
    }


def _same(old: Node, new: Node) -> bool:
    one, other = old.found, new.found
    if (one.st_mode, one.st_uid, one.st_gid, one.st_rdev, one.st_mtime_ns) != (
        other.st_mode, other.st_uid, other.st_gid, other.st_rdev, other.st_mtime_ns,
    ):  # fmt: skip
        return False
    if not stat.S_ISDIR(one.st_mode) and one.st_size != other.st_size:
        return False
    if stat.S_ISLNK(one.st_mode):
        targets = [os.readlink(node.name, dir_fd=node.folder_fd) for node in (old, new)]
        if targets[0] != targets[1]:
            return False
    return old.read_xattrs() == new.read_xattrs()


def copy_tree(source: Path, target: Path) -> None:
    """Copy everything in `source` into the existing, private folder `target`, itself included.

    Hard links, owners, times, devices and attributes are kept; blocks are shared where the file
    system can.
    """
    links: dict[tuple[int, int], bytes] = {}
    folders: list[tuple[bytes, os.stat_result]] = [(b"", source.stat())]
    root = os.fsencode(target) + b"/"
    _copy_xattrs(os.fspath(source), os.fsencode(target))
    with open_folder(source) as source_fd:
        for node in iter_tree(source_fd):
            found, path = node.found, root + node.path
            key = (found.st_dev, found.st_ino)
            if stat.S_ISDIR(found.st_mode):
                os.mkdir(path, 0o700)
                folders.append((node.path, found))
            elif found.st_nlink > 1 and key in links:
                os.link(links[key], path, follow_symlinks=False)
                continue
            else:
                links[key] = path
                _copy_one(node, path)
            os.chown(path, found.st_uid, found.st_gid, follow_symlinks=False)
            if not stat.S_ISLNK(found.st_mode):
                os.chmod(path, stat.S_IMODE(found.st_mode))
            _copy_xattrs(node.way, path)
            if not stat.S_ISDIR(found.st_mode):
                times = (found.st_atime_ns, found.st_mtime_ns)
                os.utime(path, ns=times, follow_symlinks=False)
    for name, found in reversed(folders):
        os.chown(root + name, found.st_uid, found.st_gid)
        os.chmod(root + name, stat.S_IMODE(found.st_mode))
        os.utime(root + name, ns=(found.st_atime_ns, found.st_mtime_ns))


def _copy_one(node: Node, path: bytes) -> None:
    found = node.found
    if stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(node.name, dir_fd=node.folder_fd), path)
    elif stat.S_ISREG(found.st_mode):
        source_fd = node.open()
        try:
            target_fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                copy_content(source_fd, target_fd, found.st_size)
            finally:
                os.close(target_fd)
        finally:
            os.close(source_fd)
    else:
        os.mknod(path, found.st_mode, found.st_rdev)


def _copy_xattrs(source: str, target: bytes) -> None:
    for name, value in read_xattrs(source).items():
        os.setxattr(target, name, value, follow_symlinks=False)


def sum_files(root: Path, only: AbstractSet[bytes] | None = None) -> int:
    """Bytes of the regular files below `root`, one with several names counted once.

    `only`: paths that count; a folder that is not among them is not looked into.
    """
    total = 0
    seen: set[tuple[int, int]] = set()
    with open_folder(root) as root_fd:
        for node in iter_tree(root_fd):
            found = node.found
            if only is not None and node.path not in only:
                node.descend = False
            elif stat.S_ISREG(found.st_mode):
                if found.st_nlink > 1:
                    key = (found.st_dev, found.st_ino)
                    if key in seen:
                        continue
                    seen.add(key)
                total += found.st_size
    return total
