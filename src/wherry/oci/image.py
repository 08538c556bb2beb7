"""Manifests and configurations of images. The OCI image specification, manifest.md and config.md;
Docker's schema 2 is the same under other media types."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wherry.model.digest import digest_of, parse_digest
from wherry.model.errors import InvalidArgument, TooLarge
from wherry.model.image import HealthcheckConfig, HistoryEntry, Image, ImageConfig
from wherry.model.platform import Platform
from wherry.model.ports import ContainerPort, Transport
from wherry.model.timestamps import parse_rfc3339_ns
from wherry.oci.documents import (
    CONFIG_LIMIT_BYTES,
    MANIFEST_LIMIT_BYTES,
    Document,
    dump_json,
)
from wherry.oci.index import (
    DESCRIPTOR_KEYS,
    MANIFEST_TYPES,
    OCI_MANIFEST,
    Pointer,
    check_media_type,
    encode_pointer,
    parse_pointer,
)

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_TAR_GZIP = f"{LAYER_TAR}+gzip"
LAYER_TAR_ZSTD = f"{LAYER_TAR}+zstd"
_LAYER_TYPES = frozenset(
    {
        LAYER_TAR,
        LAYER_TAR_GZIP,
        LAYER_TAR_ZSTD,
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    }
)
MOST_LAYERS = 127
MOST_HISTORY = 1000

_MANIFEST_KEYS = frozenset(
    {"schemaVersion", "mediaType", "config", "layers", "annotations", "manifests", "fsLayers"}
    | {"artifactType", "subject"}
)
_IMAGE_KEYS = frozenset(
    {"created", "author", "architecture", "os", "variant", "os.version", "os.features"}
    | {"config", "rootfs", "history", "comment", "docker_version", "container_config"}
    | {"container", "id", "parent", "throwaway", "Size"}
)
_CONFIG_KEYS = frozenset(
    {"User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels"}
    | {"StopSignal", "Healthcheck", "Shell", "OnBuild", "ArgsEscaped", "Memory", "MemorySwap"}
    | {"CpuShares", "Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr"}
    | {"Tty", "OpenStdin", "StdinOnce", "Image", "NetworkDisabled", "MacAddress", "StopTimeout"}
)
_HEALTH_KEYS = frozenset({"Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"})
_HISTORY_KEYS = frozenset({"created", "created_by", "comment", "author", "empty_layer"})
_ROOTFS_KEYS = frozenset({"type", "diff_ids"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    media_type: str
    config: Pointer
    layers: tuple[Pointer, ...]
    """Bottom first."""


def parse_manifest(data: bytes, media_type: str = "") -> Manifest:
    """`media_type` is what it was announced as, if it was.

    Raises:
        InvalidArgument: not an image's manifest, or one that could be read in two ways.
        TooLarge: over its limits.
    """
    document = Document.parse(data, "manifest", _MANIFEST_KEYS, limit_bytes=MANIFEST_LIMIT_BYTES)
    if document.number("schemaVersion") != 2:
        raise InvalidArgument("manifest: unsupported schema version")
    own_type = check_media_type(document, media_type, MANIFEST_TYPES, "manifest")
    for key in ("manifests", "fsLayers"):
        if document.has(key):
            raise InvalidArgument(f"manifest: ambiguous document with {key!r}")
    config = document.document("config", DESCRIPTOR_KEYS)
    if config is None:
        raise InvalidArgument("manifest: no config")
    target = parse_pointer(config)
    if target.media_type not in (OCI_CONFIG, DOCKER_CONFIG):
        raise InvalidArgument(f"manifest: not an image: {target.media_type[:80]!r}")
    layers = tuple(
        parse_pointer(one)
        for one in document.documents("layers", DESCRIPTOR_KEYS, at_most=MOST_LAYERS)
    )
    for layer in layers:
        if layer.media_type not in _LAYER_TYPES:
            raise InvalidArgument(f"manifest: unsupported layer {layer.media_type[:80]!r}")
    return Manifest(media_type=own_type, config=target, layers=layers)


def encode_manifest(config: Pointer, layers: Sequence[Pointer]) -> bytes:
    return dump_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": encode_pointer(config),
            "layers": [encode_pointer(one) for one in layers],
        }
    )


def parse_image(data: bytes) -> Image:
    """The image that a configuration describes; how large it is is not known from it.

    Raises:
        InvalidArgument: not a configuration, or one that could be read in two ways.
        TooLarge: over its limits.
    """
    document = Document.parse(data, "image config", _IMAGE_KEYS, limit_bytes=CONFIG_LIMIT_BYTES)
    rootfs = document.document("rootfs", _ROOTFS_KEYS)
    if rootfs is None:
        raise InvalidArgument("invalid image JSON, no RootFS key")
    if rootfs.text("type") not in ("layers", ""):
        raise InvalidArgument("image config: unsupported kind of rootfs")
    diff_ids = tuple(parse_digest(one) for one in rootfs.texts("diff_ids") or ())
    if len(diff_ids) > MOST_LAYERS:
        raise TooLarge("max depth exceeded")
    history = tuple(
        HistoryEntry(
            created=one.text("created"),
            created_by=one.text("created_by"),
            comment=one.text("comment"),
            author=one.text("author"),
            empty_layer=one.flag("empty_layer"),
        )
        for one in document.documents("history", _HISTORY_KEYS, at_most=MOST_HISTORY)
    )
    created = document.text("created")
    return Image(
        id=digest_of(data),
        config_size_bytes=len(data),
        config=_parse_config(document.document("config", _CONFIG_KEYS)),
        platform=Platform(
            os=document.text("os") or "linux",
            architecture=document.text("architecture"),
            variant=document.text("variant"),
        ),
        created=created,
        created_ns=parse_rfc3339_ns(created) if created else 0,
        author=document.text("author"),
        comment=document.text("comment") or (history[-1].comment if history else ""),
        docker_version=document.text("docker_version"),
        diff_ids=diff_ids,
        history=history,
    )


def _parse_config(document: Document | None) -> ImageConfig:
    if document is None:
        return ImageConfig()
    health = document.document("Healthcheck", _HEALTH_KEYS)
    return ImageConfig(
        entrypoint=document.texts("Entrypoint"),
        command=document.texts("Cmd"),
        env=document.texts("Env") or (),
        working_dir=document.text("WorkingDir"),
        user=document.text("User"),
        labels=document.text_map("Labels"),
        exposed_ports=tuple(
            sorted(port for one in document.names("ExposedPorts") for port in parse_ports(one))
        ),
        volumes=tuple(sorted(document.names("Volumes"))),
        stop_signal=document.text("StopSignal"),
        healthcheck=None
        if health is None
        else HealthcheckConfig(
            test=health.texts("Test") or (),
            interval_ns=health.number("Interval"),
            timeout_ns=health.number("Timeout"),
            start_period_ns=health.number("StartPeriod"),
            start_interval_ns=health.number("StartInterval"),
            retries=health.number("Retries"),
        ),
        shell=document.texts("Shell") or (),
        on_build=document.texts("OnBuild") or (),
    )


def parse_ports(text: str) -> tuple[ContainerPort, ...]:
    """``80``, ``80/udp``, ``8000-8010/tcp``. InvalidArgument in Docker's words."""
    numbers, _, kind = text.partition("/")
    first, dash, last = numbers.partition("-")
    try:
        transport = Transport(kind.lower() or "tcp")
    except ValueError:
        raise InvalidArgument(f"Invalid proto: {kind[:80]}") from None
    for number in (first, last if dash else first):
        if not (number.isascii() and number.isdecimal() and int(number[:9]) <= 65535):
            raise InvalidArgument(f"Invalid containerPort: {numbers[:80]}")
    end = int(last) if dash else int(first)
    if end < int(first):
        raise InvalidArgument(f"Invalid containerPort: {numbers[:80]}")
    return tuple(
        ContainerPort(number=number, transport=transport) for number in range(int(first), end + 1)
    )


