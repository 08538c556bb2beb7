"""Platforms: ``os/architecture/variant`` in Go's words, as images carry them."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Self

from wherry.model.errors import InvalidArgument

_PART = re.compile(r"[A-Za-z0-9_.-]+\Z")
_MACHINES: Mapping[str, tuple[str, str]] = {
    "x86_64": ("amd64", ""),
    "amd64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "x86": ("386", ""),
    "aarch64": ("arm64", ""),
    "arm64": ("arm64", ""),
    "armv8l": ("arm", "v7"),
    "armhf": ("arm", "v7"),
    "armv7l": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv6l": ("arm", "v6"),
    "ppc64le": ("ppc64le", ""),
    "riscv64": ("riscv64", ""),
    "s390x": ("s390x", ""),
    "mips64": ("mips64le", ""),
    "loongarch64": ("loong64", ""),
}
_ARCHITECTURES = {name for name, _ in _MACHINES.values()} | {"arm", "mips64", "ppc64", "wasm"}
_SYSTEMS = {"linux", "windows", "darwin", "freebsd", "wasi"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    os: str = "linux"
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """``linux/arm64/v8``, ``linux/amd64``, or one word: a system or an architecture.

        Raises:
            InvalidArgument: in Docker's words.
        """
        parts = text.lower().split("/")
        if not 1 <= len(parts) <= 3 or not all(_PART.match(part) for part in parts):
            raise InvalidArgument(
                f'"{text}" is an invalid component of "{text}": platform specifier component '
                'must match "^[A-Za-z0-9_.-]+$": invalid argument'
            )
        if len(parts) == 1:
            if parts[0] in _SYSTEMS:
                return cls(os=parts[0], architecture=host_platform().architecture)
            name, variant = _MACHINES.get(parts[0], (parts[0], ""))
            if name not in _ARCHITECTURES:
                raise InvalidArgument(
                    f'"{text}": unknown operating system or architecture: invalid argument'
                )
            return cls(architecture=name, variant=variant)
        name, variant = _MACHINES.get(parts[1], (parts[1], ""))
        return cls(os=parts[0], architecture=name, variant=parts[2] if parts[2:] else variant)

    def accepts(self, other: "Platform") -> bool:
        """Whether an image for `other` is what somebody asking for this platform wants."""
        return (
            self.os == other.os
            and self.architecture == other.architecture
            and (_plain(self) == _plain(other) or not self.variant)
        )

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def _plain(platform: Platform) -> str:
    """The variant, with those that go without saying left out."""
    default = {"arm64": "v8", "arm": "v7", "amd64": "v1"}.get(platform.architecture)
    return "" if platform.variant == default else platform.variant


@cache
def host_platform() -> Platform:
    """What this machine runs."""
    machine = os.uname().machine
    architecture, variant = _MACHINES.get(machine, (machine, ""))
    return Platform(architecture=architecture, variant=variant)
