"""``GET /containers/{id}/logs``."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wherry.model.errors import InvalidArgument
from wherry.model.timestamps import parse_rfc3339_ns
from wherry.wire.query import decode_flag

_LINES = re.compile(r"[0-9]{1,18}")
_SECONDS = re.compile(r"(-?[0-9]{1,10})(?:\.([0-9]*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    stdout: bool
    stderr: bool
    follow: bool = False
    timestamps: bool = False
    since_ns: int = 0
    until_ns: int = 0
    """0: no end."""
    tail: int | None = None
    """Lines from the end; None: all."""


def decode_log_query(query: Mapping[str, str]) -> LogQuery:
    """What a client wants of a log.

    Raises:
        InvalidArgument: neither stream is wanted, or a time that is none.
    """
    stdout, stderr = decode_flag(query, "stdout"), decode_flag(query, "stderr")
    if not stdout and not stderr:
        raise InvalidArgument("Bad parameters: you must choose at least one stream")
    tail = query.get("tail", "")
    return LogQuery(
        stdout=stdout,
        stderr=stderr,
        follow=decode_flag(query, "follow"),
        timestamps=decode_flag(query, "timestamps"),
        since_ns=_decode_time(query, "since"),
        until_ns=_decode_time(query, "until"),
        # whatever is no number means all, as Docker has it
        tail=int(tail) if _LINES.fullmatch(tail) else None,
    )


def _decode_time(query: Mapping[str, str], key: str) -> int:
    text = query.get(key, "")
    if text in ("", "0"):
        return 0
    if found := _SECONDS.fullmatch(text):
        return int(found[1]) * 1_000_000_000 + int(((found[2] or "") + "0" * 9)[:9])
    try:
        return parse_rfc3339_ns(text)
    except InvalidArgument:
        raise InvalidArgument(f'invalid value for "{key}": {text}') from None


_HEADS = {"stdout": b"\x01\x00\x00\x00", "stderr": b"\x02\x00\x00\x00"}


def encode_lines(
    lines: Iterable[tuple[str, str, bytes, bool]], *, timestamps: bool, terminal: bool
) -> bytes:
    """Log lines -- time, stream, data, partial -- as a client gets them.

    One frame a line; none with a terminal.
    """
    pieces: list[bytes] = []
    for time, stream, data, _ in lines:
        text = f"{time} ".encode() + data if timestamps else data
        if not terminal:
            pieces.append(_HEADS[stream])
            pieces.append(len(text).to_bytes(4, "big"))
        pieces.append(text)
    return b"".join(pieces)
