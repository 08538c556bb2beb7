"""Indexes and descriptors: what points to manifests. The OCI image specification, image-index.md
and descriptor.md; Docker's manifest list is the same document under another name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wherry.model.digest import parse_digest
from wherry.model.errors import InvalidArgument
from wherry.model.platform import Platform
from wherry.oci.documents import MANIFEST_LIMIT_BYTES, Document, dump_json

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
FULL_NAME = "io.containerd.image.name"
SHORT_NAME = "org.opencontainers.image.ref.name"
_ATTACHED = "vnd.docker.reference.type"

_INDEX_KEYS = frozenset({"schemaVersion", "mediaType", "manifests", "annotations"})
_ALL_KEYS = _INDEX_KEYS | {"config", "layers", "fsLayers", "artifactType", "subject"}
DESCRIPTOR_KEYS = frozenset(
    {"mediaType", "digest", "size", "annotations", "platform", "urls", "data", "artifactType"}
)
_PLATFORM_KEYS = frozenset({"os", "architecture", "variant", "os.version", "os.features"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """A descriptor: what the bytes are, their digest and their size."""

    media_type: str
    digest: str
    size_bytes: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None

    @property
    def is_image(self) -> bool:
        """Whether it could be one, and is not an attestation beside one."""
        if _ATTACHED in self.annotations:
            return False
        return self.platform is None or self.platform.os != "unknown"


def parse_index(data: bytes, media_type: str = "") -> tuple[Pointer, ...]:
    """The manifests of an index. `media_type` is what it was announced as, if it was.

    Raises:
        InvalidArgument: not an index, or a document that could be read as something else, too.
        TooLarge: over its limits.
    """
    document = Document.parse(data, "index", _ALL_KEYS, limit_bytes=MANIFEST_LIMIT_BYTES)
    if document.number("schemaVersion") != 2:
        raise InvalidArgument("index: unsupported schema version")
    check_media_type(document, media_type, INDEX_TYPES, "index")
    for key in ("config", "layers", "fsLayers"):
        if document.has(key):
            raise InvalidArgument(f"index: ambiguous document with {key!r}")
    return tuple(
        parse_pointer(one) for one in document.documents("manifests", DESCRIPTOR_KEYS, at_most=1000)
    )


def check_media_type(
    document: Document, announced: str, accepted: frozenset[str], what: str
) -> str:
    """The media type, on which announcement and body agree."""
    own = document.text("mediaType")
    if own and announced and own != announced:
        raise InvalidArgument(f"{what}: announced as {announced[:80]}, says {own[:80]}")
    media_type = own or announced
    if media_type and media_type not in accepted:
        raise InvalidArgument(f"{what}: unsupported media type {media_type[:80]!r}")
    return media_type


def parse_pointer(document: Document) -> Pointer:
    where = document.document("platform", _PLATFORM_KEYS)
    if not document.has("size"):
        raise InvalidArgument("descriptor without size")
    return Pointer(
        media_type=document.text("mediaType"),
        digest=parse_digest(document.text("digest")),
        size_bytes=document.number("size"),
        annotations=document.text_map("annotations"),
        platform=None
        if where is None
        else Platform(
            os=where.text("os"),
            architecture=where.text("architecture"),
            variant=where.text("variant"),
        ),
    )


def encode_pointer(pointer: Pointer) -> dict[str, Any]:
    document: dict[str, Any] = {
        "mediaType": pointer.media_type,
        "digest": pointer.digest,
        "size": pointer.size_bytes,
    }
    if pointer.annotations:
        document["annotations"] = dict(pointer.annotations)
    if pointer.platform is not None:
        document["platform"] = {
            key: value
            for key, value in (
                ("architecture", pointer.platform.architecture),
                ("os", pointer.platform.os),
                ("variant", pointer.platform.variant),
            )
            if value
        }
    return document


def encode_index(manifests: Sequence[Pointer]) -> bytes:
    return dump_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [encode_pointer(one) for one in manifests],
        }
    )
