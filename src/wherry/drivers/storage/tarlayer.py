"""Writing layer tars: what differs from the parents, deletions as ``.wh.`` entries.

The same tree gives the same bytes: entries are in byte order, nothing is written that the tree
does not say (no user names, no access times), and marks carry no time. Sockets are left out, as
is what cannot be said in a layer: a file that is itself called ``.wh.…``.

Source: OCI image-spec, layer.md.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from wherry.drivers.storage.tarformat import (
    BLOCK_DEVICE,
    CHARACTER,
    END_OF_ARCHIVE,
    FIFO,
    FOLDER,
    HARD_LINK,
    REGULAR,
    SYMLINK,
    XATTR_PREFIX,
    encode_header,
    padded,
)
from wherry.drivers.storage.trees import Node, iter_tree
from wherry.kernel.files import open_folder

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
_PIECE_BYTES = 1 << 20
_NODES = {stat.S_IFCHR: CHARACTER, stat.S_IFBLK: BLOCK_DEVICE, stat.S_IFIFO: FIFO}


class LayerWriter:
    """A tar in the making, hashed while written. Blocking: for a thread."""

    def __init__(self, write_to: BinaryIO) -> None:
        self._file = write_to
        self._digest = hashlib.sha256()
        self._waiting = bytearray()  # small pieces: hashing and writing like large ones
        self._links: dict[tuple[int, int], bytes] = {}

    def add(self, node: Node, xattrs: Mapping[str, bytes] | None = None) -> None:
        """One node as it is, its content included."""
        found = node.found
        kind = stat.S_IFMT(found.st_mode)
        if stat.S_ISREG(found.st_mode) or kind in _NODES:
            key = (found.st_dev, found.st_ino)
            first = self._links.get(key) if found.st_nlink > 1 else None
            if first is not None:
                self._put(_header(node, node.path, HARD_LINK, link=first))
                return
            if found.st_nlink > 1:
                self._links[key] = node.path
        records = {
            XATTR_PREFIX + os.fsencode(name): value
            for name, value in (node.read_xattrs() if xattrs is None else xattrs).items()
        }
        if stat.S_ISREG(found.st_mode):
            self._add_file(node, records)
        elif stat.S_ISDIR(found.st_mode):
            self._put(_header(node, node.path + b"/", FOLDER, records=records))
        elif stat.S_ISLNK(found.st_mode):
            link = os.fsencode(os.readlink(node.name, dir_fd=node.folder_fd))
            self._put(_header(node, node.path, SYMLINK, link=link, records=records))
        elif kind in _NODES:
            self._put(_header(node, node.path, _NODES[kind], records=records))

    def add_whiteout(self, path: bytes) -> None:
        """The parents' `path` is deleted."""
        folder, slash, name = path.rpartition(b"/")
        self._put(encode_header(folder + slash + WHITEOUT + name, REGULAR, mode=0))

    def add_opaque(self, folder: bytes) -> None:
        """Everything that the parents have in `folder` is deleted."""
        self._put(encode_header(folder + b"/" + OPAQUE, REGULAR, mode=0))

    def finish(self) -> str:
        """End the archive; returns its digest."""
        self._put(END_OF_ARCHIVE)
        self._flush()
        return f"sha256:{self._digest.hexdigest()}"

    def _add_file(self, node: Node, records: dict[bytes, bytes]) -> None:
        try:
            file_fd = node.open()
        except OSError:
            return  # gone or replaced while the tree was walked
        try:
            found = os.fstat(file_fd)
            if not stat.S_ISREG(found.st_mode):
                return
            node.found = found
            size = found.st_size
            self._put(_header(node, node.path, REGULAR, size=size, records=records))
            self._add_content(file_fd, size)
        finally:
            os.close(file_fd)
        self._put(bytes(padded(size) - size))

    def _add_content(self, file_fd: int, size: int) -> None:
        left = size
        while left:
            piece = os.read(file_fd, min(left, _PIECE_BYTES))
            if not piece:  # cut while it was read; the header has promised
                piece = bytes(min(left, _PIECE_BYTES))
            self._put(piece)
            left -= len(piece)

    def _put(self, content: bytes) -> None:
        self._waiting += content
        if len(self._waiting) >= _PIECE_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._digest.update(self._waiting)
        self._file.write(self._waiting)
        self._waiting = bytearray()


def _header(
    node: Node,
    name: bytes,
    kind: bytes,
    *,
    size: int = 0,
    link: bytes = b"",
    records: dict[bytes, bytes] | None = None,
) -> bytes:
    found = node.found
    device = (0, 0)
    if kind in (CHARACTER, BLOCK_DEVICE):
        device = os.major(found.st_rdev), os.minor(found.st_rdev)
    return encode_header(
        name,
        kind,
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        size=size,
        mtime_ns=found.st_mtime_ns,
        link=link,
        device=device,
        records=records,
    )


def pack_tree(root: Path, write_to: BinaryIO) -> str:
    """Write all below `root` as a plain tar (export); returns its digest."""
    writer = LayerWriter(write_to)
    with open_folder(root) as root_fd:
        for node in iter_tree(root_fd):
            writer.add(node)
    return writer.finish()
