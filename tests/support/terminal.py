"""A program under a pseudo-terminal, as a person at a keyboard would have it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self


class Terminal:
    """Types and reads; remembers everything that was shown in `shown`."""

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], rows: int = 24, columns: int = 80
    ) -> None:
        self._fd, theirs = pty.openpty()
        self.resize(rows, columns)
        self.shown = ""
        self._seen = 0
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *argv],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**env, "TERM": "xterm"},
        )
        os.close(theirs)

    def resize(self, rows: int, columns: int) -> None:
        """Change the window's size; the kernel sends SIGWINCH to whoever has the terminal."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def write(self, text: str | bytes) -> None:
        os.write(self._fd, text.encode() if isinstance(text, str) else text)

    def expect(self, pattern: str, *, timeout_s: float = 20) -> re.Match[str]:
        """Read until `pattern` appears after what was matched before.

        Raises:
            AssertionError: it did not appear in time, or the program ended first.
        """
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.shown[self._seen :])):
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"no {pattern!r} within {timeout_s} s in {self.shown!r}"
            assert self._read(left_s), f"ended without {pattern!r} in {self.shown!r}"
        self._seen += found.end()
        return found

    def wait(self, *, timeout_s: float = 20) -> int:
        """Read to the end; returns the program's exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read(max(0.0, deadline - time.monotonic())):
            pass
        return self.process.wait(max(1.0, deadline - time.monotonic()))

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return False
        try:
            got = os.read(self._fd, 65536)
        except OSError:  # EIO: the other side is closed
            return False
        self.shown += got.decode(errors="replace")
        return bool(got)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._fd)
