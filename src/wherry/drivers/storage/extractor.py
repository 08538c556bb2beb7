"""The process that unpacks a tar. Started for one archive, shut into the tree it writes, then gone.

Whatever the archive tries, it tries inside a chroot, without another open file, under limits of
time, memory and size; and what it costs, the daemon's loop does not feel. Everything is imported
before the chroot, and after it nothing is executed, imported or looked up by name.

::

    argv    root  folder  meaning  entries  bytes  owner  strict
    stdin   the tar, not compressed
    stdout  one line:  ok <entries> <bytes> <implied folders, hex, comma-separated>
                       error <kind> <message, hex>

An archive's *meaning* is one of

overlay
    a layer, into an empty folder that overlayfs will show as its own change: a whiteout becomes a
    character device 0:0, an opaque folder gets an extended attribute.
merged
    a layer, onto a copy of its parent: whiteouts delete.
plain
    just files, into a tree that is in use. No name has a meaning.

Only a member of this archive can be the target of a hard link in a layer. A node that is a
character device 0:0 is a whiteout in a layer, as overlayfs would have it, and refused elsewhere.

Sources: OCI image-spec, layer.md; kernel, Documentation/filesystems/overlayfs.rst.
"""

import errno
import os
import resource
import stat
import sys

from wherry.drivers.storage.tarformat import (
    BLOCK_DEVICE,
    CHARACTER,
    FIFO,
    FOLDER,
    GNU_SPARSE,
    HARD_LINK,
    REGULAR,
    SYMLINK,
    Entry,
    FormatError,
    clean_name,
    padded,
    read_entry,
    show,
)
from wherry.drivers.storage.tarsparse import is_sparse, read_sparse_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_PIECE_BYTES = 1 << 20
_MEMORY_BYTES = 3 << 30
_CPU_S = 4 * 3600
_WHITEOUT = b".wh."
_META = b".wh..wh."
_OPAQUE = b".wh..wh..opq"
_OPAQUE_XATTR = b"trusted.overlay.opaque"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_NODES = {CHARACTER: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}


class _TooMuch(Exception):
    """Beyond the limits given."""


class _FolderFacts:
    """What a folder gets when all is in it."""

    __slots__ = ("gid", "mode", "mtime_ns", "uid", "xattrs")

    def __init__(self, entry: Entry) -> None:
        self.mode, self.uid, self.gid = entry.mode, entry.uid, entry.gid
        self.mtime_ns, self.xattrs = entry.mtime_ns, entry.xattrs()


