"""The command line, read by the rules of Docker's."""

import pytest

from wherry.cli.catalog import ALIASES, CATALOG, COMMON, GROUPS
from wherry.cli.flags import Flag, HelpAsked, UsageError, Values, parse_flags
from wherry.cli.main import find_command

FLAGS = (
    Flag("all", "a"),
    Flag("sig-proxy"),
    Flag("name", "n", "string"),
    Flag("env", "e", "list"),
    Flag("parts", "", "strings"),
    Flag("count", "c", "int"),
    Flag("filter", "f", "filter"),
)


def read(*words: str, interspersed: bool = True) -> Values:
    return parse_flags(words, FLAGS, interspersed=interspersed)


@pytest.mark.parametrize(
    "words", [("--name", "x"), ("--name=x",), ("-n", "x"), ("-nx",), ("-n=x",), ("-anx",)]
)
def test_a_value_can_be_written_in_every_way(words: tuple[str, ...]) -> None:
    assert read(*words).text("name") == "x"


def test_short_switches_can_stand_together_with_a_value_at_the_end() -> None:
    values = read("-ac5", "rest")
    assert (values.switch("all"), values.number("count"), values.args) == (True, 5, ["rest"])


def test_a_switch_takes_false() -> None:
    assert not read("--sig-proxy=false").switch("sig-proxy", True)
    assert read().switch("sig-proxy", True)


def test_a_repeated_flag_keeps_all_its_values_in_order() -> None:
    assert read("-e", "a", "--env=b", "-ec").many("env") == ["a", "b", "c"]
    assert read("--parts", "a,b", "--parts", "c").many("parts") == ["a", "b", "c"]


def test_flags_may_stand_between_arguments() -> None:
    assert read("one", "-a", "two").args == ["one", "two"]


def test_where_the_rest_is_handed_on_the_first_argument_ends_the_flags() -> None:
    values = read("-a", "image", "ls", "-a", "--name", interspersed=False)
    assert values.args == ["image", "ls", "-a", "--name"]


def test_two_dashes_end_the_flags() -> None:
    assert read("--", "-a", "--name").args == ["-a", "--name"]


def test_a_lone_dash_is_an_argument() -> None:
    assert read("-", "x").args == ["-", "x"]


def test_filters_become_what_the_api_takes() -> None:
    values = read("-f", "name=a", "--filter", "name=b", "-fstatus=c")
    assert values.filters() == {"name": ["a", "b"], "status": ["c"]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--foo",), "unknown flag: --foo"),
        (("-x",), "unknown shorthand flag: 'x' in -x"),
        (("-ax",), "unknown shorthand flag: 'x' in -ax"),
        (("--name",), "flag needs an argument: --name"),
        (("-n",), "flag needs an argument: 'n' in -n"),
        (("--=x",), "bad flag syntax: --=x"),
        (
            ("-c", "a"),
            (
                'invalid argument "a" for "-c, --count" flag: '
                'strconv.ParseInt: parsing "a": invalid syntax'
            ),
        ),
        (
            ("--all=x",),
            (
                'invalid argument "x" for "-a, --all" flag: '
                'strconv.ParseBool: parsing "x": invalid syntax'
            ),
        ),
        (
            ("-f", "x"),
            (
                'invalid argument "x" for "-f, --filter" flag: '
                "bad format of filter (expected name=value)"
            ),
        ),
    ],
)
def test_mistakes_are_told_in_pflags_words(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*words)
    assert str(caught.value) == message


def test_help_is_noticed_wherever_it_stands() -> None:
    with pytest.raises(HelpAsked):
        read("x", "--help")
    assert read("--help=false").given == {}


def test_every_command_of_the_catalogue_is_there() -> None:
    for path in CATALOG:
        command = find_command(path)
        assert command is not None, path
        names = [flag.name for flag in command.list_flags()]
        assert len(names) == len(set(names)), path


def test_every_alias_leads_to_a_command_and_every_group_has_one() -> None:
    assert set(ALIASES.values()) <= set(CATALOG)
    assert set(COMMON) <= set(CATALOG)
    for group in GROUPS:
        assert any(path.startswith(f"{group} ") for path in CATALOG)
