"""conmon's log files: reading them fast, following them, beginning new ones.

A line is ``2026-11-24T03:09:38.809203149+00:00 stdout F text``: time, stream, and F for a full
line or P for a piece without its newline (pieces are of one read of conmon's, 8 KiB). The current
file is ``container.log``; older ones are ``container.log.1`` (the youngest), ``.2`` … conmon keeps
writing to a renamed file until it was told to reopen, then makes a new one at the old path.
Source: conmon's ctr_logging.c; the Kubernetes CRI log format.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wherry.drivers.runtime.base import Launch, LogLine, Runtime, Stream
from wherry.kernel.inotify import Watches

_BLOCK_BYTES = 1 << 20
_TAIL_BLOCK_BYTES = 64 << 10
_JOIN_LIMIT_BYTES = 1 << 20
"""A longer line comes in pieces: nobody has to hold a gigabyte."""
_HEADER_BYTES = 45
"""Time 35, stream 6, tag 1, a space after each."""
_POLL_S = 0.05
_REOPEN_LOOKS = 200
_FREE_BYTES_NEEDED = 1 << 20
_UTC = b"+00:00"
_STREAMS = {b"stdout": Stream.STDOUT, b"stderr": Stream.STDERR}


class Joiner:
    """Lines of the file to lines of the process: pieces are joined until their newline."""

    def __init__(self, *, since: str = "", until: str = "") -> None:
        self._since, self._until = since, until
        self._open: dict[Stream, tuple[str, list[bytes], int]] = {}
        self.past_until = False

    def feed(self, block: bytes) -> list[LogLine]:
        """Full lines of the file, each with its newline; what they complete."""
        lines: list[LogLine] = []
        add = lines.append
        opened = self._open
        since, until = self._since, self._until
        for raw in block.split(b"\n"):
            stream = _STREAMS.get(raw[36:42])
            if stream is None:
                continue  # The end of the block, or a line that a crash has cut.
            time = _time(raw)
            if raw[43:44] == b"P":
                self._keep(stream, time, raw[_HEADER_BYTES:], add)
                continue
            data = raw[_HEADER_BYTES:] + b"\n"
            if stream in opened:
                time, pieces, _ = opened.pop(stream)
                data = b"".join((*pieces, data))
            if until and time > until:
                self.past_until = True
                break
            if time >= since:
                add(LogLine(time, stream, data, False))
        return lines

    def _keep(self, stream: Stream, time: str, data: bytes, add: Callable[[LogLine], None]) -> None:
        first, pieces, size = self._open.get(stream, (time, [], 0))
        pieces.append(data)
        size += len(data)
        if size < _JOIN_LIMIT_BYTES:
            self._open[stream] = (first, pieces, size)
            return
        self._open.pop(stream, None)
        if self._since <= first and (not self._until or first <= self._until):
            add(LogLine(first, stream, b"".join(pieces), True))

    def finish(self) -> list[LogLine]:
        """What was never ended by a newline."""
        rest = [
            LogLine(time, stream, b"".join(pieces), True)
            for stream, (time, pieces, _) in self._open.items()
            if time >= self._since and (not self._until or time <= self._until)
        ]
        self._open.clear()
        return sorted(rest)


def _time(raw: bytes) -> str:
    if raw[29:35] == _UTC:
        return raw[:29].decode("ascii", "replace") + "Z"
    # Written under another zone; the fraction is beyond what datetime holds.
    moment = datetime.fromisoformat((raw[:19] + raw[29:35]).decode("ascii", "replace"))
    whole = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return whole + raw[19:29].decode("ascii", "replace") + "Z"


# files ----------------------------------------------------------------------------------


def list_files(path: Path) -> tuple[Path, ...]:
    """The files of a log, oldest first, the current one last; only those that exist."""
    found: list[tuple[int, Path]] = []
    prefix = path.name + "."
    try:
        entries = list(os.scandir(path.parent))
    except FileNotFoundError:
        return ()
    for entry in entries:
        if entry.name == path.name:
            found.append((0, path))
        elif entry.name.startswith(prefix) and entry.name[len(prefix) :].isdigit():
            found.append((int(entry.name[len(prefix) :]), Path(entry.path)))
    return tuple(file for _, file in sorted(found, reverse=True))


def _open_files(path: Path) -> list[int]:
    """Descriptors of all files of a log, oldest first, consistent even while it is rotated."""
    while True:
        opened: list[int] = []
        files = list_files(path)
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                opened.append(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
        numbers = [os.fstat(fd).st_ino for fd in opened]
        if numbers == _numbers(list_files(path)):
            return opened
        for fd in opened:
            os.close(fd)


def _numbers(files: tuple[Path, ...]) -> list[int]:
    numbers: list[int] = []
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            numbers.append(os.stat(file).st_ino)
    return numbers


def _find_next(path: Path, inode: int | None) -> tuple[Path, int] | None:
    """The file after the one with this number; the oldest if that one is gone for good."""
    files = list_files(path)
    numbers = _numbers(files)
    if len(numbers) != len(files):
        return None  # Being rotated right now.
    after = numbers.index(inode) + 1 if inode in numbers else 0
    return (files[after], numbers[after]) if after < len(files) else None


# tail -----------------------------------------------------------------------------------


def find_tail(fds: list[int], count: int) -> list[int]:
    """Where to begin in each file so that the last `count` lines come, and at most a little more.

    More, because pieces of one stream may stand before full lines of the other: the caller keeps
    the last `count` of what comes.
    """
    starts = [os.fstat(fd).st_size for fd in fds]
    wanted = count
    for index in range(len(fds) - 1, -1, -1):
        if wanted <= 0:
            break
        starts[index], wanted = _find_tail_in(fds[index], starts[index], wanted)
    return starts


def _find_tail_in(fd: int, end: int, wanted: int) -> tuple[int, int]:
    """The offset in one file, and how many lines must come from older files."""
    position, rest = end, b""
    before: set[bytes] = {b"stdout", b"stderr"}
    slack = _JOIN_LIMIT_BYTES
    while position > 0:
        size = min(_TAIL_BLOCK_BYTES, position)
        position -= size
        lines = (os.pread(fd, size, position) + rest).split(b"\n")
        rest = lines[0]
        offset = position + len(rest) + 1
        starts = []
        for line in lines[1:]:
            starts.append((offset, line))
            offset += len(line) + 1
        for start, line in reversed(starts):
            if line[43:44] != b"F":
                continue
            if wanted > 0:
                wanted -= 1
                before = {b"stdout", b"stderr"}
            else:
                # This one ends an entry before ours: its stream needs nothing older.
                before.discard(line[36:42])
                slack -= len(line)
                if not before or slack < 0:
                    return start, 0
        if wanted <= 0:
            slack -= size
            if slack < 0:
                return position + len(rest) + 1, 0
    if rest[43:44] == b"F" and wanted > 0:
        wanted -= 1
    return 0, wanted


# reading --------------------------------------------------------------------------------


class ConmonLogs:
    """Implements `Logs`. Made on the event loop that uses it; `close` at the end."""

    def __init__(self) -> None:
        self._watches = Watches()

    def close(self) -> None:
        self._watches.close()

    async def read(
        self,
        path: Path,
        *,
        since: str = "",
        until: str = "",
        tail: int | None = None,
        ended: asyncio.Event | None = None,
    ) -> AsyncIterator[list[LogLine]]:
        joiner = Joiner(since=since, until=until)
        fds = _open_files(path)
        inode = os.fstat(fds[-1]).st_ino if fds else None
        current = os.dup(fds[-1]) if fds else None
        try:
            starts = [0] * len(fds)
            if tail is not None:
                starts = await asyncio.to_thread(find_tail, fds, tail)
            async for batch in self._read_kept(fds, starts, joiner, tail):
                yield batch
            if ended is not None:
                offset = 0 if current is None else os.lseek(current, 0, os.SEEK_CUR)
                follower = _Follower(path, self._watches, current, inode, offset)
                current = None
                try:
                    async for block in follower.blocks(ended):
                        if batch := joiner.feed(block):
                            yield batch
                        if joiner.past_until:
                            return
                finally:
                    follower.close()
            if batch := joiner.finish():
                yield batch
        finally:
            for fd in (*fds, *([current] if current is not None else [])):
                os.close(fd)

    async def _read_kept(
        self, fds: list[int], starts: list[int], joiner: Joiner, tail: int | None
    ) -> AsyncIterator[list[LogLine]]:
        """What the files hold now; leaves each descriptor after its last full line."""
        kept: list[LogLine] = []
        for fd, start in zip(fds, starts, strict=True):
            os.lseek(fd, start, os.SEEK_SET)
            while True:
                batch = await asyncio.to_thread(_read_block, fd, joiner)
                if batch is None:
                    break
                if tail is None:
                    if batch:
                        yield batch
                else:
                    kept = (kept + batch)[-tail:] if tail else []
                if joiner.past_until:
                    break
        if kept:
            yield kept

    async def rotate(
        self, runtime: Runtime, launch: Launch, *, max_bytes: int, max_files: int
    ) -> bool:
        path = launch.log_path
        if path is None or not _is_due(path, max_bytes):
            return False
        before = os.stat(path).st_ino
        for file in list_files(path)[:-1]:
            number = int(file.suffix[1:])
            if number >= max_files - 1:
                file.unlink()
        for file in list_files(path):  # Oldest first: no name is taken when it is needed.
            number = 0 if file == path else int(file.suffix[1:])
            file.rename(f"{path}.{number + 1}")
        await runtime.reopen_log(launch)
        for _ in range(_REOPEN_LOOKS):
            if path.exists() and os.stat(path).st_ino != before:
                break
            await asyncio.sleep(0.005)  # conmon answers to a fifo, without a word.
        else:
            return False  # It has ended: nothing more will be written.
        if max_files <= 1:
            Path(f"{path}.1").unlink(missing_ok=True)
        return True

    def discard(self, path: Path) -> None:
        for file in list_files(path):
            file.unlink(missing_ok=True)
        path.with_name(path.name + ".tmp").unlink(missing_ok=True)


def _is_due(path: Path, max_bytes: int) -> bool:
    """Large enough; and room enough, for conmon ends when it cannot make the new file."""
    try:
        if path.stat().st_size < max_bytes:
            return False
    except FileNotFoundError:
        return False
    room = os.statvfs(path.parent)
    no_files = room.f_files > 0 and room.f_favail < 16
    return room.f_bavail * room.f_frsize >= _FREE_BYTES_NEEDED and not no_files


def _read_full_lines(fd: int) -> bytes:
    """The next block, cut after its last newline; empty at the end (or before half a line)."""
    wanted = _BLOCK_BYTES
    while True:
        block = os.read(fd, wanted)
        cut = block.rfind(b"\n") + 1
        if cut < len(block):
            os.lseek(fd, cut - len(block), os.SEEK_CUR)
        if cut or len(block) < wanted:
            return block[:cut]
        wanted *= 2


def _read_block(fd: int, joiner: Joiner) -> list[LogLine] | None:
    block = _read_full_lines(fd)
    return joiner.feed(block) if block else None


class _Follower:
    """What is added to a log, across its rotations."""

    def __init__(
        self, path: Path, watches: Watches, fd: int | None, inode: int | None, offset: int
    ) -> None:
        self._path, self._watches = path, watches
        self._fd, self._inode = fd, inode
        self._changed = asyncio.Event()
        self._watched: list[int] = []
        if fd is not None:
            os.lseek(fd, offset, os.SEEK_SET)
        self._watch()

    def close(self) -> None:
        self._unwatch()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    async def blocks(self, ended: asyncio.Event) -> AsyncIterator[bytes]:
        """Blocks of full lines, until `ended` is set and nothing is left."""
        ending = asyncio.ensure_future(ended.wait())
        try:
            while True:
                self._changed.clear()
                was_over = ended.is_set()
                # First look, then read: once there is a next file, this one is complete.
                following = _find_next(self._path, self._inode)
                while block := self._read():
                    yield block
                if following is not None:
                    self._go_on(*following)
                    continue
                if was_over:
                    return
                await self._wait(ending)
        finally:
            ending.cancel()

    def _read(self) -> bytes:
        return b"" if self._fd is None else _read_full_lines(self._fd)

    def _go_on(self, path: Path, inode: int) -> None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # Renamed meanwhile: the next look finds it.
        if os.fstat(fd).st_ino != inode:
            os.close(fd)
            return
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self._inode = fd, inode
        self._watch()

    async def _wait(self, ending: "asyncio.Future[Any]") -> None:
        changing = asyncio.ensure_future(self._changed.wait())
        try:
            # Without a watch (too many, or no file yet) looking now and then has to do.
            timeout_s = None if len(self._watched) == 2 else _POLL_S
            await asyncio.wait(
                (changing, ending), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changing.cancel()

    def _watch(self) -> None:
        """The folder tells of new files, the file (whatever its name is by now) of new lines."""
        self._unwatch()
        targets = [str(self._path.parent)]
        if self._fd is not None:
            targets.append(f"/proc/self/fd/{self._fd}")
        for target in targets:
            with contextlib.suppress(OSError):
                self._watched.append(self._watches.add(target, self._changed.set))

    def _unwatch(self) -> None:
        for watch in self._watched:
            self._watches.remove(watch, self._changed.set)
        self._watched.clear()
