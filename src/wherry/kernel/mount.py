"""mount(2), umount2(2) and the file-descriptor mount calls (fsopen, fsconfig, fsmount, move_mount).

Thin and typed: nothing here makes a target, retries or decides. What to mount is decided by who
knows the file system and arrives as a `MountCall`.

Sources: mount(2), umount2(2), mount_setattr(2), <linux/mount.h>, fs/fsopen.c.
"""

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path

_FSCONFIG_SET_FLAG = 0
_FSCONFIG_SET_STRING = 1
_FSCONFIG_CMD_CREATE = 6
_FSOPEN_CLOEXEC = 1
_FSMOUNT_CLOEXEC = 1
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_OPEN_TREE_CLONE = 1
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_MNT_DETACH = 2
_UMOUNT_NOFOLLOW = 8
PAGE_BYTES = 4096
"""mount(2) copies at most one page of options, the closing NUL included."""

# Numbers above 423 are the same on every architecture but alpha.
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_FSOPEN = 430
_SYS_FSCONFIG = 431
_SYS_FSMOUNT = 432
_SYS_MOUNT_SETATTR = 442

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (
    ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p,
)  # fmt: skip
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)


class MountFlag(IntFlag):
    """<linux/mount.h>, MS_*."""

    NONE = 0
    RDONLY = 1
    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    REMOUNT = 32
    NOATIME = 1024
    BIND = 4096
    REC = 16384
    UNBINDABLE = 1 << 17
    PRIVATE = 1 << 18
    SLAVE = 1 << 19
    SHARED = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MountCall:
    """What to mount, decided but not done. `str()` of it is the mount(8) command."""

    source: str
    fstype: str = ""
    flags: MountFlag = MountFlag.NONE
    options: tuple[tuple[str, str | None], ...] = ()

    @property
    def data(self) -> str:
        """The options as mount(2) takes them."""
        return ",".join(key if value is None else f"{key}={value}" for key, value in self.options)

    def __str__(self) -> str:
        kind = "--bind" if self.flags & MountFlag.BIND else f"-t {self.fstype}"
        return f"mount {kind} {self.source}" + (f" -o {self.data}" if self.options else "")


class SyscallError(OSError):
    """An OSError that remembers which call failed and on what."""

    def __init__(self, call: str, code: int, path: str | Path, detail: str = "") -> None:
        told = f"{call}: {os.strerror(code)}" + (f" ({detail})" if detail else "")
        super().__init__(code, told, os.fspath(path))
        self.call = call
        self.detail = detail
        """What the file system itself said, where it says anything."""


def mount(
    source: str | Path,
    target: Path,
    fstype: str = "",
    flags: MountFlag = MountFlag.NONE,
    data: str = "",
) -> None:
    """Attach a file system at `target`, which must exist.

    Args:
        source: device, folder or plain name, as `fstype` expects it.
        data: comma-separated options; the kernel takes less than `PAGE_BYTES` bytes.

    Raises:
        SyscallError: EINVAL for bad options, EPERM without CAP_SYS_ADMIN, EBUSY.
    """
    done = _libc.mount(
        os.fsencode(source), os.fsencode(target), fstype.encode(), int(flags), os.fsencode(data)
    )
    if done != 0:
        raise SyscallError("mount", ctypes.get_errno(), target)


def mount_new(fstype: str, options: Sequence[tuple[str, str | None]], target: Path) -> None:
    """Attach a new file system at `target`, its options given one by one, so of any length.

    Raises:
        SyscallError: as `mount`; `detail` holds the kernel's own words. ENOSYS on kernels
            before 5.2, EINVAL for an option that this kernel does not know.
    """
    context_fd = _call("fsopen", target, _SYS_FSOPEN, fstype.encode(), _FSOPEN_CLOEXEC)
    try:
        for key, value in options:
            _configure(context_fd, target, key, value)
        _call("fsconfig", target, _SYS_FSCONFIG, context_fd, _FSCONFIG_CMD_CREATE, None, None, 0)
        mount_fd = _call("fsmount", target, _SYS_FSMOUNT, context_fd, _FSMOUNT_CLOEXEC, 0)
    except SyscallError as error:
        detail = _read_complaint(context_fd)
        raise SyscallError(error.call, error.errno or 0, target, detail) from None
    finally:
        os.close(context_fd)
    try:
        move_mount(mount_fd, target)
    finally:
        os.close(mount_fd)


