"""The page about a container's life says what the table says."""

from scripts.lifecycle_page import read_comments, render_lifecycle
from wherry.model.lifecycle import MOVES, Effect, Event, Status


def test_every_move_is_a_row_of_its_own() -> None:
    rows = [line.split(" | ")[:2] for line in render_lifecycle().splitlines()]
    for status, event in MOVES:
        assert rows.count([f"| `{status}`", f"`{event}`"]) == 1, (status, event)


def test_every_word_of_the_table_is_explained_or_at_least_listed() -> None:
    page = render_lifecycle()
    for word in (*Status, *Event, *Effect):
        assert f"`{word}`" in page
    assert read_comments()["Effect", "LAUNCH"] == "make the process and let it run"