def encode_image(image: Image) -> bytes:
    """The configuration of an image that is made here. `id` and sizes of `image` do not count."""
    document: dict[str, Any] = {
        "architecture": image.platform.architecture,
        "os": image.platform.os,
        "variant": image.platform.variant,
        "created": image.created,
        "author": image.author,
        "comment": image.comment,
        "history": [_encode_history(one) for one in image.history],
    }
    made = {key: value for key, value in document.items() if value}
    made["config"] = encode_config(image.config)
    made["rootfs"] = {"type": "layers", "diff_ids": list(image.diff_ids)}
    return dump_json(made)


def _encode_history(entry: HistoryEntry) -> dict[str, Any]:
    document: dict[str, Any] = {
        "created": entry.created,
        "created_by": entry.created_by,
        "comment": entry.comment,
        "author": entry.author,
        "empty_layer": entry.empty_layer,
    }
    return {key: value for key, value in document.items() if value}


def encode_config(config: ImageConfig) -> dict[str, Any]:
    """The fields that are set."""
    document: dict[str, Any] = {
        "Env": list(config.env),
        "WorkingDir": config.working_dir,
        "User": config.user,
        "Labels": dict(config.labels),
        "ExposedPorts": {str(port): {} for port in config.exposed_ports},
        "Volumes": {path: {} for path in config.volumes},
        "StopSignal": config.stop_signal,
        "Shell": list(config.shell),
        "OnBuild": list(config.on_build),
    }
    made = {key: value for key, value in document.items() if value}
    if config.entrypoint is not None:
        made["Entrypoint"] = list(config.entrypoint)
    if config.command is not None:
        made["Cmd"] = list(config.command)
    if config.healthcheck is not None:
        made["Healthcheck"] = _encode_health(config.healthcheck)
    return made


def _encode_health(health: HealthcheckConfig) -> dict[str, Any]:
    document: dict[str, Any] = {
        "Test": list(health.test),
        "Interval": health.interval_ns,
        "Timeout": health.timeout_ns,
        "StartPeriod": health.start_period_ns,
        "StartInterval": health.start_interval_ns,
        "Retries": health.retries,
    }
    return {key: value for key, value in document.items() if value}
