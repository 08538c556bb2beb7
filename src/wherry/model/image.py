"""Images: what is known of one, and what it wants of the containers made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wherry.model.digest import chain_ids, short_digest
from wherry.model.platform import Platform
from wherry.model.ports import ContainerPort


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthcheckConfig:
    """How to see whether a container is well. Times in nanoseconds; 0: inherit or the default."""

    test: tuple[str, ...] = ()
    """Empty: inherit; ``NONE``: none; ``CMD`` and arguments; ``CMD-SHELL`` and a line."""
    interval_ns: int = 0
    timeout_ns: int = 0
    start_period_ns: int = 0
    start_interval_ns: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What a container gets where its creator said nothing."""

    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: tuple[ContainerPort, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    healthcheck: HealthcheckConfig | None = None
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One step of how an image was made."""

    created: str = ""
    """RFC 3339, as written; empty if unknown."""
    created_by: str = ""
    comment: str = ""
    author: str = ""
    empty_layer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A tree that was made from one layer's tar on top of others, and the bytes it came in."""

    chain: str
    """Chain id: names this layer together with everything below it."""
    parent: str = ""
    """Chain id of the one below; empty at the bottom."""
    snapshot: str
    """The storage driver's key."""
    diff: str
    """Digest of the uncompressed tar."""
    size_bytes: int
    """Of the regular files in it."""
    blob: str
    """Digest of the bytes that are kept: the tar as it came, compressed or not."""
    blob_size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image. The configuration's exact bytes are the blob named `id`."""

    id: str
    """``sha256:…``, the digest of the configuration."""
    config_size_bytes: int
    config: ImageConfig
    platform: Platform
    created: str = ""
    """RFC 3339, as written; empty if unknown."""
    created_ns: int = 0
    author: str = ""
    comment: str = ""
    docker_version: str = ""
    """What `inspect` shows as such: the version of the engine that made it."""
    diff_ids: tuple[str, ...] = ()
    """Bottom first."""
    history: tuple[HistoryEntry, ...] = ()
    """Oldest first."""
    size_bytes: int = 0
    """Of all its layers' files."""
    manifest_digest: str = ""
    """Of the manifest that it came with; empty if it came without."""
    tagged_ns: int = 0
    """When it last got a name; 0: never."""

    @property
    def short_id(self) -> str:
        return short_digest(self.id)

    @property
    def chains(self) -> tuple[str, ...]:
        """Chain ids of its layers, bottom first."""
        return chain_ids(self.diff_ids)
