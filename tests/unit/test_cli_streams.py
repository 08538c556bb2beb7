"""The attached session: both ways at once, half-close, detach keys, window and signals."""

import _socket
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from wherry.cli.commands.images import spread_names
from wherry.cli.commands.networks import plan_ipam
from wherry.cli.help import find_near
from wherry.cli.pulling import split_reference
from wherry.cli.streams import Junction
from wherry.cli.terminal import EscapeWatch, SignalBox, parse_detach_keys


def test_detach_keys_are_control_letters_or_plain_ones() -> None:
    assert parse_detach_keys("ctrl-p,ctrl-q") == b"\x10\x11"
    assert parse_detach_keys("ctrl-@,a,ctrl-[") == b"\0a\x1b"
    with pytest.raises(ValueError, match="Unknown character: 'foo'"):
        parse_detach_keys("foo")


def test_the_escape_sequence_is_found_across_reads_and_the_rest_is_passed_on() -> None:
    watch = EscapeWatch(b"\x10\x11")
    assert watch.feed(b"ab\x10") == (b"ab", False)
    assert watch.feed(b"c") == (b"\x10c", False)
    assert watch.feed(b"\x10\x10") == (b"\x10", False)
    assert watch.feed(b"\x11rest") == (b"", True)


def test_caught_signals_are_kept_until_they_are_taken_and_handlers_put_back() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with SignalBox(["USR1"]) as box:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert list(box.take()) == ["USR1"]
        assert list(box.take()) == []
    assert signal.getsignal(signal.SIGUSR1) == before


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            pass


def read_all(sock: _socket.socket) -> bytes:
    pieces = b""
    while data := sock.recv(65536):
        pieces += data
    return pieces


def test_the_end_of_our_input_is_told_while_output_goes_on(
    pipe: tuple[int, int], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    reader, writer = pipe
    ours, theirs = _socket.socketpair()

    def echo() -> None:
        # Answers only when it has heard the end: both directions end separately.
        theirs.sendall(b"got " + read_all(theirs))
        theirs.close()

    thread = threading.Thread(target=echo)
    thread.start()
    os.write(writer, b"typed")
    os.close(writer)
    assert not Junction(ours, b"early ", framed=False, stdin_fd=reader).run()
    thread.join()
    assert capfdbinary.readouterr().out == b"early got typed"


def test_a_container_that_does_not_read_does_not_stop_its_output(
    pipe: tuple[int, int], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    reader, writer = pipe
    ours, theirs = _socket.socketpair()
    much = b"x" * 3_000_000

    def stubborn() -> None:
        theirs.sendall(much)
        theirs.close()

    def type_on() -> None:
        try:
            os.write(writer, much)
        except BrokenPipeError:
            pass

    threads = [threading.Thread(target=stubborn), threading.Thread(target=type_on)]
    for thread in threads:
        thread.start()
    Junction(ours, b"", framed=False, stdin_fd=reader).run()
    os.close(reader)
    for thread in threads:
        thread.join()
    assert len(capfdbinary.readouterr().out) == len(much)


def test_framed_output_goes_to_its_own_stream(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    ours, theirs = _socket.socketpair()
    theirs.sendall(b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err")
    theirs.close()
    Junction(ours, b"", framed=True).run()
    assert capfdbinary.readouterr() == (b"out", b"err")


def test_the_detach_keys_end_the_session(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    ours, theirs = _socket.socketpair()
    os.write(writer, b"\x10\x11")
    assert Junction(ours, b"", framed=False, stdin_fd=reader, keys=b"\x10\x11").run()
    assert theirs.recv(10) == b""
    theirs.close()


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("a", ("a", "")),
        ("a:b", ("a", "b")),
        ("h:5000/a", ("h:5000/a", "")),
        ("h:5000/a:t", ("h:5000/a", "t")),
        ("a@sha256:x", ("a", "sha256:x")),
    ],
)
def test_references_are_split_at_the_tag(reference: str, parts: tuple[str, str]) -> None:
    assert split_reference(reference) == parts


def test_an_image_has_a_row_for_each_name() -> None:
    documents: list[dict[str, Any]] = [
        {"Id": "1", "RepoTags": ["h:5/a:x", "a:y"], "RepoDigests": ["a@sha256:d"]},
        {"Id": "2", "RepoTags": [], "RepoDigests": ["b@sha256:e"]},
        {"Id": "3", "RepoTags": None},
    ]
    rows = [(r["repository"], r["tag"], r["digest"]) for r in spread_names(documents, digests=True)]
    assert rows == [
        ("h:5/a", "x", "<none>"),
        ("a", "y", "sha256:d"),
        ("b", "<none>", "sha256:e"),
        ("<none>", "<none>", "<none>"),
    ]


def test_address_pools_take_what_lies_in_them() -> None:
    pools = plan_ipam(["10.1.0.0/16", "fd00::/64"], ["10.1.2.0/24"], ["fd00::1"], {"r": "10.1.0.9"})
    assert pools == [
        {
            "Subnet": "10.1.0.0/16",
            "IPRange": "10.1.2.0/24",
            "AuxiliaryAddresses": {"r": "10.1.0.9"},
        },
        {"Subnet": "fd00::/64", "Gateway": "fd00::1"},
    ]
    with pytest.raises(ValueError, match=r"no matching subnet for gateway 1\.2\.3\.4"):
        plan_ipam(["10.1.0.0/16"], [], ["1.2.3.4"], {})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("imags", "images"), ("inspct", "inspect"), ("foo", ""), ("volum", "volume")],
)
def test_the_nearest_command_is_proposed(typed: str, meant: str) -> None:
    assert find_near(typed) == meant
