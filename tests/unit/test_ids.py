"""Identities and names."""

import pytest

from wherry.model.errors import InvalidArgument
from wherry.model.ids import (
    check_container_name,
    check_volume_name,
    is_hex,
    make_id,
    make_longer_name,
    make_name,
)


def test_an_id_is_64_hexadecimal_digits_and_its_beginning_no_number() -> None:
    for made in {make_id() for _ in range(200)}:
        assert len(made) == 64
        assert is_hex(made)
        assert not made[:12].isdecimal()


def test_a_beginning_that_looks_like_a_number_is_thrown_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = iter(["1" * 64, "a" * 64])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(drawn))
    assert make_id() == "a" * 64


def test_made_names_may_be_given_by_users_too() -> None:
    for made in (make_name(), make_longer_name()):
        assert check_container_name(made) == made


def test_a_leading_slash_is_no_part_of_a_name() -> None:
    assert check_container_name("/web") == "web"


@pytest.mark.parametrize("name", ["", "a", "/", "//web", "-web", ".web", "we b", "web\n", "wéb"])
def test_other_names_are_refused_in_dockers_words(name: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid container name") as refused:
        check_container_name(name)
    assert f"({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed" in str(refused.value)


@pytest.mark.parametrize("name", ["a", "../x", "a/b", "", "a\n"])
def test_a_volumes_name_cannot_lead_out_of_its_folder(name: str) -> None:
    with pytest.raises(InvalidArgument, match="includes invalid characters"):
        check_volume_name(name)


@pytest.mark.parametrize(
    ("text", "so"),
    [("abc", True), ("a" * 64, True), ("a" * 65, False), ("web", False), ("", False)],
)
def test_what_could_be_an_id(text: str, so: bool) -> None:
    assert is_hex(text) is so
