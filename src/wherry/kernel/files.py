"""File calls that Python's os does not have, or not safely enough for trees that others wrote.

A path inside a container's root is looked up by the kernel with that folder as its root
(openat2 with RESOLVE_IN_ROOT), so no link in it leads out, whoever changes the tree meanwhile.

Sources: openat2(2), renameat2(2), syncfs(2), flock(2), ioctl_ficlone(2).
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from wherry.kernel.mount import SyscallError
from wherry.model.errors import InvalidArgument, TooLarge

_SYS_OPENAT2 = 437
_AT_FDCWD = -100
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_FICLONE = 0x40049409
_DEEPEST = 200
_LINKS_AT_MOST = 40

_libc = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    """struct open_how, openat2(2)."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_in_root(root: int | Path, path: str | bytes, flags: int, mode: int = 0) -> int:
    """Open `path` as a process whose root folder is `root` would. The caller closes.

    Args:
        root: a folder, or an open descriptor of one.
        flags: as for open(2); O_CLOEXEC is added.

    Raises:
        OSError: FileNotFoundError, NotADirectoryError, ELOOP, ENOSYS before kernel 5.6.
    """
    if isinstance(root, Path):
        with open_folder(root) as root_fd:
            return open_in_root(root_fd, path, flags, mode)
    how = _OpenHow(
        flags=flags | os.O_CLOEXEC,
        mode=mode,
        resolve=_RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS,
    )
    raw = os.fsencode(path)
    for _ in range(100):
        opened: int = _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2), root, raw, ctypes.byref(how), ctypes.sizeof(how)
        )
        if opened >= 0:
            return opened
        if ctypes.get_errno() != errno.EAGAIN:  # EAGAIN: somebody renamed while it looked
            break
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code), os.fsdecode(path))  # becomes FileNotFoundError and such


def read_in_root(root: int | Path, path: str, *, limit_bytes: int) -> bytes:
    """A small regular file of a tree that others wrote, whole.

    Raises:
        FileNotFoundError: and other OSErrors.
        InvalidArgument: it is a FIFO, a device or a folder. It is not waited for.
        TooLarge: more than `limit_bytes`.
    """
    file_fd = open_in_root(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(file_fd, "rb", buffering=0) as file:
        found = os.fstat(file_fd)
        if not stat.S_ISREG(found.st_mode):
            raise InvalidArgument(f"{path}: not a regular file")
        content = b""
        while len(content) <= limit_bytes:
            chunk = file.read(limit_bytes + 1 - len(content))
            if not chunk:
                return content
            content += chunk
    raise TooLarge(f"{path}: larger than {limit_bytes} bytes")


def ensure_dir_in_root(
    root: int | Path, path: str, mode: int = 0o755, *, uid: int = 0, gid: int = 0
) -> None:
    """Make the folder `path` and those above it, inside `root`; what exists is left as it is.

    A link on the way is followed inside `root`, also one that leads to nothing yet.

    Raises:
        NotADirectoryError: a file is in the way.
        OSError: ELOOP.
    """
    if isinstance(root, Path):
        with open_folder(root) as root_fd:
            return ensure_dir_in_root(root_fd, path, mode, uid=uid, gid=gid)
    _ensure_dir(root, path, mode, uid, gid, _LINKS_AT_MOST)
    return None


def _ensure_dir(root_fd: int, path: str, mode: int, uid: int, gid: int, links_left: int) -> None:
    above = "/"
    for name in path.split("/"):
        if name in ("", "."):
            continue
        here = f"{above}/{name}"
        try:
            os.close(open_in_root(root_fd, here, os.O_PATH | os.O_DIRECTORY))
        except FileNotFoundError:
            with _opened(open_in_root(root_fd, above, os.O_PATH | os.O_DIRECTORY)) as above_fd:
                link = _make_one_dir(above_fd, name, mode, uid, gid)
            if link is not None:
                if links_left == 0:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path) from None
                target = link if link.startswith("/") else f"{above}/{link}"
                _ensure_dir(root_fd, target, mode, uid, gid, links_left - 1)
        above = here


def _make_one_dir(above_fd: int, name: str, mode: int, uid: int, gid: int) -> str | None:
    """Make it, or tell where the link of that name leads."""
    try:
        os.mkdir(name, 0o700, dir_fd=above_fd)
    except FileExistsError:
        try:
            return os.readlink(name, dir_fd=above_fd)
        except OSError as error:
            if error.errno == errno.EINVAL:  # not a link: somebody else made the folder just now
                return None
            raise
    made_fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above_fd)
    with _opened(made_fd):
        os.fchown(made_fd, uid, gid)
        os.fchmod(made_fd, mode)
    return None


