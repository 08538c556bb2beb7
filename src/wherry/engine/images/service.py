"""The image service: everything the engine can do with images."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Protocol

from wherry.drivers.storage.base import Blobs, Snapshots
from wherry.engine.clock import Clock
from wherry.engine.images.archive import receive_archive
from wherry.engine.images.catalogue import Catalogue, ImageSummary
from wherry.engine.images.changes import apply_changes
from wherry.engine.images.layers import LayerRows, Layers, plan_removal
from wherry.engine.images.load import FoundImage, read_images
from wherry.engine.images.removal import RemovalPlan, Users, plan_image_removal
from wherry.engine.images.results import (
    HistoryLine,
    ImageLoaded,
    LayerLoaded,
    LoadStep,
    NameMoved,
    Pruned,
    Removed,
)
from wherry.engine.images.save import SavedImage, plan_save, stream_save
from wherry.engine.images.streams import through_pipe
from wherry.model.errors import InvalidArgument, NoSuchImage
from wherry.model.filters import Filters
from wherry.model.image import HistoryEntry, Image, ImageConfig, Layer
from wherry.model.platform import Platform, host_platform
from wherry.model.reference import Reference
from wherry.model.timestamps import format_rfc3339_ns
from wherry.oci.image import MOST_LAYERS, encode_image, parse_image


class ImageUsers(Protocol):
    """The part of the container service that knows who stands on what."""

    def using_image(self, image_id: str) -> Users: ...

    def layers_in_use(self) -> Collection[str]:
        """Snapshot keys of all layers under all containers."""


class ImageEvents(Protocol):
    def publish(
        self, *, kind: str, action: str, actor_id: str, attributes: Mapping[str, str]
    ) -> None: ...


class StoredImages(Protocol):
    @property
    def images(self) -> Mapping[str, Image]: ...

    @property
    def references(self) -> Mapping[str, str]: ...

    @property
    def layers(self) -> Mapping[str, Layer]: ...


class ImageRows(LayerRows, Protocol):
    async def load(self) -> StoredImages: ...

    async def save(self, images: Sequence[Image], references: Mapping[str, str]) -> None: ...

    async def delete(self, references: Collection[str], image_ids: Collection[str]) -> None: ...


class Images:
    """All images. Reads never wait: they see one frozen catalogue, replaced after a commit."""

    def __init__(
        self,
        *,
        rows: ImageRows,
        snapshots: Snapshots,
        blobs: Blobs,
        events: ImageEvents,
        clock: Clock,
        unpacks_at_once: int = 1,
    ) -> None:
        """`unpacks_at_once`: more than one only where a snapshot does not read its parents."""
        self._rows, self._events, self._clock = rows, events, clock
        self._snapshots = snapshots
        self._users: ImageUsers
        self._has_orphans = False
        self._leased: Counter[str] = Counter()
        self._leased_chains: dict[str, str] = {}
        self._catalogue = Catalogue(images={}, references={}, layers={})
        self._layers = Layers(
            rows=rows,
            snapshots=snapshots,
            blobs=blobs,
            roots=self._roots,
            unpacks_at_once=unpacks_at_once,
        )

    async def open(self, users: ImageUsers, snapshots_in_use: Collection[str]) -> None:
        """Load what is kept and delete what no row names.

        `snapshots_in_use`: keys of the containers' own snapshots, which must stay.
        """
        self._users = users
        stored = await self._rows.load()
        self._catalogue = Catalogue(
            images=stored.images, references=stored.references, layers=stored.layers
        )
        await self._layers.sweep(stored.layers, snapshots_in_use)
        self._look_for_orphans()

    # what is there

    @property
    def catalogue(self) -> Catalogue:
        if self._catalogue.layers is not self._layers.known:
            self._catalogue = self._catalogue.with_layers(self._layers.known)
        return self._catalogue

    def get(self, wanted: str, *, platform: Platform | None = None) -> Image:
        """See `Catalogue.get`."""
        return self._catalogue.get(wanted, platform=platform)

    def layers_of(self, image: Image) -> tuple[str, ...]:
        """The storage driver's keys, nearest first."""
        known = self._layers.known
        return tuple(known[chain].snapshot for chain in reversed(image.chains))

    def next_snapshot_key(self) -> str:
        """For a container's own snapshot; never the same twice."""
        return self._layers.next_key()

    def lease(self, image_id: str) -> AsyncExitStack:
        """Keep the image's layers until the stack is closed, whatever is removed meanwhile.

        Holds from the moment of the call.
        """
        stack = AsyncExitStack()
        image = self._catalogue.images[image_id]
        self._leased[image_id] += 1
        self._leased_chains[image_id] = image.chains[-1] if image.diff_ids else ""
        stack.callback(self._release, image_id)
        return stack

    def _release(self, image_id: str) -> None:
        self._leased[image_id] -= 1
        if not self._leased[image_id]:
            del self._leased[image_id], self._leased_chains[image_id]

    def summary_of(self, image: Image) -> ImageSummary:
        names = self._catalogue.names_of(image.id)
        return ImageSummary(
            image=image,
            tags=tuple(name.familiar for name in names if name.tag),
            digests=tuple(name.familiar for name in names if name.digest),
        )

    def list_images(
        self, filters: Filters, *, count_containers: bool = True, shared_sizes: bool = False
    ) -> Sequence[ImageSummary]:
        """The newest first."""
        found = self.catalogue.list_summaries(filters, now_ns=self._clock.now_ns())
        if count_containers:
            found = [
                replace(one, containers=len(self._users.using_image(one.image.id))) for one in found
            ]
        if shared_sizes:
            sizes = self.catalogue.shared_sizes()
            found = [replace(one, shared_size_bytes=sizes[one.image.id]) for one in found]
        return found

    def layers_size_bytes(self) -> int:
        """Of all layers together, each once."""
        return sum(layer.size_bytes for layer in self._layers.known.values())

    def history(self, wanted: str, *, platform: Platform | None = None) -> Sequence[HistoryLine]:
        """The newest step first. NoSuchImage."""
        image = self.get(wanted, platform=platform)
        sizes = iter([self._layers.known[chain].size_bytes for chain in image.chains])
        lines = [
            HistoryLine(entry=entry, size_bytes=0 if entry.empty_layer else next(sizes, 0))
            for entry in image.history
        ]
        lines.reverse()
        if lines:
            lines[0] = replace(lines[0], image=self.summary_of(image))
        return lines

    # names

    async def tag(self, wanted: str, reference: Reference) -> None:
        """Give an image one more name; whatever had the name before loses it.

        Raises:
            NoSuchImage: there is none.
            InvalidArgument: a digest cannot be given.
        """
        image = self.get(wanted)
        if reference.digest:
            raise InvalidArgument("refusing to create a tag with a digest reference")
        async with self._layers.ingest():
            if image.id not in self._catalogue.images:
                raise NoSuchImage(wanted)
            await self._save(image, (reference.completed(),))

    async def _save(self, image: Image, references: Sequence[Reference]) -> Image:
        if references:
            image = replace(image, tagged_ns=self._clock.now_ns())
        names = {str(reference): image.id for reference in references}
        await self._rows.save([image], names)
        self._catalogue = self._catalogue.with_changes(images=[image], references=names)
        for reference in references:
            self._publish("tag", image, reference.familiar)
        return image

    def _publish(self, action: str, image: Image, name: str) -> None:
        labels = {} if action == "delete" else image.config.labels
        self._events.publish(
            kind="image", action=action, actor_id=image.id, attributes={**labels, "name": name}
        )

    # removal

    async def remove(self, wanted: str, *, force: bool = False) -> Removed:
        """Take away a name, or the image.

        Raises:
            NoSuchImage, Conflict: see `plan_image_removal`.
        """
        users = self._users.using_image(self.get(wanted).id)
        plan = plan_image_removal(self._catalogue, wanted, users, force=force)
        removed = await self._carry_out(plan)
        await self.collect()
        return removed

    async def prune(self, filters: Filters) -> Pruned:
        """Remove every image that no container uses and no name (or, asked so, anything) keeps."""
        used = {image.id for image in self._catalogue.images.values() if self._is_used(image.id)}
        selected = self.catalogue.select_prunable(filters, used=used, now_ns=self._clock.now_ns())
        before = self.layers_size_bytes()
        removed: list[Removed] = []
        reclaimed_bytes = 0
        for image in selected:
            if image.id not in self._catalogue.images or self._is_used(image.id):
                continue
            names = self._catalogue.names_of(image.id)
            doomed = self._doomed_by(image)
            removed.append(
                await self._carry_out(RemovalPlan(image=image, untagged=names, deletes=True))
            )
            reclaimed_bytes += sum(layer.size_bytes for layer in doomed)
        await self.collect()
        reclaimed_bytes = max(reclaimed_bytes, before - self.layers_size_bytes())
        self._events.publish(
            kind="image",
            action="prune",
            actor_id="",
            attributes={"reclaimed": str(reclaimed_bytes)},
        )
        return Pruned(removed=tuple(removed), reclaimed_bytes=reclaimed_bytes)

    async def collect(self) -> None:
        """Delete layers that nothing stands on any more."""
        await self._layers.collect()
        self._look_for_orphans()

    async def container_gone(self) -> None:
        """Delete the layers that only this container kept; at once if there can be none."""
        if self._has_orphans:
            await self.collect()

    def _look_for_orphans(self) -> None:
        """Are there layers that containers keep, and no image?"""
        tops = {image.chains[-1] for image in self._catalogue.images.values() if image.diff_ids}
        self._has_orphans = bool(plan_removal(self._layers.known, tops))

    def _is_used(self, image_id: str) -> bool:
        return image_id in self._leased or bool(self._users.using_image(image_id))

    async def _carry_out(self, plan: RemovalPlan) -> Removed:
        """Rows now; the bytes go with the next collection."""
        image = plan.image
        doomed = self._doomed_by(image) if plan.deletes else ()
        names = [str(name) for name in plan.untagged]
        gone = [image.id] if plan.deletes else []
        await self._rows.delete(names, gone)
        self._catalogue = self._catalogue.with_changes(
            without_images=gone, without_references=names
        )
        for _ in names:
            self._publish("untag", image, image.id)
        if plan.deletes:
            self._layers.drop_blob(image.id)
            self._publish("delete", image, image.id)
        return Removed(
            untagged=tuple(name.familiar for name in plan.untagged),
            deleted=(*gone, *(layer.chain for layer in doomed)),
        )

    def _doomed_by(self, image: Image) -> Sequence[Layer]:
        """The layers that go with this image, nearest first."""
        chains, _ = self._roots(without=image.id)
        own = set(image.chains)
        return [one for one in plan_removal(self._layers.known, chains) if one.chain in own]

    def _roots(self, without: str = "") -> tuple[Collection[str], Collection[str]]:
        """Chain ids and blobs that must stay."""
        images = [image for image in self._catalogue.images.values() if image.id != without]
        chains = {image.chains[-1] for image in images if image.diff_ids}
        chains.update(self._leased_chains.values())
        in_use = set(self._users.layers_in_use())
        chains.update(
            layer.chain for layer in self._layers.known.values() if layer.snapshot in in_use
        )
        return chains, {image.id for image in images}

    # bytes in

    async def import_tar(
        self,
        chunks: AsyncIterator[bytes],
        *,
        reference: Reference | None,
        message: str = "",
        changes: Sequence[str] = (),
        platform: Platform | None = None,
        created_ns: int | None = None,
    ) -> Image:
        """One tar as an image with one layer.

        Raises:
            InvalidArgument: a reference with a digest, a wrong change, not a tar.
            TooLarge, OutOfSpace: it does not fit.
        """
        if reference is not None and reference.digest:
            raise InvalidArgument("cannot import digest reference")
        config = apply_changes(ImageConfig(), changes)
        async with self._layers.ingest():
            layer = await self._layers.receive("", chunks)
            created = format_rfc3339_ns(created_ns or self._clock.now_ns())
            comment = message or "Imported from -"
            image = await self._create(
                Image(
                    id="",
                    config_size_bytes=0,
                    config=config,
                    platform=platform or host_platform(),
                    created=created,
                    comment=comment,
                    diff_ids=(layer.diff,),
                    history=(HistoryEntry(created=created, comment=comment),),
                ),
                (reference.completed(),) if reference else (),
            )
        self._publish("import", image, image.id)
        return image

    async def create_from_snapshot(
        self,
        *,
        snapshot: str,
        parent: Image | None,
        config: ImageConfig,
        entry: HistoryEntry,
        references: Sequence[Reference] = (),
        author: str = "",
        comment: str = "",
        adopt: bool = False,
    ) -> Image:
        """An image of what a snapshot changes above `parent` (commit, build step).

        With `adopt` the snapshot itself becomes the layer: it must never be written to again.
        """
        below = parent.chains[-1] if parent is not None and parent.diff_ids else ""
        if parent is not None and len(parent.diff_ids) >= MOST_LAYERS:
            raise InvalidArgument("max depth exceeded")
        parents = self.layers_of(parent) if parent is not None else ()
        async with self._layers.ingest():
            diff, blob = await through_pipe(
                lambda sink: self._snapshots.pack(snapshot, parents, sink), self._layers.put_blob
            )
            if adopt:
                layer = await self._layers.adopt(below, snapshot, diff, blob)
            else:
                layer = await self._layers.unpack_blob(below, diff, blob)
            return await self._create(
                Image(
                    id="",
                    config_size_bytes=0,
                    config=config,
                    platform=parent.platform if parent is not None else host_platform(),
                    created=entry.created,
                    author=author,
                    comment=comment,
                    diff_ids=(*(parent.diff_ids if parent is not None else ()), layer.diff),
                    history=(*(parent.history if parent is not None else ()), entry),
                ),
                references,
            )

    async def _create(self, draft: Image, references: Sequence[Reference]) -> Image:
        """Keep an image whose layers are there. Inside an ingest."""
        return await self._take_over(encode_image(draft), references)

    async def _take_over(
        self, config: bytes, references: Sequence[Reference], manifest_digest: str = ""
    ) -> Image:
        blob = await self._layers.put_blob(config)
        known = self._layers.known
        image = self._catalogue.images.get(blob.digest)
        if image is None:
            image = parse_image(config)
            image = replace(
                image,
                size_bytes=sum(known[chain].size_bytes for chain in image.chains),
                manifest_digest=manifest_digest,
            )
        return await self._save(image, references)

    async def load(
        self, chunks: AsyncIterator[bytes], *, platform: Platform | None = None
    ) -> AsyncIterator[LoadStep]:
        """Take over all images of an archive; nothing is told before it has all arrived.

        Raises:
            InvalidArgument, NotFound, TooLarge, OutOfSpace: the archive is not what it should be,
                or does not fit. Images told before that stay.
        """
        async with self._layers.ingest():
            archive = await receive_archive(chunks, self._layers)
            for found in read_images(archive, platform):
                async for step in self._load_one(found):
                    yield step

    async def _load_one(self, found: FoundImage) -> AsyncIterator[LoadStep]:
        if found.image.platform.os != "linux":
            raise InvalidArgument(f"cannot load {found.image.platform.os} image on linux")
        for layer, is_new in await self._layers.ensure_chain(found.sources):
            if is_new:
                yield LayerLoaded(diff=layer.diff, size_bytes=layer.blob_size_bytes)
        for reference in found.references:
            old = self._catalogue.references.get(str(reference))
            if old is not None and old != found.image.id:
                yield NameMoved(reference=reference, old_id=old)
        image = await self._take_over(found.config, found.references, found.image.manifest_digest)
        self._publish("load", image, image.id)
        for name in found.references or (None,):
            yield ImageLoaded(image_id=image.id, reference=name)

    # bytes out

    def save(
        self, wanted: Sequence[str], *, platform: Platform | None = None
    ) -> AsyncIterator[bytes]:
        """Images as one archive. A name without a tag means all its tags.

        Raises:
            NoSuchImage: one of them is not there; before anything is sent.
            InvalidArgument: a name that is none.
        """
        known = self._layers.known
        plan = plan_save(
            [
                SavedImage(
                    image=image,
                    layers=tuple(known[chain] for chain in image.chains),
                    references=references,
                )
                for image, references in self._catalogue.select_saved(wanted, platform=platform)
            ]
        )

        async def stream() -> AsyncIterator[bytes]:
            async with self._layers.ingest():
                async for piece in stream_save(plan, self._layers.open_blob):
                    yield piece

        return stream()
