"""How archives and layers are compressed, told by their first bytes, and undone piece by piece."""

import bz2
import lzma
import sys
from enum import StrEnum
from typing import Protocol

from isal import isal_zlib

from wherry.model.errors import InvalidArgument, TooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_RATIO = 1000
_RATIO_COUNTS_FROM_BYTES = 256 << 20


class Compression(StrEnum):
    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"


_MAGIC = (
    (b"\x1f\x8b\x08", Compression.GZIP),
    (b"\x28\xb5\x2f\xfd", Compression.ZSTD),
    (b"BZh", Compression.BZIP2),
    (b"\xfd7zXZ\0", Compression.XZ),
)


def detect_compression(head: bytes) -> Compression:
    """From the first six bytes, or all there are."""
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), Compression.NONE)


_DAMAGED: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    isal_zlib.error,  # type: ignore[assignment]  # the stub says instance, it is a class
    lzma.LZMAError,
    zstd.ZstdError,
)


class _Decompressor(Protocol):
    """What bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


class Expander:
    """Undoes one compression; streams that were put one behind the other are one stream."""

    def __init__(self, compression: Compression) -> None:
        self._compression = compression
        self._decompressor = _open(compression)
        self._waiting = b""
        self._fresh = True
        self._in_bytes = self._out_bytes = 0

    def feed(self, data: bytes, at_most: int) -> bytes:
        """Add `data` and take up to `at_most` bytes; call again with ``b""`` until none come.

        Raises:
            InvalidArgument: damaged.
            TooLarge: more than a thousand bytes out of each one, after the first 256 MiB.
        """
        self._in_bytes += len(data)
        self._waiting += data
        while self._waiting or not (self._fresh or self._decompressor.needs_input):
            if self._decompressor.eof:
                self._decompressor, self._fresh = _open(self._compression), True
            made = self._step(at_most)
            if made:
                self._out_bytes += len(made)
                self._check_ratio()
                return made
        return b""

    def finish(self) -> None:
        """InvalidArgument if the stream ended too early."""
        if not self._fresh and not self._decompressor.eof:
            raise InvalidArgument("unexpected EOF")

    def _step(self, at_most: int) -> bytes:
        data, self._waiting = self._waiting, b""
        self._fresh = False
        try:
            made = self._decompressor.decompress(data, at_most)
        except _DAMAGED:
            raise InvalidArgument(f"{self._compression}: invalid data") from None
        if self._decompressor.eof:
            # zeros after the last stream are padding, as gzip(1) takes them
            self._waiting = self._decompressor.unused_data.lstrip(b"\0")
            self._fresh = not self._waiting
            if self._fresh:
                self._decompressor = _open(self._compression)
        return made

    def _check_ratio(self) -> None:
        if self._out_bytes > max(_RATIO_COUNTS_FROM_BYTES, _RATIO * self._in_bytes):
            raise TooLarge("compressed data expands beyond all reason")


class _Gzip:
    """isal's decompressor in the manner of the others."""

    def __init__(self) -> None:
        self._inner = isal_zlib.decompressobj(wbits=31)
        self._full = False

    @property
    def needs_input(self) -> bool:
        return not self._full

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        made = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(made) >= max_length
        return bytes(made)


def _open(compression: Compression) -> _Decompressor:
    match compression:
        case Compression.GZIP:
            return _Gzip()
        case Compression.ZSTD:
            return zstd.ZstdDecompressor()
        case Compression.BZIP2:
            return bz2.BZ2Decompressor()
        case Compression.XZ:
            # 256 MiB: what xz -9 needs is 65
            return lzma.LZMADecompressor(memlimit=256 << 20)
        case Compression.NONE:
            raise ValueError("nothing to expand")
