"""Progress as JSON documents one after the other, each with a line's end.

Pull, push, build, load and import report this way. What fails after the first document was sent
becomes a document itself: the status line is long gone. Source: Docker Engine API, image create.
"""

import json
from collections.abc import Iterator

from wherry.wire.documents import Json

CONTENT_TYPE = "application/json"


def encode_line(document: Json) -> bytes:
    """One document of a stream; Docker ends each with CR LF."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\r\n"


def encode_failure(message: str, *, code: int | None = None) -> bytes:
    """The last document of a stream that failed; `code` is a process's exit status."""
    detail: Json = {"message": message}
    if code is not None:
        detail = {"code": code, "message": message}
    return encode_line({"errorDetail": detail, "error": message})


class LineDecoder:
    """Documents out of pieces of any size."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, piece: bytes) -> Iterator[Json]:
        """The documents that are complete now. ValueError when they are no JSON."""
        *lines, self._pending = (self._pending + piece).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)

    def finish(self) -> Iterator[Json]:
        """The last document, if it had no line's end."""
        pending, self._pending = self._pending, b""
        if pending.strip():
            yield json.loads(pending)
