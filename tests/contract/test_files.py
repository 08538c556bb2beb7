"""File calls on trees that others wrote, against the real kernel."""

import errno
import os
from pathlib import Path

import pytest

from wherry.kernel import files
from wherry.model.errors import InvalidArgument, TooLarge


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "etc").mkdir(parents=True)
    (made / "etc/passwd").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    return made


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../etc/passwd", "etc/passwd"])
def test_links_lead_to_the_inside(root: Path, target: str) -> None:
    (root / "l").symlink_to(target)
    assert files.read_in_root(root, "/l", limit_bytes=100) == b"inside"


def test_a_fifo_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "fifo")
    for name in ("fifo", "etc"):
        with pytest.raises((InvalidArgument, IsADirectoryError)):
            files.read_in_root(root, name, limit_bytes=100)
    with pytest.raises((InvalidArgument, OSError)):
        files.write_in_root(root, "fifo", b"x")


def test_what_is_too_large_is_not_read(root: Path) -> None:
    with pytest.raises(TooLarge):
        files.read_in_root(root, "etc/passwd", limit_bytes=5)
    assert files.read_in_root(root, "etc/passwd", limit_bytes=6) == b"inside"


def test_what_is_missing_is_told_as_python_tells_it(root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.read_in_root(root, "../secret", limit_bytes=100)
    with pytest.raises(NotADirectoryError):
        files.ensure_dir_in_root(root, "etc/passwd/x")


def test_folders_are_made_inside_also_through_links_to_nothing(root: Path) -> None:
    (root / "out").symlink_to("/../../made/deep")
    files.ensure_dir_in_root(root, "/out/x/../y", 0o750, uid=os.getuid(), gid=os.getgid())
    assert (root / "made/deep/y").is_dir()
    assert (root / "made/deep/y").stat().st_mode & 0o777 == 0o750
    files.ensure_dir_in_root(root, "/out/x/../y")
    assert sorted(os.listdir(root.parent)) == ["root", "secret"]


def test_links_in_a_circle_are_refused(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        files.ensure_dir_in_root(root, "a/x")


def test_files_are_written_inside(root: Path) -> None:
    (root / "hosts").symlink_to("../secret")
    files.write_in_root(root, "hosts", b"x", uid=os.getuid(), gid=os.getgid())
    assert (root / "secret").read_bytes() == b"x"
    assert (root.parent / "secret").read_text() == "outside"


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    held = files.lock_file(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        files.lock_file(tmp_path / "lock")
    os.close(held)
    os.close(files.lock_file(tmp_path / "lock"))


def test_renames_that_must_not_replace_do_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(OSError, match=os.strerror(errno.EEXIST)):
        files.rename_new(tmp_path / "a", tmp_path / "b")
    files.exchange(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").read_text() == "b"


def test_a_removed_tree_takes_nothing_with_it_that_a_link_led_to(root: Path) -> None:
    (root / "etc/l").symlink_to(root.parent)
    files.remove_tree(root)
    files.remove_tree(root)
    assert os.listdir(root.parent) == ["secret"]
