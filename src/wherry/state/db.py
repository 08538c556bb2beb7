"""The database: one connection, one thread, durable when asked.

The only module that knows SQLite. The tables are in ``schema/NNNN_name.sql``, applied in order and
once each; ``PRAGMA user_version`` says how far a database has come.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import TypeVar

from wherry.model.errors import Unsupported

T = TypeVar("T")


class Database:
    """Rows that survive. Every access runs on one thread of its own, in order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or make the file and bring its schema up to date.

        Raises:
            Unsupported: the database was written by a newer wherry.
            sqlite3.DatabaseError: the file is not a database, or is damaged.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    async def write(self, change: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Run `change` in one transaction and return its result once it is committed.

        A committed change survives the death of the engine. With `durable` it is also synced to
        the disk first, so that it survives a power cut.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._write, change, durable
        )

    def post(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """Queue `change` behind what was asked before, and do not wait for it."""
        self._thread.submit(self._write, change, False)

    async def read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """Run `look` outside any transaction."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: look(self._require())
        )

    async def close(self) -> None:
        """Finish what was queued and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _require(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("the database is not open")
        return self._connection

    def _open(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
            # one page in the cache is 4 KiB: a small cache, for a small resident size
            connection.execute("PRAGMA cache_size=256")
            _migrate(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _write(self, change: Callable[[sqlite3.Connection], T], durable: bool) -> T:
        connection = self._require()
        if durable:
            connection.execute("PRAGMA synchronous=FULL")
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = change(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result
        finally:
            if durable:
                connection.execute("PRAGMA synchronous=NORMAL")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _migrate(connection: sqlite3.Connection) -> None:
    scripts = sorted(
        (int(file.name.split("_")[0]), file)
        for file in resources.files("wherry.state").joinpath("schema").iterdir()
        if file.name.endswith(".sql")
    )
    newest = scripts[-1][0]
    (current,) = connection.execute("PRAGMA user_version").fetchone()
    if current > newest:
        raise Unsupported(
            f"the state database has schema {current}, this wherry knows {newest}",
            hint="start the newer wherry again, or give this one another --data-root",
        )
    for number, script in scripts:
        if number > current:
            connection.executescript(
                f"BEGIN; {script.read_text()}; PRAGMA user_version={number}; COMMIT;"
            )
