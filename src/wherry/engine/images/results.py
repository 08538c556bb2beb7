"""What the image service answers with."""

from dataclasses import dataclass

from wherry.engine.images.catalogue import ImageSummary
from wherry.model.image import HistoryEntry
from wherry.model.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What a removal did, in order: `untagged` familiar names, `deleted` ids and chain ids."""

    untagged: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    removed: tuple[Removed, ...]
    reclaimed_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One step; `image` is set for the last one only."""

    entry: HistoryEntry
    size_bytes: int
    image: ImageSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLoaded:
    diff: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NameMoved:
    """A name that meant another image until now."""

    reference: Reference
    old_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLoaded:
    """`reference` None: the archive gave it no name."""

    image_id: str
    reference: Reference | None


LoadStep = LayerLoaded | NameMoved | ImageLoaded
