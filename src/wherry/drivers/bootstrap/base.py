"""What the engine asks of whatever makes a root file system out of what the host has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Say = Callable[[str], None]
"""Told what is being done, in words for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rootfs:
    """A tree as a plain tar, and what the image made from it is to be."""

    tar_path: Path
    references: tuple[str, ...]
    message: str
    changes: tuple[str, ...]
    """Dockerfile lines."""
    created_ns: int
    """Nanoseconds since the epoch, told by the input: same input, same image."""


class RootfsBuilder(Protocol):
    async def build(self, work_dir: Path, say: Say) -> Rootfs:
        """Make the tree as a file in the empty folder `work_dir`, which the caller deletes.

        Raises:
            NotFound: something that it is made from is not to be had.
            Unavailable: a program that it needs is missing or failed; its words are in the text.
        """


class ChooseBuilder(Protocol):
    def __call__(self, wanted: str, *, include: Sequence[str], host_ca: bool) -> RootfsBuilder:
        """The builder for ``busybox`` or ``debian:SUITE``. InvalidArgument for anything else."""
