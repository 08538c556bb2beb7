"""Events as rows: appended, read from a moment on, forgotten when there are too many."""

import json
import sqlite3
from collections.abc import Sequence

from wherry.model.event import Event, Kind
from wherry.state.db import Database

PAGE_ROWS = 1000


class EventRows:
    """The table ``events``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def post(self, events: Sequence[Event]) -> None:
        """Append these, in order, without waiting for the disk."""
        rows = [(event.time_ns, _encode(event)) for event in events]
        self._database.post(
            lambda connection: connection.executemany(
                "INSERT INTO events (time_ns, record) VALUES (?, ?)", rows
            )
        )

    def post_trim(self, *, keep: int, since_ns: int) -> None:
        """Forget what is older than `since_ns`, and all but the last `keep`."""

        def trim(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM events WHERE time_ns < ?"
                " OR number <= (SELECT MAX(number) FROM events) - ?",
                (since_ns, keep),
            )

        self._database.post(trim)

    async def get_last_time_ns(self) -> int:
        """When the newest event was; 0 when there is none."""

        def look(connection: sqlite3.Connection) -> int:
            (found,) = connection.execute("SELECT MAX(time_ns) FROM events").fetchone()
            return found or 0

        return await self._database.read(look)

    async def list_between(self, after_ns: int, until_ns: int) -> Sequence[Event]:
        """The first `PAGE_ROWS` events later than `after_ns` and not later than `until_ns`."""

        def look(connection: sqlite3.Connection) -> Sequence[Event]:
            rows = connection.execute(
                "SELECT time_ns, record FROM events WHERE time_ns > ? AND time_ns <= ?"
                " ORDER BY time_ns LIMIT ?",
                (after_ns, until_ns, PAGE_ROWS),
            )
            return [_decode(row["time_ns"], row["record"]) for row in rows]

        return await self._database.read(look)


def _encode(event: Event) -> str:
    return json.dumps(
        [event.kind, event.action, event.actor_id, dict(event.attributes)],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _decode(time_ns: int, record: str) -> Event:
    kind, action, actor_id, attributes = json.loads(record)
    return Event(
        time_ns=time_ns,
        kind=Kind(kind),
        action=action,
        actor_id=actor_id,
        attributes=attributes,
    )
