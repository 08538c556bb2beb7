"""Volumes: their records, their folders, and who uses them."""

import asyncio
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from wherry.engine.clock import Clock
from wherry.model.errors import Conflict, InvalidArgument, NoSuchVolume, Unsupported
from wherry.model.filters import Filters
from wherry.model.ids import check_volume_name, make_id
from wherry.model.volume import Volume


class VolumeRows(Protocol):
    async def insert(self, volume: Volume) -> None: ...

    async def delete(self, name: str) -> None: ...

    async def load(self) -> Sequence[Volume]: ...


class VolumeEvents(Protocol):
    def publish(
        self, *, kind: str, action: str, actor_id: str, attributes: Mapping[str, str]
    ) -> None: ...


class Volumes:
    """Named folders that outlive containers."""

    def __init__(
        self,
        *,
        rows: VolumeRows,
        events: VolumeEvents,
        clock: Clock,
        folder_of: Callable[[str], Path],
        trash_dir: Path,
    ) -> None:
        self._rows, self._events, self._clock = rows, events, clock
        self._folder_of, self._trash_dir = folder_of, trash_dir
        self._volumes: dict[str, Volume] = {}
        self._users: Callable[[str], Collection[str]] = lambda _name: ()
        self._changing = asyncio.Lock()

    async def open(self, users: Callable[[str], Collection[str]]) -> None:
        """Load what is kept. `users` tells the ids of the containers that use a volume."""
        self._users = users
        self._volumes = {one.name: one for one in await self._rows.load()}

    def mountpoint(self, name: str) -> Path:
        return self._folder_of(name)

    def get(self, name: str) -> Volume:
        """NoSuchVolume if there is none."""
        try:
            return self._volumes[name]
        except KeyError:
            raise NoSuchVolume(name) from None

    def find(self, name: str) -> Volume | None:
        return self._volumes.get(name)

    def list_volumes(self, filters: Filters) -> Sequence[Volume]:
        """Those that match; filters: dangling, driver, label, name."""
        return sorted(
            (one for one in self._volumes.values() if self._matches(one, filters)),
            key=lambda one: one.name,
        )

    async def create(
        self,
        name: str = "",
        *,
        driver: str = "local",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume:
        """Make a volume, or return the one that has this name.

        Raises:
            InvalidArgument: the name cannot be one.
            Unsupported: another driver than ``local``, or options of it.
        """
        if driver not in ("", "local"):
            raise Unsupported(
                f'error looking up volume plugin {driver}: plugin "{driver}" not found'
            )
        chosen = check_volume_name(name) if name else make_id()
        async with self._changing:
            if existing := self._volumes.get(chosen):
                return existing
            volume = await self._make(chosen, options or {}, labels or {}, anonymous=not name)
        self._tell(chosen, "create")
        return volume

    async def _make(
        self, name: str, options: Mapping[str, str], labels: Mapping[str, str], *, anonymous: bool
    ) -> Volume:
        if options:
            raise Unsupported(
                "options of the local volume driver are not supported yet: "
                + ", ".join(sorted(options)),
                hint="mount the file system on the host and use a bind mount",
            )
        volume = Volume(
            name=name,
            created_ns=self._clock.now_ns(),
            options=dict(options),
            labels=dict(labels),
            anonymous=anonymous,
        )
        folder = self._folder_of(name)
        os.makedirs(folder.parent, mode=0o701, exist_ok=True)
        os.makedirs(folder, mode=0o755, exist_ok=True)
        await self._rows.insert(volume)
        self._volumes[name] = volume
        return volume

    async def remove(self, name: str, *, force: bool = False) -> None:
        """Delete a volume and its data.

        Raises:
            NoSuchVolume: there is none, and `force` was not given.
            Conflict: a container uses it.
        """
        # a new volume of this name must not begin before the folder of the old one is away
        async with self._changing:
            if name not in self._volumes:
                if force:
                    return
                raise NoSuchVolume(name)
            if users := sorted(self._users(name)):
                raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")
            await self._rows.delete(name)
            del self._volumes[name]
            set_aside = self._set_aside(name)
        self._tell(name, "destroy")
        if set_aside is not None:
            await asyncio.to_thread(shutil.rmtree, set_aside, ignore_errors=True)

    async def prune(self, filters: Filters) -> tuple[Sequence[str], int]:
        """Remove what nobody uses: the names, and the bytes that it held.

        Only volumes without a name of their own, unless the filter ``all`` says otherwise.
        """
        everything = any(one in ("1", "true", "True") for one in filters.values("all"))
        gone: list[str] = []
        freed = 0
        for one in list(self._volumes.values()):
            if not (everything or one.anonymous) or self._users(one.name):
                continue
            if not filters.match_labels("label", one.labels):
                continue
            if filters.match_any_label("label!", one.labels):
                continue
            size_bytes = await asyncio.to_thread(_size_bytes, self._folder_of(one.name))
            try:
                await self.remove(one.name)
            except (Conflict, NoSuchVolume):
                continue  # taken, or gone, while it was measured
            freed += size_bytes
            gone.append(one.name)
        return gone, freed

    async def usage(self, name: str) -> tuple[int, int]:
        """Bytes in it, and how many containers use it."""
        size_bytes = await asyncio.to_thread(_size_bytes, self._folder_of(name))
        return size_bytes, len(self._users(name))

    def unknown_folders(self, existing: Collection[str]) -> Sequence[str]:
        """Folders that no row names."""
        return sorted(set(existing) - set(self._volumes))

    def _set_aside(self, name: str) -> Path | None:
        """Move its folder to the trash; None if there is none."""
        gone = self._trash_dir / f"volume-{make_id()[:16]}"
        try:
            os.rename(self._folder_of(name).parent, gone)
        except FileNotFoundError:
            return None
        return gone

    def _tell(self, name: str, action: str) -> None:
        self._events.publish(
            kind="volume", action=action, actor_id=name, attributes={"driver": "local"}
        )

    def _matches(self, volume: Volume, filters: Filters) -> bool:
        if dangling := filters.values("dangling"):
            if dangling[0] not in ("1", "0", "true", "false"):
                raise InvalidArgument(f"invalid filter 'dangling={dangling[0]}'")
            if (dangling[0] in ("1", "true")) == bool(self._users(volume.name)):
                return False
        if (drivers := filters.values("driver")) and volume.driver not in drivers:
            return False
        if (names := filters.values("name")) and not any(one in volume.name for one in names):
            return False
        return filters.match_labels("label", volume.labels)


def _size_bytes(folder: Path) -> int:
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:
                continue
    return total
