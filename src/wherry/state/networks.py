"""Network rows."""

import sqlite3
from collections.abc import Sequence

from wherry.model.network import Network
from wherry.state.db import Database
from wherry.state.documents import decode, encode


class NetworkRows:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, network: Network) -> None:
        await self._database.write(
            lambda rows: rows.execute(
                "INSERT INTO networks (id, name, record) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET name = excluded.name, record = excluded.record",
                (network.id, network.name, encode(network)),
            ),
            durable=True,
        )

    async def delete(self, network_id: str) -> None:
        await self._database.write(
            lambda rows: rows.execute("DELETE FROM networks WHERE id = ?", (network_id,)),
            durable=True,
        )

    async def load(self) -> Sequence[Network]:
        def look(rows: sqlite3.Connection) -> list[Network]:
            return [
                decode(Network, row["record"]) for row in rows.execute("SELECT * FROM networks")
            ]

        return await self._database.read(look)
