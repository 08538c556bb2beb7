"""The tar format: 512-byte headers, numbers, PAX records. Bytes in, values out, and back.

Written for input that wants to do harm: every number is checked, nothing is guessed, and whatever
is wrong is a `FormatError`. This module is imported by the extracting process, too, so it imports
next to nothing.

::

    header | data, padded to 512 | header | data … | two blocks of zeros

    'L' 'K'   GNU: the next entry's name, link     'x'  PAX records for the next entry
    'g'       PAX records for all that follow: ignored, as by Docker

Sources: POSIX.1-2018 pax, "ustar Interchange Format"; GNU tar manual, "Tar Internals".
"""

import zlib

TYPE_CHECKING = False  # typing itself would cost the extracting process 5 ms
if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 512
RECORDS_LIMIT_BYTES = 1 << 20
PATH_LIMIT_BYTES = 4096
END_OF_ARCHIVE = bytes(2 * BLOCK)
XATTR_PREFIX = b"SCHILY.xattr."

REGULAR, HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, FOLDER, FIFO = (
    b"0", b"1", b"2", b"3", b"4", b"5", b"6",
)  # fmt: skip
GNU_SPARSE = b"S"
_AS_REGULAR = (b"\0", b"7")
_WITHOUT_DATA = b"123456"
_LARGEST = (1 << 63) - 1
_NANOSECONDS = 1_000_000_000


class FormatError(ValueError):
    """Not a tar, or one that is broken."""


class Entry:
    """One member. Names are as written; times are nanoseconds since 1970."""

    __slots__ = (
        "gid", "link", "major", "minor", "mode", "mtime_ns", "name", "raw", "records", "size",
        "type", "uid",
    )  # fmt: skip

    def __init__(self, raw: bytes) -> None:
        """From a header block.

        Raises:
            FormatError: its checksum is wrong or a number in it is none.
        """
        _verify_checksum(raw)
        self.raw = raw
        self.name = name = _until_nul(raw[:100])
        if raw[345] and raw[257:263] == b"ustar\0":
            self.name = _until_nul(raw[345:500]) + b"/" + name
        self.link = _until_nul(raw[157:257]) if raw[157] else b""
        self.mode, self.uid, self.gid = _parse_owner(raw[100:124])
        self.size = parse_number(raw[124:136])
        self.mtime_ns = parse_number(raw[136:148], negative=True) * _NANOSECONDS
        kind = raw[156:157]
        if kind in _AS_REGULAR:
            kind = FOLDER if self.name.endswith(b"/") else REGULAR
        self.type = kind
        self.records: dict[bytes, bytes] | None = None
        self.major = self.minor = 0
        if kind in (CHARACTER, BLOCK_DEVICE):
            self.major, self.minor = parse_number(raw[329:337]), parse_number(raw[337:345])

    def apply_records(self, records: dict[bytes, bytes]) -> None:
        """Let PAX records overrule the header. Raises FormatError."""
        self.records = records
        self.name = records.get(b"path") or self.name
        self.link = records.get(b"linkpath") or self.link
        if b"size" in records:
            self.size = _parse_decimal(records[b"size"])
        if b"uid" in records:
            self.uid = _parse_decimal(records[b"uid"])
        if b"gid" in records:
            self.gid = _parse_decimal(records[b"gid"])
        if b"mtime" in records:
            self.mtime_ns = _parse_time(records[b"mtime"])

    def check(self) -> None:
        """What must hold for every entry. Raises FormatError."""
        if self.uid > 0xFFFFFFFE or self.gid > 0xFFFFFFFE:
            raise FormatError(f"invalid owner {self.uid}:{self.gid}")
        if len(self.name) > PATH_LIMIT_BYTES or len(self.link) > PATH_LIMIT_BYTES:
            raise FormatError("name too long")
        if b"\0" in self.name or b"\0" in self.link:
            raise FormatError("NUL in a name")
        if self.type in _WITHOUT_DATA:
            self.size = 0

    def xattrs(self) -> list[tuple[bytes, bytes]]:
        """Those to set. What only overlayfs may write is left out: a layer could forge a tree."""
        if not self.records:
            return []
        return [
            (key[len(XATTR_PREFIX) :], value)
            for key, value in self.records.items()
            if key.startswith(XATTR_PREFIX)
            and not key.startswith((b"trusted.overlay.", b"user.overlay."), len(XATTR_PREFIX))
        ]


