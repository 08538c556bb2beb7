"""Names resolved, lists filtered, removals decided: all without touching anything."""

import pytest

from wherry.engine.images.catalogue import Catalogue, compile_pattern
from wherry.engine.images.layers import plan_removal
from wherry.engine.images.removal import plan_image_removal
from wherry.model.errors import Conflict, InvalidArgument, NoSuchImage, NotFound
from wherry.model.filters import filters_of
from wherry.model.image import Image, ImageConfig, Layer
from wherry.model.platform import Platform
from wherry.model.reference import Reference

WEB, TOOL, LONE = "sha256:" + "ab" * 32, "sha256:" + "cd" * 32, "sha256:" + "ce" * 32
CONTAINER = "f" * 64


def an_image(image_id: str, *, created_ns: int = 1, **labels: str) -> Image:
    return Image(
        id=image_id,
        config_size_bytes=1,
        config=ImageConfig(labels=labels),
        platform=Platform(architecture="amd64"),
        created_ns=created_ns,
    )


def whole(*names: str) -> list[str]:
    return [str(Reference.parse(name).completed()) for name in names]


def a_catalogue(**names: str) -> Catalogue:
    images = (
        an_image(WEB, created_ns=10, a="b"),
        an_image(TOOL, created_ns=20),
        an_image(LONE, created_ns=30),
    )
    references = {**dict.fromkeys(whole("web", "web:2", "me/web:1"), WEB), whole("tool")[0]: TOOL}
    return Catalogue(
        images={one.id: one for one in images},
        references={**references, **names},
        layers={},
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("web", WEB), ("docker.io/library/web:2", WEB), (WEB, WEB), ("ab" * 32, WEB), ("abab", WEB),
     ("sha256:cdc", TOOL), ("cd", TOOL)],
)  # fmt: skip
def test_an_image_is_found_by_name_id_and_prefix(wanted: str, found: str) -> None:
    assert a_catalogue().get(wanted).id == found


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("nope", "nope:latest"), ("web:3", "web:3"), ("c", "c:latest"), ("0" * 64, "0" * 64)],
)
def test_what_is_not_there_is_told_by_its_familiar_name(wanted: str, told: str) -> None:
    with pytest.raises(NoSuchImage, match=f"^No such image: {told}$"):
        a_catalogue().get(wanted)


def test_a_name_goes_before_a_prefix() -> None:
    catalogue = a_catalogue(**{whole("cd")[0]: WEB})
    assert catalogue.get("cd").id == WEB


def test_the_wrong_platform_is_no_answer() -> None:
    with pytest.raises(NotFound, match="was found but does not match the specified platform"):
        a_catalogue().get("web", platform=Platform(architecture="arm64"))


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, [LONE, TOOL, WEB]),
        ({"dangling": ["true"]}, [LONE]),
        ({"dangling": ["false"]}, [TOOL, WEB]),
        ({"label": ["a=b"]}, [WEB]),
        ({"label!": ["a"]}, [LONE, TOOL]),
        ({"since": ["web"]}, [LONE, TOOL]),
        ({"before": ["tool"]}, [WEB]),
        ({"reference": ["w*"]}, [WEB]),
        ({"reference": ["*"]}, [TOOL, WEB]),
        ({"reference": ["*/*:1"]}, [WEB]),
        ({"reference": ["t??[l-z]"]}, [TOOL]),
        ({"reference": ["x"]}, []),
    ],
)
def test_filters(filters: dict[str, list[str]], ids: list[str]) -> None:
    found = a_catalogue().list_summaries(filters_of(filters), now_ns=100)
    assert [one.image.id for one in found] == ids


def test_a_reference_filter_narrows_the_names_shown() -> None:
    (shown,) = a_catalogue().list_summaries(filters_of({"reference": ["me/*"]}), now_ns=0)
    assert shown.tags == ("me/web:1",)


@pytest.mark.parametrize("filters", [{"dangling": ["maybe"]}, {"reference": ["["]}])
def test_filters_without_sense_are_refused(filters: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidArgument):
        a_catalogue().list_summaries(filters_of(filters), now_ns=0)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("a*b*c", "a1b2b3c", True),
        ("a*b*c", "a1b2c3", False),
        ("*/b*", "a/bc", True),
        ("*", "a/b", False),
        ("a**", "abc", True),
        ("[^a-c]x", "dx", True),
        ("[^a-c]x", "bx", False),
        ("\\*", "*", True),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "ab", False),
    ],
)
def test_patterns(pattern: str, text: str, fits: bool) -> None:
    assert bool(compile_pattern(pattern).fullmatch(text)) is fits


