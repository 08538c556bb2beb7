"""Mounts of a container: what was asked for, and what will be mounted."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wherry.model.errors import InvalidArgument

PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
_READ_MODES = frozenset({"rw", "ro"})
_LABEL_MODES = frozenset({"z", "Z"})


class MountKind(StrEnum):
    BIND = "bind"
    VOLUME = "volume"
    TMPFS = "tmpfs"
    IMAGE = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class MountRequest:
    """One entry of ``--mount``."""

    kind: MountKind
    target: str
    source: str = ""
    read_only: bool = False
    propagation: str = ""
    create_source: bool = False
    non_recursive: bool = False
    no_copy: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    driver: str = ""
    driver_options: Mapping[str, str] = field(default_factory=dict)
    subpath: str = ""
    tmpfs_size_bytes: int = 0
    tmpfs_mode: int = 0
    tmpfs_options: tuple[tuple[str, ...], ...] = ()
    consistency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BindRequest:
    """One ``-v source:target[:options]``, taken apart."""

    source: str
    """An absolute path of the host, the name of a volume, or empty for a new volume."""
    target: str
    mode: str = ""
    """The options as they were given."""
    read_only: bool = False
    propagation: str = ""
    no_copy: bool = False

    @property
    def is_volume(self) -> bool:
        return not self.source.startswith("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class MountPoint:
    """What is mounted at one place in a container, decided when it is created."""

    kind: MountKind
    destination: str
    source: str = ""
    """The host's path; empty for tmpfs."""
    name: str = ""
    """The volume's name."""
    driver: str = ""
    mode: str = ""
    writable: bool = True
    propagation: str = ""
    options: tuple[str, ...] = ()
    """Extra mount options, for tmpfs."""
    non_recursive: bool = False
    subpath: str = ""
    from_request: bool = False
    """Asked for as a mount, not as a bind: inspect shows it there, too."""


def parse_bind(text: str) -> BindRequest:
    """Take ``source:target[:options]`` apart.

    Raises:
        InvalidArgument: in Docker's words.
    """
    parts = text.split(":")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise InvalidArgument(f"invalid volume specification: '{text}'")
    if len(parts) == 1:
        source, target, mode = "", parts[0], ""
    elif len(parts) == 2:
        source, target, mode = parts[0], parts[1], ""
    else:
        source, target, mode = parts
    clean_target = check_destination(target, whole=text)
    read_only, propagation, no_copy = _parse_mode(mode, text)
    if source and not source.startswith("/"):
        if source in {".", ".."} or "/" in source:
            raise InvalidArgument(
                f'create {source}: "{source}" includes invalid characters for a local volume '
                'name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a '
                "host directory, use absolute path"
            )
    elif source:
        source = posixpath.normpath(source)
    return BindRequest(
        source=source,
        target=clean_target,
        mode=mode,
        read_only=read_only,
        propagation=propagation,
        no_copy=no_copy,
    )


def _parse_mode(mode: str, whole: str) -> tuple[bool, str, bool]:
    read_only, propagation, no_copy = False, "", False
    seen: set[str] = set()
    for word in mode.split(",") if mode else ():
        group = _group_of(word)
        if group is None or group in seen:
            raise InvalidArgument(f"invalid mode: {mode}")
        seen.add(group)
        if word == "ro":
            read_only = True
        elif word in PROPAGATIONS:
            propagation = word
        elif word == "nocopy":
            no_copy = True
    return read_only, propagation, no_copy


def _group_of(word: str) -> str | None:
    if word in _READ_MODES:
        return "read"
    if word in _LABEL_MODES:
        return "label"
    if word in PROPAGATIONS:
        return "propagation"
    if word in {"nocopy", "consistent", "cached", "delegated"}:
        return word
    return None


def check_destination(target: str, *, whole: str) -> str:
    """The normalised absolute path.

    Raises:
        InvalidArgument: relative, or the root itself.
    """
    if not target.startswith("/"):
        raise InvalidArgument(
            f"invalid volume specification: '{whole}': invalid mount config for type "
            f"\"volume\": invalid mount path: '{target}' mount path must be absolute"
        )
    clean = "/" + posixpath.normpath(target).lstrip("/")
    if clean == "/":
        raise InvalidArgument(
            f"invalid volume specification: '{whole}': invalid specification: "
            "destination can't be '/'"
        )
    return clean
