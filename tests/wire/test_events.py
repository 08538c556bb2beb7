"""Events as Docker writes them, and the times in their query."""

import json

import pytest

from wherry.model.errors import InvalidArgument
from wherry.model.event import Event, Kind
from wherry.wire.events import EventsQuery, decode_event, decode_timestamp, encode_event_line

CONTAINER = Event(
    time_ns=1795488523737341499,
    kind=Kind.CONTAINER,
    action="create",
    actor_id="259b",
    attributes={"image": "leadbb", "name": "x"},
)


def test_a_containers_event_is_byte_for_byte_dockers() -> None:
    assert encode_event_line(CONTAINER) == (
        b'{"status":"create","id":"259b","from":"leadbb","Type":"container","Action":"create",'
        b'"Actor":{"ID":"259b","Attributes":{"image":"leadbb","name":"x"}},"scope":"local",'
        b'"time":1795488523,"timeNano":1795488523737341499}\n'
    )


def test_a_volumes_event_has_no_fields_of_old() -> None:
    event = Event(time_ns=10**9, kind=Kind.VOLUME, action="create", actor_id="v")
    assert json.loads(encode_event_line(event)) == {
        "Type": "volume",
        "Action": "create",
        "Actor": {"ID": "v", "Attributes": {}},
        "scope": "local",
        "time": 1,
        "timeNano": 10**9,
    }


def test_an_event_survives_the_way_there_and_back() -> None:
    assert decode_event(json.loads(encode_event_line(CONTAINER))) == CONTAINER


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("0", 0),
        ("1", 10**9),
        ("1.5", 1_500_000_000),
        ("1.000000001", 1_000_000_001),
        ("1.1234567891", 1_123_456_789),
        ("-1.5", -1_500_000_000),
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T02:00:01.25+02:00", 1_250_000_000),
    ],
)
def test_times_may_have_fractions_or_be_dates(text: str, time_ns: int) -> None:
    assert decode_timestamp(text) == time_ns


@pytest.mark.parametrize("text", ["", "abc", "1.5.5", "1e3", "1970-13-01T00:00:00Z", "9" * 30])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        decode_timestamp(text)


def test_the_query_is_checked_as_a_whole() -> None:
    query = EventsQuery.decode({"since": "", "until": "2", "filters": '{"type":["image"]}'})
    assert (query.since_ns, query.until_ns) == (None, 2 * 10**9)
    assert query.filters.values("type") == ("image",)
    with pytest.raises(InvalidArgument, match="cannot be after"):
        EventsQuery.decode({"since": "10", "until": "5"})
