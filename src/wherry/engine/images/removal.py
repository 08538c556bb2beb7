"""What a removal takes away, decided before anything is touched. Docker's rules and words."""

from collections.abc import Sequence
from dataclasses import dataclass

from wherry.engine.images.catalogue import Catalogue
from wherry.model.errors import Conflict
from wherry.model.image import Image
from wherry.model.reference import Reference

Users = Sequence[tuple[str, bool]]
"""Ids of the containers made from an image, and whether each runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalPlan:
    image: Image
    untagged: tuple[Reference, ...]
    deletes: bool
    """Whether the image goes, too."""


def plan_image_removal(
    catalogue: Catalogue, wanted: str, users: Users, *, force: bool
) -> RemovalPlan:
    """By a name only this name goes, and the image with its last one; by an id all go.

    Raises:
        NoSuchImage: there is none.
        Conflict: it is in use, or has several names; some of it `force` overrules.
    """
    image = catalogue.get(wanted)
    names = catalogue.names_of(image.id)
    if catalogue.is_id(wanted, image):
        _check_by_id(image, names, users, force=force)
        return RemovalPlan(image=image, untagged=names, deletes=True)
    if users and not force and _is_single(names):
        raise Conflict(
            f'conflict: unable to remove repository reference "{wanted}" (must force) - '
            f"container {users[0][0][:12]} is using its referenced image {image.short_id}"
        )
    gone = [name for name in names if str(name) == _key(wanted)]
    rest = [name for name in names if name not in gone]
    if rest and all(name.digest and name.name == gone[0].name for name in rest):
        # a digest without a tag would keep the image for no reason that anybody sees
        gone, rest = [*gone, *rest], []
    runs = any(running for _, running in users)
    deletes = not rest and not runs and (force or not users)
    return RemovalPlan(image=image, untagged=tuple(gone), deletes=deletes)


def _key(wanted: str) -> str:
    reference = Reference.parse(wanted).completed()
    if reference.digest:
        return f"{reference.name}@{reference.digest}"
    return str(reference)


def _is_single(names: Sequence[Reference]) -> bool:
    """One tag at most, and digests of one repository."""
    return sum(1 for name in names if name.tag) <= 1 and len({name.name for name in names}) <= 1


def _check_by_id(image: Image, names: Sequence[Reference], users: Users, *, force: bool) -> None:
    for container, running in users:
        if running:
            raise Conflict(
                f"conflict: unable to delete {image.short_id} (cannot be forced) - image is being "
                f"used by running container {container[:12]}"
            )
    if force:
        return
    if not _is_single(names):
        raise Conflict(
            f"conflict: unable to delete {image.short_id} (must be forced) - image is referenced "
            "in multiple repositories"
        )
    for container, _ in users:
        raise Conflict(
            f"conflict: unable to delete {image.short_id} (must be forced) - image is being used "
            f"by stopped container {container[:12]}"
        )
