"""Durations as people read them."""

ZERO_TIME = "0001-01-01T00:00:00Z"
"""How Docker writes a time that has not come."""


def format_duration(seconds: float) -> str:
    """About how long, in words: ``Less than a second``, ``5 minutes``, ``3 weeks``."""
    whole = int(seconds)
    minutes, hours = whole // 60, int(seconds / 3600 + 0.5)
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return f"{whole} second{'s' if whole > 1 else ''}"
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if hours == 1:
        return "About an hour"
    for limit, divisor, name in (
        (48, 1, "hours"),
        (24 * 7 * 2, 24, "days"),
        (24 * 30 * 2, 24 * 7, "weeks"),
        (24 * 365 * 2, 24 * 30, "months"),
    ):
        if hours < limit:
            return f"{hours // divisor} {name}"
    return f"{hours // 24 // 365} years"
