"""``--security-opt``, taken apart."""

import pytest

from wherry.model.errors import InvalidArgument
from wherry.model.security import SecurityOptions, parse_security_options


def test_nothing_said_is_the_built_in_profile() -> None:
    assert parse_security_options(()) == SecurityOptions()
    assert SecurityOptions().seccomp == "builtin"


def test_equals_sign_and_colon_both_divide() -> None:
    for option in ("seccomp=unconfined", "seccomp:unconfined"):
        assert parse_security_options([option]).seccomp == "unconfined"


def test_a_profile_may_hold_both_characters() -> None:
    profile = '{"defaultAction":"SCMP_ACT_ALLOW","x":"a=b"}'
    assert parse_security_options([f"seccomp={profile}"]).seccomp == profile


def test_all_of_them_at_once() -> None:
    found = parse_security_options(
        ["no-new-privileges", "label=disable", "label=type:x", "apparmor=none",
         "systempaths=unconfined", "writable-cgroups=true"]
    )  # fmt: skip
    assert found == SecurityOptions(
        no_new_privileges=True,
        labels=("disable", "type:x"),
        apparmor="none",
        system_paths_unconfined=True,
        writable_cgroups=True,
    )


def test_no_new_privileges_can_be_taken_back() -> None:
    options = ["no-new-privileges:true", "no-new-privileges:false"]
    assert not parse_security_options(options).no_new_privileges


@pytest.mark.parametrize(
    ("option", "stage"),
    [
        ("nonsense", 1),
        ("no-new-privileges=maybe", 2),
        ("systempaths=confined", 2),
        ("other=x", 2),
    ],
)
def test_what_is_not_known_is_refused_and_never_ignored(option: str, stage: int) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse_security_options([option])
    assert str(refused.value) == f'invalid --security-opt {stage}: "{option}"'