def carry_out(call: MountCall, target: Path) -> None:
    """Do `call` with mount(2). Raises SyscallError."""
    mount(call.source, target, call.fstype, call.flags, call.data)


def unmount(target: Path, *, lazy: bool = False) -> None:
    """Detach what is mounted at `target`; `lazy` detaches now and cleans up when idle.

    Raises:
        SyscallError: EINVAL if nothing is mounted there, ENOENT, EBUSY if not `lazy`.
    """
    flags = _UMOUNT_NOFOLLOW | (_MNT_DETACH if lazy else 0)
    if _libc.umount2(os.fsencode(target), flags) != 0:
        raise SyscallError("umount2", ctypes.get_errno(), target)


def is_mount_point(path: Path) -> bool:
    """Whether something is mounted at `path`, also a folder that was bound on itself.

    Such a one has the device of its parent, so stat(2) cannot tell: only the list of mounts can.
    Source: proc_pid_mountinfo(5).
    """
    wanted = os.fsencode(path.resolve())
    with open("/proc/thread-self/mountinfo", "rb") as mounts:
        return any(line.split(b" ", 5)[4] == wanted for line in mounts)


def bind(source: Path, target: Path, *, recursive: bool = False) -> None:
    """Show `source` at `target` too. Raises SyscallError."""
    flags = MountFlag.BIND | (MountFlag.REC if recursive else MountFlag.NONE)
    mount(source, target, flags=flags)


def remount_read_only(target: Path, extra: MountFlag = MountFlag.NONE) -> None:
    """Make the mount at `target` (not what it shows) read-only. Raises SyscallError."""
    mount("none", target, flags=MountFlag.REMOUNT | MountFlag.BIND | MountFlag.RDONLY | extra)


def set_propagation(target: Path, kind: MountFlag, *, recursive: bool = False) -> None:
    """PRIVATE, SLAVE, SHARED or UNBINDABLE for the mount at `target`. Raises SyscallError."""
    mount("none", target, flags=kind | (MountFlag.REC if recursive else MountFlag.NONE))


def open_tree(path: Path, *, recursive: bool = False) -> int:
    """A detached copy of the mount at `path`, as a descriptor for `move_mount`."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    return _call("open_tree", path, _SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags)


def move_mount(mount_fd: int, target: Path) -> None:
    """Attach the detached mount `mount_fd` at `target`. The descriptor stays open."""
    _call(
        "move_mount", target, _SYS_MOVE_MOUNT,
        mount_fd, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH,
    )  # fmt: skip


class _MountAttributes(ctypes.Structure):
    """struct mount_attr, mount_setattr(2)."""

    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def set_read_only_recursively(target: Path) -> None:
    """Make the mount at `target` and all below it read-only. ENOSYS before kernel 5.12."""
    wanted = _MountAttributes(attr_set=int(MountFlag.RDONLY))
    _call(
        "mount_setattr", target, _SYS_MOUNT_SETATTR,
        _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, ctypes.byref(wanted), ctypes.sizeof(wanted),
    )  # fmt: skip


def _configure(context_fd: int, target: Path, key: str, value: str | None) -> None:
    kind = _FSCONFIG_SET_FLAG if value is None else _FSCONFIG_SET_STRING
    text = None if value is None else os.fsencode(value)
    _call("fsconfig", target, _SYS_FSCONFIG, context_fd, kind, key.encode(), text, 0)


def _read_complaint(context_fd: int) -> str:
    """The kernel leaves its words in the context, one message a read, "e " before an error."""
    try:
        return os.read(context_fd, 4096).decode(errors="replace").strip().removeprefix("e ")
    except OSError:
        return ""


def _call(name: str, path: Path, number: int, *arguments: object) -> int:
    done: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if done < 0:
        raise SyscallError(name, ctypes.get_errno(), path)
    return done