def test_no_pattern_makes_matching_slow() -> None:
    """One that tries every way would not end before the test's own limit of time."""
    pattern = compile_pattern("*a" * 50 + "*b")
    assert not pattern.fullmatch("a" * 1000)
    assert compile_pattern("*" * 1000 + "b").fullmatch("a" * 1000) is None


def test_prune_spares_names_and_what_is_used() -> None:
    catalogue = a_catalogue()
    for filters, used, ids in (
        ({}, set(), [LONE]),
        ({}, {LONE}, []),
        ({"dangling": ["false"]}, {TOOL}, [WEB, LONE]),
        ({"dangling": ["false"], "label": ["a"]}, set(), [WEB]),
        ({"until": ["0.000000025"]}, set(), []),
    ):
        found = catalogue.select_prunable(filters_of(filters), used=used, now_ns=100)
        assert [one.id for one in found] == ids


def test_a_name_of_several_goes_alone() -> None:
    plan = plan_image_removal(a_catalogue(), "web:2", [(CONTAINER, True)], force=False)
    assert ([one.familiar for one in plan.untagged], plan.deletes) == (["web:2"], False)


def test_the_last_name_takes_the_image_along() -> None:
    plan = plan_image_removal(a_catalogue(), "tool", (), force=False)
    assert ([one.familiar for one in plan.untagged], plan.deletes) == (["tool:latest"], True)


def test_digests_go_with_the_last_tag() -> None:
    named = f"docker.io/library/tool@{TOOL}"
    plan = plan_image_removal(a_catalogue(**{named: TOOL}), "tool", (), force=False)
    assert [str(one) for one in plan.untagged] == [*whole("tool"), named]
    assert plan.deletes


def test_a_running_container_keeps_the_image_when_its_name_is_forced_away() -> None:
    plan = plan_image_removal(a_catalogue(), "tool", [(CONTAINER, True)], force=True)
    assert (len(plan.untagged), plan.deletes) == (1, False)


@pytest.mark.parametrize(
    ("wanted", "users", "force", "words"),
    [
        (
            "tool",
            [(CONTAINER, False)],
            False,
            (
                'unable to remove repository reference "tool" (must force) - '
                "container ffffffffffff is using its referenced image cdcdcdcdcdcd"
            ),
        ),
        (
            "cdcd",
            [(CONTAINER, False)],
            False,
            (
                "unable to delete cdcdcdcdcdcd (must be forced) - image is being used by stopped "
                "container ffffffffffff"
            ),
        ),
        (
            "cdcd",
            [(CONTAINER, True)],
            True,
            (
                "unable to delete cdcdcdcdcdcd (cannot be forced) - image is being used by running "
                "container ffffffffffff"
            ),
        ),
        (
            "abab",
            [],
            False,
            (
                "unable to delete abababababab (must be forced) - image is referenced in multiple "
                "repositories"
            ),
        ),
    ],
)
def test_conflicts_are_in_dockers_words(
    wanted: str, users: list[tuple[str, bool]], force: bool, words: str
) -> None:
    with pytest.raises(Conflict) as caught:
        plan_image_removal(a_catalogue(), wanted, users, force=force)
    assert str(caught.value) == f"conflict: {words}"


def test_layers_without_a_root_go_from_the_top() -> None:
    def layer(chain: str, parent: str = "") -> Layer:
        return Layer(
            chain=chain,
            parent=parent,
            snapshot=chain,
            diff="",
            size_bytes=0,
            blob="",
            blob_size_bytes=0,
            media_type="",
        )

    layers = {
        one.chain: one for one in (layer("a"), layer("b", "a"), layer("c", "b"), layer("d", "a"))
    }
    assert [one.chain for one in plan_removal(layers, ["d"])] == ["c", "b"]
    assert plan_removal(layers, ["c", "d"]) == ()
    assert [one.chain for one in plan_removal(layers, [])][-1] == "a"
