"""The tar around an image archive (`save`, `load`): headers as bytes, one at a time.

Archives hold few, flat members: regular files under fixed names. Reading takes what other writers
make (ustar, GNU and pax long names); writing makes one form only, ustar with every field fixed,
so that the same image is the same archive. What is *in* a layer's tar is not known here.

Source: POSIX pax interchange format; GNU tar manual, "Basic Tar Format".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from wherry.model.errors import InvalidArgument

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
_LONGEST_EXTENSION = 1 << 20
_OCTAL = b"01234567"


class Kind(Enum):
    FILE = auto()
    FOLDER = auto()
    SYMLINK = auto()
    HARD_LINK = auto()
    LONG_NAME = auto()
    LONG_LINK = auto()
    PAX = auto()
    PAX_GLOBAL = auto()
    OTHER = auto()


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMLINK,
    b"5": Kind.FOLDER,
    b"L": Kind.LONG_NAME,
    b"K": Kind.LONG_LINK,
    b"x": Kind.PAX,
    b"g": Kind.PAX_GLOBAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    name: str
    size_bytes: int
    kind: Kind
    link: str = ""

    @property
    def padding_bytes(self) -> int:
        return -self.size_bytes % BLOCK_BYTES


def decode_header(block: bytes) -> Header | None:
    """One header block; None for the zeros at the end.

    Raises:
        InvalidArgument: in Go's words, as Docker says it.
    """
    if block == bytes(BLOCK_BYTES):
        return None
    stored = block[148:156].strip(b" \0")
    total = sum(block) - sum(block[148:156]) + 8 * 32
    if len(block) != BLOCK_BYTES or not stored or stored.strip(_OCTAL) or int(stored, 8) != total:
        raise InvalidArgument("archive/tar: invalid tar header")
    name = _text(block[0:100])
    if block[257:263] == b"ustar\0" and (prefix := _text(block[345:500])):
        name = f"{prefix}/{name}"
    kind = _KINDS.get(block[156:157], Kind.OTHER)
    size = _number(block[124:136])
    if kind in (Kind.SYMLINK, Kind.HARD_LINK, Kind.FOLDER):
        size = 0
    if kind.name.startswith(("LONG", "PAX")) and size > _LONGEST_EXTENSION:
        raise InvalidArgument("archive/tar: header field too long")
    return Header(name=name, size_bytes=size, kind=kind, link=_text(block[157:257]))


def decode_pax(data: bytes) -> dict[str, str]:
    """The records of an extended header."""
    records: dict[str, str] = {}
    while data:
        length, space, _ = data[:21].partition(b" ")
        if not space or not length.isdigit() or not len(length) + 3 <= int(length) <= len(data):
            raise InvalidArgument("archive/tar: invalid tar header")
        record, data = data[len(length) + 1 : int(length)], data[int(length) :]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise InvalidArgument("archive/tar: invalid tar header")
        records[_utf8(key)] = _utf8(value[:-1])
    return records


def extend_header(header: Header, extensions: Mapping[Kind, bytes]) -> Header:
    """`header` with what the long-name and extended headers before it say."""
    if long_name := extensions.get(Kind.LONG_NAME):
        header = replace(header, name=_text(long_name))
    if long_link := extensions.get(Kind.LONG_LINK):
        header = replace(header, link=_text(long_link))
    if pax := extensions.get(Kind.PAX):
        records = decode_pax(pax)
        if any(key.startswith("GNU.sparse.") for key in records):
            header = replace(header, kind=Kind.OTHER)
        size = records.get("size", "")
        if size and not (size.isascii() and size.isdecimal() and len(size) < 20):
            raise InvalidArgument("archive/tar: invalid tar header")
        header = replace(
            header,
            name=records.get("path", header.name),
            link=records.get("linkpath", header.link),
            size_bytes=int(size) if size else header.size_bytes,
        )
    return header


def encode_header(name: str, size_bytes: int, *, folder: bool = False) -> bytes:
    """A header for a regular file or a folder, owned by root, with no time."""
    encoded = name.encode()
    if len(encoded) > 100:
        raise ValueError(f"too long for a plain header: {name}")
    block = bytearray(BLOCK_BYTES)
    block[0 : len(encoded)] = encoded
    block[100:108] = b"0000755\0" if folder else b"0000644\0"
    block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = _octal_or_binary(size_bytes)
    block[136:148] = b"00000000000\0"
    block[148:156] = b" " * 8
    block[156:157] = b"5" if folder else b"0"
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _octal_or_binary(size_bytes: int) -> bytes:
    # beyond eleven octal digits (8 GiB) everybody reads GNU's binary form
    if size_bytes < 8**11:
        return b"%011o\0" % size_bytes
    return b"\x80" + size_bytes.to_bytes(11, "big")


def _number(field: bytes) -> int:
    if field[0] == 0x80:
        value = int.from_bytes(field[1:], "big")
        if value >= 1 << 62:
            raise InvalidArgument("archive/tar: invalid tar header")
        return value
    digits = field.strip(b" \0")
    if digits.strip(_OCTAL):
        raise InvalidArgument("archive/tar: invalid tar header")
    return int(digits, 8) if digits else 0


def _text(field: bytes) -> str:
    return _utf8(field.partition(b"\0")[0])


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidArgument("archive/tar: invalid tar header") from None
