"""``--since`` and ``--until``: a time, or how long ago."""

from __future__ import annotations

import time

from wherry.cli.units import parse_duration_ns, parse_time_ns

_NANO = 10**9


def parse_moment(text: str) -> str:
    """Seconds since the epoch with nine decimals, as the API takes them.

    `text` is a duration before now (``42m``), seconds since the epoch, or a date and time of
    RFC 3339, local without a zone and with its end left out as one likes. ValueError.
    """
    try:
        return _format(time.time_ns() - parse_duration_ns(text))
    except ValueError:
        pass
    whole, _, fraction = text.partition(".")
    if whole.lstrip("-").isdigit() and (not fraction or fraction.isdigit()):
        return text if not fraction else f"{whole}.{fraction[:9].ljust(9, '0')}"
    try:
        moment_ns = parse_time_ns(_complete(text))
    except ValueError:
        raise ValueError(f'failed to parse value as time or duration: "{text}"') from None
    return _format(moment_ns)


def _complete(text: str) -> str:
    """Add what was left out: the clock, its seconds, the local zone."""
    date, mark, clock = text.partition("T")
    zoned = clock[-1:] in ("Z", "z") or "+" in clock or "-" in clock
    if not mark:
        clock = "00:00:00"
    if zoned:
        return f"{date}T{clock}"
    local = time.localtime(parse_time_ns(f"{date}T{clock}Z") // _NANO)
    offset = local.tm_gmtoff
    sign = "-" if offset < 0 else "+"
    return f"{date}T{clock}{sign}{abs(offset) // 3600:02d}:{abs(offset) % 3600 // 60:02d}"


def _format(nanoseconds: int) -> str:
    return f"{nanoseconds // _NANO}.{nanoseconds % _NANO:09d}"
