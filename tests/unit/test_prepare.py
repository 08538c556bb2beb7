"""What a request and an image become, and who a user is: rules that surprise people."""

import pytest

from wherry.engine.containers.prepare import (
    HIGHEST_ID,
    check_env,
    hostname_of,
    merge_env,
    merge_image,
    process_env,
    resolve_user,
)
from wherry.model.container import ProgramSpec
from wherry.model.errors import InvalidArgument
from wherry.model.image import HealthcheckConfig, ImageConfig
from wherry.model.ports import ContainerPort

IMAGE = ImageConfig(entrypoint=("/entry",), command=("serve",), env=("A=image", "B=image"))
PASSWD = b"""root:x:0:0:root:/root:/bin/sh
# a comment
web:x:1000:1001:Web:/srv:/bin/sh
1000:x:7:7:odd:/odd:/bin/sh
short:x:5:5
"""
GROUP = b"root:x:0:\nwww:x:1001:\nextra:x:2000:web,other\nmore:x:2001:other,web\n"


def test_nothing_said_is_the_images() -> None:
    assert merge_image(ProgramSpec(), IMAGE).argv == ("/entry", "serve")


def test_a_command_replaces_the_images_and_keeps_its_entrypoint() -> None:
    assert merge_image(ProgramSpec(command=("sh",)), IMAGE).argv == ("/entry", "sh")


def test_an_entrypoint_drops_the_images_command() -> None:
    assert merge_image(ProgramSpec(entrypoint=("/mine",)), IMAGE).argv == ("/mine",)


def test_an_empty_entrypoint_means_none_at_all() -> None:
    assert merge_image(ProgramSpec(entrypoint=(), command=("sh",)), IMAGE).argv == ("sh",)
    assert merge_image(ProgramSpec(entrypoint=("",), command=("sh",)), IMAGE).argv == ("sh",)


@pytest.mark.parametrize("program", [ProgramSpec(), ProgramSpec(command=("",))])
def test_nothing_to_run_is_refused(program: ProgramSpec) -> None:
    with pytest.raises(InvalidArgument, match="no command specified"):
        merge_image(program, ImageConfig())


def test_the_requests_variables_win_and_the_images_are_added() -> None:
    assert merge_env(("A=own", "C"), ("A=image", "B=image")) == ("A=own", "C", "B=image")


def test_labels_ports_and_volumes_add_up() -> None:
    http = ContainerPort(number=80)
    image = ImageConfig(
        command=("sh",), labels={"a": "1", "b": "1"}, exposed_ports=(http,), volumes=("/v",)
    )
    merged = merge_image(
        ProgramSpec(labels={"b": "2"}, exposed_ports=(http,), volumes=("/w", "/v")), image
    )
    assert merged.labels == {"a": "1", "b": "2"}
    assert merged.exposed_ports == (http,)
    assert merged.volumes == ("/w", "/v")


def test_a_health_check_inherits_what_it_leaves_open() -> None:
    image = ImageConfig(
        command=("sh",), healthcheck=HealthcheckConfig(test=("CMD", "x"), retries=3)
    )
    merged = merge_image(ProgramSpec(healthcheck=HealthcheckConfig(interval_ns=5)), image)
    assert merged.healthcheck == HealthcheckConfig(test=("CMD", "x"), retries=3, interval_ns=5)


def test_the_programs_environment_has_path_hostname_and_home_unless_they_are_set() -> None:
    env = dict(
        one.split("=", 1)
        for one in process_env(("X=1",), hostname="web", terminal=False, home="/srv")
    )
    assert env["HOSTNAME"] == "web"
    assert env["HOME"] == "/srv"
    assert "/usr/bin" in env["PATH"]
    assert "TERM" not in env
    own = process_env(
        ("PATH=/x", "HOME=/y", "TERM=dumb"), hostname="web", terminal=True, home="/srv"
    )
    assert {"PATH=/x", "HOME=/y", "TERM=dumb"} <= set(own)


def test_a_variable_without_a_value_is_taken_away() -> None:
    env = process_env(("PATH", "A=1", "A"), hostname="h", terminal=False, home="/")
    assert env == ("HOSTNAME=h", "HOME=/")


@pytest.mark.parametrize("entry", ["", "=x"])
def test_a_variable_needs_a_name(entry: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid environment variable"):
        check_env(("A=1", entry))


def test_the_host_name_is_the_beginning_of_the_id_unless_one_was_given() -> None:
    assert hostname_of(ProgramSpec(), "0123456789abcdef") == "0123456789ab"
    assert hostname_of(ProgramSpec(hostname="web"), "0123456789abcdef") == "web"


# users ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "uid", "gid", "groups", "home"),
    [
        ("", 0, 0, (0,), "/root"),
        ("web", 1000, 1001, (1001, 2000, 2001), "/srv"),
        ("web:www", 1000, 1001, (1001,), "/srv"),
        ("web:5", 1000, 5, (5,), "/srv"),
        ("4242", 4242, 0, (0,), "/"),
        ("4242:4243", 4242, 4243, (4243,), "/"),
        # a number is a number, even where an account has that name
        ("1000", 1000, 1001, (1001, 2000, 2001), "/srv"),
    ],
)
def test_who_a_user_is(wanted: str, uid: int, gid: int, groups: tuple[int, ...], home: str) -> None:
    found = resolve_user(wanted, (), passwd=PASSWD, group=GROUP)
    assert (found.uid, found.gid, found.groups, found.home) == (uid, gid, groups, home)


def test_added_groups_come_after_those_of_the_account_and_once() -> None:
    found = resolve_user("web", ("www", "77", "77"), passwd=PASSWD, group=GROUP)
    assert found.groups == (1001, 2000, 2001, 77)


def test_without_the_files_only_numbers_work() -> None:
    assert resolve_user("12:34", (), passwd=None, group=None).gid == 34
    with pytest.raises(InvalidArgument, match="unable to find user web: no matching entries"):
        resolve_user("web", (), passwd=None, group=None)
    with pytest.raises(InvalidArgument, match="unable to find group www: no matching entries"):
        resolve_user("0:www", (), passwd=None, group=None)


@pytest.mark.parametrize("wanted", [str(HIGHEST_ID + 1), "-1", "9" * 5000, "0:-7"])
def test_numbers_out_of_range_are_refused(wanted: str) -> None:
    with pytest.raises(InvalidArgument, match="uids and gids must be in range"):
        resolve_user(wanted, (), passwd=PASSWD, group=GROUP)


def test_two_minus_signs_are_a_name_that_nobody_has() -> None:
    with pytest.raises(InvalidArgument, match="unable to find user --5"):
        resolve_user("--5", (), passwd=PASSWD, group=GROUP)


@pytest.mark.parametrize(
    "passwd",
    [
        b"web:x:1000\n",
        b"web:x:nan:1:::\n",
        b"\xff\xfe\x00:::\n",
        b"web" + b"x" * 70_000 + b":x:1:1:::\n",
        b":::::::::::\n",
    ],
)
def test_a_broken_line_of_an_image_is_passed_over(passwd: bytes) -> None:
    found = resolve_user("web", (), passwd=passwd + PASSWD, group=GROUP)
    assert found.uid == 1000


def test_a_group_that_is_no_number_counts_as_none() -> None:
    found = resolve_user("odd", (), passwd=b"odd:x:5:what:::\n", group=GROUP)
    assert (found.uid, found.gid) == (5, 0)
