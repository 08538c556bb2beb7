"""Image archives: found by index, written plainly."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.support.tars import Item, file, folder, hard_link, make_tar, symlink
from wherry.drivers.storage.tarindex import Member, MemberReader, TarWriter, index_tar
from wherry.model.errors import InvalidArgument, TooLarge


def index(*items: Item) -> dict[str, Member]:
    return index_tar(io.BytesIO(make_tar(*items)))


def test_only_files_are_members_and_the_last_of_a_name_counts() -> None:
    data = make_tar(
        folder("d"), file("./d/a", b"1"), symlink("l", "/etc/passwd"), hard_link("h", "d/a"),
        file("/d//a", b"22"),
    )  # fmt: skip
    members = index_tar(io.BytesIO(data))
    assert list(members) == ["d/a"]
    member = members["d/a"]
    assert data[member.offset : member.offset + member.size] == b"22"


@pytest.mark.parametrize(
    "items",
    [
        [file("../a")],
        [file("a", size_field=b"77777777777\0")],
        [file("a", size_field=b"\xff" * 12)],
    ],
)
def test_broken_archives_are_refused(items: list[Item]) -> None:
    with pytest.raises(InvalidArgument):
        index(*items)


def test_too_many_members_are_refused() -> None:
    with pytest.raises(TooLarge):
        index_tar(io.BytesIO(make_tar(*(file(f"f{n}") for n in range(5)))), members_limit=4)


def test_what_is_written_can_be_read_by_both(tmp_path: Path) -> None:
    path = tmp_path / "archive.tar"
    with path.open("wb") as out:
        writer = TarWriter(out)
        writer.add_folder("blobs")
        writer.add_bytes("blobs/a", b"abc", mtime_ns=1_000_000_000)
        writer.add_file("b" * 150, io.BytesIO(b"x" * 1000), 1000)
        writer.add_symlink("l", "blobs/a")
        writer.finish()
    with path.open("rb") as archive:
        members = index_tar(archive)
        assert set(members) == {"blobs/a", "b" * 150}
        reader = MemberReader(archive, members["blobs/a"])
        assert (reader.read(2), reader.read(), reader.read()) == (b"ab", b"c", b"")
    with tarfile.open(path) as other:
        assert other.getnames() == ["blobs", "blobs/a", "b" * 150, "l"]
        assert other.getmember("blobs/a").mtime == 1


def test_a_source_that_ends_early_is_told() -> None:
    with pytest.raises(EOFError):
        TarWriter(io.BytesIO()).add_file("a", io.BytesIO(b"x"), 2)
