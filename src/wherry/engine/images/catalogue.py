"""All images at one moment: names resolved, lists filtered. Reads nothing and changes nothing."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from wherry.model.digest import find_prefix, is_digest
from wherry.model.errors import InvalidArgument, NoSuchImage, NotFound
from wherry.model.filters import Filters
from wherry.model.image import Image, Layer
from wherry.model.platform import Platform
from wherry.model.reference import Reference
from wherry.model.timestamps import parse_moment_ns

LIST_FILTERS = frozenset({"dangling", "label", "label!", "before", "since", "reference", "until"})
PRUNE_FILTERS = frozenset({"dangling", "label", "label!", "until"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSummary:
    """One line of a list. -1 for what was not asked for."""

    image: Image
    tags: tuple[str, ...]
    """Familiar references with a tag, sorted."""
    digests: tuple[str, ...]
    containers: int = -1
    shared_size_bytes: int = -1


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """A frozen view; a new one takes its place after every change."""

    images: Mapping[str, Image]
    references: Mapping[str, str]
    layers: Mapping[str, Layer]

    @cached_property
    def _by_image(self) -> Mapping[str, tuple[Reference, ...]]:
        found: dict[str, list[Reference]] = {}
        for text, image_id in self.references.items():
            found.setdefault(image_id, []).append(Reference.parse(text))
        return {image_id: tuple(sorted(names)) for image_id, names in found.items()}

    def names_of(self, image_id: str) -> tuple[Reference, ...]:
        return self._by_image.get(image_id, ())

    def get(self, wanted: str, *, platform: Platform | None = None) -> Image:
        """The image that `wanted` means: an id, a name, or the beginning of an id, in this order.

        Raises:
            NoSuchImage: none, or several ids that begin so.
            InvalidArgument: it could be neither.
            NotFound: it is for another platform than `platform`.
        """
        image = self._find(wanted)
        if platform is not None and not platform.accepts(image.platform):
            raise NotFound(
                f"image with reference {wanted} was found but does not match the specified "
                f"platform: wanted {platform}, actual: {image.platform}"
            )
        return image

    def _find(self, wanted: str) -> Image:
        whole_id = wanted if wanted.startswith("sha256:") else f"sha256:{wanted}"
        if is_digest(whole_id):
            if image := self.images.get(whole_id):
                return image
            raise NoSuchImage(wanted)
        reference = Reference.parse(wanted).completed()
        if image_id := self.find_name(reference):
            return self.images[image_id]
        if (prefix := find_prefix(wanted)) and (image := self._find_prefix(prefix)):
            return image
        raise NoSuchImage(reference.familiar)

    def find_name(self, reference: Reference) -> str | None:
        """The id of the image with this name. Of tag and digest together the digest counts."""
        if reference.digest:
            reference = replace(reference, tag="")
        return self.references.get(str(reference))

    def _find_prefix(self, prefix: str) -> Image | None:
        begin = f"sha256:{prefix}"
        found = [image for image_id, image in self.images.items() if image_id.startswith(begin)]
        return found[0] if len(found) == 1 else None

    def layers_of(self, image: Image) -> tuple[Layer, ...]:
        """Nearest first: the top layer, then what it stands on."""
        return tuple(self.layers[chain] for chain in reversed(image.chains))

    def list_summaries(self, filters: Filters, *, now_ns: int) -> list[ImageSummary]:
        """The newest first. InvalidArgument or NoSuchImage for filters that make no sense."""
        keep = self._compile(filters, now_ns=now_ns)
        patterns = [compile_pattern(one) for one in filters.values("reference")]
        found = []
        for image in sorted(self.images.values(), key=lambda one: (-one.created_ns, one.id)):
            names = self.names_of(image.id)
            if patterns:
                names = tuple(name for name in names if matches(name, patterns))
                if not names:
                    continue
            if keep(image):
                found.append(
                    ImageSummary(
                        image=image,
                        tags=tuple(sorted(name.familiar for name in names if name.tag)),
                        digests=tuple(sorted(name.familiar for name in names if name.digest)),
                    )
                )
        return found

    def _compile(self, filters: Filters, *, now_ns: int) -> "_Keep":
        before = [self.get(one).created_ns for one in filters.values("before")]
        before += [parse_moment_ns(one, now_ns=now_ns) for one in filters.values("until")]
        since = [self.get(one).created_ns for one in filters.values("since")]
        return _Keep(
            filters=filters,
            dangling=filters.flag("dangling"),
            before_ns=min(before) if before else None,
            since_ns=max(since) if since else None,
            named=self._by_image,
        )

    def select_prunable(
        self, filters: Filters, *, used: Collection[str], now_ns: int
    ) -> tuple[Image, ...]:
        """What a prune takes: nothing used, and nothing with a name unless ``dangling=false``."""
        wants_all = filters.flag("dangling") is False
        entries = {key: value for key, value in filters.entries.items() if key != "dangling"}
        keep = self._compile(Filters(entries), now_ns=now_ns)
        return tuple(
            image
            for image in self.images.values()
            if image.id not in used
            and (wants_all or image.id not in self._by_image)
            and keep(image)
        )

    def select_saved(
        self, wanted: Sequence[str], *, platform: Platform | None
    ) -> Sequence[tuple[Image, tuple[Reference, ...]]]:
        """Images to save, each once, with the names to save them under: those asked for.

        A name without a tag means all its tags; an id means no name. NoSuchImage.
        """
        chosen: dict[str, list[Reference]] = {}
        for name in wanted:
            try:
                image = self.get(name, platform=platform)
                tags = [] if self.is_id(name, image) else self._tags_meant(name)
            except NoSuchImage:
                tags = self._tags_meant(name)
                if not tags:
                    raise NoSuchImage(name) from None
            else:
                chosen.setdefault(image.id, [])
            for tag in tags:
                names = chosen.setdefault(self.references[str(tag)], [])
                names.extend([] if tag in names else [tag])
        return [(self.images[image_id], tuple(names)) for image_id, names in chosen.items()]

    def _tags_meant(self, name: str) -> list[Reference]:
        reference = Reference.parse(name)
        if reference.digest:
            return []
        if reference.tag:
            return [reference]
        return sorted(
            one
            for names in self._by_image.values()
            for one in names
            if one.tag and one.name == reference.name
        )

    def is_id(self, wanted: str, image: Image) -> bool:
        """Whether `wanted`, which means `image`, is its id or the beginning of it."""
        return image.id.startswith((wanted, f"sha256:{wanted}"))

    def shared_sizes(self) -> Mapping[str, int]:
        """For each image the bytes in layers that another image has, too."""
        users: dict[str, int] = {}
        for image in self.images.values():
            for chain in image.chains:
                users[chain] = users.get(chain, 0) + 1
        return {
            image.id: sum(
                self.layers[chain].size_bytes for chain in image.chains if users[chain] > 1
            )
            for image in self.images.values()
        }

    def with_changes(
        self,
        *,
        images: Iterable[Image] = (),
        references: Mapping[str, str] | None = None,
        without_images: Collection[str] = (),
        without_references: Collection[str] = (),
    ) -> "Catalogue":
        kept = {key: one for key, one in self.images.items() if key not in without_images}
        kept.update((image.id, image) for image in images)
        names = {
            name: target
            for name, target in self.references.items()
            if name not in without_references
        }
        names.update(references or {})
        return Catalogue(images=kept, references=names, layers=self.layers)

    def with_layers(self, layers: Mapping[str, Layer]) -> "Catalogue":
        return Catalogue(images=self.images, references=self.references, layers=layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keep:
    filters: Filters
    dangling: bool | None
    before_ns: int | None
    since_ns: int | None
    named: Mapping[str, object]

    def __call__(self, image: Image) -> bool:
        labels = image.config.labels
        return (
            (self.dangling is None or self.dangling == (image.id not in self.named))
            and (self.before_ns is None or image.created_ns < self.before_ns)
            and (self.since_ns is None or image.created_ns > self.since_ns)
            and self.filters.match_labels("label", labels)
            and not self.filters.match_any_label("label!", labels)
        )


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A shell pattern in which no wildcard matches a slash. InvalidArgument if it is broken."""
    runs, rest = [""], pattern
    while rest:
        one, rest = rest[0], rest[1:]
        if one == "*":
            runs.append("")
        elif one == "?":
            runs[-1] += "[^/]"
        elif one == "[":
            inside, closed, rest = rest.partition("]")
            if not closed or not inside.strip("^"):
                raise InvalidArgument("syntax error in pattern")
            negated = "^" if inside.startswith("^") else ""
            members = re.escape(inside[len(negated) :]).replace(r"\-", "-")
            runs[-1] += f"[{negated}{members}]"
        elif one == "\\":
            if not rest:
                raise InvalidArgument("syntax error in pattern")
            runs[-1], rest = runs[-1] + re.escape(rest[0]), rest[1:]
        else:
            runs[-1] += re.escape(one)
    text = runs[0]
    for run in runs[1:-1]:
        # the first place where a run fits is as good as any later one: never come back to it
        text += f"(?>[^/]*?{run})" if run else ""
    if len(runs) > 1:
        text += f"[^/]*{runs[-1]}"
    try:
        return re.compile(text)
    except re.error:
        raise InvalidArgument("syntax error in pattern") from None


def matches(name: Reference, patterns: Sequence[re.Pattern[str]]) -> bool:
    """Against the familiar reference, or the familiar name alone."""
    return any(
        one.fullmatch(name.familiar) or one.fullmatch(name.familiar_name) for one in patterns
    )
