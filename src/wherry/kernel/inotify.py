"""Being told that a file or folder changed: inotify(7), one instance for a whole event loop.

Closing an instance waits for the kernel's grace period (milliseconds), removing a watch does not:
so there is one, and it stays.
"""

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable

_MODIFY, _CLOSE_WRITE, _MOVED_TO, _CREATE = 0x2, 0x8, 0x80, 0x100
_DELETE_SELF, _MOVE_SELF, _IGNORED = 0x400, 0x800, 0x8000
_MASK = _MODIFY | _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF
_EVENT = struct.Struct("iIII")


class Watches:
    """Callbacks for changes of files. Everything is called on the loop that made it."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._callbacks: dict[int, list[Callable[[], None]]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._dispatch)

    def add(self, path: str | os.PathLike[str], callback: Callable[[], None]) -> int:
        """Call `callback` after each change of the file, or in the folder, at `path`; returns the
        watch. FileNotFoundError if nothing is there."""
        watch: int = self._libc.inotify_add_watch(self._fd, os.fsencode(path), _MASK)
        if watch < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), os.fspath(path))
        self._callbacks.setdefault(watch, []).append(callback)
        return watch

    def remove(self, watch: int, callback: Callable[[], None]) -> None:
        """Stop calling. Nothing happens if the file is gone, and its watch with it."""
        callbacks = self._callbacks.get(watch, [])
        if callback in callbacks:
            callbacks.remove(callback)
        if not callbacks and self._callbacks.pop(watch, None) is not None:
            self._libc.inotify_rm_watch(self._fd, watch)

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _dispatch(self) -> None:
        try:
            data = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return
        changed: dict[int, None] = {}
        gone: set[int] = set()
        offset = 0
        while offset < len(data):
            watch, mask, _, name_bytes = _EVENT.unpack_from(data, offset)
            offset += _EVENT.size + name_bytes
            if watch == -1:  # The queue has overflowed: anything may have changed.
                changed.update(dict.fromkeys(self._callbacks))
                continue
            changed[watch] = None
            if mask & _IGNORED:
                gone.add(watch)
        for watch in changed:
            for callback in tuple(self._callbacks.get(watch, ())):
                callback()
        for watch in gone:
            self._callbacks.pop(watch, None)
