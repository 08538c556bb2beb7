"""What several routes show and no single service knows."""

from collections.abc import Callable, Mapping, Sequence

from wherry.daemon.wiring import Engine
from wherry.engine.containers import listing
from wherry.model.container import Container
from wherry.model.errors import NotFound
from wherry.model.filters import Filters
from wherry.model.network import Network
from wherry.wire.containers import Surroundings


class Around:
    """See ``api.containers.Around``."""

    filter_keys = listing.FILTERS

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def surroundings(self, container: Container) -> Surroundings:
        engine, layout = self._engine, self._engine.layout
        sandbox = container.state.sandbox
        return Surroundings(
            networks=engine.networks.by_id(),
            container_dir=str(layout.container_dir(container.id)),
            log_path=str(layout.log_path(container.id)),
            sandbox_path=str(layout.netns_dir / sandbox) if sandbox else "",
            storage_driver=engine.drivers.snapshots.name,
            storage_data=self._storage_data(container),
            exec_ids=engine.execs.running_ids_of(container.id),
            now_ns=engine.clock.now_ns(),
        )

    def _storage_data(self, container: Container) -> Mapping[str, str]:
        layout, driver = self._engine.layout, self._engine.drivers.snapshots.name
        if driver != "overlay2":
            return {}
        root = layout.layers_dir / driver
        own = root / container.snapshot
        return {
            "LowerDir": ":".join(str(root / key / "diff") for key in container.layers),
            "MergedDir": str(layout.rootfs_dir(container.id)),
            "UpperDir": str(own / "diff"),
            "WorkDir": str(own / "work"),
        }

    def networks(self) -> Mapping[str, Network]:
        return self._engine.networks.by_id()

    def image_name(self, container: Container) -> str:
        """What it was made from, as long as that name means the same image; else the id."""
        spec = container.spec
        try:
            found = self._engine.images.get(spec.image)
        except NotFound:
            return spec.image_id
        return spec.image if found.id == spec.image_id else spec.image_id

    def select(
        self,
        containers: Sequence[Container],
        filters: Filters,
        *,
        all_of_them: bool,
        limit: int,
        word_of: Callable[[Container], str],
    ) -> Sequence[Container]:
        return listing.select(
            containers,
            filters,
            all_of_them=all_of_them,
            limit=limit,
            word_of=word_of,
            network_names={key: one.name for key, one in self.networks().items()},
            descends_from=self._descends_from,
        )

    def _descends_from(self, container: Container, wanted: str) -> bool:
        try:
            ancestor = self._engine.images.get(wanted)
        except NotFound:
            return False
        if container.spec.image_id == ancestor.id:
            return True
        layers = tuple(reversed(self._engine.images.layers_of(ancestor)))
        own = tuple(reversed(container.layers))
        return bool(layers) and own[: len(layers)] == layers

    async def sizes(self, container: Container) -> tuple[int, int]:
        snapshots = self._engine.drivers.snapshots
        own = await snapshots.size_bytes(container.snapshot)
        try:
            image = self._engine.images.get(container.spec.image_id).size_bytes
        except NotFound:
            image = 0
        return own, own + image

    def now_ns(self) -> int:
        return self._engine.clock.now_ns()
