"""An engine's refusal, turned back into the class it was: `api/errors.py` read backwards."""

from wherry.model.errors import (
    AlreadySo,
    Conflict,
    Forbidden,
    InvalidArgument,
    NotFound,
    OutOfSpace,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unsupported,
    WherryError,
)

KINDS: dict[int, type[WherryError]] = {
    304: AlreadySo,
    400: InvalidArgument,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    501: Unsupported,
    503: Unavailable,
    507: OutOfSpace,
}


class EngineFault(WherryError):
    """The engine answered 500: what went wrong is in its words, whose fault it was is not known."""


class Unreachable(WherryError):
    """No engine answers at the address."""


def decode_error(status: int, message: str) -> WherryError:
    """The error that the engine meant by `status`."""
    return KINDS.get(status, EngineFault)(message)
