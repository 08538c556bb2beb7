"""``-v source:target[:options]``, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.model.errors import InvalidArgument
from wherry.model.mounts import check_destination, parse_bind


def test_a_path_of_the_host() -> None:
    bind = parse_bind("/srv//data/../data:/data/:ro,rslave")
    assert (bind.source, bind.target) == ("/srv/data", "/data")
    assert bind.read_only
    assert bind.propagation == "rslave"
    assert bind.mode == "ro,rslave"
    assert not bind.is_volume


def test_a_volume_by_name_and_one_without() -> None:
    assert parse_bind("web-data:/data").is_volume
    nameless = parse_bind("/data")
    assert (nameless.source, nameless.target, nameless.is_volume) == ("", "/data", True)


def test_nocopy_and_labels_are_understood() -> None:
    bind = parse_bind("v:/data:z,nocopy")
    assert bind.no_copy
    assert not bind.read_only


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "invalid volume specification: ''"),
        (":/x", "invalid volume specification"),
        ("a:/x:ro:z", "invalid volume specification"),
        ("v:relative", "mount path must be absolute"),
        ("v:/", "destination can't be '/'"),
        ("v:/a/..", "destination can't be '/'"),
        ("v:///", "destination can't be '/'"),
        ("/a:/b:what", "invalid mode: what"),
        ("/a:/b:ro,rw", "invalid mode: ro,rw"),
        ("/a:/b:ro,", "invalid mode: ro,"),
        ("/a:/b:slave,shared", "invalid mode"),
        ("./here:/b", "includes invalid characters for a local volume name"),
        ("..:/b", "includes invalid characters for a local volume name"),
    ],
)
def test_what_makes_no_sense_is_refused_in_dockers_words(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        parse_bind(text)


@given(st.text(alphabet="/.ab", max_size=12))
def test_a_destination_is_absolute_normal_and_never_the_root(path: str) -> None:
    try:
        clean = check_destination(path, whole=path)
    except InvalidArgument:
        return
    assert clean.startswith("/")
    assert clean != "/"
    assert not {"", ".", ".."} & set(clean.split("/")[1:])


@given(st.text(max_size=40))
def test_any_text_is_either_understood_or_the_clients_mistake(text: str) -> None:
    try:
        assert parse_bind(text).target.startswith("/")
    except InvalidArgument:
        pass
