"""What an archive says: which images it holds, out of which members, under which names.

Two forms are read. Docker's has ``manifest.json`` beside the blobs and is looked for first, as
Docker does; the OCI layout has ``index.json``. Either is checked against what arrived: a digest
or a size that does not fit is an error, an id is always computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wherry.drivers.storage.base import Descriptor
from wherry.engine.images.archive import Archive
from wherry.engine.images.layers import LayerSource
from wherry.model.digest import digest_of
from wherry.model.errors import InvalidArgument, NotFound, TooLarge
from wherry.model.image import Image
from wherry.model.platform import Platform, host_platform
from wherry.model.reference import Reference
from wherry.oci.documents import (
    CONFIG_LIMIT_BYTES,
    MANIFEST_LIMIT_BYTES,
    Document,
    load_json,
)
from wherry.oci.image import MOST_LAYERS, Manifest, parse_image, parse_manifest
from wherry.oci.index import (
    FULL_NAME,
    INDEX_TYPES,
    MANIFEST_TYPES,
    SHORT_NAME,
    Pointer,
    parse_index,
)

_ENTRY_KEYS = frozenset({"Config", "RepoTags", "Layers", "Parent", "LayerSources"})
_MOST_IMAGES = 1000
_DEEPEST_INDEX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundImage:
    """An image in an archive, not yet taken over."""

    image: Image
    config: bytes
    references: tuple[Reference, ...]
    sources: tuple[LayerSource, ...]
    """Bottom first."""


def read_images(archive: Archive, platform: Platform | None) -> Sequence[FoundImage]:
    """All images in the archive, or those for one platform.

    Raises:
        InvalidArgument, TooLarge, NotFound: the archive is not what it should be.
    """
    if archive.has("manifest.json"):
        found = _read_docker(archive)
    elif archive.has("index.json"):
        found = _read_layout(archive, platform)
    elif archive.has("repositories"):
        raise InvalidArgument(
            "the archive is in the format of Docker before 1.10, which is not supported"
        )
    else:
        raise InvalidArgument("no manifest.json and no index.json: not an archive of images")
    if platform is None:
        return found
    fitting = [one for one in found if platform.accepts(one.image.platform)]
    if found and not fitting:
        raise NotFound(
            "the archive's image was found but does not match the specified platform: "
            f"wanted {platform}, actual: {found[0].image.platform}"
        )
    return fitting


def _read_docker(archive: Archive) -> list[FoundImage]:
    data = archive.read("manifest.json", limit_bytes=MANIFEST_LIMIT_BYTES)
    entries = load_json(data, "manifest.json", limit_bytes=MANIFEST_LIMIT_BYTES)
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise InvalidArgument("manifest.json: not a list of images")
    if len(entries) > _MOST_IMAGES:
        raise TooLarge(f"manifest.json: more than {_MOST_IMAGES} images")
    return [
        _read_entry(archive, Document(entry, "manifest.json", _ENTRY_KEYS)) for entry in entries
    ]


def _read_entry(archive: Archive, entry: Document) -> FoundImage:
    config = archive.read(entry.text("Config"), limit_bytes=CONFIG_LIMIT_BYTES)
    image = parse_image(config)
    names = entry.texts("Layers") or ()
    if len(names) > MOST_LAYERS:
        raise TooLarge("max depth exceeded")
    if len(names) != len(image.diff_ids):
        raise InvalidArgument(
            "invalid manifest, layers length mismatch: "
            f"expected {len(image.diff_ids)}, got {len(names)}"
        )
    return FoundImage(
        image=image,
        config=config,
        references=tuple(_parse_tag(one) for one in entry.texts("RepoTags") or ()),
        sources=tuple(
            _source(archive, diff, name) for diff, name in zip(image.diff_ids, names, strict=True)
        ),
    )


def _parse_tag(text: str) -> Reference:
    reference = Reference.parse(text)
    if not reference.tag or reference.digest:
        raise InvalidArgument(f"invalid tag {text[:200]!r}")
    return reference


def _source(archive: Archive, diff: str, name: str, pointer: Pointer | None = None) -> LayerSource:
    async def blob() -> Descriptor:
        stored = await archive.store(name)
        if pointer is not None:
            _check_pointer(pointer, stored.digest, stored.size_bytes)
        return stored

    return LayerSource(diff=diff, blob=blob)


def _read_layout(archive: Archive, platform: Platform | None) -> list[FoundImage]:
    index = archive.read("index.json", limit_bytes=MANIFEST_LIMIT_BYTES)
    merged: dict[str, FoundImage] = {}
    for pointer in parse_index(index):
        if not pointer.is_image:
            continue
        target = _choose(archive, pointer, platform, _DEEPEST_INDEX)
        found = _read_manifest(archive, target, _read_reference(pointer))
        known = merged.get(found.image.id)
        if known is not None:
            found = replace(known, references=(*known.references, *found.references))
        merged[found.image.id] = found
    return list(merged.values())


def _read_reference(pointer: Pointer) -> tuple[Reference, ...]:
    if name := pointer.annotations.get(FULL_NAME):
        return (Reference.parse(name).completed(),)
    name = pointer.annotations.get(SHORT_NAME, "")
    # by the specification a tag alone is fine there: it names nothing that we could use
    return (_parse_tag(name),) if ":" in name else ()


def _choose(archive: Archive, pointer: Pointer, platform: Platform | None, depth: int) -> Pointer:
    """The manifest for the platform, through an index if there is one."""
    if pointer.media_type in MANIFEST_TYPES:
        return pointer
    if pointer.media_type not in INDEX_TYPES or not depth:
        raise InvalidArgument(f"index.json: unsupported media type {pointer.media_type[:80]!r}")
    inner = parse_index(_read_blob(archive, pointer, MANIFEST_LIMIT_BYTES), pointer.media_type)
    wanted = platform or host_platform()
    for one in inner:
        if one.is_image and (one.platform is None or wanted.accepts(one.platform)):
            return _choose(archive, one, platform, depth - 1)
    raise NotFound(f"no image for platform {wanted} was found in the archive")


def _read_manifest(
    archive: Archive, pointer: Pointer, references: tuple[Reference, ...]
) -> FoundImage:
    data = _read_blob(archive, pointer, MANIFEST_LIMIT_BYTES)
    manifest: Manifest = parse_manifest(data, pointer.media_type)
    config = _read_blob(archive, manifest.config, CONFIG_LIMIT_BYTES)
    image = parse_image(config)
    if len(manifest.layers) != len(image.diff_ids):
        raise InvalidArgument(
            "invalid manifest, layers length mismatch: "
            f"expected {len(image.diff_ids)}, got {len(manifest.layers)}"
        )
    return FoundImage(
        image=replace(image, manifest_digest=pointer.digest),
        config=config,
        references=references,
        sources=tuple(
            _source(archive, diff, _blob_name(layer.digest), layer)
            for diff, layer in zip(image.diff_ids, manifest.layers, strict=True)
        ),
    )


def _read_blob(archive: Archive, pointer: Pointer, limit_bytes: int) -> bytes:
    data = archive.read(_blob_name(pointer.digest), limit_bytes=limit_bytes)
    _check_pointer(pointer, digest_of(data), len(data))
    return data


def _blob_name(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _check_pointer(pointer: Pointer, digest: str, size_bytes: int) -> None:
    if digest != pointer.digest:
        raise InvalidArgument(f"content is not {pointer.digest}, but {digest}")
    if size_bytes != pointer.size_bytes:
        raise InvalidArgument(
            f"{pointer.digest}: {size_bytes} bytes, but {pointer.size_bytes} were announced"
        )
