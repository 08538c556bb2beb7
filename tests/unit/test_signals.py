"""Signals by name and number."""

import signal

import pytest

from wherry.model.errors import InvalidArgument
from wherry.model.signals import SIGNALS, parse_signal


def test_names_mean_what_the_kernel_of_this_machine_means() -> None:
    for one in signal.Signals:
        if not one.name.startswith("SIGRT"):
            assert parse_signal(one.name) == one.value, one.name


@pytest.mark.parametrize("text", ["SIGTERM", "TERM", "term", "sigterm", "15", "015"])
def test_one_signal_has_many_spellings(text: str) -> None:
    assert parse_signal(text) == 15


def test_realtime_signals_are_counted_from_both_ends() -> None:
    assert parse_signal("RTMIN+3") == 37
    assert parse_signal("SIGRTMAX-1") == 63
    assert max(SIGNALS.values()) == 64


@pytest.mark.parametrize("text", ["0", "000", "-1", "FOO", "SIG", "1.5", "٣", "RTMIN+99"])
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid signal: "):
        parse_signal(text)


@pytest.mark.parametrize("text", ["65", "999", "1" * 5000])
def test_numbers_that_no_signal_has_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="daemon does not support signal"):
        parse_signal(text)
