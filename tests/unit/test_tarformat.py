"""Headers, numbers and records: what goes out comes in again, and nothing else comes in."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tars import Item, encode, file, make_tar
from wherry.drivers.storage import tarformat
from wherry.drivers.storage.tarformat import (
    END_OF_ARCHIVE,
    FormatError,
    clean_name,
    encode_header,
    parse_number,
    parse_records,
    read_entry,
)

NAMES = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name)


@given(
    name=NAMES,
    link=NAMES,
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 0xFFFFFFFE),
    mtime_ns=st.integers(-(10**18), 10**19),
    size=st.integers(0, (1 << 63) - 1),
)
def test_a_header_comes_back(
    name: bytes, link: bytes, mode: int, uid: int, mtime_ns: int, size: int
) -> None:
    header = encode_header(name, b"2", mode=mode, uid=uid, link=link, mtime_ns=mtime_ns, size=size)
    entry = read_entry(io.BytesIO(header).read)
    assert entry is not None
    assert (entry.name, entry.link, entry.mode) == (name, link, mode)
    assert (entry.uid, entry.mtime_ns, entry.size) == (uid, mtime_ns, 0)


def test_another_reader_sees_the_same() -> None:
    name, link = "d/" + "n" * 200, "l" * 200
    header = encode_header(
        name.encode(), b"2", mode=0o751, uid=3_000_000, mtime_ns=1_500_000_000, link=link.encode(),
        records={b"SCHILY.xattr.user.a": b"1"},
    )  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO(header + END_OF_ARCHIVE)) as archive:
        (info,) = archive.getmembers()
    assert (info.name, info.linkname, info.mode, info.uid) == (name, link, 0o751, 3_000_000)
    assert (info.mtime, info.pax_headers["SCHILY.xattr.user.a"]) == (1.5, "1")


@given(st.binary(max_size=2048))
def test_any_bytes_are_an_entry_an_end_or_an_error(data: bytes) -> None:
    try:
        read_entry(io.BytesIO(data).read)
    except FormatError:
        pass


@given(st.binary(max_size=200))
def test_any_bytes_are_records_or_an_error(data: bytes) -> None:
    try:
        parse_records(data)
    except FormatError:
        pass


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"   644 \0", 0o644),
        (b"644\0junk", 0o644),
        (b"\0" * 8, 0),
        (b" " * 8, 0),
        (b"00000644", 0o644),
        (b"\x80\0\0\0\0\0\1\0", 256),
    ],
)
def test_numbers_are_read(field: bytes, value: int) -> None:
    assert parse_number(field) == value


@pytest.mark.parametrize(
    "field",
    [
        b"-000001\0",
        b"+000001\0",
        b"0o644\0\0\0",
        b"1_0\0\0\0\0\0",
        b"0000009\0",
        b"\xff" * 8,
        b"1 1\0",
    ],
)
def test_what_is_no_number_is_refused(field: bytes) -> None:
    with pytest.raises(FormatError):
        parse_number(field)


def test_only_times_may_be_negative() -> None:
    assert parse_number(b"\xff" * 11 + b"\xfe", negative=True) == -2


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        (b"a/b", b"a/b"), (b"./a//b/", b"a/b"), (b"/a", b"a"), (b"/../a", b"a"), (b"a/../b", b"b"),
        (b".", b""), (b"./", b""), (b"/", b""), (b"", b""), (b".a/..b/c..", b".a/..b/c.."),
    ],
)  # fmt: skip
def test_names_are_cleaned(name: bytes, clean: bytes) -> None:
    assert clean_name(name) == clean


@pytest.mark.parametrize("name", [b"..", b"../a", b"a/../../b", b"./../a", b"a/b/../../.."])
def test_names_that_lead_out_are_refused(name: bytes) -> None:
    with pytest.raises(FormatError, match="invalid entry name"):
        clean_name(name)


def test_gnu_long_names_overrule_records_as_in_go() -> None:
    long = encode(Item(name=b"././@LongLink", kind=b"L", data=b"gnu\0"))
    entry = read_entry(io.BytesIO(long + make_tar(file("x", records={b"path": b"pax"}))).read)
    assert entry is not None
    assert entry.name == b"gnu"


def test_global_records_are_ignored() -> None:
    common = encode(Item(name=b"g", kind=b"g", data=b"12 path=evil\n"))
    entry = read_entry(io.BytesIO(common + make_tar(file("x"))).read)
    assert entry is not None
    assert entry.name == b"x"


def test_old_tars_summed_signed_bytes() -> None:
    block = bytearray(encode(Item(name=b"\xe4")))
    block[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in block)
    block[148:156] = b"%06o\0 " % signed
    entry = read_entry(io.BytesIO(block).read)
    assert entry is not None
    assert entry.name == b"\xe4"


def test_one_block_of_zeros_is_not_the_end() -> None:
    with pytest.raises(FormatError):
        read_entry(io.BytesIO(bytes(512) + make_tar(file("x"))).read)


def test_a_message_shows_no_control_characters() -> None:
    assert tarformat.show(b"\x1b[31m\xff") == r"'\x1b[31m\udcff'"
