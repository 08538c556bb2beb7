"""Unpacking from the daemon's side: decompress, hash, hold to limits, feed the extracting process.

::

    chunks ── Decoder ──┬── sha256 of the content: the layer's diff id
                        └── pipe, 1 MiB ── extractor.py, in its chroot

The work is done on threads; a cancelled task ends the process and then waits for its thread, so
nobody writes into a folder that is being removed.
"""

import errno
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import wherry
from wherry.drivers.storage.base import Unpacked, UnpackLimits
from wherry.drivers.storage.batches import feed, on_thread
from wherry.drivers.storage.compression import Decoder
from wherry.kernel.files import get_free_bytes
from wherry.model.errors import InvalidArgument, OutOfSpace, TooLarge

_BATCH_BYTES = 1 << 20
_PIPE_BYTES = 1 << 20
_RATIO_FROM_BYTES = 256 << 20
_LOOK_AT_DISK_EVERY_BYTES = 64 << 20
_SOURCE_DIR = str(Path(next(iter(wherry.__path__))).parent)
_PROGRAM = (
    f"import sys; sys.path.append({_SOURCE_DIR!r}); "
    "from wherry.drivers.storage.extractor import main; main()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to unpack where, and what the names in it mean (see extractor.py)."""

    root: Path
    """The extractor's whole world."""
    folder: str = "/"
    """Where in it, looked up inside."""
    meaning: str
    limits: UnpackLimits
    owner: tuple[int, int] | None = None
    """Who gets everything, instead of whom the archive names."""
    strict: bool = False
    """A folder never takes the place of anything else, nor the other way round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    unpacked: Unpacked
    implied: tuple[bytes, ...]
    """Folders that had to be made although the archive does not have them, ``.`` for the root."""


async def unpack(order: Order, tar: AsyncIterator[bytes] | BinaryIO) -> Outcome:
    """Unpack an archive, plain or compressed, to its end.

    Nothing is synced and nothing is removed after a failure: that is for who made the folder.

    Raises:
        InvalidArgument: not a tar, truncated, or an entry that leads out of the tree.
        TooLarge: beyond `order.limits`.
        OutOfSpace: the disk is full.
    """
    worker = _Worker(order)
    try:
        if isinstance(tar, AsyncIterator):
            await feed(tar, worker.write, abort=worker.abort)
        else:
            file = tar
            await on_thread(lambda: worker.write_all(file), abort=worker.abort)
        return await on_thread(worker.finish, abort=worker.abort)
    finally:
        worker.close()


async def extract_plain(
    root: Path,
    tar: AsyncIterator[bytes] | BinaryIO,
    *,
    folder: str = "/",
    owner: tuple[int, int] | None = None,
    strict: bool = False,
    limits: UnpackLimits | None = None,
) -> Unpacked:
    """Unpack into a tree that is in use, as `docker cp` does. Names have no layer meaning.

    Args:
        root: links in the tree and in the archive lead nowhere outside of it.
        folder: where to unpack, as seen from inside `root`; must exist.
        strict: refuse to put a folder where something else is, and the other way round.

    Raises: as `unpack`.
    """
    order = Order(
        root=root,
        folder=folder,
        meaning="plain",
        limits=limits or UnpackLimits(),
        owner=owner,
        strict=strict,
    )
    return (await unpack(order, tar)).unpacked


class _Worker:
    """One extracting process and what is told to it. Methods that block run on threads."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._decoder = Decoder()
        self._digest = hashlib.sha256()
        self._taken = self._expanded = self._looked_at = 0
        read_fd, self._pipe_fd = os.pipe()
        try:
            fcntl.fcntl(self._pipe_fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except PermissionError:
            pass  # over the user's allowance for pipes: slower, not wrong
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, *_arguments(order)],
                stdin=read_fd,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env={},
            )
        except BaseException:
            os.close(self._pipe_fd)
            raise
        finally:
            os.close(read_fd)

    def write_all(self, file: BinaryIO) -> None:
        while chunk := file.read(_BATCH_BYTES):
            self.write(chunk)

    def write(self, chunk: bytes) -> None:
        self._taken += len(chunk)
        for content in self._decoder.feed(chunk):
            self._pass_on(content)

    def _pass_on(self, content: bytes) -> None:
        self._digest.update(content)
        self._expanded += len(content)
        self._check_limits()
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(self._pipe_fd, left) :]
        except BrokenPipeError:
            self._raise_failure()

    def _check_limits(self) -> None:
        limits, expanded = self._order.limits, self._expanded
        if expanded > limits.size_bytes + (limits.size_bytes >> 3) + (1 << 20):
            raise TooLarge(f"layer expands to more than {limits.size_bytes} bytes")
        if expanded > _RATIO_FROM_BYTES and expanded > self._taken * limits.ratio:
            raise TooLarge(f"layer expands to more than {limits.ratio} times its size")
        if expanded - self._looked_at >= _LOOK_AT_DISK_EVERY_BYTES:
            self._looked_at = expanded
            if get_free_bytes(self._order.root) < limits.keep_free_bytes:
                raise OutOfSpace("no space left on device")

    def finish(self) -> Outcome:
        """End the input and take the process's answer."""
        rest = self._decoder.finish()
        if rest:
            self._pass_on(rest)
        self._close_pipe()
        answer, complaint = self._process.communicate()
        verdict, _, told = answer.decode().rstrip("\n").partition(" ")
        if verdict != "ok":
            self._raise_for(verdict, told, complaint)
        entries, size, implied = told.split(" ")
        return Outcome(
            unpacked=Unpacked(
                diff_id=f"sha256:{self._digest.hexdigest()}",
                size_bytes=int(size),
                entries=int(entries),
            ),
            implied=tuple(bytes.fromhex(path) for path in implied.split(",") if path),
        )

    def _raise_failure(self) -> NoReturn:
        """The process stopped reading: it says why."""
        self._close_pipe()
        answer, complaint = self._process.communicate()
        verdict, _, told = answer.decode().rstrip("\n").partition(" ")
        self._raise_for(verdict, told, complaint)

    def _raise_for(self, verdict: str, told: str, complaint: bytes) -> NoReturn:
        if verdict != "error":
            code = self._process.returncode
            if code == -signal.SIGXCPU:
                raise TooLarge("unpacking took too much time")
            raise RuntimeError(f"the extractor ended with {code}: {complaint.decode()[-2000:]}")
        kind, _, message = told.partition(" ")
        text = bytes.fromhex(message).decode("utf-8", "replace")
        if kind == "invalid":
            raise InvalidArgument(text)
        if kind == "large":
            raise TooLarge(text)
        if kind == "full":
            raise OutOfSpace("no space left on device")
        code = int(kind.removeprefix("errno-")) if kind.startswith("errno-") else errno.EIO
        raise OSError(code, text)

    def abort(self) -> None:
        """End the process; a thread that writes to it will see its pipe break."""
        if self._process.returncode is None:
            self._process.kill()

    def close(self) -> None:
        """Leave nothing behind, however it went. A killed process ends at once."""
        self._close_pipe()
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _close_pipe(self) -> None:
        if self._pipe_fd >= 0:
            os.close(self._pipe_fd)
            self._pipe_fd = -1


def _arguments(order: Order) -> list[str]:
    return [
        str(order.root),
        order.folder,
        order.meaning,
        str(order.limits.entries),
        str(order.limits.size_bytes),
        "{}:{}".format(*order.owner) if order.owner else "",
        "strict" if order.strict else "",
    ]
