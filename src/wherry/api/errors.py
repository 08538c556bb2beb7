"""The one table from a kind of error to an HTTP status, and what an error looks like as a reply."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from wherry.api.replies import json_reply
from wherry.http.messages import Call, Reply
from wherry.model import errors

STATUS: Mapping[type[errors.WherryError], HTTPStatus] = {
    errors.InvalidArgument: HTTPStatus.BAD_REQUEST,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.AlreadySo: HTTPStatus.NOT_MODIFIED,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.Unsupported: HTTPStatus.NOT_IMPLEMENTED,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    # Docker has no status of its own for these, and clients expect its 500
    errors.OutOfSpace: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.LaunchFailed: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.PortTaken: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_log = logging.getLogger(__name__)


def status_of(error: BaseException) -> HTTPStatus:
    """The status of the nearest listed base class; a fault is a 500.

    A program that is missing or cannot be executed is the request's mistake (400), any other
    failed launch is not: so Docker tells them apart.
    """
    if isinstance(error, errors.LaunchFailed) and error.exit_code in (126, 127):
        return HTTPStatus.BAD_REQUEST
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def error_reply(error: BaseException, call: Call) -> Reply:
    """``{"message": …}`` with the status; a fault is logged here, once, and only its id is told."""
    status = status_of(error)
    if not isinstance(error, errors.WherryError):
        _log.error(
            "request %s failed: %s %s",
            call.request_id,
            call.method,
            call.route or "-",
            exc_info=error,
        )
        return json_reply({"message": f"internal error (request {call.request_id})"}, status)
    if status is HTTPStatus.NOT_MODIFIED:
        return Reply(status=status)
    document = {"message": str(error)}
    if error.hint:
        document["hint"] = error.hint
    return json_reply(document, status)
