"""Our own terminal: raw and back, its size, and the signals that arrive meanwhile."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator
    from typing import Any, Self
else:
    # The same functions without the enums, which cost 2 ms to make.
    import _signal as signal

PROXIED = (
    "HUP INT QUIT ABRT USR1 USR2 ALRM TERM CONT TSTP TTIN TTOU WINCH IO PWR PROF VTALRM XCPU XFSZ"
).split()
"""What `--sig-proxy` hands on: everything that can be caught and is not about ourselves."""


class RawTerminal:
    """Puts the terminal behind `fd` into raw mode, and always back: a context manager.

    Does nothing when `fd` is not a terminal. Source: termios(3), cfmakeraw.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[Any] | None = None

    def __enter__(self) -> Self:
        if os.isatty(self._fd):
            import termios

            self._before = termios.tcgetattr(self._fd)
            mode = termios.tcgetattr(self._fd)
            mode[0] &= ~(
                termios.IGNBRK
                | termios.BRKINT
                | termios.PARMRK
                | termios.ISTRIP
                | termios.INLCR
                | termios.IGNCR
                | termios.ICRNL
                | termios.IXON
            )
            mode[1] &= ~termios.OPOST
            mode[2] = mode[2] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
            mode[3] &= ~(
                termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN
            )
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._fd, termios.TCSADRAIN, mode)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
            self._before = None


def read_size() -> tuple[int, int] | None:
    """Rows and columns of the terminal we write to; None when it is none."""
    try:
        size = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except (OSError, ValueError):
        return None
    return size.lines, size.columns


class SignalBox:
    """Catches signals and keeps them until they are taken; a context manager.

    `fd` becomes readable when there is something to take.
    """

    def __init__(self, names: list[str]) -> None:
        self._names = {getattr(signal, f"SIG{name}"): name for name in names}
        self._caught: list[str] = []
        self._before: dict[int, Any] = {}
        self.fd, self._bell_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        for number in self._names:
            self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.fd)
        os.close(self._bell_fd)

    def _catch(self, number: int, _: object) -> None:
        self._caught.append(self._names[number])
        try:
            os.write(self._bell_fd, b"!")
        except BlockingIOError:
            pass

    def take(self) -> Iterator[str]:
        """The names (``INT``) caught since the last time."""
        try:
            os.read(self.fd, 4096)
        except BlockingIOError:
            pass
        while self._caught:
            yield self._caught.pop(0)


DETACH_KEYS = "ctrl-p,ctrl-q"
_NAMED_KEYS = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def parse_detach_keys(text: str) -> bytes:
    """``ctrl-p,ctrl-q`` as the bytes a terminal sends. ValueError otherwise."""
    keys = bytearray()
    for key in text.split(","):
        if len(key) == 1:
            keys += key.encode("latin-1", "replace")
            continue
        letter = key.removeprefix("ctrl-").lower()
        if not key.startswith("ctrl-") or len(letter) != 1:
            raise ValueError(f"Unknown character: '{key}'")
        if letter.isascii() and letter.isalpha():
            keys.append(ord(letter) - ord("a") + 1)
        elif letter in _NAMED_KEYS:
            keys.append(_NAMED_KEYS[letter])
        else:
            raise ValueError(f"Unknown character: '{key}'")
    return bytes(keys)


class EscapeWatch:
    """Looks for the detach keys in what is typed; keys of an unfinished sequence are held back."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._seen = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What to pass on, and whether the sequence was completed."""
        passed = bytearray()
        for byte in data:
            if byte == self._keys[self._seen]:
                self._seen += 1
                if self._seen == len(self._keys):
                    return bytes(passed), True
                continue
            passed += self._keys[: self._seen]
            self._seen = 0
            if byte == self._keys[0] and len(self._keys) > 1:
                self._seen = 1
            else:
                passed.append(byte)
        return bytes(passed), False