class Extractor:
    """Writes one archive below the working directory, which is the root of all it can see."""

    def __init__(
        self,
        source: "BinaryIO",
        meaning: str,
        *,
        entries_limit: int,
        bytes_limit: int,
        owner: tuple[int, int] | None,
        strict: bool,
    ) -> None:
        self._read = source.read
        self._fresh = meaning == "overlay"
        self._layer = meaning != "plain"
        self._entries_limit, self._bytes_limit = entries_limit, bytes_limit
        self._owner, self._strict = owner, strict
        self.entries = self.size_bytes = 0
        self.implied: dict[bytes, None] = {}
        self._folders: dict[bytes, _FolderFacts] = {}
        self._standing: set[bytes] = set()  # folders known to be there
        self._written: set[bytes] = set()  # names of this layer; needed where it has a parent
        self._touched: dict[bytes, int] = {}  # folders of the parent, and their times
        self._hidden: set[bytes] = set()  # whiteouts made, should a folder come in their place

    def run(self) -> None:
        """To the end of the archive and of the stream.

        Raises:
            FormatError: broken, or it wants what no archive may.
        """
        while (entry := read_entry(self._read)) is not None:
            self.entries += 1
            if self.entries > self._entries_limit:
                raise _TooMuch(f"more than {self._entries_limit} entries")
            self._take(entry)
        self._finish_folders()
        while self._read(_PIECE_BYTES):
            pass  # whoever writes must not meet a closed pipe

    def _take(self, entry: Entry) -> None:
        kind = entry.type
        sparse = None
        if kind in (REGULAR, GNU_SPARSE) and is_sparse(entry):
            sparse = read_sparse_map(entry, self._read)
            entry.size, kind = sparse.stored_size, REGULAR
        if self._owner is not None:
            entry.uid, entry.gid = self._owner
        path = clean_name(entry.name)
        if not path:
            if kind == FOLDER:
                self._folders[b"."] = _FolderFacts(entry)
            self._skip(entry.size)
            return
        folder, _, base = path.rpartition(b"/")
        if self._layer and (path[:4] == _WHITEOUT or b"/.wh." in path):
            self._whiteout(path, folder, base)
            self._skip(entry.size)
            return
        if folder and folder not in self._standing:
            self._ensure_folder(folder)
        elif not self._fresh and folder == b"" and self._layer:
            self._remember_time(b".")
        if kind == REGULAR:
            self._file(
                entry,
                path,
                sparse.pieces if sparse else None,
                sparse.real_size if sparse else entry.size,
            )
        elif kind == FOLDER:
            self._folder(entry, path)
        elif kind == HARD_LINK:
            self._hard_link(entry, path)
        elif kind == SYMLINK:
            if not entry.link:
                raise FormatError(f"invalid symlink {show(path)}")
            self._at(path, lambda: os.symlink(entry.link, path))
            self._dress(entry, path)
        elif kind in _NODES:
            self._node(entry, path)
        else:
            raise FormatError(f"unhandled tar header type {show(kind)}")
        if not self._fresh:
            self._written.add(path)

    def _file(
        self, entry: Entry, path: bytes, pieces: list[tuple[int, int]] | None, real_size: int
    ) -> None:
        size = entry.size
        self.size_bytes += real_size
        if self.size_bytes > self._bytes_limit:
            raise _TooMuch(f"more than {self._bytes_limit} bytes")
        try:
            file_fd = os.open(path, _CREATE, entry.mode)
        except FileExistsError:
            self._clear(path, for_folder=False)
            file_fd = os.open(path, _CREATE, entry.mode)
        try:
            if pieces is not None:
                os.ftruncate(file_fd, real_size)
                for offset, length in pieces:
                    os.lseek(file_fd, offset, os.SEEK_SET)
                    self._copy(file_fd, length)
                self._skip_padding(size)
            elif size <= _PIECE_BYTES:
                if size:
                    content = self._read(padded(size))
                    if len(content) < padded(size):
                        raise FormatError("unexpected EOF")
                    _write_all(file_fd, memoryview(content)[:size])
            else:
                self._copy(file_fd, size)
                self._skip_padding(size)
            if entry.uid or entry.gid or not self._fresh:
                os.fchown(file_fd, entry.uid, entry.gid)
                os.fchmod(file_fd, entry.mode)  # a change of owner takes set-uid away
            elif entry.mode & 0o7000:
                os.fchmod(file_fd, entry.mode)
            if entry.records:
                for key, value in entry.xattrs():
                    _set_xattr(file_fd, key, value)
            os.utime(file_fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(file_fd)

    def _folder(self, entry: Entry, path: bytes) -> None:
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                self._clear(path, for_folder=True)
                os.mkdir(path, 0o700)
                if path in self._hidden:
                    # It was hidden and made anew: nothing of the parent's may shine through.
                    os.setxattr(path, _OPAQUE_XATTR, b"y", follow_symlinks=False)
        self._standing.add(path)
        self.implied.pop(path, None)
        self._folders[path] = _FolderFacts(entry)

    def _hard_link(self, entry: Entry, path: bytes) -> None:
        target = clean_name(entry.link)
        try:
            found = os.lstat(target)
        except OSError:
            raise FormatError(f"invalid hardlink {show(path)} -> {show(entry.link)}") from None
        known = self._fresh or not self._layer or target in self._written
        whiteout = stat.S_ISCHR(found.st_mode) and found.st_rdev == 0
        if not known or stat.S_ISDIR(found.st_mode) or whiteout:
            raise FormatError(f"invalid hardlink {show(path)} -> {show(entry.link)}")
        if target != path:
            self._at(path, lambda: os.link(target, path, follow_symlinks=False))

    def _node(self, entry: Entry, path: bytes) -> None:
        device = os.makedev(entry.major, entry.minor) if entry.type != FIFO else 0
        if entry.type == CHARACTER and device == 0:
            folder, _, base = path.rpartition(b"/")
            if not self._layer:
                raise FormatError(f"invalid device {show(path)}")
            self._whiteout(path, folder, _WHITEOUT + base)
            return
        kind = _NODES[entry.type] | entry.mode
        self._at(path, lambda: os.mknod(path, kind, device))
        self._dress(entry, path)

    def _dress(self, entry: Entry, path: bytes) -> None:
        """Owner, mode, attributes and time of what has no descriptor; never through a link."""
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
        if entry.type != SYMLINK:
            os.chmod(path, entry.mode)  # made just now by O_EXCL calls: no link
        for key, value in entry.xattrs():
            _set_xattr(path, key, value)
        os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)

    def _whiteout(self, path: bytes, folder: bytes, base: bytes) -> None:
        if path.startswith(_META) and path != _OPAQUE:
            return  # what AUFS kept for itself
        if b"/.wh." in b"/" + folder:
            raise FormatError(f"invalid whiteout entry {show(path)}")
        name = base[len(_WHITEOUT) :]
        if base != _OPAQUE and (name in (b"", b".", b"..") or base.startswith(_META)):
            raise FormatError(f"invalid whiteout entry {show(path)}")
        if folder and folder not in self._standing:
            self._ensure_folder(folder)
        elif not self._fresh and not folder:
            self._remember_time(b".")
        victim = folder + b"/" + name if folder else name
        if base == _OPAQUE:
            self._make_opaque(folder or b".")
        elif not self._fresh:
            self._delete_inherited(victim)
        else:
            self._hide(victim)

    def _make_opaque(self, folder: bytes) -> None:
        if self._fresh:
            os.setxattr(folder, _OPAQUE_XATTR, b"y", follow_symlinks=False)
            return
        prefix = b"" if folder == b"." else folder + b"/"
        for name in os.listdir(folder):
            self._delete_inherited(prefix + name)

    def _hide(self, victim: bytes) -> None:
        """A whiteout concerns the parents only: what this layer itself made stays."""
        try:
            os.mknod(victim, stat.S_IFCHR, 0)
        except FileExistsError:
            if stat.S_ISDIR(os.lstat(victim).st_mode):
                os.setxattr(victim, _OPAQUE_XATTR, b"y", follow_symlinks=False)
        else:
            self._hidden.add(victim)

    def _delete_inherited(self, victim: bytes) -> None:
        try:
            is_folder = stat.S_ISDIR(os.lstat(victim).st_mode)
        except FileNotFoundError:
            return
        if victim not in self._written and victim not in self.implied:
            self._remove(victim, is_folder)
        elif is_folder:
            self._make_opaque(victim)

    def _ensure_folder(self, folder: bytes) -> None:
        """The archive named no folder for its entry: make it, or take the one that is there."""
        above = folder.rpartition(b"/")[0]
        if above and above not in self._standing:
            self._ensure_folder(above)
        try:
            found = os.lstat(folder)
        except FileNotFoundError:
            os.mkdir(folder, 0o755)
            self.implied[folder] = None
        else:
            if not stat.S_ISDIR(found.st_mode) and not stat.S_ISLNK(found.st_mode):
                inherited = self._layer and not self._fresh and folder not in self._written
                whiteout = stat.S_ISCHR(found.st_mode) and found.st_rdev == 0
                if not inherited and not (self._fresh and whiteout):
                    raise FormatError(f"invalid entry name: {show(folder)} is not a folder")
                os.unlink(folder)
                os.mkdir(folder, 0o755)
                self.implied[folder] = None
                if whiteout:
                    os.setxattr(folder, _OPAQUE_XATTR, b"y", follow_symlinks=False)
            elif self._layer and not self._fresh:
                self._touched.setdefault(folder, found.st_mtime_ns)
        self._standing.add(folder)

    def _remember_time(self, folder: bytes) -> None:
        if folder not in self._touched:
            self._touched[folder] = os.lstat(folder).st_mtime_ns

    def _at(self, path: bytes, make: "Callable[[], None]") -> None:
        try:
            make()
        except FileExistsError:
            self._clear(path, for_folder=False)
            make()

    def _clear(self, path: bytes, *, for_folder: bool) -> None:
        """A later entry takes the place of an earlier one, whatever that was."""
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        if self._strict and is_folder != for_folder:
            old, new = (
                ("directory", "non-directory") if is_folder else ("non-directory", "directory")
            )
            raise FormatError(f"cannot overwrite {old} {show(path)} with {new}")
        self._remove(path, is_folder)

    def _remove(self, path: bytes, is_folder: bool) -> None:
        if not is_folder:
            os.unlink(path)
            return
        self._standing.clear()
        for above, folders, files in os.walk(path, topdown=False):
            for name in files:
                os.unlink(above + b"/" + name)
            for name in folders:
                below = above + b"/" + name
                if stat.S_ISDIR(os.lstat(below).st_mode):
                    os.rmdir(below)
                else:
                    os.unlink(below)
        os.rmdir(path)

    def _finish_folders(self) -> None:
        """Times last: each entry in a folder changed them."""
        for path, facts in reversed(self._folders.items()):
            try:
                folder_fd = os.open(
                    path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                )
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    continue  # a later entry took its place
                raise
            try:
                os.fchown(folder_fd, facts.uid, facts.gid)
                os.fchmod(folder_fd, facts.mode)
                for key, value in facts.xattrs:
                    _set_xattr(folder_fd, key, value)
                os.utime(folder_fd, ns=(facts.mtime_ns, facts.mtime_ns))
            finally:
                os.close(folder_fd)
        for path, mtime_ns in self._touched.items():
            if path not in self._folders:
                try:
                    os.utime(path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)
                except FileNotFoundError:
                    pass
        if b"." not in self._folders:
            self.implied[b"."] = None

    def _copy(self, file_fd: int, size: int) -> None:
        while size:
            piece = self._read(min(size, _PIECE_BYTES))
            if not piece:
                raise FormatError("unexpected EOF")
            _write_all(file_fd, memoryview(piece))
            size -= len(piece)

    def _skip(self, size: int) -> None:
        left = padded(size)
        while left:
            piece = self._read(min(left, _PIECE_BYTES))
            if not piece:
                raise FormatError("unexpected EOF")
            left -= len(piece)

    def _skip_padding(self, size: int) -> None:
        padding = padded(size) - size
        if padding and len(self._read(padding)) < padding:
            raise FormatError("unexpected EOF")


