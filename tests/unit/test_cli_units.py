"""Sizes, durations, times, ports and tables as Docker prints them."""

import time

import pytest

from wherry.cli.commands.ps import format_ports
from wherry.cli.format import ellipsis, go_quote, natural_order, render_table
from wherry.cli.moments import parse_moment
from wherry.cli.units import (
    format_memory,
    format_size,
    parse_duration_ns,
    parse_memory_bytes,
    parse_time_ns,
)
from wherry.model.units import format_duration

NANO = 10**9


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0B"), (999, "999B"), (1000, "1kB"), (1984432, "1.984MB"), (123456789012, "123.5GB")],
)
def test_sizes_are_decimal_with_four_digits(size: int, shown: str) -> None:
    assert format_size(size) == shown


def test_lists_show_three_digits_and_memory_is_binary() -> None:
    assert format_size(1984432, digits=3) == "1.98MB"
    assert format_memory(25276510208) == "23.54GiB"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "Less than a second"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "About a minute"),
        (150, "2 minutes"),
        (3600, "About an hour"),
        (47 * 3600, "47 hours"),
        (49 * 3600, "2 days"),
        (15 * 86400, "2 weeks"),
        (70 * 86400, "2 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_durations_have_one_unit(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


@pytest.mark.parametrize(
    ("text", "size"),
    [("5", 5), ("1k", 1024), ("1kb", 1024), ("1.5GiB", 1610612736), ("2 m", 2097152), ("7b", 7)],
)
def test_memory_is_read_in_binary_steps(text: str, size: int) -> None:
    assert parse_memory_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [("foo", "invalid size: 'foo'"), ("1x", "invalid suffix: 'x'"), ("-1", "invalid size: '-1'")],
)
def test_bad_memory_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_memory_bytes(text)


def test_durations_are_gos() -> None:
    assert parse_duration_ns("1h2m3.5s") == 3723_500_000_000
    assert parse_duration_ns("10ms") == 10_000_000
    with pytest.raises(ValueError, match='time: missing unit in duration "5"'):
        parse_duration_ns("5")
    with pytest.raises(ValueError, match='time: unknown unit "xs" in duration "5xs"'):
        parse_duration_ns("5xs")


def test_times_of_every_zone_are_the_same_moment() -> None:
    assert parse_time_ns("2026-11-24T02:44:41Z") == 1795488281 * NANO
    assert parse_time_ns("2026-11-24T04:44:41.5+02:00") == 1795488281_500_000_000
    assert parse_time_ns("1970-01-01T00:00:00Z") == 0
    assert parse_time_ns("2024-02-29T12:00:00Z") == 1709208000 * NANO


def test_moments_are_ages_numbers_or_times() -> None:
    assert abs(float(parse_moment("10m")) - (time.time() - 600)) < 5
    assert parse_moment("1795488281") == "1795488281"
    assert parse_moment("1795488281.5") == "1795488281.500000000"
    assert parse_moment("2026-11-24T02:44:41.518098244Z") == "1795488281.518098244"
    with pytest.raises(ValueError, match='failed to parse value as time or duration: "foo"'):
        parse_moment("foo")


def port(private: int, public: int = 0, ip: str = "", kind: str = "tcp") -> dict[str, object]:
    found: dict[str, object] = {"PrivatePort": private, "Type": kind}
    return {**found, "IP": ip, "PublicPort": public} if ip else found


def test_neighbouring_ports_are_drawn_together() -> None:
    ports = [
        *(port(n, n, ip) for n in (9000, 9001, 9002) for ip in ("0.0.0.0", "::")),
        port(80, 8080, "0.0.0.0"),
        port(53, kind="udp"),
    ]
    assert format_ports(ports) == (
        "53/udp, 0.0.0.0:9000-9002->9000-9002/tcp, [::]:9000-9002->9000-9002/tcp, "
        "0.0.0.0:8080->80/tcp"
    )
    assert format_ports([]) == ""


def test_a_table_is_padded_to_its_widest_cell_but_for_the_last_column() -> None:
    rows = [["ID", "LONG NAME", "X"], ["1", "n", ""]]
    assert render_table(rows) == "ID        LONG NAME   X\n1         n           \n"


def test_long_text_is_cut_and_quoted_as_go_does() -> None:
    assert go_quote(ellipsis("sh -c 'echo a; echo b'", 20)) == '"sh -c \'echo a; echo…"'
    assert go_quote('a"\n\x01é') == '"a\\"\\n\\x01é"'


def test_names_with_numbers_are_in_the_order_people_expect() -> None:
    assert sorted(["a10", "a2", "385", "5ad"], key=natural_order) == ["5ad", "385", "a2", "a10"]
