"""The words of errors that clients look at."""

import pytest

from wherry.model import errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.NoSuchContainer("web"), "No such container: web"),
        (errors.NoSuchImage("web"), "No such image: web"),
        (errors.NoSuchExec("x"), "No such exec instance: x"),
        (errors.NoSuchNetwork("n"), "network n not found"),
        (errors.NoSuchVolume("v"), "get v: no such volume"),
    ],
)
def test_what_does_not_exist_is_named_in_dockers_words(error: errors.NotFound, text: str) -> None:
    assert str(error) == text
    assert isinstance(error, errors.NotFound)


def test_a_taken_port_says_which() -> None:
    error = errors.PortTaken("0.0.0.0", 80)
    assert (error.host_ip, error.port) == ("0.0.0.0", 80)
    assert "Bind for 0.0.0.0:80 failed: port is already allocated" in str(error)
    assert isinstance(error, errors.Conflict)


def test_a_failed_launch_carries_what_a_shell_would_say() -> None:
    assert errors.LaunchFailed("x").exit_code == 125
    assert errors.LaunchFailed("x", exit_code=127).exit_code == 127


def test_a_hint_is_no_part_of_the_message() -> None:
    error = errors.Unsupported("cannot", hint="install it")
    assert (str(error), error.hint) == ("cannot", "install it")


def test_every_error_is_an_answer_and_none_a_builtin_by_mistake() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type):
            assert issubclass(kind, errors.WherryError)
            assert not issubclass(kind, (OSError, ValueError, KeyError))
