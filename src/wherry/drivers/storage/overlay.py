"""Snapshots on overlayfs. The only module that knows overlayfs.

::

    <root>/<key>/diff/   what this snapshot changed: the upperdir, later a lowerdir
    <root>/<key>/work/   scratch space that overlayfs wants beside diff/
    <root>/<key>/lower   the parents' keys, nearest first, one a line: for who has to look

In diff/ a character device 0:0 says "deleted", and ``trusted.overlay.opaque=y`` on a folder "all
that the parents have in it is deleted".

Source: Documentation/filesystems/overlayfs.rst in the kernel tree.
"""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from wherry.drivers.storage.base import PathChange, Unpacked, UnpackLimits
from wherry.drivers.storage.batches import on_thread
from wherry.drivers.storage.overlaydiff import list_upper_changes, mirror_folders, pack_upper
from wherry.drivers.storage.snapshotdirs import SnapshotDirs
from wherry.drivers.storage.tarlayer import pack_tree
from wherry.drivers.storage.trees import sum_files
from wherry.drivers.storage.unpack import Order, unpack
from wherry.kernel.mount import (
    PAGE_BYTES,
    MountCall,
    MountFlag,
    SyscallError,
    carry_out,
    mount_new,
    unmount,
)
from wherry.model.errors import InvalidArgument, Unsupported

_LOWERS_AT_MOST = 500  # OVL_MAX_STACK
_STRICT = (
    # Upper folders move between lowers and hosts: nothing may point at inodes (index), and
    # nothing that an image brings may redirect or borrow content (redirect_dir, metacopy).
    ("index", "off"),
    ("redirect_dir", "nofollow"),
    ("metacopy", "off"),
)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the kernel's overlayfs takes."""

    one_by_one: bool
    """Lower folders by fsconfig's ``lowerdir+``, so any number of them."""
    options: tuple[tuple[str, str], ...]
    volatile: bool = True
    """Since 5.10; without it a volatile mount is an ordinary one."""


_CANDIDATES = tuple(
    Abilities(one_by_one=one_by_one, options=options, volatile=volatile)
    for options in (_STRICT, ())
    for volatile in (True, False)
    for one_by_one in (True, False)
)


def plan_mount(
    root: Path, key: str, parents: Sequence[str], able: Abilities, *, volatile: bool = False
) -> MountCall:
    """Decide how to show `key` on top of `parents` (nearest first). Touches nothing.

    Raises:
        InvalidArgument: more layers, or longer names, than the kernel takes.
    """
    upper, work = root / key / "diff", root / key / "work"
    if not parents:  # overlayfs wants a lowerdir; a tree on nothing is just a folder
        return MountCall(source=str(upper), flags=MountFlag.BIND)
    if len(parents) > _LOWERS_AT_MOST:
        raise InvalidArgument(f"{len(parents)} layers: the kernel takes {_LOWERS_AT_MOST}")
    lowers = [str(root / parent / "diff") for parent in parents]
    rest: list[tuple[str, str | None]] = [("upperdir", str(upper)), ("workdir", str(work))]
    rest += able.options
    if volatile and able.volatile:
        rest.append(("volatile", None))
    if able.one_by_one:
        one_by_one: list[tuple[str, str | None]] = [("lowerdir+", lower) for lower in lowers]
        return MountCall(source="overlay", fstype="overlay", options=(*one_by_one, *rest))
    if any(sign in str(root) for sign in ",:\\"):
        raise InvalidArgument(f"{root}: this kernel takes no comma, colon or backslash there")
    call = MountCall(
        source="overlay", fstype="overlay", options=(("lowerdir", ":".join(lowers)), *rest)
    )
    size = len(os.fsencode(call.data))
    if size >= PAGE_BYTES:
        raise InvalidArgument(
            f"{len(parents)} layers: {size} bytes of options, the kernel takes {PAGE_BYTES - 1}",
            hint="squash the image, or keep the data root at a shorter path",
        )
    return call