def read_entry(read: "Callable[[int], bytes]") -> Entry | None:
    """The next member, its long names and records taken in; None at the end of the archive.

    Its data comes next: `entry.size` bytes and padding.

    Args:
        read: gives exactly as many bytes as asked for, fewer at the end only.

    Raises:
        FormatError: broken or truncated.
    """
    long_name = long_link = None
    records: dict[bytes, bytes] | None = None
    while True:
        raw = read(BLOCK)
        if len(raw) < BLOCK:
            if raw or long_name or long_link or records:
                raise FormatError("unexpected EOF")
            return None
        if raw[0] == 0 and not raw.strip(b"\0"):
            if read(BLOCK).strip(b"\0"):
                raise FormatError("archive/tar: invalid tar header")
            return None
        entry = Entry(raw)
        if entry.type not in (b"L", b"K", b"x", b"g"):
            break
        content = read_records(read, entry.size)
        if entry.type == b"L":
            long_name = _until_nul(content)
        elif entry.type == b"K":
            long_link = _until_nul(content)
        elif entry.type == b"x":
            records = parse_records(content)
    if records is not None:
        entry.apply_records(records)
    if long_name:  # after the records, as Go's reader has it: the two must not see different names
        entry.name = long_name
    if long_link:
        entry.link = long_link
    entry.check()
    return entry


def read_records(read: "Callable[[int], bytes]", size: int) -> bytes:
    """What stands behind a header for the next one. Raises FormatError, also if it is too long."""
    if size > RECORDS_LIMIT_BYTES:
        raise FormatError("tar header records too long")
    content = read(padded(size))
    if len(content) < padded(size):
        raise FormatError("unexpected EOF")
    return content[:size]


def padded(size: int) -> int:
    """Up to the next block."""
    return (size + BLOCK - 1) & -BLOCK


def clean_name(name: bytes) -> bytes:
    """The path inside the root, without a leading slash; empty for the root itself.

    Raises:
        FormatError: it leads out of the root.
    """
    if name[:2] == b"./":
        name = name[2:]
    if b"/." not in name and b"//" not in name and name[:1] not in (b"/", b"."):
        return name.rstrip(b"/")
    parts: list[bytes] = []
    rooted = name.startswith(b"/")
    for part in name.split(b"/"):
        if part == b"..":
            if parts:
                parts.pop()
            elif not rooted:
                raise FormatError(f"invalid entry name {show(name)}")
        elif part and part != b".":
            parts.append(part)
    return b"/".join(parts)


def show(name: bytes) -> str:
    """A name for a message: quoted, nothing in it that a terminal would obey."""
    return ascii(name[:200].decode("utf-8", "surrogateescape"))


def _until_nul(field: bytes) -> bytes:
    end = field.find(0)
    return field if end < 0 else field[:end]


_owners: dict[bytes, tuple[int, int, int]] = {}


def _parse_owner(fields: bytes) -> tuple[int, int, int]:
    """Mode, uid and gid; an archive has few different ones."""
    known = _owners.get(fields)
    if known is None:
        if len(_owners) > 4096:
            _owners.clear()
        mode = parse_number(fields[:8]) & 0o7777
        known = _owners[fields] = mode, parse_number(fields[8:16]), parse_number(fields[16:])
    return known


