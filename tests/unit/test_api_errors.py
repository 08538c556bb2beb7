"""Every kind of failure has its status."""

from http import HTTPStatus

from wherry.api.errors import STATUS, status_of
from wherry.model import errors


def test_every_kind_of_error_has_a_status() -> None:
    kinds = [
        one for one in errors.WherryError.__subclasses__() if one.__module__ == errors.__name__
    ]
    assert kinds
    assert set(kinds) <= set(STATUS)


def test_a_specific_error_takes_the_status_of_its_kind() -> None:
    assert status_of(errors.NoSuchContainer("web")) is HTTPStatus.NOT_FOUND


def test_a_taken_port_is_a_500_although_it_is_a_conflict() -> None:
    assert status_of(errors.PortTaken("0.0.0.0", 80)) is HTTPStatus.INTERNAL_SERVER_ERROR


def test_a_program_that_is_missing_is_the_requests_mistake() -> None:
    assert status_of(errors.LaunchFailed("", exit_code=127)) is HTTPStatus.BAD_REQUEST
    assert status_of(errors.LaunchFailed("", exit_code=126)) is HTTPStatus.BAD_REQUEST
    assert status_of(errors.LaunchFailed("")) is HTTPStatus.INTERNAL_SERVER_ERROR


def test_a_fault_is_a_500() -> None:
    assert status_of(KeyError("x")) is HTTPStatus.INTERNAL_SERVER_ERROR
