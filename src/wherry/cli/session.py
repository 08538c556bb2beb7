"""One attached session with a process: raw terminal, signals, window size, detach keys."""

from __future__ import annotations

import os
import time

from wherry.cli.errors import Refused
from wherry.cli.streams import Junction
from wherry.cli.terminal import (
    DETACH_KEYS,
    PROXIED,
    RawTerminal,
    SignalBox,
    parse_detach_keys,
    read_size,
)
from wherry.model.errors import WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from wherry.http.client import Response

_STDIN = 0
_RETRY_S = 0.01


class Session:
    """A connection that is about to be joined to our streams.

    `resize` and `kill` reach the process (rows and columns; a signal's name); `kill` None leaves
    signals to ourselves. Use it as a context manager around start and `run`, so that no signal
    is lost in between.
    """

    def __init__(
        self,
        *,
        tty: bool,
        stdin: bool,
        stdout: bool = True,
        stderr: bool = True,
        detach_keys: str = "",
        resize: Callable[[int, int], None] | None = None,
        kill: Callable[[str], None] | None = None,
    ) -> None:
        self._tty, self._stdin = tty, stdin
        self._stdout, self._stderr = stdout, stderr
        self._keys = _read_keys(detach_keys) if tty and stdin else None
        self._resize = resize
        self._kill = None if tty else kill
        names = ["WINCH"] if tty else PROXIED if self._kill else []
        self._signals = SignalBox(list(names))

    def __enter__(self) -> Self:
        self._signals.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._signals.__exit__()

    def fit(self, *, nudge: bool = False, tries: int = 1) -> None:
        """Give the process's terminal the size of ours. Errors are for nobody.

        `nudge`: another size first, so that a program that has long been running draws anew.
        `tries`: how often, for a process that is only about to be there.
        """
        for count in range(tries):
            if self._fit(nudge=nudge) or count + 1 == tries:
                break
            time.sleep(_RETRY_S * (count + 1))

    def _fit(self, *, nudge: bool) -> bool:
        size = read_size()
        if self._tty and self._resize is not None and size is not None and all(size):
            try:
                if nudge:
                    self._resize(size[0] + 1, size[1])
                self._resize(*size)
            except WherryError:
                return False
        return True

    def run(self, response: Response) -> bool:
        """Join until the end; True when the user detached."""
        sock, early = response.detach()
        kind = response.headers.get("content-type", "")
        framed = "multiplexed" in kind or ("raw-stream" in kind and not self._tty)
        junction = Junction(
            sock,
            early,
            framed=framed,
            stdin_fd=_STDIN if self._stdin else None,
            keys=self._keys,
            signals=self._signals,
            on_signal=self._pass_on,
            stdout=self._stdout,
            stderr=self._stderr,
        )
        with RawTerminal(_STDIN if self._tty and self._stdin else -1):
            return junction.run()

    def _pass_on(self, name: str) -> None:
        if self._tty:
            self.fit()
        elif self._kill is not None:
            try:
                self._kill(name)
            except WherryError:
                # It has just ended; its exit code is on the way.
                pass


def _read_keys(text: str) -> bytes:
    try:
        return parse_detach_keys(text or DETACH_KEYS)
    except ValueError as error:
        raise Refused(f"invalid detach keys ({text}): {error}") from None


def check_input_terminal(*, tty: bool, stdin: bool) -> None:
    """Refused when a terminal is asked for and what we read from is none."""
    if tty and stdin and not os.isatty(_STDIN):
        raise Refused("the input device is not a TTY")
