"""Documents that are made from the code say what the code says; links lead somewhere."""

import re
from pathlib import Path

import pytest

from scripts.reference import REFERENCE_DIR, REPOSITORY, render

PAGES = sorted(
    [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")],
)


@pytest.mark.parametrize("name", sorted(render()))
def test_the_reference_is_fresh(name: str) -> None:
    written = (REFERENCE_DIR / name).read_text()
    assert written == render()[name], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    dead = [target for target in targets if not (page.parent / target).exists()]
    assert not dead