def parse_number(field: bytes, *, negative: bool = False) -> int:
    """Octal digits, or GNU's base 256 where they do not suffice. Raises FormatError."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") - (1 << (8 * len(field) - 1))
        if field[0] & 0x40:
            value -= 1 << (8 * len(field) - 1)
        if abs(value) > _LARGEST or (value < 0 and not negative):
            raise FormatError("archive/tar: invalid tar header: number out of range")
        return value
    digits = field[:-1]
    if field[-1] or not digits.isdigit():  # not the usual form
        digits = _until_nul(field.lstrip(b" \0")).strip(b" ")
        if not digits:
            return 0
    if not digits.isdigit():  # int() would take signs, underscores and 0o, too
        raise FormatError("archive/tar: invalid tar header")
    try:
        return int(digits, 8)
    except ValueError:
        raise FormatError("archive/tar: invalid tar header") from None


def _verify_checksum(raw: bytes) -> None:
    """The sum of all bytes, its own field taken as spaces.

    Adler-32's lower half is that sum modulo 65521, at a fiftieth of the price of `sum`.
    """
    wanted = parse_number(raw[148:156])
    own = sum(raw[148:156]) - 8 * 0x20
    if ((zlib.adler32(raw) & 0xFFFF) - 1 - own - wanted) % 65521 == 0:
        return
    signed = sum(byte - 256 if byte > 127 else byte for byte in raw[:148] + raw[156:]) + 8 * 0x20
    if signed != wanted:  # some old tars summed signed bytes
        raise FormatError("archive/tar: invalid tar header")


def parse_records(content: bytes) -> dict[bytes, bytes]:
    """PAX records, ``<length> <key>=<value>\\n``. Raises FormatError."""
    records: dict[bytes, bytes] = {}
    offset, end = 0, len(content)
    while offset < end:
        space = content.find(b" ", offset, offset + 20)
        digits = content[offset:space]
        if space < 0 or not digits.isdigit():
            raise FormatError("invalid PAX record")
        after = offset + int(digits)
        equals = content.find(b"=", space, after)
        if after > end or after <= space + 1 or equals < 0 or content[after - 1] != 0x0A:
            raise FormatError("invalid PAX record")
        records[content[space + 1 : equals]] = content[equals + 1 : after - 1]
        offset = after
    return records


def _parse_decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 19 or int(text) > _LARGEST:
        raise FormatError("invalid PAX record: number")
    return int(text)


def _parse_time(text: bytes) -> int:
    whole, _, fraction = text.partition(b".")
    minus = whole.startswith(b"-")
    digits = whole[1:] if minus else whole
    if not digits.isdigit() or len(digits) > 12 or (fraction and not fraction.isdigit()):
        raise FormatError("invalid PAX record: time")
    value = int(digits) * _NANOSECONDS + int((fraction + b"000000000")[:9])
    return -value if minus else value


def encode_header(
    name: bytes,
    kind: bytes,
    *,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    size: int = 0,
    mtime_ns: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
    records: dict[bytes, bytes] | None = None,
) -> bytes:
    """The header of an entry, with PAX records before it for what does not fit."""
    seconds, fraction_ns = divmod(mtime_ns, _NANOSECONDS)
    extra = dict(records) if records else {}
    if len(name) > 100:
        extra[b"path"] = name
    if len(link) > 100:
        extra[b"linkpath"] = link
    if fraction_ns or not 0 <= seconds < 1 << 33:
        extra[b"mtime"] = _format_time(mtime_ns)
    for key, value, limit in (
        (b"uid", uid, 1 << 21),
        (b"gid", gid, 1 << 21),
        (b"size", size, 1 << 33),
    ):
        if value >= limit:
            extra[key] = b"%d" % value
    header = _encode_block(
        name[:100], kind, mode, uid, gid, size, max(seconds, 0), link[:100], device
    )
    if not extra:
        return header
    content = b"".join(_encode_record(key, extra[key]) for key in sorted(extra))
    padding = bytes(padded(len(content)) - len(content))
    before = _encode_block(b"PaxHeaders/x", b"x", 0o644, 0, 0, len(content), 0, b"", (0, 0))
    return before + content + padding + header


def _encode_block(
    name: bytes,
    kind: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    seconds: int,
    link: bytes,
    device: tuple[int, int],
) -> bytes:
    fields = b"%s%s%07o\0%07o\0%07o\0%011o\0%011o\0        %s%s%sustar\00000%s%07o\0%07o\0" % (
        name, bytes(100 - len(name)), mode, uid & 0o7777777, gid & 0o7777777,
        size & 0o77777777777, seconds & 0o77777777777, kind, link, bytes(100 - len(link)),
        bytes(64), device[0] & 0o7777777, device[1] & 0o7777777,
    )  # fmt: skip
    block = fields + bytes(BLOCK - len(fields))
    total = sum(block)
    return block[:148] + b"%06o\0 " % total + block[156:]


def _encode_record(key: bytes, value: bytes) -> bytes:
    """The length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _format_time(mtime_ns: int) -> bytes:
    whole, fraction = divmod(abs(mtime_ns), _NANOSECONDS)
    text = b"%d" % whole + (b".%09d" % fraction).rstrip(b"0").rstrip(b".")
    return b"-" + text if mtime_ns < 0 else text
