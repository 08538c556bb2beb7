"""Notices when another program takes our rules away: ``flush ruleset``, a firewall's restart.

The kernel announces every change of every table. Only what takes away (or closes) is looked at,
and a little later, because such things come in bundles.
"""

import asyncio
from collections.abc import Awaitable, Callable

from wherry.kernel.nftables import Announcements, Change

_SETTLE_S = 0.05
_FOREIGN_TABLE = "filter"
"""That of iptables, where ``passage.py`` needs its accepts."""
_CLOSING = {Change.DELETE_TABLE, Change.DELETE_CHAIN, Change.DELETE_RULE, Change.NEW_CHAIN}


async def watch_tables(
    table: str, *, on_own: Callable[[], Awaitable[None]], on_foreign: Callable[[], Awaitable[None]]
) -> None:
    """Call `on_own` when something was taken from our table, `on_foreign` when iptables' FORWARD
    may have changed; until it is cancelled."""
    loop = asyncio.get_running_loop()
    announcements = Announcements()
    changed = asyncio.Event()
    touched: set[str] = set()

    def on_readable() -> None:
        news, lost = announcements.read()
        touched.update(
            new.table
            for new in news
            if new.change in _CLOSING and new.table in (table, _FOREIGN_TABLE)
        )
        if lost:
            touched.update((table, _FOREIGN_TABLE))
        if touched:
            changed.set()

    loop.add_reader(announcements, on_readable)
    try:
        while True:
            await changed.wait()
            await asyncio.sleep(_SETTLE_S)
            changed.clear()
            seen, touched = touched, set()
            if table in seen:
                await on_own()
            if _FOREIGN_TABLE in seen:
                await on_foreign()
    finally:
        loop.remove_reader(announcements)
        announcements.close()
