"""API versions and what older clients say and expect."""

import pytest

from wherry.model.errors import InvalidArgument
from wherry.wire.versions import (
    NEWEST,
    OLDEST,
    ApiVersion,
    age,
    modernise,
    negotiate,
    parse_version,
)


def test_a_version_is_two_numbers_and_not_a_text() -> None:
    assert parse_version("1.9") < parse_version("1.10")
    for text in ("1", "1.2.3", "v1.2", "1.x", ""):
        with pytest.raises(InvalidArgument):
            parse_version(text)


def test_without_a_version_the_newest_is_spoken() -> None:
    assert negotiate(None) == NEWEST
    assert negotiate("1.24") == OLDEST


@pytest.mark.parametrize("text", ["1.23", "1", "0.9", "1.52", "2.0", "1.51.1", "9", ".", "1..40"])
def test_versions_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"too old|too new|invalid"):
        negotiate(text)


def test_what_an_old_client_could_not_mean_is_dropped() -> None:
    body = {"HostConfig": {"ConsoleSize": [1, 2], "Annotations": {"a": "b"}}}
    modernise("POST /containers/create", ApiVersion(1, 42), body)
    assert body == {"HostConfig": {"ConsoleSize": [1, 2]}}
    modernise("POST /containers/create", ApiVersion(1, 41), body)
    assert body == {"HostConfig": {}}
    modernise("POST /containers/create", ApiVersion(1, 41), {"HostConfig": None})


def test_a_reply_grows_old_step_by_step() -> None:
    info = {"FirewallBackend": {}, "RuncCommit": {"ID": "1"}}
    info |= {"ContainerdCommit": {"ID": ""}, "InitCommit": {"ID": ""}}
    age("GET /info", ApiVersion(1, 48), info)
    assert "FirewallBackend" not in info
    assert info["RuncCommit"] == {"ID": "1", "Expected": "1"}