def write_in_root(
    root: int | Path, path: str, content: bytes, mode: int = 0o644, *, uid: int = 0, gid: int = 0
) -> None:
    """Make or overwrite a regular file inside `root`; its folder must exist.

    Raises:
        OSError: FileNotFoundError for the folder, IsADirectoryError.
        InvalidArgument: what is there is a FIFO or a device.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
    file_fd = open_in_root(root, path, flags, mode)
    with _opened(file_fd):
        if not stat.S_ISREG(os.fstat(file_fd).st_mode):
            raise InvalidArgument(f"{path}: not a regular file")
        os.ftruncate(file_fd, 0)
        left = memoryview(content)
        while left:
            left = left[os.write(file_fd, left) :]
        os.fchown(file_fd, uid, gid)
        os.fchmod(file_fd, mode)


@contextlib.contextmanager
def open_folder(path: str | Path, *, dir_fd: int | None = None) -> Iterator[int]:
    """A descriptor of the folder itself, never of what a link of that name leads to."""
    folder_fd = os.open(
        path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd
    )
    with _opened(folder_fd):
        yield folder_fd


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in `folder` survive a power cut: its entries are its data."""
    with open_folder(folder) as folder_fd:
        os.fsync(folder_fd)


def sync_filesystem(path: Path) -> None:
    """Write out everything of the file system that holds the folder `path`. Takes its time."""
    with open_folder(path) as folder_fd:
        if _libc.syncfs(folder_fd) != 0:
            raise SyscallError("syncfs", ctypes.get_errno(), path)


def lock_file(path: Path) -> int:
    """Take the lock file for this process; the lock goes with the returned descriptor.

    Raises:
        BlockingIOError: somebody else holds it.
    """
    lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock_fd)
        raise
    return lock_fd


def rename_new(old: Path, new: Path) -> None:
    """Rename; FileExistsError's errno (EEXIST) instead of replacing. Raises SyscallError."""
    _rename(old, new, _RENAME_NOREPLACE)


def exchange(one: Path, other: Path) -> None:
    """Swap two names at once. Raises SyscallError."""
    _rename(one, other, _RENAME_EXCHANGE)


def _rename(old: Path, new: Path, flags: int) -> None:
    done = _libc.renameat2(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), flags)
    if done != 0:
        raise SyscallError("renameat2", ctypes.get_errno(), new)


def get_free_bytes(path: Path) -> int:
    """What an ordinary writer could still store on the file system of `path`."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def allocate(file_fd: int, size_bytes: int) -> None:
    """Reserve disk space. OSError ENOSPC if there is not enough."""
    if size_bytes:
        os.posix_fallocate(file_fd, 0, size_bytes)


def copy_content(source_fd: int, target_fd: int, size_bytes: int) -> None:
    """Copy from the start; shares the blocks where the file system can, else inside the kernel."""
    if size_bytes == 0:
        return
    try:
        fcntl.ioctl(target_fd, _FICLONE, source_fd)
        return
    except OSError:
        pass  # another file system, or one that cannot share
    offset = 0
    try:
        while copied := os.copy_file_range(source_fd, target_fd, 1 << 30, offset, offset):
            offset += copied
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        while chunk := os.pread(source_fd, 1 << 20, offset):
            offset += os.pwrite(target_fd, chunk, offset)


def remove_tree(path: Path) -> None:
    """Delete a folder with all in it; one that is not there is success.

    Links are deleted, not followed, and there is no depth that it cannot do: what lies deeper
    than the stack should grow is first moved up.
    """
    try:
        with open_folder(path) as top_fd:
            while _empty_folder(top_fd, top_fd, _DEEPEST):
                pass
        os.rmdir(path)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        path.unlink(missing_ok=True)


def _empty_folder(folder_fd: int, top_fd: int, levels_left: int) -> bool:
    """Delete the content; True if something was moved to the top, to be done there."""
    moved = False
    with os.scandir(folder_fd) as listing:
        entries = list(listing)
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.name, dir_fd=folder_fd)
        elif levels_left == 0:
            higher = f".deep-{entry.inode()}"
            os.rename(entry.name, higher, src_dir_fd=folder_fd, dst_dir_fd=top_fd)
            moved = True
        else:
            with open_folder(entry.name, dir_fd=folder_fd) as child_fd:
                moved |= _empty_folder(child_fd, top_fd, levels_left - 1)
            os.rmdir(entry.name, dir_fd=folder_fd)
    return moved