class OverlaySnapshots:
    """The `Snapshots` contract. `root` is for root only; mounts of it may be shown to anybody."""

    name = "overlay2"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._dirs = SnapshotDirs(root)
        self._able: Abilities | None = None

    def probe(self) -> None:
        """Mount once for real, under the root. Raises Unsupported."""
        with tempfile.TemporaryDirectory(prefix=".new-probe-", dir=self._root) as scratch:
            self._able = _find_abilities(Path(scratch))

    async def create(self, key: str, parents: Sequence[str]) -> None:
        if self._dirs.path(key).exists():
            return
        staging = self._dirs.new_path(key)
        self._furnish(staging, parents)
        if parents:
            diff = staging / "diff"
            found = self._diff(parents[0]).stat()
            if (found.st_uid, found.st_gid) != (0, 0):
                os.chown(diff, found.st_uid, found.st_gid)
            if stat.S_IMODE(found.st_mode) != 0o755:
                diff.chmod(stat.S_IMODE(found.st_mode))
        self._dirs.publish(staging, key)

    async def unpack(
        self,
        key: str,
        parents: Sequence[str],
        tar: AsyncIterator[bytes] | BinaryIO,
        *,
        limits: UnpackLimits | None = None,
    ) -> Unpacked:
        async with self._dirs.publishing(key) as staging:
            self._furnish(staging, parents)
            diff = staging / "diff"
            order = Order(root=diff, meaning="overlay", limits=limits or UnpackLimits())
            outcome = await unpack(order, tar)
            if outcome.implied and parents:
                below = [self._diff(parent) for parent in parents]
                await on_thread(lambda: mirror_folders(outcome.implied, diff, below))
        return outcome.unpacked

    async def pack(self, key: str, parents: Sequence[str], write_to: BinaryIO) -> str:
        return await on_thread(lambda: pack_upper(self._diff(key), write_to))

    async def pack_tree(self, root: Path, write_to: BinaryIO) -> None:
        await on_thread(lambda: pack_tree(root, write_to))

    async def changes(self, key: str, parents: Sequence[str]) -> Sequence[PathChange]:
        below = [self._diff(parent) for parent in parents]
        found = await on_thread(lambda: list_upper_changes(self._diff(key), below))
        return sorted(
            (PathChange(change.change, "/" + os.fsdecode(change.path)) for change in found),
            key=lambda change: change.path,
        )

    async def mount(
        self, key: str, parents: Sequence[str], target: Path, *, volatile: bool = False
    ) -> None:
        """See `Snapshots.mount`.

        `volatile`: what is written need not survive a power cut, so neither fsync inside nor the
        unmount waits for the disk; after a crash the snapshot cannot be mounted again.
        """
        if self._able is None:
            self.probe()
            assert self._able is not None
        call = plan_mount(self._root, key, parents, self._able, volatile=volatile)
        _mount(call, target)

    async def unmount(self, target: Path) -> None:
        with _nothing_mounted_is_fine():
            unmount(target, lazy=True)

    async def size_bytes(self, key: str) -> int:
        return await on_thread(lambda: sum_files(self._diff(key)))

    async def remove(self, key: str) -> None:
        self._dirs.remove(key)

    async def drain(self) -> None:
        """Wait until what was removed is deleted, too."""
        await self._dirs.drain()

    async def list_keys(self) -> Sequence[str]:
        return self._dirs.list_keys()

    def _diff(self, key: str) -> Path:
        return self._dirs.path(key) / "diff"

    def _furnish(self, staging: Path, parents: Sequence[str]) -> None:
        for part in ("diff", "work"):
            (staging / part).mkdir()
            (staging / part).chmod(0o755)  # whatever the umask says: it becomes a container's /
        (staging / "lower").write_text("".join(f"{parent}\n" for parent in parents))


@contextlib.contextmanager
def _nothing_mounted_is_fine() -> Iterator[None]:
    try:
        yield
    except SyscallError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise


def _mount(call: MountCall, target: Path) -> None:
    if call.fstype == "overlay" and call.options[0][0] == "lowerdir+":
        mount_new(call.fstype, call.options, target)
    else:
        carry_out(call, target)


def _find_abilities(scratch: Path) -> Abilities:
    """The most that this kernel takes. Raises Unsupported if not even a plain mount works."""
    for parent, name in (("1", "dropped"), ("2", "kept")):
        (scratch / parent / "diff").mkdir(parents=True)
        (scratch / parent / "diff" / name).touch()
    target = scratch / "mnt"
    target.mkdir()
    refusal: OSError | None = None
    for number, able in enumerate(_CANDIDATES):
        key = f"try{number}"
        for part in ("diff", "work"):
            (scratch / key / part).mkdir(parents=True)
        try:
            # Volatile, or the unmount would wait until the disk has written everything.
            _mount(plan_mount(scratch, key, ["1", "2"], able, volatile=True), target)
        except SyscallError as error:
            refusal = refusal or error
            continue
        try:
            _check(target, scratch / key / "diff")
        finally:
            unmount(target, lazy=True)
        return able
    raise Unsupported(f"overlayfs cannot be mounted at {scratch.parent}: {refusal}")


def _check(merged: Path, upper: Path) -> None:
    """What overlayfs needs of the file system below it, tried."""
    try:
        (merged / "dropped").unlink()
        os.setxattr(upper, "trusted.overlay.wherry", b"y")
        os.removexattr(upper, "trusted.overlay.wherry")
    except OSError as error:
        raise Unsupported(f"overlayfs is no use on this file system: {error}") from error
    if os.listdir(merged) != ["kept"]:  # a deletion shows: readdir tells no file types
        raise Unsupported("overlayfs needs a file system with d_type (xfs: ftype=1)")
