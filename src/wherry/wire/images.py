"""Docker's documents about images, and what requests about them say.

Source: Docker Engine API, /images; the answers of a Docker 28.5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wherry.model.errors import InvalidArgument
from wherry.model.image import HealthcheckConfig, HistoryEntry, Image, ImageConfig
from wherry.model.platform import Platform
from wherry.model.reference import Reference
from wherry.model.timestamps import format_rfc3339_ns, parse_rfc3339_ns
from wherry.wire.documents import Json, decode_object
from wherry.wire.query import decode_flag
from wherry.wire.versions import ApiVersion, Rewrite

LIST = "GET /images/json"
INSPECT = "GET /images/{name:path}/json"
_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateQuery:
    """``POST /images/create``: an import if `source` is set, else a pull."""

    source: str
    reference: Reference | None
    message: str
    changes: tuple[str, ...]
    platform: Platform | None


def decode_create(query: Mapping[str, str], query_all: Mapping[str, Sequence[str]]) -> CreateQuery:
    """InvalidArgument, in Docker's words, for a name, tag or platform that is none."""
    name, tag = query.get("fromImage", ""), query.get("tag", "")
    reference = None
    if name:
        reference = _with_tag_or_digest(Reference.parse(name), tag)
    elif repository := query.get("repo", ""):
        reference = Reference.parse(repository)
        reference = reference.with_tag(tag) if tag else reference
    platform = query.get("platform", "")
    return CreateQuery(
        source="" if name else query.get("fromSrc", ""),
        reference=reference,
        message=query.get("message", ""),
        changes=tuple(query_all.get("changes", ())),
        platform=Platform.parse(platform) if platform else None,
    )


def _with_tag_or_digest(reference: Reference, tag: str) -> Reference:
    if not tag:
        return reference
    if ":" in tag:
        return Reference.parse(f"{reference.name}@{tag}")
    return reference.with_tag(tag)


def decode_tag(query: Mapping[str, str]) -> Reference | None:
    """``POST /images/{name}/tag``. None if nothing was asked for. InvalidArgument."""
    repository, tag = query.get("repo", ""), query.get("tag", "")
    if not repository:
        return None
    reference = Reference.parse(repository)
    if reference.digest:
        raise InvalidArgument("cannot import digest reference")
    return reference.with_tag(tag) if tag else reference


def decode_platform(text: str) -> Platform | None:
    """A platform as JSON, as newer routes have it. InvalidArgument."""
    if not text:
        return None
    try:
        document = decode_object(text.encode())
    except InvalidArgument as error:
        reason = str(error).removeprefix("invalid JSON: ")
        raise InvalidArgument(f"failed to parse platform: {reason}") from None
    parts = [document.get(key) or "" for key in ("os", "architecture", "variant")]
    if not all(isinstance(part, str) for part in parts) or not parts[0] or not parts[1]:
        raise InvalidArgument("failed to parse platform: os and architecture are needed")
    return Platform(os=parts[0], architecture=parts[1], variant=parts[2])


