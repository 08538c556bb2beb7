"""nftables through libnftables: text in, one transaction, text out.

About 0.3 ms for a change of one element, so it is called directly; the ``nft`` program, which
does the same in 7 ms, stands in where the library is missing.

Sources: nft(8), libnftables(3); <linux/netfilter/nfnetlink.h> for the announcements.
"""

import ctypes
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple, Protocol

from wherry.kernel.netlink import attributes
from wherry.model.errors import Unavailable

_NETLINK_NETFILTER = 12
_GROUP_NFTABLES = 7  # NFNLGRP_NFTABLES
_SUBSYSTEM_NFTABLES = 10
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_OUTPUT_HANDLE = 1 << 3  # NFT_CTX_OUTPUT_HANDLE: rules with their numbers
_OUTPUT_TERSE = 1 << 11  # NFT_CTX_OUTPUT_TERSE: sets without their elements


class NftError(Exception):
    """The transaction was refused as a whole; the text is the library's."""


class Nft(Protocol):
    def run(self, text: str, *, terse: bool = False, handles: bool = False) -> str:
        """Carry out the commands in one transaction; returns what they list.

        Raises:
            NftError: nothing was changed.
        """

    def close(self) -> None: ...


def open_nft() -> Nft:
    """The library, or else the program.

    Raises:
        Unavailable: neither is there.
    """
    try:
        return _Library(ctypes.CDLL("libnftables.so.1"))
    except OSError:
        program = shutil.which("nft", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")
        if program is None:
            raise Unavailable(
                "nftables is needed for container networks",
                hint="install the package nftables (libnftables.so.1 or the nft program)",
            ) from None
        return _Program(program)


class _Library:
    """One context for the process's life: it keeps no rules, only its buffers."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._lock = threading.Lock()
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        library.nft_ctx_new.restype = pointer
        library.nft_ctx_new.argtypes = (ctypes.c_uint32,)
        library.nft_ctx_free.argtypes = (pointer,)
        library.nft_ctx_free.restype = None
        library.nft_ctx_output_set_flags.argtypes = (pointer, ctypes.c_uint)
        library.nft_run_cmd_from_buffer.argtypes = (pointer, text)
        for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error"):
            getattr(library, name).argtypes = (pointer,)
        for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
            getattr(library, name).argtypes = (pointer,)
            getattr(library, name).restype = text
        self._context: int | None = library.nft_ctx_new(0)
        library.nft_ctx_buffer_output(self._context)
        library.nft_ctx_buffer_error(self._context)

    def run(self, text: str, *, terse: bool = False, handles: bool = False) -> str:
        with self._lock:
            self._library.nft_ctx_output_set_flags(
                self._context, terse * _OUTPUT_TERSE | handles * _OUTPUT_HANDLE
            )
            failed = self._library.nft_run_cmd_from_buffer(self._context, text.encode())
            output: bytes = self._library.nft_ctx_get_output_buffer(self._context)
            complaint: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise NftError(complaint.decode(errors="replace").strip() or "nftables: refused")
        return output.decode(errors="replace")

    def close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            self._library.nft_ctx_free(context)


class _Program:
    def __init__(self, path: str) -> None:
        self._path = path

    def run(self, text: str, *, terse: bool = False, handles: bool = False) -> str:
        flags = [*(["--terse"] if terse else []), *(["--handle"] if handles else [])]
        argv = [self._path, *flags, "--file", "-"]
        done = subprocess.run(argv, input=text, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise NftError(done.stderr.strip() or "nftables: refused")
        return done.stdout

    def close(self) -> None:
        pass


class Change(IntEnum):
    """NFT_MSG_*: what may be announced and takes something away."""

    NEW_TABLE = 0
    DELETE_TABLE = 2
    NEW_CHAIN = 3
    DELETE_CHAIN = 5
    DELETE_RULE = 8


class Announcement(NamedTuple):
    change: Change
    table: str


class Announcements:
    """The kernel's news about anybody's tables in this namespace. `fileno` is for the loop."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            _NETLINK_NETFILTER,
        )
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP_NFTABLES)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> tuple[tuple[Announcement, ...], bool]:
        """What is there, without waiting; True with it when some news was lost."""
        news: list[Announcement] = []
        while True:
            try:
                datagram = self._socket.recv(1 << 16)
            except BlockingIOError:
                return tuple(news), False
            except OSError as error:
                if error.errno == 105:  # ENOBUFS: there was more than the socket could hold
                    return tuple(news), True
                raise
            news.extend(_announced(datagram))


def _announced(datagram: bytes) -> Iterator[Announcement]:
    offset = 0
    while offset + 20 <= len(datagram):
        length, kind = struct.unpack_from("=IH", datagram, offset)
        subsystem, number = kind >> 8, kind & 0xFF
        if subsystem == _SUBSYSTEM_NFTABLES and number in set(Change):
            found = attributes(datagram[offset : offset + length], 20)
            # The table's name is the first attribute of tables, chains and rules alike.
            name = found.get(1, b"").rstrip(b"\0").decode(errors="replace")
            yield Announcement(Change(number), name)
        offset += max(16, (length + 3) & ~3)
