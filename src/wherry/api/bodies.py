"""JSON bodies of requests."""

from wherry.http.messages import Call
from wherry.model.errors import InvalidArgument
from wherry.wire.documents import Json, decode_document, decode_object
from wherry.wire.versions import modernise, negotiate

MAX_JSON_BYTES = 16 * 1024 * 1024


async def read_object(call: Call, *, required: bool = True) -> Json:
    """The JSON object in the body, as a client of today would have sent it.

    An empty body is an empty object unless the object is `required`.

    Raises:
        InvalidArgument: another content type, no JSON, no object, or nothing at all.
        TooLarge: beyond 16 MiB.
    """
    data = await _read(call)
    if not data and not required:
        return {}
    document = decode_object(data)
    if call.version is not None:
        modernise(call.route, negotiate(call.version), document)
    return document


async def read_document(call: Call) -> object:
    """Any JSON document in the body; None when the body is empty. Errors as `read_object`."""
    data = await _read(call)
    return decode_document(data) if data else None


async def _read(call: Call) -> bytes:
    data = await call.body.read(limit_bytes=MAX_JSON_BYTES)
    if data:
        _check_content_type(call.headers.get("Content-Type", ""))
    return data


def _check_content_type(field: str) -> None:
    kind = field.partition(";")[0].strip().lower()
    if not kind:
        raise InvalidArgument(f"malformed Content-Type header ({field}): mime: no media type")
    if kind != "application/json":
        raise InvalidArgument(
            f"unsupported Content-Type header ({kind}): must be 'application/json'"
        )
