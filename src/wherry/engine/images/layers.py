"""Layers on the disk: made from bytes, shared by chain id, deleted when nothing stands on them.

The bytes of every layer are kept as they came, beside the tree that was unpacked from them.

Why keep them: what is saved (and later pushed) must have the digest that the image's
configuration names, and a tar cannot be made again from a tree with certainty. The other way is a
side file with everything of the tar but the files' contents: it costs a second parser in the path
of every byte, on import and on save. A kept tar costs disk space, once, and turns a save into
copying files. What came compressed is kept compressed.

Order: blob and snapshot are whole and synced before the row; the row goes before either.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from wherry.drivers.storage.base import Blobs, Descriptor, Snapshots, Unpacked
from wherry.engine.images.gate import Gate
from wherry.engine.images.streams import expand, feed_both, peek
from wherry.model.digest import chain_ids, digest_of
from wherry.model.errors import InvalidArgument
from wherry.model.image import Layer
from wherry.oci.compression import Compression, detect_compression
from wherry.oci.image import LAYER_TAR, LAYER_TAR_GZIP, LAYER_TAR_ZSTD

_MEDIA_TYPES = {
    Compression.NONE: LAYER_TAR,
    Compression.GZIP: LAYER_TAR_GZIP,
    Compression.ZSTD: LAYER_TAR_ZSTD,
}


class LayerRows(Protocol):
    async def insert_layers(self, layers: Sequence[Layer]) -> None: ...

    async def delete_layers(self, chains: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSource:
    """Where the bytes of a layer come from when it is not here yet."""

    diff: str
    """What the uncompressed tar must hash to."""
    blob: Callable[[], Awaitable[Descriptor]]
    """Puts the bytes into the blobs, if they are not there, and says which they are."""


class Layers:
    """All layers. `known` is replaced, never changed."""

    def __init__(
        self,
        *,
        rows: LayerRows,
        snapshots: Snapshots,
        blobs: Blobs,
        roots: Callable[[], tuple[Collection[str], Collection[str]]],
        unpacks_at_once: int,
    ) -> None:
        """`roots` tells which chain ids and which blobs are named by something outside."""
        self._rows, self._snapshots, self._blobs = rows, snapshots, blobs
        self._roots = roots
        self._unpacks = asyncio.Semaphore(unpacks_at_once)
        self._one_chain = asyncio.Lock()
        self._gate = Gate(self._collect)
        self._loose_blobs: set[str] = set()
        self._last_key = 0
        self.known: Mapping[str, Layer] = {}

    async def sweep(self, known: Mapping[str, Layer], snapshots_in_use: Collection[str]) -> None:
        """At start: take over `known`, and delete all that is on the disk without a row."""
        self.known = known
        named = {layer.snapshot for layer in known.values()} | set(snapshots_in_use)
        present = await self._snapshots.list_keys()
        numbers = [int(key) for key in {*named, *present} if key.isdecimal()]
        self._last_key = max(numbers, default=0)
        for key in present:
            if key not in named:
                await self._snapshots.remove(key)
        self._loose_blobs.update(await asyncio.to_thread(self._blobs.list_digests))
        await self.collect()

    def next_key(self) -> str:
        """A key that no snapshot has: the numbers go on from the highest one at start."""
        self._last_key += 1
        return str(self._last_key)

    @asynccontextmanager
    async def ingest(self) -> AsyncIterator[None]:
        """While open, nothing that is found here is deleted."""
        async with self._gate.ingest():
            yield

    async def collect(self) -> None:
        """Delete the layers and blobs that nothing names; put off while an ingest is open."""
        await self._gate.collect()

    async def put_blob(
        self, chunks: AsyncIterator[bytes] | bytes, *, expected: str | None = None
    ) -> Descriptor:
        """Store, inside an ingest. If no row names it in the end, it goes again."""
        blob = await self._blobs.put(chunks, expected=expected)
        self._loose_blobs.add(blob.digest)
        return blob

    def read_blob(self, digest: str) -> bytes:
        """A small one whole. NotFound, TooLarge."""
        return self._blobs.read(digest)

    def open_blob(self, digest: str) -> BinaryIO:
        """NotFound if there is none."""
        return self._blobs.open(digest)

    def drop_blob(self, digest: str) -> None:
        """Nothing names it any more: look at it in the next collection."""
        self._loose_blobs.add(digest)

    async def receive(self, parent: str, chunks: AsyncIterator[bytes]) -> Layer:
        """A new layer on `parent` (a chain id, or empty) from a tar, compressed or not.

        Keeps and unpacks at the same time. If the same layer is there already, that one is
        returned.

        Raises:
            InvalidArgument, TooLarge, OutOfSpace: see `Snapshots.unpack` and `Blobs.put`.
        """
        head, whole = await peek(chunks)
        compression = detect_compression(head)
        if compression not in _MEDIA_TYPES:
            # images know no such layers: keep the plain tar
            whole, compression = expand(whole), Compression.NONE
        key = self.next_key()
        parents = self._snapshots_below(parent)

        async def unpack(pieces: AsyncIterator[bytes]) -> Unpacked:
            async with self._unpacks:
                return await self._snapshots.unpack(key, parents, pieces)

        try:
            blob, unpacked = await feed_both(whole, self.put_blob, unpack)
        except BaseException:
            await self._snapshots.remove(key)
            raise
        layer = _layer(parent, key, unpacked, blob, _MEDIA_TYPES[compression])
        return await self._keep(layer)

    async def adopt(self, parent: str, key: str, diff: str, blob: Descriptor) -> Layer:
        """A layer from a snapshot that is already there and never changes again."""
        size_bytes = await self._snapshots.size_bytes(key)
        unpacked = Unpacked(diff_id=diff, size_bytes=size_bytes, entries=0)
        return await self._keep(_layer(parent, key, unpacked, blob, LAYER_TAR))

    async def unpack_blob(self, parent: str, diff: str, blob: Descriptor) -> Layer:
        """A layer from a blob that is already there. InvalidArgument if it is not `diff`."""

        async def stored() -> Descriptor:
            return blob

        key = self.next_key()
        try:
            source = LayerSource(diff=diff, blob=stored)
            layer = await self._unpack(parent, key, self._snapshots_below(parent), source, 0)
        except BaseException:
            await self._snapshots.remove(key)
            raise
        return await self._keep(layer)

    async def ensure_chain(self, sources: Sequence[LayerSource]) -> Sequence[tuple[Layer, bool]]:
        """Every layer of an image, bottom first, and whether it is new; unpacks what is missing.

        Raises:
            InvalidArgument: a layer is not what its `diff` says.
        """
        chains = chain_ids(tuple(source.diff for source in sources))
        async with self._one_chain:
            missing = [at for at, chain in enumerate(chains) if chain not in self.known]
            keys = {at: self.next_key() for at in missing}
            below: list[str] = [
                keys[at] if at in keys else self.known[chain].snapshot
                for at, chain in enumerate(chains)
            ]
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = {
                        at: group.create_task(
                            self._unpack(
                                chains[at - 1] if at else "",
                                below[at],
                                below[:at][::-1],
                                sources[at],
                                at,
                            )
                        )
                        for at in missing
                    }
            except BaseException as error:
                for key in keys.values():
                    await self._snapshots.remove(key)
                if isinstance(error, BaseExceptionGroup):
                    raise error.exceptions[0] from None
                raise
            made = {chains[at]: task.result() for at, task in tasks.items()}
            await self._insert(list(made.values()))
        return [(self.known[chain], chain in made) for chain in chains]

    async def _unpack(
        self, parent: str, key: str, below: Sequence[str], source: LayerSource, at: int
    ) -> Layer:
        async with self._unpacks:
            blob = await source.blob()
            with self._blobs.open(blob.digest) as tar:
                compression = detect_compression(tar.read(6))
                if compression not in _MEDIA_TYPES:
                    raise InvalidArgument(f"unsupported compression of a layer: {compression}")
                tar.seek(0)
                unpacked = await self._snapshots.unpack(key, below, tar)
        if unpacked.diff_id != source.diff:
            raise InvalidArgument(
                f'invalid diffID for layer {at}: expected "{source.diff}", got "{unpacked.diff_id}"'
            )
        return _layer(parent, key, unpacked, blob, _MEDIA_TYPES[compression])

    async def _keep(self, layer: Layer) -> Layer:
        async with self._one_chain:
            if layer.chain not in self.known:
                await self._insert([layer])
                return layer
        await self._snapshots.remove(layer.snapshot)
        return self.known[layer.chain]

    async def _insert(self, layers: Sequence[Layer]) -> None:
        await self._rows.insert_layers(layers)
        self.known = {**self.known, **{layer.chain: layer for layer in layers}}

    def _snapshots_below(self, chain: str) -> list[str]:
        """Keys from the layer `chain` down."""
        keys = []
        while chain:
            layer = self.known[chain]
            keys.append(layer.snapshot)
            chain = layer.parent
        return keys

    async def _collect(self) -> None:
        chains, blobs = self._roots()
        doomed = plan_removal(self.known, chains)
        if doomed:
            await self._rows.delete_layers([layer.chain for layer in doomed])
            gone = {layer.chain for layer in doomed}
            self.known = {key: one for key, one in self.known.items() if key not in gone}
            for layer in doomed:
                await self._snapshots.remove(layer.snapshot)
                self._loose_blobs.add(layer.blob)
        named = {layer.blob for layer in self.known.values()} | set(blobs)
        while self._loose_blobs:
            digest = self._loose_blobs.pop()
            if digest not in named:
                with suppress(FileNotFoundError):
                    await asyncio.to_thread(self._blobs.remove, digest)


def plan_removal(layers: Mapping[str, Layer], roots: Collection[str]) -> tuple[Layer, ...]:
    """The layers that no root stands on, each before the one it stands on itself."""
    alive: set[str] = set()
    for root in roots:
        chain = root
        while chain in layers and chain not in alive:
            alive.add(chain)
            chain = layers[chain].parent
    return tuple(
        sorted(
            (layer for layer in layers.values() if layer.chain not in alive),
            key=lambda layer: -_depth(layers, layer),
        )
    )


def _depth(layers: Mapping[str, Layer], layer: Layer) -> int:
    depth = 0
    while layer.parent:
        layer = layers[layer.parent]
        depth += 1
    return depth


def _layer(parent: str, key: str, unpacked: Unpacked, blob: Descriptor, media: str) -> Layer:
    diff = unpacked.diff_id
    return Layer(
        chain=digest_of(f"{parent} {diff}".encode()) if parent else diff,
        parent=parent,
        snapshot=key,
        diff=diff,
        size_bytes=unpacked.size_bytes,
        blob=blob.digest,
        blob_size_bytes=blob.size_bytes,
        media_type=media,
    )