def decode_names(query_all: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """``names`` of ``GET /images/get``: repeated, or with commas."""
    return tuple(name for text in query_all.get("names", ()) for name in text.split(",") if name)


def decode_force(query: Mapping[str, str]) -> bool:
    return decode_flag(query, "force")


def encode_summary(
    image: Image,
    *,
    tags: Sequence[str],
    digests: Sequence[str],
    containers: int,
    shared_size_bytes: int,
) -> Json:
    """One line of a list."""
    return {
        "Containers": containers,
        "Created": image.created_ns // 10**9,
        "Id": image.id,
        "Labels": dict(image.config.labels) or None,
        "ParentId": "",
        "RepoDigests": list(digests),
        "RepoTags": list(tags),
        "SharedSize": shared_size_bytes,
        "Size": image.size_bytes,
    }


def encode_image(
    image: Image, *, tags: Sequence[str], digests: Sequence[str], storage_driver: str
) -> Json:
    """What `inspect` shows."""
    document: Json = {
        "Id": image.id,
        "RepoTags": list(tags),
        "RepoDigests": list(digests),
        "Parent": "",
        "Comment": image.comment,
        "Created": format_rfc3339_ns(image.created_ns) if image.created else _NEVER,
        "DockerVersion": image.docker_version,
        "Author": image.author,
        "Config": encode_config(image.config),
        "Architecture": image.platform.architecture,
        "Os": image.platform.os,
        "Size": image.size_bytes,
        "GraphDriver": {"Data": None, "Name": storage_driver},
        "RootFS": {"Type": "layers"},
        "Metadata": {
            "LastTagTime": format_rfc3339_ns(image.tagged_ns) if image.tagged_ns else _NEVER
        },
    }
    if image.platform.variant:
        document["Variant"] = image.platform.variant
    if image.diff_ids:
        document["RootFS"]["Layers"] = list(image.diff_ids)
    return document


def encode_config(config: ImageConfig) -> Json:
    document: Json = {
        "Cmd": _list_or_null(config.command),
        "Entrypoint": _list_or_null(config.entrypoint),
        "Env": list(config.env) or None,
        "Labels": dict(config.labels) or None,
        "OnBuild": list(config.on_build) or None,
        "User": config.user,
        "Volumes": {path: {} for path in config.volumes} or None,
        "WorkingDir": config.working_dir,
    }
    if config.exposed_ports:
        document["ExposedPorts"] = {str(port): {} for port in config.exposed_ports}
    if config.stop_signal:
        document["StopSignal"] = config.stop_signal
    if config.shell:
        document["Shell"] = list(config.shell)
    if config.healthcheck is not None:
        document["Healthcheck"] = _encode_health(config.healthcheck)
    return document


def _list_or_null(words: Sequence[str] | None) -> list[str] | None:
    return None if words is None else list(words)


def _encode_health(health: HealthcheckConfig) -> Json:
    values: Json = {
        "Test": list(health.test),
        "Interval": health.interval_ns,
        "Timeout": health.timeout_ns,
        "StartPeriod": health.start_period_ns,
        "StartInterval": health.start_interval_ns,
        "Retries": health.retries,
    }
    return {key: value for key, value in values.items() if value}


def encode_history(
    entry: HistoryEntry, *, size_bytes: int, image_id: str, tags: Sequence[str]
) -> Json:
    """One step; `image_id` is empty for all but the last."""
    created_ns = parse_rfc3339_ns(entry.created) if entry.created else 0
    return {
        "Comment": entry.comment,
        "Created": created_ns // 10**9,
        "CreatedBy": entry.created_by,
        "Id": image_id or "<missing>",
        "Size": size_bytes,
        "Tags": list(tags) or None,
    }


def encode_removed(untagged: Sequence[str], deleted: Sequence[str]) -> list[Json]:
    return [{"Untagged": name} for name in untagged] + [{"Deleted": name} for name in deleted]


def encode_layer_loaded(diff: str, size_bytes: int) -> Json:
    return {
        "status": "Loading layer",
        "progressDetail": {"current": size_bytes, "total": size_bytes},
        "id": diff.removeprefix("sha256:")[:12],
    }


def encode_name_moved(reference: Reference, old_id: str) -> Json:
    return {
        "stream": f"The image {reference.familiar} already exists, renaming the old one with ID "
        f"{old_id} to empty string\n"
    }


def encode_loaded(image_id: str, reference: Reference | None) -> Json:
    if reference is None:
        return {"stream": f"Loaded image ID: {image_id}\n"}
    return {"stream": f"Loaded image: {reference.familiar}\n"}


def age_image(route: str, spoken: ApiVersion, document: Json) -> Json:
    """Change one document, in place, into what a client that speaks `spoken` expects."""
    for rewrite in REPLIES:
        if rewrite.route == route and spoken < rewrite.needed_before:
            rewrite.apply(document)
    return document


def _without_containers(document: Json) -> None:
    document["Containers"] = -1


def _with_virtual_size(document: Json) -> None:
    if document["Size"]:
        document["VirtualSize"] = document["Size"]


def _nameless_in_brackets(document: Json) -> None:
    if not document["RepoTags"] and not document["RepoDigests"]:
        document["RepoTags"] = ["<none>:<none>"]
        document["RepoDigests"] = ["<none>@<none>"]
    document["RepoTags"] = document["RepoTags"] or None
    document["RepoDigests"] = document["RepoDigests"] or None


_CONTAINER_FIELDS: Mapping[str, Any] = {
    "AttachStderr": False,
    "AttachStdin": False,
    "AttachStdout": False,
    "Domainname": "",
    "Hostname": "",
    "Image": "",
    "OpenStdin": False,
    "StdinOnce": False,
    "Tty": False,
}


def _with_container_fields(document: Json) -> None:
    document["Config"].update(_CONTAINER_FIELDS)


def _with_container_config(document: Json) -> None:
    document["ContainerConfig"] = {**encode_config(ImageConfig()), **_CONTAINER_FIELDS}


REPLIES: Sequence[Rewrite] = (
    Rewrite(ApiVersion(1, 51), LIST, _without_containers),
    Rewrite(ApiVersion(1, 44), LIST, _with_virtual_size),
    Rewrite(ApiVersion(1, 43), LIST, _nameless_in_brackets),
    Rewrite(ApiVersion(1, 50), INSPECT, _with_container_fields),
    Rewrite(ApiVersion(1, 45), INSPECT, _with_container_config),
    Rewrite(ApiVersion(1, 44), INSPECT, _with_virtual_size),
)
