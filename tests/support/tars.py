"""Archives made byte by byte: what no honest tool would write, too."""

import os
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One member, as it shall stand in the archive, true or not."""

    name: bytes
    kind: bytes = b"0"
    data: bytes = b""
    link: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = 1_700_000_000
    device: tuple[int, int] = (0, 0)
    records: dict[bytes, bytes] = field(default_factory=dict)
    size_field: bytes | None = None
    checksum_field: bytes | None = None


def make_tar(*items: Item, end: bool = True) -> bytes:
    """The archive; `end=False` leaves out the blocks that close it."""
    return b"".join(encode(item) for item in items) + (bytes(1024) if end else b"")


def encode(item: Item) -> bytes:
    before = b""
    if item.records:
        content = b"".join(_record(key, value) for key, value in item.records.items())
        before = encode(Item(name=b"pax", kind=b"x", data=content))
    size = b"%011o\0" % len(item.data) if item.size_field is None else item.size_field
    block = bytearray(512)
    for at, value in (
        (0, item.name[:100]),
        (100, b"%07o\0%07o\0%07o\0" % (item.mode, item.uid, item.gid)),
        (124, size),
        (136, b"%011o\0" % item.mtime),
        (148, b" " * 8),
        (156, item.kind),
        (157, item.link[:100]),
        (257, b"ustar\00000"),
        (329, b"%07o\0%07o\0" % item.device),
    ):
        block[at : at + len(value)] = value
    block[148:156] = item.checksum_field or b"%06o\0 " % sum(block)
    return before + bytes(block) + item.data + bytes(-len(item.data) % 512)


def _record(key: bytes, value: bytes) -> bytes:
    rest = len(key) + len(value) + 3
    length = rest
    while rest + len(str(length)) != length:
        length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def file(name: str, data: bytes = b"", **more: object) -> Item:
    return Item(name=os.fsencode(name), data=data, **more)  # type: ignore[arg-type]


def folder(name: str, mode: int = 0o755, **more: object) -> Item:
    return Item(name=os.fsencode(name), kind=b"5", mode=mode, **more)  # type: ignore[arg-type]


def symlink(name: str, target: str) -> Item:
    return Item(name=os.fsencode(name), kind=b"2", link=os.fsencode(target), mode=0o777)


def hard_link(name: str, target: str) -> Item:
    return Item(name=os.fsencode(name), kind=b"1", link=os.fsencode(target))
