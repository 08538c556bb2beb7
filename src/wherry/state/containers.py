"""Container rows."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from wherry.model.container import Container, ContainerState
from wherry.state.db import Database
from wherry.state.documents import decode, encode

_NO_STATE = ContainerState()


class ContainerRows:
    """What is kept of containers: the record once, the state at every change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, container: Container) -> None:
        """Keep a new container.

        It survives the death of the engine. A power cut may take the last ones: syncing here
        would make every start wait for whatever else is being written to the disk.
        """
        record = encode(replace(container, state=_NO_STATE))
        state = encode(container.state)
        await self._database.write(
            lambda rows: rows.execute(
                "INSERT INTO containers (id, name, record, state) VALUES (?, ?, ?, ?)",
                (container.id, container.name, record, state),
            )
        )

    async def save_state(self, container: Container) -> None:
        state = encode(container.state)
        await self._database.write(
            lambda rows: rows.execute(
                "UPDATE containers SET state = ? WHERE id = ?", (state, container.id)
            )
        )

    async def save_record(self, container: Container) -> None:
        """For the rare change of what was asked for: a new name, a changed limit."""
        record = encode(replace(container, state=_NO_STATE))
        await self._database.write(
            lambda rows: rows.execute(
                "UPDATE containers SET name = ?, record = ? WHERE id = ?",
                (container.name, record, container.id),
            ),
            durable=True,
        )

    async def delete(self, container_id: str) -> None:
        await self._database.write(
            lambda rows: rows.execute("DELETE FROM containers WHERE id = ?", (container_id,))
        )

    async def load(self) -> Sequence[Container]:
        def look(rows: sqlite3.Connection) -> list[Container]:
            return [
                replace(
                    decode(Container, row["record"]), state=decode(ContainerState, row["state"])
                )
                for row in rows.execute("SELECT record, state FROM containers")
            ]

        return await self._database.read(look)
