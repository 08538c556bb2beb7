"""Write docs/reference from the code, so that it cannot tell anything else.

    .venv/bin/python -m scripts.reference

`tests/packaging/test_docs.py` fails when what is there is not what the code says.
"""

import inspect
from importlib import import_module
from pathlib import Path
from unittest.mock import MagicMock

from scripts.lifecycle_page import render_lifecycle
from wherry.daemon.options import OPTIONS
from wherry.state import layout

REPOSITORY = Path(__file__).resolve().parents[1]
REFERENCE_DIR = REPOSITORY / "docs" / "reference"
API_DIR = REPOSITORY / "src" / "wherry" / "api"

MADE = "<!-- Made by scripts/reference.py: change the code, then run `make docs`. -->\n\n"


def render() -> dict[str, str]:
    """The text of each file below docs/reference."""
    return {
        "api.md": render_api(),
        "config.md": render_config(),
        "lifecycle.md": render_lifecycle(),
        "storage.md": render_storage(),
    }


def render_api() -> str:
    """Every route, by the noun it belongs to."""
    parts = [
        MADE + "# The API\n\n"
        "The Docker Engine API, versions 1.24 to 1.51, on every path with and without `/vX.Y` "
        "before it. What a route takes and gives is Docker's; paths below `/wherry` are our own. "
        "A route that is not here answers 404 `page not found`. There is no swarm: its routes "
        "(configs, nodes, secrets, services, swarm, tasks) answer 503, as an engine outside a "
        "swarm does, and no plugin is ever installed.\n"
    ]
    for noun, routes in _list_routes().items():
        rows = "\n".join(
            f"| `{method}` | `{path}` | {promise} |" for path, method, promise in routes
        )
        parts.append(f"\n## {noun}\n\n| method | path | answer |\n| --- | --- | --- |\n{rows}\n")
    return "".join(parts)


def _list_routes() -> dict[str, list[tuple[str, str, str]]]:
    """Path, method and the handler's own words, by module."""
    found = {}
    for path in sorted(API_DIR.glob("*.py")):
        module = import_module(f"wherry.api.{path.stem}")
        if (make := getattr(module, "routes", None)) is not None:
            # A handler is made around its service and not called: any object is good enough.
            needed = inspect.signature(make).parameters
            routes = make(
                *(MagicMock() for one in needed.values() if one.kind is not one.KEYWORD_ONLY),
                **{n: MagicMock() for n, one in needed.items() if one.kind is one.KEYWORD_ONLY},
            )
            rows = []
            for route, handler in routes.items():
                method, target = route.replace(":path}", "}").split(" ", 1)
                promise = " ".join((inspect.getdoc(handler) or "").split()).replace("|", "\\|")
                rows.append((target, method, promise))
            found[path.stem] = sorted(rows)
    return found


def render_config() -> str:
    """Every option of the daemon, as it is spelt on the command line and in the file."""
    rows = "\n".join(
        f"| `{option.key}` | {', '.join(f'`{flag}`' for flag in option.flags)} "
        f"| {option.kind.metavar or ''} | {option.help} |"
        for option in OPTIONS
    )
    return (
        MADE + "# The daemon's settings\n\n"
        "In `/etc/wherry/daemon.json` (or `--config-file`) by the key, on the command line by the "
        "flag; never in both. `wherryd --validate` checks them and ends.\n\n"
        f"| key | flag | value | what it does |\n| --- | --- | --- | --- |\n{rows}\n"
    )


def render_storage() -> str:
    """The tree below the data root and the run root: the docstring of the module that knows it."""
    text = (layout.__doc__ or "").partition("::\n")[2].strip("\n")
    return (
        MADE + "# What is stored where\n\n"
        "The data root is `/var/lib/wherry` unless `--data-root` says otherwise, the run root "
        f"`/run/wherry` unless `--exec-root` does.\n\n```\n{text}\n```\n\n"
        "Volumes hold the user's data and are never touched without being asked. The database is "
        "the truth about what is wanted, the kernel about what is; they are compared when the "
        "daemon starts.\n"
    )


def main() -> None:
    REFERENCE_DIR.mkdir(parents=True, exist_ok=True)
    for name, text in render().items():
        (REFERENCE_DIR / name).write_text(text)


if __name__ == "__main__":
    main()
