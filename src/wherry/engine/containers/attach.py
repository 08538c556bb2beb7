"""Joining a client to the standard streams of a container or of an exec."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from wherry.drivers.runtime.base import Console, Output, Stream
from wherry.http.messages import Duplex
from wherry.model.errors import InvalidArgument

DEFAULT_DETACH_KEYS = b"\x10\x11"  # ctrl-p ctrl-q

_CONTROLS = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which streams a client wants."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    detach_keys: bytes = DEFAULT_DETACH_KEYS
    terminal: bool = False

    def takes(self, stream: Stream) -> bool:
        return self.stdout if stream is Stream.STDOUT else self.stderr


def parse_detach_keys(text: str) -> bytes:
    """``ctrl-p,ctrl-q`` as bytes; empty text is the default.

    Raises:
        InvalidArgument: in Docker's words.
    """
    if not text:
        return DEFAULT_DETACH_KEYS
    keys = bytearray()
    for one in text.split(","):
        if len(one) == 1:
            keys += one.encode()
            continue
        prefix, _, key = one.partition("-")
        if prefix != "ctrl" or len(key) != 1:
            raise InvalidArgument(f"Invalid detach keys ({text}) provided")
        if key.isascii() and key.isalpha() and key.islower():
            keys.append(ord(key) - ord("a") + 1)
        elif key in _CONTROLS:
            keys.append(_CONTROLS[key])
        else:
            raise InvalidArgument(f"Invalid detach keys ({text}) provided")
    return bytes(keys)


class DetachScanner:
    """Finds the detach keys in what a client types, also when they come in pieces."""

    def __init__(self, keys: bytes) -> None:
        self._keys, self._held = keys, b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What to pass on, and whether the keys were typed."""
        if not self._keys:
            return data, False
        text = self._held + data
        at = text.find(self._keys)
        if at >= 0:
            return text[:at], True
        keep = next(
            (
                n
                for n in range(min(len(self._keys) - 1, len(text)), 0, -1)
                if text.endswith(self._keys[:n])
            ),
            0,
        )
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False


async def join(
    client: Duplex, console: Console, wanted: Wanted, frame: Callable[[Output], bytes]
) -> bool:
    """Copy both ways until the process has ended and all it wrote was passed on, or until the
    client is gone or has typed the detach keys. The process goes on in the latter cases.

    The slow end holds the fast one back. A client that ends its input closes the standard input
    of the process and still gets what it writes. Returns whether the output came to its end.
    """
    try:
        async with asyncio.TaskGroup() as group:
            outward = group.create_task(_outward(client, console, wanted, frame))
            inward = group.create_task(_inward(client, console, wanted))

            def one_ended(task: asyncio.Task[bool]) -> None:
                # output ended, or the client left: the other direction has nothing more to do
                if task is outward or task.cancelled() or task.exception() or task.result():
                    outward.cancel()
                    inward.cancel()

            outward.add_done_callback(one_ended)
            inward.add_done_callback(one_ended)
    finally:
        await console.close()
    return not outward.cancelled() and outward.result()


async def _outward(
    client: Duplex, console: Console, wanted: Wanted, frame: Callable[[Output], bytes]
) -> bool:
    """True when the output came to its end; False when the client is gone."""
    try:
        async for piece in console.output():
            if wanted.takes(piece.stream):
                await client.write(frame(piece))
    except ConnectionError:
        return False
    return True


async def _inward(client: Duplex, console: Console, wanted: Wanted) -> bool:
    """True when the client is to be left; False when it only ended its input."""
    scanner = DetachScanner(wanted.detach_keys if wanted.terminal else b"")
    try:
        while data := await client.read():
            if not wanted.stdin:
                continue
            passed, detached = scanner.feed(data)
            if passed:
                await console.write(passed)
            if detached:
                return True
        if wanted.stdin and not wanted.terminal:
            await console.end_of_input()
    except ConnectionError:
        return True
    return False
