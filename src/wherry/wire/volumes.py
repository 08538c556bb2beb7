"""Volumes in Docker's documents."""

from wherry.model.timestamps import format_rfc3339_ns
from wherry.model.volume import Volume
from wherry.wire.documents import Json


def encode_volume(volume: Volume, mountpoint: str) -> Json:
    labels = dict(volume.labels)
    if volume.anonymous:
        labels["com.docker.volume.anonymous"] = ""
    return {
        "CreatedAt": format_rfc3339_ns(volume.created_ns // 1_000_000_000 * 1_000_000_000),
        "Driver": volume.driver,
        "Labels": labels or None,
        "Mountpoint": mountpoint,
        "Name": volume.name,
        "Options": dict(volume.options) or None,
        "Scope": "local",
    }
