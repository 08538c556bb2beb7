"""The few shapes that replies have."""

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

import orjson

from wherry.http.messages import Reply

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
TAR = "application/x-tar"
NO_CONTENT = Reply(status=HTTPStatus.NO_CONTENT)


def json_reply(
    value: object, status: int = HTTPStatus.OK, *, headers: Mapping[str, str] | None = None
) -> Reply:
    """A JSON document; like Docker's it ends with a line's end."""
    body = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    return Reply(status=status, body=body, content_type=JSON, headers=headers or {})


def text_reply(text: str, status: int = HTTPStatus.OK) -> Reply:
    return Reply(status=status, body=text.encode(), content_type=TEXT)


def empty_reply(status: int = HTTPStatus.OK) -> Reply:
    return Reply(status=status)


def stream_reply(
    stream: AsyncIterator[bytes],
    content_type: str = JSON,
    *,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Pieces as they come; the status line goes out before the first."""
    return Reply(stream=stream, content_type=content_type, headers=headers or {})
