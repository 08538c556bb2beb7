"""Hears that a peer is gone from a socket whose reading side has already ended.

After a half-close asyncio no longer watches a socket for reading, and "readable" would say nothing:
the end of input stays readable for ever. epoll(7) reports EPOLLHUP and EPOLLERR without being asked
to, so a second epoll that asks for nothing else hears just the end; it is itself watched by the
loop. On unix sockets that is the peer's close; on TCP a reset only: there, a close
looks like a half-close.
"""

import asyncio
import select
from collections.abc import Callable


class HangupWatch:
    """One for a server; the loop that makes it runs the callbacks."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._epoll.fileno(), self._look)

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call `callback` once when the peer of `fd` is gone. `discard` before closing `fd`."""
        self.discard(fd)
        self._callbacks[fd] = callback
        self._epoll.register(fd, 0)

    def discard(self, fd: int) -> None:
        """Watch no longer; nothing happens when nobody watched."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._callbacks.clear()
            self._epoll.close()

    def _look(self) -> None:
        for fd, _ in self._epoll.poll(0):
            callback = self._callbacks.get(fd)
            self.discard(fd)
            if callback is not None:
                callback()
