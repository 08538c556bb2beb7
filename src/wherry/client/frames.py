"""The 8-byte frames around a container's output: which stream, how long.

Picture: stream number (1 out, 2 err, 3 the engine's own complaint), three zero bytes, length as
32 bit big endian, then that many bytes. Source: Docker Engine API, ContainerAttach.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

STDOUT, STDERR, SYSTEM = 1, 2, 3
_HEADER_BYTES = 8


class FrameDecoder:
    """Takes bytes as they come and gives out ``(stream, bytes)``; frames may be cut anywhere.

    A piece of a frame is passed on at once, so a prompt without a newline is seen.
    """

    __slots__ = ("_held", "_left", "_stream")

    def __init__(self) -> None:
        self._held = b""
        self._left = 0
        self._stream = STDOUT

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """What `data` adds. ValueError for a header that is none."""
        if self._held:
            data = self._held + data
            self._held = b""
        start = 0
        while start < len(data):
            if not self._left:
                header = data[start : start + _HEADER_BYTES]
                if len(header) < _HEADER_BYTES:
                    self._held = header
                    return
                self._stream = header[0]
                if self._stream > SYSTEM:
                    raise ValueError(f"Unrecognized input header: {self._stream}")
                self._left = int.from_bytes(header[4:], "big")
                start += _HEADER_BYTES
                continue
            piece = data[start : start + self._left]
            start += len(piece)
            self._left -= len(piece)
            yield self._stream, piece
