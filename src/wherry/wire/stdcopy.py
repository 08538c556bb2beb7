"""Several streams in one: the frames of attach, exec and logs without a terminal.

::

    byte 0      stream: 0 input, 1 output, 2 error
    bytes 1-3   zero
    bytes 4-7   length of what follows, big-endian
    …           that many bytes

Source: Docker Engine API, "Stream format" of ``/containers/{id}/attach``.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum

from wherry.model.errors import InvalidArgument

HEAD_BYTES = 8
_HEAD = struct.Struct(">BxxxL")


class Stream(IntEnum):
    INPUT = 0
    OUTPUT = 1
    ERROR = 2


def encode_frame(stream: int, data: bytes) -> bytes:
    """`data` with its head before it."""
    return _HEAD.pack(stream, len(data)) + data


class FrameDecoder:
    """Frames out of pieces of any size."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, piece: bytes) -> Iterator[tuple[Stream, bytes]]:
        """The frames that are complete now.

        Raises:
            InvalidArgument: the bytes are no frames.
        """
        pending = self._pending
        pending += piece
        done = 0
        try:
            while len(pending) - done >= HEAD_BYTES:
                number, length = _HEAD.unpack_from(pending, done)
                if number > Stream.ERROR:
                    raise InvalidArgument(f"unrecognized stream: {number}")
                end = done + HEAD_BYTES + length
                if len(pending) < end:
                    return
                frame = bytes(pending[done + HEAD_BYTES : end])
                done = end
                yield Stream(number), frame
        finally:
            del pending[:done]

    @property
    def is_between_frames(self) -> bool:
        """False when the stream ended in the middle of a frame."""
        return not self._pending