def _write_all(file_fd: int, content: memoryview) -> None:
    written = os.write(file_fd, content)
    while written < len(content):
        written += os.write(file_fd, content[written:])


def _set_xattr(target: int | bytes, key: bytes, value: bytes) -> None:
    """What this file system or this kind of file cannot have is left out, as Docker does."""
    try:
        if isinstance(target, int):
            os.setxattr(target, key, value)
        else:
            os.setxattr(target, key, value, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EPERM):
            raise


def _confine(root: str, folder: str, bytes_limit: int) -> None:
    for kind, most in (
        (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, bytes_limit),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    sys.setrecursionlimit(10_000)  # a path has at most 2048 folders
    os.chroot(root)
    os.chdir("/")
    os.chdir(folder)
    os.umask(0)


def _extract(arguments: list[str]) -> str:
    root, folder, meaning, entries, size, owner, strict = arguments
    uid, _, gid = owner.partition(":")
    try:
        with open(0, "rb", buffering=_PIECE_BYTES, closefd=False) as source:
            _confine(root, folder, int(size))
            extractor = Extractor(
                source, meaning, entries_limit=int(entries), bytes_limit=int(size),
                owner=(int(uid), int(gid)) if owner else None, strict=strict == "strict",
            )  # fmt: skip
            extractor.run()
    except (_TooMuch, MemoryError) as error:
        return f"error large {_hex(error)}"
    except ValueError as error:  # FormatError is one, and so is a NUL in a name
        return f"error invalid {_hex(error)}"
    except OSError as error:
        return f"error {_kind(error)} {_hex(error)}"
    implied = ",".join(path.hex() for path in extractor.implied)
    return f"ok {extractor.entries} {extractor.size_bytes} {implied}"


def _kind(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "full"
    if error.errno == errno.EFBIG:
        return "large"
    from_archive = (
        errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EEXIST,
        errno.EINVAL, errno.EMLINK, errno.E2BIG, errno.ERANGE, errno.ENODATA, errno.EXDEV,
    )  # fmt: skip
    return "invalid" if error.errno in from_archive else f"errno-{error.errno}"


def _hex(error: BaseException) -> str:
    return str(error).encode("utf-8", "surrogateescape").hex()


def main() -> None:
    """Extract what stdin brings; stdin is closed before the answer, or both sides could wait."""
    line = _extract(sys.argv[1:])
    os.close(0)
    _write_all(1, memoryview(line.encode() + b"\n"))
