"""Published ports: the socket that holds each, the rule that forwards it, the proxy beside it.

Also keeps the table: what is wanted is known as values, so the kernel's rules can be drawn again at
any time, and are whenever they are not found as they were left.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from wherry.drivers.network import ruleset
from wherry.drivers.network.proxy import Proxy, start_proxy
from wherry.drivers.network.publish import HeldPort, HostPorts
from wherry.drivers.network.ruleset import Element, Forward, Segment
from wherry.kernel import conntrack
from wherry.kernel.nftables import Nft, NftError
from wherry.model.errors import WherryError
from wherry.model.network import Endpoint
from wherry.model.ports import PublishedPort, Transport

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Published:
    """An endpoint's ports."""

    forwards: tuple[Forward, ...] = ()
    held: list[HeldPort] = field(default_factory=list)
    proxies: dict[HeldPort, Proxy] = field(default_factory=dict)


class Forwarding:
    """The table of this engine. `list_segments` tells of the networks, whenever it is drawn."""

    def __init__(
        self, nft: Nft, table: str, list_segments: Callable[[], Iterable[Segment]]
    ) -> None:
        self._nft, self._table, self._list_segments = nft, table, list_segments
        self._ports = HostPorts()
        self._published: dict[str, _Published] = {}
        self._drawn = ""

    def adopt(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None:
        """Know of ports that an earlier daemon published; `draw` and `start_proxies` follow."""
        published = self._published.setdefault(endpoint.id, _Published())
        published.forwards = ruleset.plan_forwards(endpoint, ports)
        for port in ports:
            try:
                for held in self._ports.hold([port]):
                    held.listen()
                    published.held.append(held)
            except WherryError as error:
                # It runs and is forwarded; that somebody else wants the port is his loss.
                _log.warning("a port of %s is forwarded, not held: %s", endpoint.id, error)

    async def publish(
        self, endpoint: Endpoint, ports: Sequence[PublishedPort]
    ) -> Sequence[PublishedPort]:
        """See ``base.Networks.publish``."""
        published = self._published.setdefault(endpoint.id, _Published())
        before = published.forwards
        held: list[HeldPort] = []
        try:
            held = self._ports.hold(ports)
            given = [one.published for one in held]
            published.forwards += ruleset.plan_forwards(endpoint, given)
            now = ruleset.forward_elements(published.forwards)
            self.change(added=now - ruleset.forward_elements(before))
            # Only now: a client that came before the rule would be kept waiting for ever.
            for one in held:
                one.listen()
            published.held += held
            await self.start_proxies(endpoint)
            await _forget_flows(given)
        except BaseException:
            await self._withdraw(endpoint, held, before)
            raise
        return given

    async def unpublish(self, endpoint: Endpoint, ports: Sequence[PublishedPort]) -> None:
        """Unknown is success."""
        published = self._published.get(endpoint.id)
        if published is None:
            return
        leaving = [one for one in published.held if one.published in ports]
        gone = set(ruleset.plan_forwards(endpoint, ports))
        remaining = tuple(forward for forward in published.forwards if forward not in gone)
        await self._withdraw(endpoint, leaving, remaining)
        await _forget_flows(one.published for one in leaving)

    async def start_proxies(self, endpoint: Endpoint) -> None:
        """One for each IPv6 port of the endpoint that has none yet."""
        published = self._published.get(endpoint.id)
        address = endpoint.ipv6 or endpoint.ipv4
        if published is None or address is None:
            return
        for held in published.held:
            if (
                held.socket is not None
                and held.published.host_ip.version == 6
                and held not in published.proxies
            ):
                port = held.published.port
                proxy = await start_proxy(port.transport, held.socket, str(address), port.number)
                if proxy is not None:
                    published.proxies[held] = proxy

    def change(self, *, added: Collection[Element] = (), removed: Collection[Element] = ()) -> None:
        """Elements that come and go; what they follow from is known already."""
        text = ruleset.render_changes(self._table, added=added, removed=removed)
        if not text:
            return
        try:
            self._nft.run(text)
        except NftError as error:
            # Not as we left it: somebody was there. What is wanted is known, so draw it all.
            _log.info("rules are drawn anew: %s", error)
            self.draw()

    def draw(self) -> None:
        """Replace the whole table by what is wanted."""
        forwards = (one for published in self._published.values() for one in published.forwards)
        self._nft.run(ruleset.render_table(self._table, self._list_segments(), forwards))
        self._drawn = self._list_table()

    async def restore(self) -> None:
        """Draw the table if another program changed it."""
        if self._drawn and self._list_table() != self._drawn:
            _log.warning("the table %s was changed by another program", self._table)
            self.draw()

    def erase(self) -> None:
        """Take the table away."""
        self._drawn = ""
        with contextlib.suppress(NftError):
            self._nft.run(f"delete table inet {self._table}\n")

    async def close(self) -> None:
        """Give the ports back; rules stay."""
        for published in self._published.values():
            for proxy in published.proxies.values():
                await proxy.close()
            self._ports.release(published.held)
        self._published = {}

    def _list_table(self) -> str:
        try:
            return self._nft.run(f"list table inet {self._table}", terse=True)
        except NftError:
            return ""

    async def _withdraw(
        self, endpoint: Endpoint, leaving: Sequence[HeldPort], remaining: tuple[Forward, ...]
    ) -> None:
        """Rules first: no packet may find a held port without them."""
        published = self._published[endpoint.id]
        removed = ruleset.forward_elements(published.forwards) - ruleset.forward_elements(remaining)
        published.forwards = remaining
        self.change(removed=removed)
        published.held = [one for one in published.held if one not in leaving]
        proxies = [published.proxies.pop(one, None) for one in leaving]
        if not published.held and not published.forwards:
            self._published.pop(endpoint.id, None)
        for proxy in proxies:
            if proxy is not None:
                await proxy.close()
        self._ports.release(leaving)


async def _forget_flows(ports: Iterable[PublishedPort]) -> None:
    numbers = {one.host_port for one in ports if one.port.transport is Transport.UDP}
    for number in numbers:
        # Where the kernel cannot list them, old flows end by themselves when nobody sends.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(conntrack.forget_udp_flows, number)
