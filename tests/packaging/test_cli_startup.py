"""The command starts fast because it imports little; this keeps it so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "src"

HEAVY = {
    "argparse",
    "asyncio",
    "collections",
    "dataclasses",
    "datetime",
    "email",
    "enum",
    "functools",
    "http.client",
    "inspect",
    "json",
    "logging",
    "re",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "typing",
    "urllib.parse",
}
"""What costs a millisecond or more, and what the paths below do without."""

OURS_FOR_PS = {
    "wherry.cli.commands",
    "wherry.cli.catalog",
    "wherry.cli.command",
    "wherry.cli.commands.ps",
    "wherry.cli.errors",
    "wherry.cli.flags",
    "wherry.cli.format",
    "wherry.cli.main",
    "wherry.cli.units",
    "wherry.client.containers",
    "wherry.client.engine",
    "wherry.client.errors",
    "wherry.client.jsontext",
    "wherry.http.client",
    "wherry.model.errors",
    "wherry.model.units",
}

PROGRAM = """
import sys
before = set(sys.modules)
from wherry.cli.main import run_command_line
code = run_command_line(sys.argv[1:])
print("\\n".join(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def modules_of(*words: str) -> set[str]:
    """What a call imports beyond a bare interpreter. Nobody answers it: the imports are done."""
    program = f"import sys; sys.path.insert(0, {str(SOURCES)!r})\n{PROGRAM}"
    nowhere = ("-H", "unix:///nonexistent/wherry.sock")
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", program, *nowhere, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=30,
        check=False,
    )
    lines = done.stderr.splitlines()
    assert any("Cannot connect to the wherry daemon" in line for line in lines), done.stderr
    return set(lines)


@pytest.mark.parametrize(
    "words",
    [
        ("ps",),
        ("run", "--rm", "-v", "/a:/b", "-p", "80:80", "--mount", "dst=/x", "bb", "true"),
        ("exec", "c", "true"),
        ("start", "-a", "c"),
        ("logs", "c"),
        ("stop", "c"),
        ("images",),
        ("inspect", "c"),
    ],
    ids=lambda words: words[0],
)
def test_nothing_heavy_is_imported(words: tuple[str, ...]) -> None:
    assert not modules_of(*words) & HEAVY


def test_ps_imports_what_it_uses_and_no_more() -> None:
    ours = {name for name in modules_of("ps") if name.startswith("wherry.") and name.count(".") > 1}
    assert ours == OURS_FOR_PS


def test_the_daemons_side_is_never_imported() -> None:
    for words in (("ps",), ("run", "bb")):
        for name in modules_of(*words):
            assert not name.startswith(("wherry.engine", "wherry.api", "wherry.drivers"))
