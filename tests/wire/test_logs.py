"""What is wanted of a log, and its lines as a client gets them; other query parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.model.errors import InvalidArgument
from wherry.wire.logs import decode_log_query, encode_lines
from wherry.wire.query import decode_flag, decode_integer, decode_size
from wherry.wire.stdcopy import FrameDecoder, Stream

TIME = "2024-01-02T03:04:05.000000006Z"
LINES = [
    (TIME, "stdout", b"one\n", False),
    (TIME, "stderr", b"two\n", False),
    (TIME, "stdout", b"rest", True),
]


def test_every_line_is_a_frame_of_its_stream() -> None:
    frames = list(FrameDecoder().feed(encode_lines(LINES, timestamps=False, terminal=False)))
    assert frames == [
        (Stream.OUTPUT, b"one\n"),
        (Stream.ERROR, b"two\n"),
        (Stream.OUTPUT, b"rest"),
    ]


def test_times_stand_inside_the_frames() -> None:
    frames = list(FrameDecoder().feed(encode_lines(LINES[:1], timestamps=True, terminal=False)))
    assert frames == [(Stream.OUTPUT, TIME.encode() + b" one\n")]


def test_a_terminals_log_has_no_frames() -> None:
    assert encode_lines(LINES[::2], timestamps=False, terminal=True) == b"one\nrest"


def test_one_stream_must_be_wanted() -> None:
    with pytest.raises(InvalidArgument, match="you must choose at least one stream"):
        decode_log_query({"stdout": "0", "follow": "1"})


def test_nothing_else_said_is_the_whole_log_once() -> None:
    query = decode_log_query({"stdout": "1"})
    assert (query.follow, query.timestamps, query.tail) == (False, False, None)
    assert (query.since_ns, query.until_ns) == (0, 0)


@pytest.mark.parametrize(
    ("tail", "lines"),
    [
        ("", None),
        ("all", None),
        ("-1", None),
        ("x", None),
        ("0", 0),
        ("12", 12),
        ("9" * 5000, None),
    ],
)
def test_whatever_is_no_number_of_lines_means_all(tail: str, lines: int | None) -> None:
    assert decode_log_query({"stdout": "1", "tail": tail}).tail == lines


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("", 0),
        ("0", 0),
        ("5", 5_000_000_000),
        ("5.25", 5_250_000_000),
        ("1136073600.000000001", 1_136_073_600_000_000_001),
        ("2006-01-01T00:00:00Z", 1_136_073_600_000_000_000),
        ("-1", -1_000_000_000),
    ],
)
def test_times_are_seconds_or_rfc_3339(text: str, nanoseconds: int) -> None:
    assert decode_log_query({"stdout": "1", "since": text}).since_ns == nanoseconds


@pytest.mark.parametrize("text", ["--1", "x", "1.x", "9" * 5000, "1.2.3", "yesterday", "٣"])
def test_other_times_are_the_clients_mistake(text: str) -> None:
    with pytest.raises(InvalidArgument, match='invalid value for "until"'):
        decode_log_query({"stdout": "1", "until": text})


@given(st.dictionaries(st.sampled_from(["since", "until", "tail", "follow"]), st.text(max_size=20)))
def test_any_query_is_understood_or_refused(query: dict[str, str]) -> None:
    try:
        decode_log_query({"stdout": "1", **query})
    except InvalidArgument:
        pass


@pytest.mark.parametrize("text", ["", "0", "no", "False", "NONE", " 0 "])
def test_what_docker_takes_for_false(text: str) -> None:
    assert decode_flag({"all": text}, "all") is False


@pytest.mark.parametrize("text", ["1", "true", "yes", "x"])
def test_anything_else_is_true(text: str) -> None:
    assert decode_flag({"all": text}, "all") is True
    assert decode_flag({}, "all", otherwise=True) is True


@pytest.mark.parametrize(("text", "number"), [("", None), ("0", 0), ("-1", -1), ("+7", 7)])
def test_a_whole_number(text: str, number: int | None) -> None:
    assert decode_integer({"t": text}, "t") == number


@pytest.mark.parametrize("text", ["x", "1.5", " 1", "1_0", "٣", "9" * 5000, "--1"])
def test_another_number_is_the_clients_mistake(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"strconv\.Atoi: parsing"):
        decode_integer({"t": text}, "t")


def test_a_size_is_height_and_width() -> None:
    assert decode_size({"h": "24", "w": "80"}) == (24, 80)


@pytest.mark.parametrize(
    "query", [{}, {"h": "24"}, {"h": "-1", "w": "1"}, {"h": "65536", "w": "1"},
              {"h": "1", "w": "0000000001999999"}]
)  # fmt: skip
def test_a_size_that_is_none_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match="invalid resize"):
        decode_size(query)
