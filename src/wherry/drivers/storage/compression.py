"""Compressed streams: which format it is, and its content in pieces that fit into memory.

All four libraries are driven the same way (feed, take at most so much, ask whether it wants more),
so a bomb costs the time it takes to notice it, and one piece of memory.

Sources: RFC 1952 (gzip; several members are one file), RFC 8878 (zstd), bzip2, xz file formats.
"""

import bz2
import lzma
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Protocol, cast

from isal import igzip_lib
from isal.igzip_lib import IsalError

from wherry.model.errors import InvalidArgument

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

_PIECE_BYTES = 1 << 20
_MAGIC_BYTES = 6
_LZMA_MEMORY_BYTES = 256 << 20
_ZSTD_WINDOW_LOG = 27  # 128 MiB, the most that zstd itself takes without being asked


_DAMAGED: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    lzma.LZMAError,
    zstd.ZstdError,
    cast("type[Exception]", IsalError),
)


class Format(StrEnum):
    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"


class _Decompressor(Protocol):
    """What bz2, lzma, zstd and igzip have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def detect_format(start: bytes) -> Format:
    """Look at the first six bytes."""
    if start.startswith(b"\x1f\x8b"):
        return Format.GZIP
    if start.startswith(b"\x28\xb5\x2f\xfd") or (
        start[1:4] == b"\x2a\x4d\x18" and start[0] >> 4 == 5
    ):
        return Format.ZSTD
    if start.startswith(b"BZh"):
        return Format.BZIP2
    if start.startswith(b"\xfd7zXZ\0"):
        return Format.XZ
    return Format.NONE


class Decoder:
    """Turns a stream, in whatever format it starts, into its content."""

    def __init__(self) -> None:
        self._start = b""
        self._format: Format | None = None
        self._inner: _Decompressor | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The content that becomes known with `chunk`; to be read to its end.

        Raises:
            InvalidArgument: it is damaged.
        """
        if self._format is None:
            self._start += chunk
            if len(self._start) < _MAGIC_BYTES:
                return
            chunk, self._start = self._start, b""
            self._format = detect_format(chunk)
        if self._format is Format.NONE:
            yield chunk
            return
        try:
            yield from self._decompress(chunk, self._format)
        except _DAMAGED as error:
            raise InvalidArgument(f"{self._format}: {error}") from error

    def finish(self) -> bytes:
        """Say that nothing more comes; returns what was held back of a very short stream.

        Raises:
            InvalidArgument: it was cut off.
        """
        if self._inner is not None and not self._inner.eof:
            raise InvalidArgument("unexpected EOF")
        return self._start

    def _decompress(self, chunk: bytes, form: Format) -> Iterator[bytes]:
        while True:
            if self._inner is None or self._inner.eof:
                # Between members; some writers fill up with zeros after the last.
                if self._inner is not None:
                    chunk = chunk.lstrip(b"\0")
                if not chunk:
                    return
                self._inner = _OPENERS[form]()
            content = self._inner.decompress(chunk, _PIECE_BYTES)
            if content:
                yield content
            if self._inner.eof:
                chunk = self._inner.unused_data
            elif self._inner.needs_input:
                return
            else:
                chunk = b""


def _open_gzip() -> _Decompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _open_zstd() -> _Decompressor:
    limit = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW_LOG}
    return zstd.ZstdDecompressor(options=limit)


def _open_xz() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY_BYTES)


_OPENERS: dict[Format, Callable[[], _Decompressor]] = {
    Format.GZIP: _open_gzip,
    Format.ZSTD: _open_zstd,
    Format.BZIP2: bz2.BZ2Decompressor,
    Format.XZ: _open_xz,
}
