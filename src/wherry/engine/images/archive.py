"""Image archives while they arrive: every member once, in order, and never by its path.

Nothing is extracted. Large members go straight into the blobs, where they are hashed on the way:
a layer that arrives is written once, and is then already where it stays. Small ones are held in
memory. So a name in an archive is a key in a dictionary and nothing else; a link can only point
to another member.
"""

import posixpath
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from wherry.drivers.storage.base import Descriptor
from wherry.engine.images.layers import Layers
from wherry.engine.images.streams import expand
from wherry.model.digest import is_digest
from wherry.model.errors import InvalidArgument, NotFound, TooLarge
from wherry.oci.archive import (
    BLOCK_BYTES,
    Header,
    Kind,
    decode_header,
    extend_header,
)

_SMALL_BYTES = 64 << 10
_HELD_LIMIT_BYTES = 32 << 20
_MOST_MEMBERS = 20_000
_EXTENSIONS = (Kind.LONG_NAME, Kind.LONG_LINK, Kind.PAX, Kind.PAX_GLOBAL)
_LAYOUT_BLOBS = "blobs/sha256/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What arrived: members by their names."""

    held: Mapping[str, bytes]
    stored: Mapping[str, Descriptor]
    links: Mapping[str, str]
    layers: Layers

    def has(self, name: str) -> bool:
        return self._resolve(name) is not None

    def read(self, name: str, *, limit_bytes: int) -> bytes:
        """A small document. NotFound, TooLarge."""
        found = self._require(name)
        if isinstance(found, bytes):
            return found
        if found.size_bytes > limit_bytes:
            raise TooLarge(f"{name[:200]}: larger than {limit_bytes} bytes")
        return self.layers.read_blob(found.digest)

    async def store(self, name: str) -> Descriptor:
        """The member as a blob. NotFound."""
        found = self._require(name)
        return await self.layers.put_blob(found) if isinstance(found, bytes) else found

    def _require(self, name: str) -> bytes | Descriptor:
        found = self._resolve(name)
        if found is None:
            raise NotFound(f"open {name[:200]}: no such file or directory")
        return found

    def _resolve(self, name: str) -> bytes | Descriptor | None:
        # one step: old archives link a layer that occurs twice, nothing links to a link
        name = clean_name(name)
        name = self.links.get(name, name)
        return self.held[name] if name in self.held else self.stored.get(name)


async def receive_archive(chunks: AsyncIterator[bytes], layers: Layers) -> Archive:
    """Read an archive, compressed or not, to its end.

    Raises:
        InvalidArgument: not a tar, cut off, ambiguous, or a blob that is not what its name says.
        TooLarge: more members than any image has.
    """
    stream = _Pieces(expand(chunks))
    held: dict[str, bytes] = {}
    stored: dict[str, Descriptor] = {}
    links: dict[str, str] = {}
    held_bytes = members = 0
    async for header in _headers(stream):
        members += 1
        name = clean_name(header.name)
        if members > _MOST_MEMBERS or held_bytes > _HELD_LIMIT_BYTES:
            raise TooLarge("too many files in the archive")
        if header.kind is Kind.FOLDER:
            continue
        if name in held or name in stored or name in links:
            raise InvalidArgument(f"the archive has {name[:200]!r} twice")
        if header.kind in (Kind.SYMLINK, Kind.HARD_LINK):
            folder = posixpath.dirname(name) if header.kind is Kind.SYMLINK else ""
            links[name] = clean_name(posixpath.join(folder, header.link))
        elif header.kind is not Kind.FILE:
            raise InvalidArgument(f"the archive has a special file: {name[:200]!r}")
        elif header.size_bytes <= _SMALL_BYTES:
            held[name] = await stream.exactly(header.size_bytes)
            held_bytes += header.size_bytes + BLOCK_BYTES
        else:
            digest = f"sha256:{name.removeprefix(_LAYOUT_BLOBS)}"
            named = name.startswith(_LAYOUT_BLOBS) and is_digest(digest)
            stored[name] = await layers.put_blob(
                stream.part(header.size_bytes), expected=digest if named else None
            )
        await stream.exactly(header.padding_bytes)
    return Archive(held=held, stored=stored, links=links, layers=layers)


def clean_name(name: str) -> str:
    """A key for a member: ``./a//b`` is ``a/b``. A name that leads out never matches one."""
    return posixpath.normpath(name).lstrip("/")


async def _headers(stream: "_Pieces") -> AsyncIterator[Header]:
    """Headers of members, the extended ones applied to those that they belong to.

    The caller takes each member's bytes and padding before it asks for the next.
    """
    extensions: dict[Kind, bytes] = {}
    while block := await stream.at_most(BLOCK_BYTES):
        if len(block) < BLOCK_BYTES:
            raise InvalidArgument("unexpected EOF")
        header = decode_header(block)
        if header is None:
            await stream.drain()
            return
        if header.kind in _EXTENSIONS:
            extensions[header.kind] = await stream.exactly(header.size_bytes)
            await stream.exactly(header.padding_bytes)
            continue
        yield extend_header(header, extensions)
        extensions = {}


class _Pieces:
    """A stream of pieces, taken by number of bytes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._pending = memoryview(b"")

    async def at_most(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end."""
        parts = []
        while size and (piece := await self._next(size)):
            parts.append(piece)
            size -= len(piece)
        return b"".join(parts)

    async def exactly(self, size: int) -> bytes:
        data = await self.at_most(size)
        if len(data) < size:
            raise InvalidArgument("unexpected EOF")
        return data

    async def part(self, size: int) -> AsyncIterator[bytes]:
        """The next `size` bytes in pieces."""
        while size:
            piece = await self._next(size)
            if not piece:
                raise InvalidArgument("unexpected EOF")
            size -= len(piece)
            yield bytes(piece)

    async def drain(self) -> None:
        while await self._next(1 << 30):
            pass

    async def _next(self, at_most: int) -> memoryview:
        while not self._pending:
            piece = await anext(self._chunks, None)
            if piece is None:
                return memoryview(b"")
            self._pending = memoryview(piece)
        piece_view, self._pending = self._pending[:at_most], self._pending[at_most:]
        return piece_view
