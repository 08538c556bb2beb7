"""Files with holes in a tar: GNU's old header form, and the PAX forms 0.1 and 1.0.

Each becomes a map: where in the file each stored piece belongs. Form 0.0, which repeats one PAX
key, was written by a single release of GNU tar and is refused.

Source: GNU tar manual, appendix "Sparse Formats"; "Tar Internals", struct sparse.
"""

from wherry.drivers.storage.tarformat import BLOCK, GNU_SPARSE, Entry, FormatError, parse_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PIECES_AT_MOST = 1_000_000
_OLD_MAP_AT, _OLD_PIECES, _OLD_EXTENDED_AT, _OLD_REAL_SIZE_AT = 386, 4, 482, 483
_NEXT_PIECES, _NEXT_EXTENDED_AT = 21, 504
_PIECE = 24


class SparseMap:
    """How the stored pieces make the file."""

    __slots__ = ("pieces", "real_size", "stored_size")

    def __init__(self, pieces: list[tuple[int, int]], real_size: int, stored_size: int) -> None:
        """Raises FormatError if pieces overlap, leave the file or are not what is stored."""
        end = 0
        for offset, length in pieces:
            if offset < end or offset + length > real_size:
                raise FormatError("invalid sparse map")
            end = offset + length
        if sum(length for _, length in pieces) != stored_size:
            raise FormatError("invalid sparse map")
        self.pieces, self.real_size, self.stored_size = pieces, real_size, stored_size


def is_sparse(entry: Entry) -> bool:
    """Must be asked for every regular entry: its size is not that of the file."""
    if entry.type == GNU_SPARSE:
        return True
    records = entry.records
    return records is not None and any(key.startswith(b"GNU.sparse.") for key in records)


def read_sparse_map(entry: Entry, read: "Callable[[int], bytes]") -> SparseMap:
    """Read what stands before the pieces; sets the entry's true name.

    Raises:
        FormatError: broken, or form 0.0.
    """
    if entry.type == GNU_SPARSE:
        return _read_old(entry, read)
    records = entry.records or {}
    entry.name = records.get(b"GNU.sparse.name") or entry.name
    version = records.get(b"GNU.sparse.major"), records.get(b"GNU.sparse.minor")
    if version == (b"1", b"0"):
        return _read_1_0(entry, _decimal(records.get(b"GNU.sparse.realsize", b"")), read)
    if version in ((None, None), (b"0", b"1")) and b"GNU.sparse.map" in records:
        numbers = [_decimal(text) for text in records[b"GNU.sparse.map"].split(b",") if text]
        real_size = _decimal(records.get(b"GNU.sparse.size", b""))
        return SparseMap(_pairs(numbers), real_size, entry.size)
    raise FormatError("unsupported sparse file format")


def _read_old(entry: Entry, read: "Callable[[int], bytes]") -> SparseMap:
    raw = entry.raw
    real_size = parse_number(raw[_OLD_REAL_SIZE_AT : _OLD_REAL_SIZE_AT + 12])
    pieces = _old_pieces(raw[_OLD_MAP_AT:], _OLD_PIECES)
    more = raw[_OLD_EXTENDED_AT]
    while more:
        block = _read_block(read)
        pieces += _old_pieces(block, _NEXT_PIECES)
        more = block[_NEXT_EXTENDED_AT]
        if len(pieces) > _PIECES_AT_MOST:
            raise FormatError("sparse map too long")
    return SparseMap(pieces, real_size, entry.size)


def _old_pieces(table: bytes, count: int) -> list[tuple[int, int]]:
    pieces = []
    for at in range(0, count * _PIECE, _PIECE):
        if not table[at] or not table[at + 12]:
            break
        pieces.append((parse_number(table[at : at + 12]), parse_number(table[at + 12 : at + 24])))
    return pieces


def _read_1_0(entry: Entry, real_size: int, read: "Callable[[int], bytes]") -> SparseMap:
    """The map stands before the data: decimal lines, padded to blocks."""
    text, used = b"", 0

    def next_number() -> int:
        nonlocal text, used
        while b"\n" not in text:
            text += _read_block(read)
            used += BLOCK
            if len(text) > 2 * BLOCK:
                raise FormatError("invalid sparse map")
        line, _, text = text.partition(b"\n")
        return _decimal(line)

    count = next_number()
    if count > _PIECES_AT_MOST:
        raise FormatError("sparse map too long")
    pieces = _pairs([next_number() for _ in range(2 * count)])
    if used > entry.size:
        raise FormatError("invalid sparse map")
    return SparseMap(pieces, real_size, entry.size - used)


def _pairs(numbers: list[int]) -> list[tuple[int, int]]:
    if len(numbers) % 2:
        raise FormatError("invalid sparse map")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 19:
        raise FormatError("invalid sparse map")
    return int(text)


def _read_block(read: "Callable[[int], bytes]") -> bytes:
    block = read(BLOCK)
    if len(block) < BLOCK:
        raise FormatError("unexpected EOF")
    return block
