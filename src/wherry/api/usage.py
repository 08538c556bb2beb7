"""``GET /system/df``: what takes how much space, added up from the documents of the lists."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from wherry.api.containers import Around
from wherry.engine.images.catalogue import ImageSummary
from wherry.model.container import Container
from wherry.model.filters import Filters
from wherry.model.system import UsageKind
from wherry.model.volume import Volume
from wherry.wire.containers import encode_summary
from wherry.wire.documents import Json
from wherry.wire.system import encode_disk_usage
from wherry.wire.versions import ApiVersion
from wherry.wire.volumes import encode_volume


class Containers(Protocol):
    def list_containers(self) -> Sequence[Container]: ...


class Images(Protocol):
    def list_images(
        self, filters: Filters, *, count_containers: bool = True, shared_sizes: bool = False
    ) -> Sequence[ImageSummary]: ...
    def layers_size_bytes(self) -> int: ...


class Volumes(Protocol):
    def list_volumes(self, filters: Filters) -> Sequence[Volume]: ...
    def mountpoint(self, name: str) -> Path: ...
    async def usage(self, name: str) -> tuple[int, int]:
        """Bytes in it, and how many containers use it."""


class Usage:
    def __init__(
        self,
        *,
        containers: Containers,
        images: Images,
        volumes: Volumes,
        around: Around,
        encode_image: Callable[[ImageSummary], Json],
    ) -> None:
        self._containers, self._images, self._volumes = containers, images, volumes
        self._around, self._encode_image = around, encode_image

    async def disk_usage(self, kinds: frozenset[UsageKind], version: ApiVersion) -> Json:
        """See ``api.system.DiskUsage``."""
        containers: list[Json] = []
        volumes: list[Json] = []
        if UsageKind.CONTAINER in kinds:
            networks, now_ns = self._around.networks(), self._around.now_ns()
            for one in self._containers.list_containers():
                row = encode_summary(
                    one, networks, now_ns=now_ns, image=self._around.image_name(one)
                )
                row["SizeRw"], row["SizeRootFs"] = await self._around.sizes(one)
                containers.append(row)
        if UsageKind.VOLUME in kinds:
            for volume in self._volumes.list_volumes(Filters()):
                document = encode_volume(volume, str(self._volumes.mountpoint(volume.name)))
                size_bytes, users = await self._volumes.usage(volume.name)
                document["UsageData"] = {"Size": size_bytes, "RefCount": users}
                volumes.append(document)
        images: list[Json] = []
        if UsageKind.IMAGE in kinds:
            listed = self._images.list_images(Filters(), shared_sizes=True)
            images = [self._encode_image(one) for one in listed]
        return encode_disk_usage(
            kinds,
            layers_bytes=self._images.layers_size_bytes(),
            images=images,
            containers=containers,
            volumes=volumes,
        )
