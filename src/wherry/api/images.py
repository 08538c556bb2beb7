"""Routes of ``/images``. A handler decodes, calls one service method, encodes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import Protocol

from wherry.api.replies import TAR, empty_reply, json_reply, stream_reply
from wherry.engine.images.catalogue import LIST_FILTERS, PRUNE_FILTERS, ImageSummary
from wherry.engine.images.results import (
    HistoryLine,
    ImageLoaded,
    LayerLoaded,
    LoadStep,
    NameMoved,
    Pruned,
    Removed,
)
from wherry.http.messages import Call, Reply, Routes
from wherry.model.errors import InvalidArgument, NotFound, Unsupported, WherryError
from wherry.model.filters import Filters, filters_of
from wherry.model.image import Image
from wherry.model.platform import Platform
from wherry.model.reference import Reference
from wherry.wire.documents import Json
from wherry.wire.filters import decode_filters
from wherry.wire.images import (
    INSPECT,
    LIST,
    age_image,
    decode_create,
    decode_force,
    decode_names,
    decode_platform,
    decode_tag,
    encode_history,
    encode_image,
    encode_layer_loaded,
    encode_loaded,
    encode_name_moved,
    encode_removed,
    encode_summary,
)
from wherry.wire.jsonstream import encode_failure, encode_line
from wherry.wire.query import decode_flag
from wherry.wire.versions import negotiate


class Images(Protocol):
    """The part of ``engine.images.service.Images`` that these routes use."""

    def get(self, wanted: str, *, platform: Platform | None = None) -> Image: ...
    def summary_of(self, image: Image) -> ImageSummary: ...
    def list_images(
        self, filters: Filters, *, count_containers: bool = ..., shared_sizes: bool = ...
    ) -> Sequence[ImageSummary]: ...
    def history(
        self, wanted: str, *, platform: Platform | None = None
    ) -> Sequence[HistoryLine]: ...
    async def tag(self, wanted: str, reference: Reference) -> None: ...
    async def remove(self, wanted: str, *, force: bool = False) -> Removed: ...
    async def prune(self, filters: Filters) -> Pruned: ...
    async def import_tar(
        self,
        chunks: AsyncIterator[bytes],
        *,
        reference: Reference | None,
        message: str = "",
        changes: Sequence[str] = (),
        platform: Platform | None = None,
    ) -> Image: ...
    def load(
        self, chunks: AsyncIterator[bytes], *, platform: Platform | None = None
    ) -> AsyncIterator[LoadStep]: ...
    def save(
        self, wanted: Sequence[str], *, platform: Platform | None = None
    ) -> AsyncIterator[bytes]: ...


class Bootstrap(Protocol):
    """The part of ``engine.images.bootstrap.Bootstrap`` that these routes use."""

    def make(
        self, wanted: str, *, include: Sequence[str] = (), host_ca: bool = False
    ) -> AsyncIterator[str | Image]: ...


def routes(images: Images, bootstrap: Bootstrap, *, storage_driver: str) -> Routes:
    async def list_images(call: Call) -> Reply:
        """All that match, the newest first; before 1.25 ``filter`` was a reference."""
        filters = decode_filters(call.query.get("filters"), LIST_FILTERS)
        if legacy := call.query.get("filter", ""):
            filters = filters_of(
                {**filters.entries, "reference": (*filters.values("reference"), legacy)}
            )
        spoken = negotiate(call.version)
        found = images.list_images(filters, shared_sizes=decode_flag(call.query, "shared-size"))
        return json_reply([age_image(LIST, spoken, encode_listed(one)) for one in found])

    async def inspect(call: Call) -> Reply:
        """One image; 404 if there is none."""
        platform = decode_platform(call.query.get("platform", ""))
        shown = images.summary_of(images.get(call.path["name"], platform=platform))
        document = encode_image(
            shown.image,
            tags=shown.tags,
            digests=shown.digests,
            storage_driver=storage_driver,
        )
        return json_reply(age_image(INSPECT, negotiate(call.version), document))

    async def history(call: Call) -> Reply:
        """The steps that made it, the newest first."""
        platform = decode_platform(call.query.get("platform", ""))
        return json_reply(
            [_history(one) for one in images.history(call.path["name"], platform=platform)]
        )

    async def tag(call: Call) -> Reply:
        """201; 400 for a name that is none."""
        reference = decode_tag(call.query)
        if reference is None:
            images.get(call.path["name"])
            return empty_reply()
        await images.tag(call.path["name"], reference)
        return empty_reply(HTTPStatus.CREATED)

    async def remove(call: Call) -> Reply:
        """What went; 409 while it is in use or has several names."""
        done = await images.remove(call.path["name"], force=decode_force(call.query))
        return json_reply(encode_removed(done.untagged, done.deleted))

    async def prune(call: Call) -> Reply:
        """Removes images that nothing uses and no name keeps."""
        filters = decode_filters(call.query.get("filters"), PRUNE_FILTERS)
        pruned = await images.prune(filters)
        gone = [
            line for one in pruned.removed for line in encode_removed(one.untagged, one.deleted)
        ]
        return json_reply({"ImagesDeleted": gone or None, "SpaceReclaimed": pruned.reclaimed_bytes})

    async def create(call: Call) -> Reply:
        """Import of a tar; a pull is refused."""
        query = decode_create(call.query, call.query_all)
        if query.source != "-":
            raise _no_registry(call, query.reference)
        image = await images.import_tar(
            call.body.chunks(),
            reference=query.reference,
            message=query.message,
            changes=query.changes,
            platform=query.platform,
        )
        return stream_reply(_one_line({"status": image.id}))

    async def load(call: Call) -> Reply:
        """Images of an archive; what is wrong with it is told in the stream."""
        platform = decode_platform(call.query.get("platform", ""))
        steps = images.load(call.body.chunks(), platform=platform)
        return await _stream_after_body(_loading(steps, quiet=decode_flag(call.query, "quiet")))

    async def save_one(call: Call) -> Reply:
        """One image, or all tags of one name, as an archive."""
        return _archive(call, [call.path["name"]])

    async def save_several(call: Call) -> Reply:
        """Several images as one archive."""
        return _archive(call, decode_names(call.query_all))

    def _archive(call: Call, names: Sequence[str]) -> Reply:
        platform = decode_platform(call.query.get("platform", ""))
        return stream_reply(images.save(names, platform=platform), TAR)

    async def make_first(call: Call) -> Reply:
        """``kind=busybox``, or ``kind=debian&suite=bookworm``: an image from what is here."""
        kind, suite = call.query.get("kind", ""), call.query.get("suite", "")
        include = [
            one for text in call.query_all.get("include", ()) for one in text.split(",") if one
        ]
        made = bootstrap.make(
            f"{kind}:{suite}" if suite else kind,
            include=include,
            host_ca=decode_flag(call.query, "hostCa"),
        )
        return stream_reply(_making(made))

    async def search(call: Call) -> Reply:
        """There is no registry to search."""
        raise Unsupported("searching registries is not available in this version")

    return {
        LIST: list_images,
        "GET /images/get": save_several,
        "GET /images/search": search,
        INSPECT: inspect,
        "GET /images/{name:path}/history": history,
        "GET /images/{name:path}/get": save_one,
        "POST /images/create": create,
        "POST /images/load": load,
        "POST /images/prune": prune,
        "POST /images/{name:path}/tag": tag,
        "DELETE /images/{name:path}": remove,
        "POST /wherry/images/bootstrap": make_first,
    }


def encode_listed(one: ImageSummary) -> Json:
    return encode_summary(
        one.image,
        tags=one.tags,
        digests=one.digests,
        containers=one.containers,
        shared_size_bytes=one.shared_size_bytes,
    )


def _history(line: HistoryLine) -> Json:
    shown = line.image
    return encode_history(
        line.entry,
        size_bytes=line.size_bytes,
        image_id=shown.image.id if shown else "",
        tags=shown.tags if shown else (),
    )


def _no_registry(call: Call, reference: Reference | None) -> WherryError:
    if call.query.get("fromSrc"):
        return Unsupported("importing from a URL is not available in this version")
    if reference is None:
        return InvalidArgument("fromImage or fromSrc is needed")
    name = reference.completed().familiar
    return NotFound(
        f"failed to pull {name}: pulling from registries is not available in this version"
    )


async def _one_line(document: Json) -> AsyncIterator[bytes]:
    yield encode_line(document)


async def _loading(steps: AsyncIterator[LoadStep], *, quiet: bool) -> AsyncIterator[bytes]:
    try:
        async with aclosing(steps) as told:  # type: ignore[type-var]  # it is a generator
            async for step in told:
                match step:
                    case LayerLoaded(diff=diff, size_bytes=size_bytes):
                        if not quiet:
                            yield encode_line(encode_layer_loaded(diff, size_bytes))
                    case NameMoved(reference=reference, old_id=old_id):
                        yield encode_line(encode_name_moved(reference, old_id))
                    case ImageLoaded(image_id=image_id, reference=name):
                        yield encode_line(encode_loaded(image_id, name))
    except WherryError as error:
        yield encode_failure(str(error))


async def _making(steps: AsyncIterator[str | Image]) -> AsyncIterator[bytes]:
    try:
        async with aclosing(steps) as told:  # type: ignore[type-var]  # it is a generator
            async for step in told:
                if isinstance(step, Image):
                    yield encode_line({"aux": {"ID": step.id}})
                else:
                    yield encode_line({"stream": f"{step}\n"})
    except WherryError as error:
        yield encode_failure(str(error))


async def _stream_after_body(lines: AsyncIterator[bytes]) -> Reply:
    """Answer only once the body has been read: some clients stop sending when they are told
    something."""
    first = await anext(lines, b"")

    async def whole() -> AsyncIterator[bytes]:
        if first:
            yield first
        async for line in lines:
            yield line

    return stream_reply(whole())
