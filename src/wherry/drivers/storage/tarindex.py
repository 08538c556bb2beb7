"""Plain tars of plain files: reading one by its index, and writing one. For image archives.

An archive that somebody made is never extracted: its regular members are found by name and read in
place. Links, devices and folders in it do not exist.
"""

import os
from dataclasses import dataclass
from typing import BinaryIO

from wherry.drivers.storage.tarformat import (
    END_OF_ARCHIVE,
    FOLDER,
    REGULAR,
    SYMLINK,
    FormatError,
    clean_name,
    encode_header,
    padded,
    read_entry,
)
from wherry.drivers.storage.tarsparse import is_sparse
from wherry.model.errors import InvalidArgument, TooLarge

_MEMBERS_AT_MOST = 200_000
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """Where a file's bytes are in the archive."""

    offset: int
    size: int


def index_tar(file: BinaryIO, *, members_limit: int = _MEMBERS_AT_MOST) -> dict[str, Member]:
    """Find the regular members of a seekable, uncompressed tar; of two with one name, the last.

    Names are cleaned: no leading slash, no ``.`` or ``..``.

    Raises:
        InvalidArgument: not a tar, truncated, or a name that leads out.
        TooLarge: more than `members_limit` entries.
    """
    members: dict[str, Member] = {}
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    seen = 0
    try:
        while (entry := read_entry(file.read)) is not None:
            seen += 1
            if seen > members_limit:
                raise TooLarge(f"archive has more than {members_limit} entries")
            offset = file.tell()
            if offset + entry.size > end:
                raise FormatError("unexpected EOF")
            name = clean_name(entry.name)
            if entry.type == REGULAR and name and not is_sparse(entry):
                members[os.fsdecode(name)] = Member(offset, entry.size)
            file.seek(offset + padded(entry.size))
    except FormatError as error:
        raise InvalidArgument(str(error)) from error
    return members


class MemberReader:
    """One member as a file of its own, for reading from its start to its end."""

    def __init__(self, file: BinaryIO, member: Member) -> None:
        self._fd = file.fileno()
        self._at, self._end = member.offset, member.offset + member.size

    def read(self, size: int = -1) -> bytes:
        left = self._end - self._at
        piece = os.pread(self._fd, left if size < 0 else min(size, left), self._at)
        self._at += len(piece)
        return piece


class TarWriter:
    """Writes a tar of plain files to anything that has ``write``. Names are relative paths."""

    def __init__(self, write_to: BinaryIO) -> None:
        self._file = write_to

    def add_bytes(self, name: str, data: bytes, mtime_ns: int = 0) -> None:
        header = encode_header(os.fsencode(name), REGULAR, size=len(data), mtime_ns=mtime_ns)
        self._file.write(header + data + bytes(padded(len(data)) - len(data)))

    def add_file(self, name: str, source: BinaryIO, size: int, mtime_ns: int = 0) -> None:
        """Raises EOFError if `source` has less than `size` bytes: the archive is then spoilt."""
        self._file.write(encode_header(os.fsencode(name), REGULAR, size=size, mtime_ns=mtime_ns))
        left = size
        while left:
            piece = source.read(min(left, _PIECE_BYTES))
            if not piece:
                raise EOFError(f"{name}: {left} bytes missing")
            self._file.write(piece)
            left -= len(piece)
        self._file.write(bytes(padded(size) - size))

    def add_folder(self, name: str, mtime_ns: int = 0) -> None:
        path = os.fsencode(name).rstrip(b"/") + b"/"
        self._file.write(encode_header(path, FOLDER, mode=0o755, mtime_ns=mtime_ns))

    def add_symlink(self, name: str, target: str, mtime_ns: int = 0) -> None:
        header = encode_header(
            os.fsencode(name), SYMLINK, mode=0o777, link=os.fsencode(target), mtime_ns=mtime_ns
        )
        self._file.write(header)

    def finish(self) -> None:
        """Write the end of the archive; closing the file is its owner's."""
        self._file.write(END_OF_ARCHIVE)
