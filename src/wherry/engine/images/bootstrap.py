"""First images on a host without any: built from what the host has, then imported."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from wherry.drivers.bootstrap.base import ChooseBuilder, Rootfs, RootfsBuilder
from wherry.engine.images.service import Images
from wherry.engine.images.streams import read_file
from wherry.model.image import Image
from wherry.model.reference import Reference


class Bootstrap:
    def __init__(self, *, images: Images, choose: ChooseBuilder, work_dir: Path) -> None:
        """`work_dir`: where large files may stand for a while."""
        self._images, self._choose, self._work_dir = images, choose, work_dir

    def make(
        self, wanted: str, *, include: Sequence[str] = (), host_ca: bool = False
    ) -> AsyncIterator[str | Image]:
        """Say what is being done, and at last which image came of it.

        Raises:
            InvalidArgument: at once, for what cannot be made.
            NotFound, Unavailable: see `RootfsBuilder.build`.
        """
        return self._make(self._choose(wanted, include=include, host_ca=host_ca))

    async def _make(self, builder: RootfsBuilder) -> AsyncIterator[str | Image]:
        said: asyncio.Queue[str | None] = asyncio.Queue()
        self._work_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="bootstrap-", dir=self._work_dir))

        async def build() -> Rootfs:
            try:
                return await builder.build(folder, said.put_nowait)
            finally:
                said.put_nowait(None)

        building = asyncio.create_task(build())
        try:
            while (line := await said.get()) is not None:
                yield line
            yield await self._import(await building)
        finally:
            building.cancel()
            await asyncio.gather(building, return_exceptions=True)
            await asyncio.to_thread(shutil.rmtree, folder)

    async def _import(self, rootfs: Rootfs) -> Image:
        first, *others = rootfs.references
        image = await self._images.import_tar(
            read_file(rootfs.tar_path.open("rb")),
            reference=Reference.parse(first),
            message=rootfs.message,
            changes=rootfs.changes,
            created_ns=rootfs.created_ns,
        )
        for name in others:
            await self._images.tag(image.id, Reference.parse(name))
        return image
