"""Moments as clients and images write them, in nanoseconds since the epoch."""

import re
from datetime import UTC, datetime

from wherry.model.errors import InvalidArgument

_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d{2}:\d{2})\Z"
)
_SECONDS = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?\Z")
_DURATION_PART = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)")
_LOCAL_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d")
_UNIT_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def parse_rfc3339_ns(text: str) -> int:
    """RFC 3339 with up to nine decimals. InvalidArgument for anything else."""
    found = _RFC3339.match(text)
    if not found:
        raise InvalidArgument(f"not a time: {text[:80]!r}")
    day, clock, fraction, zone = found.groups()
    zone = "+00:00" if zone in "Zz" else zone
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{zone}")
    except ValueError as error:
        raise InvalidArgument(f"not a time: {text[:80]!r}") from error
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + int((fraction or "").ljust(9, "0"))


def format_rfc3339_ns(moment_ns: int) -> str:
    """As Go writes it: UTC, no zeros at the end of the fraction."""
    seconds, fraction = divmod(moment_ns, 10**9)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    decimals = f"{fraction:09d}".rstrip("0")
    return f"{text}.{decimals}Z" if decimals else f"{text}Z"


def parse_duration_ns(text: str) -> int:
    """A duration as Go writes it: ``1h30m``, ``250ms``. InvalidArgument for anything else."""
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.lstrip("+"):
        if text == "0":
            return 0
        raise InvalidArgument(f'time: invalid duration "{text[:80]}"')
    return sum(round(float(number) * _UNIT_NS[unit]) for number, unit in parts)


def parse_moment_ns(text: str, *, now_ns: int) -> int:
    """A time filter: RFC 3339, seconds since the epoch, a date, or how long ago.

    Raises:
        InvalidArgument: it is none of these.
    """
    if found := _SECONDS.match(text):
        return int(found[1]) * 10**9 + int((found[2] or "").ljust(9, "0"))
    for form in _LOCAL_FORMS:
        try:
            return int(datetime.strptime(text, form).astimezone().timestamp()) * 10**9
        except ValueError:
            continue
    if _RFC3339.match(text):
        return parse_rfc3339_ns(text)
    try:
        return now_ns - parse_duration_ns(text)
    except InvalidArgument:
        raise InvalidArgument(f'failed to parse value as time or duration: "{text[:80]}"') from None
