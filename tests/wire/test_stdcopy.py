"""Frames, and JSON lines: what was put together comes apart again, wherever it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.model.errors import InvalidArgument
from wherry.wire.jsonstream import LineDecoder, encode_failure, encode_line
from wherry.wire.stdcopy import FrameDecoder, Stream, encode_frame

FRAMES = st.lists(st.tuples(st.sampled_from(Stream), st.binary(max_size=50)), max_size=8)


def test_a_frame_is_eight_bytes_and_the_data() -> None:
    assert encode_frame(Stream.ERROR, b"abc") == b"\x02\0\0\0\0\0\0\x03abc"


@given(frames=FRAMES, size=st.integers(1, 40))
def test_frames_survive_any_cutting(frames: list[tuple[Stream, bytes]], size: int) -> None:
    whole = b"".join(encode_frame(stream, data) for stream, data in frames)
    decoder = FrameDecoder()
    out: list[tuple[Stream, bytes]] = []
    for start in range(0, len(whole), size):
        out += decoder.feed(whole[start : start + size])
    assert out == frames
    assert decoder.is_between_frames


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="unrecognized stream: 104"):
        list(FrameDecoder().feed(b"hello world"))


def test_an_unfinished_frame_is_noticed() -> None:
    decoder = FrameDecoder()
    assert list(decoder.feed(b"\x01\0\0\0\0\0\0\x03ab")) == []
    assert not decoder.is_between_frames


def test_progress_is_a_document_a_line_and_failure_is_the_last() -> None:
    whole = encode_line({"status": "ä"}) + encode_failure("no", code=3)
    assert whole.count(b"\r\n") == 2
    decoder = LineDecoder()
    out = [document for byte in whole for document in decoder.feed(bytes([byte]))]
    assert out == [
        {"status": "ä"},
        {"errorDetail": {"code": 3, "message": "no"}, "error": "no"},
    ]
    assert list(decoder.feed(b'{"a":1}')) == []
    assert list(decoder.finish()) == [{"a": 1}]
