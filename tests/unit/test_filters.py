"""Filters: both forms of JSON, and what matches."""

import pytest

from wherry.model.errors import InvalidArgument
from wherry.model.filters import Filters, filters_of
from wherry.wire.filters import decode_filters, encode_filters

KNOWN = {"label", "status", "dangling"}


@pytest.mark.parametrize(
    "text",
    ['{"label":{"a=b":true,"c":false}}', '{"label":["a=b","c"]}', ' {"label" : ["a=b","c"]}'],
)
def test_both_forms_mean_the_same(text: str) -> None:
    assert decode_filters(text, KNOWN) == filters_of({"label": ["a=b", "c"]})


@pytest.mark.parametrize("text", [None, "", "null", "{}"])
def test_nothing_is_no_filter(text: str | None) -> None:
    assert decode_filters(text, KNOWN) == Filters()


@pytest.mark.parametrize(
    "text",
    [
        *("{", "x", "[]", '""', '{"label":"a"}', '{"label":[1]}', '{"label":{"a":1}}'),
        *('{"label":["a"],"status":{"b":true}}', "[" * 100_000),
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid filter$"):
        decode_filters(text, KNOWN)


@pytest.mark.parametrize("text", ['{"zz":["a"]}', '{"zz":[]}', '{"zz":null}', '{"Label":["a"]}'])
def test_a_filter_that_nobody_knows_is_never_ignored(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid filter '(zz|Label)'$"):
        decode_filters(text, KNOWN)


def test_filters_survive_the_way_there_and_back() -> None:
    filters = filters_of({"label": ["ä=b", "c"], "status": ["running"]})
    assert decode_filters(encode_filters(filters), KNOWN) == filters


def test_values_of_a_key_are_alternatives() -> None:
    filters = filters_of({"status": ["running", "paused"]})
    assert filters.match_exact("status", "paused")
    assert not filters.match_exact("status", "exited")
    assert filters.match_prefix("status", "running fast")
    assert filters.match_part("status", "not running")
    assert not filters.match_part("status", "exited")


def test_a_key_that_is_not_there_narrows_nothing() -> None:
    filters = Filters()
    assert filters.match_exact("x", "a")
    assert filters.match_prefix("x")
    assert filters.match_labels("label", {})
    assert not filters.match_any_label("label!", {"a": "b"})


def test_labels_must_all_match() -> None:
    filters = filters_of({"label": ["a", "b=1", "c="]})
    assert filters.match_labels("label", {"a": "x", "b": "1", "c": ""})
    assert not filters.match_labels("label", {"a": "x", "b": "2", "c": ""})
    assert not filters.match_labels("label", {"b": "1", "c": ""})
    assert filters.match_any_label("label", {"b": "1"})


def test_a_flag_is_true_or_false_and_nothing_else() -> None:
    assert filters_of({"dangling": ["1"]}).flag("dangling") is True
    assert filters_of({"dangling": ["false"]}).flag("dangling") is False
    assert Filters().flag("dangling") is None
    for values in (["zz"], ["true", "false"]):
        with pytest.raises(InvalidArgument, match=r"^invalid filter 'dangling="):
            filters_of({"dangling": values}).flag("dangling")
