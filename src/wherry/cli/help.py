"""Help texts, and what is said about a command that is not there."""

from __future__ import annotations

import sys

from wherry.cli.catalog import ALIASES, CATALOG, COMMON, GROUPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wherry.cli.flags import Flag

_WIDTH = 80
_NAME_WIDTH = 12
_LEAST_TEXT_WIDTH = 24


def print_help(path: str) -> int:
    """Of the command at `path`, of a group, or for an empty `path` of everything."""
    from wherry.cli.main import GLOBAL_FLAGS, find_command

    if not path:
        print("\n".join(_draw_top(GLOBAL_FLAGS)))
        return 0
    if path in GROUPS:
        return print_group(path, ())
    command = find_command(path)
    if command is None:
        print(f"unknown help topic: {path}", file=sys.stderr)
        return 1
    name = ALIASES.get(path, path)
    print(f"Usage:  wherry {path} {command.usage}\n\n{CATALOG[name][1]}")
    same = sorted({name, *(alias for alias, target in ALIASES.items() if target == name)})
    if len(same) > 1:
        print("\nAliases:\n  " + ", ".join(f"wherry {alias}" for alias in same))
    shown = [flag for flag in command.list_flags() if not flag.hidden]
    if shown:
        print("\nOptions:")
        print("\n".join(draw_flags(shown)))
    return 0


def print_group(group: str, rest: Sequence[str]) -> int:
    """The commands of a group; an unknown flag of it is told so."""
    if rest and rest[0] not in ("--help", "-h"):
        usage = (
            f"Usage:  wherry {group} COMMAND\n\nRun 'wherry {group} --help' for more information"
        )
        print(f"unknown flag: {rest[0]}\n\n{usage}", file=sys.stderr)
        return 125
    found = {
        path.removeprefix(f"{group} "): CATALOG[ALIASES.get(path, path)][1]
        for path in (*CATALOG, *ALIASES)
        if path.startswith(f"{group} ")
    }
    for doubled in ("list", "remove", "container ps", "ps"):
        found.pop(doubled, None)
    print(f"Usage:  wherry {group} COMMAND\n\n{GROUPS[group]}\n\nCommands:")
    for name in sorted(found):
        print(f"  {name:<{_NAME_WIDTH}}{found[name]}")
    print(f"\nRun 'wherry {group} COMMAND --help' for more information on a command.")
    return 0


def print_unknown(path: str) -> int:
    """There is no such command; the nearest one is proposed."""
    group = path.partition(" ")[0] if " " in path else ""
    lines = [f"wherry: unknown command: wherry {path}", ""]
    if near := find_near(path):
        lines += [f"Did you mean: wherry {near}", ""]
    if group:
        lines += [f"Usage:  wherry {group}", ""]
    lines.append(f"Run 'wherry {group + ' ' if group else ''}--help' for more information")
    print("\n".join(lines), file=sys.stderr)
    return 1


def find_near(path: str) -> str:
    """The command that is at most two changes away, or that `path` begins; empty for none."""
    known = [*CATALOG, *ALIASES, *GROUPS]
    scored = sorted(
        (_distance(path, name), name[:2] != path[:2], -len(name), name) for name in known
    )
    word = path.rpartition(" ")[2]
    if scored[0][0] <= min(2, len(word) // 3):
        return scored[0][3]
    return next((name for name in known if len(path) > 2 and name.startswith(path)), "")


def _distance(one: str, two: str) -> int:
    """How many letters must change to get from one to the other (Levenshtein)."""
    row = list(range(len(two) + 1))
    for place, letter in enumerate(one, 1):
        before, row[0] = row[0], place
        for other, other_letter in enumerate(two, 1):
            change = before + (letter != other_letter)
            before = row[other]
            row[other] = min(change, row[other] + 1, row[other - 1] + 1)
    return row[-1]


def _draw_top(flags: Iterable[Flag]) -> Iterable[str]:
    yield "Usage:  wherry [OPTIONS] COMMAND\n"
    yield "A container engine for Linux\n"
    yield "Common Commands:"
    for name in COMMON:
        yield f"  {name:<{_NAME_WIDTH}}{CATALOG[name][1]}"
    yield "\nManagement Commands:"
    for name in sorted(GROUPS):
        yield f"  {name:<{_NAME_WIDTH}}{GROUPS[name]}"
    yield "\nCommands:"
    for name in sorted(CATALOG):
        if " " not in name and name not in COMMON:
            yield f"  {name:<{_NAME_WIDTH}}{CATALOG[name][1]}"
    yield "\nGlobal Options:"
    yield from draw_flags(flag for flag in flags if not flag.hidden)
    yield "\nRun 'wherry COMMAND --help' for more information on a command."


def draw_flags(flags: Iterable[Flag]) -> Iterable[str]:
    """Two columns: how a flag is written, what it does."""
    rows = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        short = f"-{flag.short}, " if flag.short else "    "
        kind = "" if flag.kind == "bool" else f" {flag.kind}"
        default = f" (default {flag.default})" if flag.default else ""
        rows.append((f"  {short}--{flag.name}{kind}", flag.text + default))
    width = max((len(left) for left, _ in rows), default=0) + 3
    for left, text in rows:
        for place, line in enumerate(_wrap(text, max(_WIDTH - width - 1, _LEAST_TEXT_WIDTH))):
            yield f"{left if not place else '':<{width}}{line}"


def _wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
