"""Sizes, durations and times as Docker prints them, and as its flags read them."""

from __future__ import annotations

import time

from wherry.model.units import format_duration

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_MINUTE_S, _HOUR_S = 60, 3600
_EPOCH_DAYS = 719468
_NANO = 10**9


def format_size(size_bytes: float, *, digits: int = 4) -> str:
    """``1.98MB``: decimal steps, at most `digits` digits."""
    return _format_size(size_bytes, 1000.0, _DECIMAL, digits)


def format_memory(size_bytes: float) -> str:
    """``23.54GiB``: binary steps."""
    return _format_size(size_bytes, 1024.0, _BINARY, 4)


def _format_size(size: float, step: float, names: tuple[str, ...], digits: int) -> str:
    place = 0
    while size >= step and place < len(names) - 1:
        size /= step
        place += 1
    return f"{size:.{digits}g}{names[place]}"


def format_age(created_s: float) -> str:
    """``2 hours ago``, counted from now; `created_s` since the epoch."""
    return f"{format_duration(time.time() - created_s)} ago"


def format_time(moment_s: float) -> str:
    """Local time as Go prints it: ``2026-11-24 02:44:41 +0000 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(moment_s))


def parse_time_ns(text: str) -> int:
    """RFC 3339 to nanoseconds since the epoch, exactly; ValueError otherwise."""
    date, _, clock = text.replace("t", "T").partition("T")
    year, month, day = (int(part) for part in date.split("-"))
    zone_s = 0
    if clock[-1:] in ("Z", "z"):
        clock = clock[:-1]
    elif "+" in clock[5:] or "-" in clock[5:]:
        sign = "+" if "+" in clock else "-"
        clock, _, zone = clock.rpartition(sign)
        hours, _, minutes = zone.partition(":")
        zone_s = (int(hours) * _HOUR_S + int(minutes or 0) * _MINUTE_S) * (1 if sign == "+" else -1)
    hour, minute, second = ([*clock.split(":"), "0", "0"])[:3]
    days = _days_since_epoch(year, month, day)
    seconds = days * 86400 + int(hour) * _HOUR_S + int(minute) * _MINUTE_S - zone_s
    whole, _, fraction = second.partition(".")
    return (seconds + int(whole)) * _NANO + int(fraction[:9].ljust(9, "0"))


def _days_since_epoch(year: int, month: int, day: int) -> int:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        raise ValueError("no such day")
    # A year that begins in March has its leap day at its end.
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _EPOCH_DAYS


_SIZE_LETTERS = "bkmgtp"


def parse_memory_bytes(text: str) -> int:
    """``512m``, ``1.5g``, ``2GiB``: binary steps. ValueError in Docker's words."""
    end = len(text)
    while end and not (text[end - 1].isdigit() or text[end - 1] in ". "):
        end -= 1
    digits, suffix = text[:end], text[end:].strip().lower()
    digits = digits.removesuffix(" ")
    try:
        if not digits or not (digits[0].isdigit() or digits[0] in ".-+"):
            raise ValueError
        value = float(digits)
    except ValueError:
        raise ValueError(f"invalid size: '{text}'") from None
    if value < 0:
        raise ValueError(f"invalid size: '{text}'")
    if not suffix:
        return int(value)
    power = _SIZE_LETTERS.find(suffix[0])
    if power < 0 or suffix[1:] not in ("", "b", "ib") or (power == 0 and suffix != "b"):
        raise ValueError(f"invalid suffix: '{suffix}'")
    return int(value * 1024**power)


_DURATION_NS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "μs": 1000,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def parse_duration_ns(text: str) -> int:
    """``1h30m``, ``500ms`` in nanoseconds, as Go's time.ParseDuration; ValueError in its words."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0.0
    while rest:
        end = 0
        while end < len(rest) and (rest[end].isdigit() or rest[end] == "."):
            end += 1
        number, rest = rest[:end], rest[end:]
        end = 0
        while end < len(rest) and not (rest[end].isdigit() or rest[end] == "."):
            end += 1
        unit, rest = rest[:end], rest[end:]
        if not number.strip(".") or number.count(".") > 1:
            raise ValueError(f'time: invalid duration "{text}"')
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _DURATION_NS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += float(number) * _DURATION_NS[unit]
    return int(-total if text.startswith("-") else total)
