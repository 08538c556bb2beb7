"""A parser for the command line that follows the rules Docker's users have in their fingers.

Those are the rules of Go's pflag: ``--name value``, ``--name=value``, ``-n value``, ``-nvalue``,
``-n=value``, clusters of short switches, switches that take ``=false``, ``--`` as the end of the
flags, flags between arguments unless the command hands the rest on (`run`, `exec`). Messages are
pflag's as well. `argparse` knows other rules, and takes 8 ms to import.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    Convert = Callable[[str], Any]

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


class UsageError(Exception):
    """The command line cannot be understood; the text says why, in pflag's words."""


class HelpAsked(Exception):
    """``--help`` was among the flags."""

    def __init__(self, *, short: bool) -> None:
        super().__init__()
        self.short = short


def parse_bool(text: str) -> bool:
    """As Go's strconv.ParseBool. ValueError otherwise."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def _whole(kind: str, bits: int) -> Convert:
    low, high = (0, (1 << bits) - 1) if kind == "Uint" else (-(1 << bits - 1), (1 << bits - 1) - 1)

    def parse(text: str) -> int:
        digits = text.lstrip("+-") if kind == "Int" else text
        try:
            if not digits or not digits[0].isdigit() or len(text) - len(digits) > 1:
                raise ValueError
            value = int(text, 0) if digits[0] == "0" and len(digits) > 1 else int(text)
        except ValueError:
            raise ValueError(f'strconv.Parse{kind}: parsing "{text}": invalid syntax') from None
        if not low <= value <= high:
            raise ValueError(f'strconv.Parse{kind}: parsing "{text}": value out of range')
        return value

    return parse


def parse_filter(text: str) -> tuple[str, str]:
    """``name=value``; the name in lower case."""
    name, separator, value = text.partition("=")
    if not separator:
        raise ValueError("bad format of filter (expected name=value)")
    return name.strip().lower(), value.strip()


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


KINDS: dict[str, Convert] = {
    "bool": parse_bool,
    "string": str,
    "list": str,
    "strings": lambda text: text.split(",") if text else [],
    "map": _pair,
    "filter": parse_filter,
    "int": _whole("Int", 64),
    "int64": _whole("Int", 64),
    "uint": _whole("Uint", 64),
    "uint16": _whole("Uint", 16),
}
"""Kind of a flag, as help shows it, to what reads its text."""

_REPEATING = ("list", "strings", "map", "filter")


class Flag:
    """One flag. `kind` is a name of `KINDS`, or any other word together with `convert`.

    `default` is what help shows; the value of a flag that was not given is its kind's zero.
    `hidden` flags are understood and not shown. `repeats`: every use adds to a list.
    """

    __slots__ = ("convert", "default", "hidden", "kind", "name", "repeats", "short", "text")

    def __init__(
        self,
        name: str,
        short: str = "",
        kind: str = "bool",
        text: str = "",
        *,
        default: str = "",
        convert: Convert | None = None,
        repeats: bool | None = None,
        hidden: bool = False,
    ) -> None:
        self.name, self.short, self.kind, self.text = name, short, kind, text
        self.default, self.hidden = default, hidden
        self.convert = convert or KINDS[kind]
        self.repeats = kind in _REPEATING if repeats is None else repeats

    @property
    def spelling(self) -> str:
        """As error messages name it."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


class Values:
    """What was given. Asking for a flag that was not given answers its zero."""

    __slots__ = ("args", "given")

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.args: list[str] = []

    def switch(self, name: str, default: bool = False) -> bool:
        """A yes or no."""
        return bool(self.given.get(name, default))

    def text(self, name: str, default: str = "") -> str:
        """The last one given."""
        return str(self.given.get(name, default))

    def number(self, name: str, default: int = 0) -> int:
        """The last one given, in the flag's unit."""
        return int(self.given.get(name, default))

    def many(self, name: str) -> list[Any]:
        """All that were given, in order; of a comma-separated flag the parts."""
        return list(self.given.get(name, ()))

    def filters(self, name: str = "filter") -> dict[str, list[str]]:
        """``--filter`` flags as the API wants them."""
        found: dict[str, list[str]] = {}
        for key, value in self.given.get(name, ()):
            found.setdefault(key, []).append(value)
        return found


def parse_flags(
    words: Sequence[str], flags: Iterable[Flag], *, interspersed: bool = True
) -> Values:
    """`words` read by `flags`. UsageError, HelpAsked.

    Without `interspersed` the first argument ends the flags.
    """
    long = {flag.name: flag for flag in flags}
    short = {flag.short: flag for flag in long.values() if flag.short}
    values = Values()
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        if word == "--":
            values.args += reversed(waiting)
            break
        if word.startswith("--"):
            _take_long(word, long, waiting, values)
        elif word.startswith("-") and word != "-":
            _take_short(word, short, waiting, values)
        else:
            values.args.append(word)
            if not interspersed:
                values.args += reversed(waiting)
                break
    return values


def _take_long(word: str, flags: dict[str, Flag], waiting: list[str], values: Values) -> None:
    name, separator, text = word[2:].partition("=")
    if not name or name.startswith("-"):
        raise UsageError(f"bad flag syntax: {word}")
    flag = flags.get(name)
    if flag is None:
        if name == "help" and (not separator or parse_bool(text)):
            raise HelpAsked(short=False)
        if name != "help":
            raise UsageError(f"unknown flag: --{name}")
        return
    if not separator:
        if flag.kind == "bool":
            text = "true"
        elif waiting:
            text = waiting.pop()
        else:
            raise UsageError(f"flag needs an argument: --{name}")
    _store(flag, text, values)


def _take_short(word: str, flags: dict[str, Flag], waiting: list[str], values: Values) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = flags.get(letter)
        if flag is None:
            if letter == "h":
                raise HelpAsked(short=True)
            raise UsageError(f"unknown shorthand flag: {letter!r} in {word}")
        if letters.startswith("="):
            text, letters = letters[1:], ""
        elif flag.kind == "bool":
            text = "true"
        elif letters:
            text, letters = letters, ""
        elif waiting:
            text = waiting.pop()
        else:
            raise UsageError(f"flag needs an argument: {letter!r} in {word}")
        _store(flag, text, values)


def _store(flag: Flag, text: str, values: Values) -> None:
    try:
        value = flag.convert(text)
    except ValueError as error:
        raise UsageError(f'invalid argument "{text}" for "{flag.spelling}" flag: {error}') from None
    if not flag.repeats:
        values.given[flag.name] = value
    elif flag.kind == "strings":
        values.given.setdefault(flag.name, []).extend(value)
    else:
        values.given.setdefault(flag.name, []).append(value)
