"""Volume rows."""

import sqlite3
from collections.abc import Sequence

from wherry.model.volume import Volume
from wherry.state.db import Database
from wherry.state.documents import decode, encode


class VolumeRows:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, volume: Volume) -> None:
        await self._database.write(
            lambda rows: rows.execute(
                "INSERT INTO volumes (name, record) VALUES (?, ?)", (volume.name, encode(volume))
            ),
            durable=True,
        )

    async def delete(self, name: str) -> None:
        await self._database.write(
            lambda rows: rows.execute("DELETE FROM volumes WHERE name = ?", (name,)), durable=True
        )

    async def load(self) -> Sequence[Volume]:
        def look(rows: sqlite3.Connection) -> list[Volume]:
            return [decode(Volume, row["record"]) for row in rows.execute("SELECT * FROM volumes")]

        return await self._database.read(look)
