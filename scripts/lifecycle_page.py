"""The page docs/reference/lifecycle.md, from the table that a container's life is."""

import ast
import inspect
from collections.abc import Iterable, Mapping, Sequence

from wherry.model import lifecycle
from wherry.model.lifecycle import MOVES, NOTHING_TO_DO, RESUMED, Effect, Event, Status

MADE = (
    "<!-- Made by scripts/lifecycle_page.py from model/lifecycle.py: change the table, then run "
    "`make docs`. -->\n\n"
)
INTRODUCTION = (
    "An event makes a move: the next status is saved first, then the effects are carried out in "
    "order. How an effect ended is another event. An event that has no row here is refused with a "
    "conflict.\n\n"
)


def render_lifecycle() -> str:
    """Statuses, moves and effects of a container's life, as tables."""
    comments = read_comments()
    return "".join(
        (
            MADE,
            "# The life of a container\n\n",
            INTRODUCTION,
            "## Statuses\n\n",
            _table(
                ("status", "has a process", "after a restart of the daemon", ""),
                (
                    (
                        f"`{one}`",
                        "yes" if one in lifecycle.HAS_PROCESS else "",
                        _effects(RESUMED.get(one, ())),
                        comments.get(("Status", one.name), ""),
                    )
                    for one in Status
                ),
            ),
            "\n## Moves\n\n",
            _table(
                ("status", "event", "next status", "effects"),
                (
                    (f"`{status}`", f"`{event}`", f"`{move.to}`", _effects(move.effects))
                    for (status, event), move in MOVES.items()
                ),
            ),
            "\nNothing to do, and said so (304): ",
            ", ".join(sorted(f"`{event}` when `{status}`" for status, event in NOTHING_TO_DO)),
            ".\n\n## Events\n\n",
            _words("event", Event, comments),
            "\n## Effects\n\n",
            _words("effect", Effect, comments),
        )
    )


def read_comments() -> Mapping[tuple[str, str], str]:
    """What stands behind the members of the enumerations, by class and name."""
    source = inspect.getsource(lifecycle)
    lines = source.splitlines()
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name):
                    _, _, comment = lines[member.lineno - 1].partition("#")
                    found[node.name, member.targets[0].id] = comment.strip()
    return found


def _words(
    title: str,
    members: type[Event] | type[Effect],
    comments: Mapping[tuple[str, str], str],
) -> str:
    rows = ((f"`{one}`", comments.get((members.__name__, one.name), "")) for one in members)
    return _table((title, ""), rows)


def _effects(effects: Sequence[Effect]) -> str:
    return ", ".join(f"`{one}`" for one in effects)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
