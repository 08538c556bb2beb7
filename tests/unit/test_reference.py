"""References: Docker's grammar, in Docker's words, in linear time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.model.errors import InvalidArgument
from wherry.model.reference import Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("written", "whole", "familiar"),
    [
        ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("a/b", "docker.io/a/b:latest", "a/b:latest"),
        ("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
        ("localhost/a", "localhost/a:latest", "localhost/a:latest"),
        ("host:5000/a/b:t", "host:5000/a/b:t", "host:5000/a/b:t"),
        ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"),
        ("Host/a", "Host/a:latest", "Host/a:latest"),
        ("q/a.b__c-d--e", "docker.io/q/a.b__c-d--e:latest", "q/a.b__c-d--e:latest"),
        (f"x@{DIGEST}", f"docker.io/library/x@{DIGEST}", f"x@{DIGEST}"),
        (f"x:t@{DIGEST}", f"docker.io/library/x:t@{DIGEST}", f"x:t@{DIGEST}"),
    ],
)
def test_what_people_write_means_the_whole_name(written: str, whole: str, familiar: str) -> None:
    reference = Reference.parse(written).completed()
    assert (str(reference), reference.familiar) == (whole, familiar)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(familiar) == reference


@pytest.mark.parametrize(
    "written",
    ["", "-rf", "--help", "../x", "a//b", "a/../b", "a b", ":tag", "a:", "a@", "a:-x", "/a", "a/",
     "a@sha256:12", "a:b:c", "a\n", "a:t\n", "_a", "a__", "a..b", "a___b", "é", "a" * 5000,
     "a:" + "t" * 129, "a.b__c/d"],
)  # fmt: skip
def test_what_is_no_reference_is_refused(written: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid reference format"):
        Reference.parse(written)


def test_refusals_are_in_dockers_words() -> None:
    for written, words in (
        ("UP", r"invalid reference format: repository name \(library/UP\) must be lowercase"),
        ("a" * 64, "invalid repository name .*, cannot specify 64-byte hexadecimal strings"),
        ("a/" + "b" * 255, "repository name must not be more than 255 characters"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            Reference.parse(written)
    with pytest.raises(InvalidArgument, match="invalid tag format"):
        Reference.parse("a").with_tag("-x")


@given(st.text(alphabet="aB0.:/@_-[] \n", max_size=40))
def test_whatever_is_accepted_prints_as_something_that_is_accepted(written: str) -> None:
    try:
        reference = Reference.parse(written)
    except InvalidArgument:
        return
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference


@pytest.mark.parametrize("unit", ["a", "a.", "a-", "a_", "a/", "a:", "-", "."])
def test_long_input_takes_no_time(unit: str) -> None:
    begin = time.perf_counter()
    for length in (300, 1000, 200_000):
        try:
            Reference.parse(unit * length + "!")
        except InvalidArgument:
            pass
    assert time.perf_counter() - begin < 0.5
