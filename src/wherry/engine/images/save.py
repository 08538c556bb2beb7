"""Images as an archive: the form that Docker writes since 25, an OCI layout with
``manifest.json`` and ``repositories`` beside it.

::

    blobs/ blobs/sha256/            folders
    blobs/sha256/<hex>              configurations, manifests and layers, in order of their names
    index.json manifest.json oci-layout repositories

Layers go in as they are kept, compressed or not. No time goes in: the same images and names make
the same archive.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from wherry.engine.images.streams import read_file
from wherry.model.digest import digest_of
from wherry.model.image import Image, Layer
from wherry.model.reference import Reference
from wherry.oci.archive import BLOCK_BYTES, END, encode_header
from wherry.oci.documents import dump_json
from wherry.oci.image import OCI_CONFIG, encode_manifest
from wherry.oci.index import FULL_NAME, OCI_MANIFEST, SHORT_NAME, Pointer, encode_index

_FOLDER = "blobs/sha256/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedImage:
    image: Image
    layers: tuple[Layer, ...]
    """Bottom first."""
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePlan:
    """Everything that goes in: documents as bytes, blobs by digest with their size."""

    documents: Mapping[str, bytes]
    blobs: Mapping[str, int]


def plan_save(images: Sequence[SavedImage]) -> SavePlan:
    documents: dict[str, bytes] = {}
    blobs: dict[str, int] = {}
    entries: list[dict[str, object]] = []
    pointers: list[Pointer] = []
    repositories: dict[str, dict[str, str]] = {}
    for saved in images:
        layers = [_layer_pointer(layer) for layer in saved.layers]
        config = Pointer(
            media_type=OCI_CONFIG,
            digest=saved.image.id,
            size_bytes=saved.image.config_size_bytes,
        )
        blobs.update((one.digest, one.size_bytes) for one in (config, *layers))
        manifest = encode_manifest(config, layers)
        documents[_blob_name(digest_of(manifest))] = manifest
        pointers += _manifest_pointers(manifest, saved.references)
        entries.append(_entry(saved, layers))
        for reference in saved.references if saved.layers else ():
            tags = repositories.setdefault(reference.familiar_name, {})
            tags[reference.tag] = saved.layers[-1].diff.removeprefix("sha256:")
    documents["index.json"] = encode_index(pointers)
    documents["manifest.json"] = dump_json(entries)
    documents["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    if repositories:
        documents["repositories"] = dump_json(repositories)
    return SavePlan(documents=documents, blobs=blobs)


async def stream_save(plan: SavePlan, open_blob: Callable[[str], BinaryIO]) -> AsyncIterator[bytes]:
    """The archive, piece by piece."""
    yield encode_header("blobs/", 0, folder=True)
    yield encode_header(_FOLDER, 0, folder=True)
    digests = {_blob_name(digest): digest for digest in plan.blobs}
    for name in sorted({*digests, *plan.documents}):
        if name in plan.documents:
            data = plan.documents[name]
            yield encode_header(name, len(data)) + data + _padding(len(data))
            continue
        size_bytes = plan.blobs[digests[name]]
        yield encode_header(name, size_bytes)
        sent = 0
        async for piece in read_file(open_blob(digests[name])):
            sent += len(piece)
            yield piece
        if sent != size_bytes:
            # the archive cannot be mended any more: cut it off
            raise OSError(f"blob {digests[name]} has {sent} bytes instead of {size_bytes}")
        yield _padding(size_bytes)
    yield END


def _layer_pointer(layer: Layer) -> Pointer:
    return Pointer(media_type=layer.media_type, digest=layer.blob, size_bytes=layer.blob_size_bytes)


def _manifest_pointers(manifest: bytes, references: Sequence[Reference]) -> list[Pointer]:
    names: list[dict[str, str]] = [{FULL_NAME: str(one), SHORT_NAME: one.tag} for one in references]
    return [
        Pointer(
            media_type=OCI_MANIFEST,
            digest=digest_of(manifest),
            size_bytes=len(manifest),
            annotations=annotations,
        )
        for annotations in names or [{}]
    ]


def _entry(saved: SavedImage, layers: Sequence[Pointer]) -> dict[str, object]:
    return {
        "Config": _blob_name(saved.image.id),
        "RepoTags": [one.familiar for one in saved.references] or None,
        "Layers": [_blob_name(one.digest) for one in layers],
        "LayerSources": {
            diff: {
                "mediaType": pointer.media_type,
                "size": pointer.size_bytes,
                "digest": pointer.digest,
            }
            for diff, pointer in zip(saved.image.diff_ids, layers, strict=True)
        },
    }


def _blob_name(digest: str) -> str:
    return _FOLDER + digest.removeprefix("sha256:")


def _padding(size_bytes: int) -> bytes:
    return bytes(-size_bytes % BLOCK_BYTES)
