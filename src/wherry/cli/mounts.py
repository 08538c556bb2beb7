"""``--volume``, ``--mount`` and ``--tmpfs``: text to Docker's binds and mounts.

ValueError with the words that Docker's command uses.
"""

from __future__ import annotations

import os

from wherry.cli.flags import parse_bool
from wherry.cli.units import parse_memory_bytes
from wherry.cli.values import split_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_ALONE = ("readonly", "ro", "volume-nocopy", "bind-nonrecursive")
"""Keys that need no value."""


def split_volumes(wanted: Sequence[str]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """``Binds``, and the anonymous ``Volumes``. A source with a dot in front is made absolute."""
    binds: list[str] = []
    anonymous: dict[str, dict[str, str]] = {}
    for spec in wanted:
        source, separator, rest = spec.partition(":")
        if not spec:
            raise ValueError("invalid empty volume spec")
        if not separator:
            anonymous[spec] = {}
            continue
        if any(not part for part in spec.split(":")):
            raise ValueError(f"invalid spec: {spec}: empty section between colons")
        if source.startswith("."):
            source = os.path.abspath(source)
        binds.append(f"{source}:{rest}")
    return binds, anonymous


def split_tmpfs(wanted: Sequence[str]) -> dict[str, str]:
    """``/path:options`` as a mapping."""
    return {path: options for path, _, options in (item.partition(":") for item in wanted)}


def parse_mount(text: str) -> dict[str, Any]:
    """``type=bind,src=…,dst=…`` as one of Docker's ``Mounts``."""
    mount: dict[str, Any] = {"Type": "volume"}
    for field in split_fields(text):
        key, separator, value = field.partition("=")
        key = key.strip().lower()
        if not separator:
            if key not in _ALONE:
                raise ValueError(f"invalid field '{field}' must be a key=value pair")
            value = "true"
        setter = _SETTERS.get(key)
        if setter is None:
            raise ValueError(f"unexpected key '{key}' in '{field}'")
        setter(mount, key, value)
    if not mount.get("Target"):
        raise ValueError("target is required")
    kind = mount["Type"]
    for options, prefix in (
        ("VolumeOptions", "volume"),
        ("BindOptions", "bind"),
        ("TmpfsOptions", "tmpfs"),
        ("ImageOptions", "image"),
    ):
        if options in mount and kind != prefix:
            raise ValueError(f"cannot mix '{prefix}-*' options with mount type '{kind}'")
    _check_recursion(mount)
    return mount


def _check_recursion(mount: dict[str, Any]) -> None:
    options = mount.get("BindOptions", {})
    if options.get("ReadOnlyNonRecursive") and not mount.get("ReadOnly"):
        raise ValueError("option 'bind-recursive=writable' requires 'readonly' to be specified")
    if options.get("ReadOnlyForceRecursive"):
        if not mount.get("ReadOnly"):
            raise ValueError(
                "option 'bind-recursive=readonly' requires 'readonly' to be specified in "
                "conjunction"
            )
        if options.get("Propagation") != "rprivate":
            raise ValueError(
                "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be "
                "specified in conjunction"
            )


def _plain(name: str) -> Callable[[dict[str, Any], str, str], None]:
    def put(mount: dict[str, Any], _: str, value: str) -> None:
        mount[name] = value

    return put


def _put_type(mount: dict[str, Any], _: str, value: str) -> None:
    mount["Type"] = value.lower()


def _put_source(mount: dict[str, Any], _: str, value: str) -> None:
    mount["Source"] = os.path.abspath(value) if value.startswith(".") else value


def _flag(key: str, value: str) -> bool:
    try:
        return parse_bool(value)
    except ValueError:
        raise ValueError(f"invalid value for {key}: {value}") from None


def _put_readonly(mount: dict[str, Any], key: str, value: str) -> None:
    mount["ReadOnly"] = _flag(key, value)


def _inner(
    group: str, name: str, read: Callable[[str, str], Any]
) -> Callable[[dict[str, Any], str, str], None]:
    def put(mount: dict[str, Any], key: str, value: str) -> None:
        mount.setdefault(group, {})[name] = read(key, value)

    return put


def _text(_: str, value: str) -> str:
    return value


def _size(key: str, value: str) -> int:
    try:
        return parse_memory_bytes(value)
    except ValueError:
        raise ValueError(f"invalid value for {key}: {value}") from None


def _octal(key: str, value: str) -> int:
    try:
        return int(value, 8)
    except ValueError:
        raise ValueError(f"invalid value for {key}: {value}") from None


def _put_recursion(mount: dict[str, Any], _: str, value: str) -> None:
    options = mount.setdefault("BindOptions", {})
    if value == "enabled":
        return
    if value == "disabled":
        options["NonRecursive"] = True
    elif value == "writable":
        options["ReadOnlyNonRecursive"] = True
    elif value == "readonly":
        options["ReadOnlyForceRecursive"] = True
    else:
        raise ValueError(
            f'invalid value for bind-recursive: {value} (must be "enabled", "disabled", '
            '"writable", or "readonly")'
        )


def _put_volume_pair(mount: dict[str, Any], key: str, value: str) -> None:
    options = mount.setdefault("VolumeOptions", {})
    name, _, text = value.partition("=")
    if key == "volume-label":
        options.setdefault("Labels", {})[name] = text
    else:
        options.setdefault("DriverConfig", {}).setdefault("Options", {})[name] = text


def _put_volume_driver(mount: dict[str, Any], _: str, value: str) -> None:
    mount.setdefault("VolumeOptions", {}).setdefault("DriverConfig", {})["Name"] = value


_SETTERS: dict[str, Callable[[dict[str, Any], str, str], None]] = {
    "type": _put_type,
    "source": _put_source,
    "src": _put_source,
    "target": _plain("Target"),
    "dst": _plain("Target"),
    "destination": _plain("Target"),
    "readonly": _put_readonly,
    "ro": _put_readonly,
    "consistency": _plain("Consistency"),
    "bind-propagation": _inner("BindOptions", "Propagation", lambda _, v: v.lower()),
    "bind-nonrecursive": _inner("BindOptions", "NonRecursive", _flag),
    "bind-recursive": _put_recursion,
    "volume-subpath": _inner("VolumeOptions", "Subpath", _text),
    "volume-nocopy": _inner("VolumeOptions", "NoCopy", _flag),
    "volume-label": _put_volume_pair,
    "volume-opt": _put_volume_pair,
    "volume-driver": _put_volume_driver,
    "image-subpath": _inner("ImageOptions", "Subpath", _text),
    "tmpfs-size": _inner("TmpfsOptions", "SizeBytes", _size),
    "tmpfs-mode": _inner("TmpfsOptions", "Mode", _octal),
}
