"""Which ports of the host are ours: each is held by a socket, so that nobody else gets it.

The rules of nftables would forward a port whether or not a program on the host listens there. So
a port is first bound, which fails when somebody has it, and stays bound while it is published.
TCP sockets listen besides: the kernel lets two sockets with SO_REUSEADDR be bound to one port
until one listens, and without that flag a port could not be taken again for a minute after its
last connection. Nothing ever arrives at an IPv4 socket, because its packets are forwarded before;
an IPv6 socket may be a proxy's (see ``proxy.py``).

Sources: ip(7), socket(7), udp(7); /proc/sys/net/ipv4/ip_local_port_range.
"""

import errno
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from pathlib import Path

from wherry.model.errors import Conflict, PortTaken
from wherry.model.ports import PublishedPort, Transport

_BACKLOG = 128


@dataclass(frozen=True, slots=True, eq=False)
class HeldPort:
    """A published port and the socket that holds it; None where the kernel has no such sockets."""

    published: PublishedPort
    socket: socket.socket | None

    def listen(self) -> None:
        """From now on nobody can bind this port.

        Raises:
            PortTaken: somebody began to listen there since it was bound.
        """
        if self.socket is None or self.socket.type != socket.SOCK_STREAM:
            return
        try:
            self.socket.listen(_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise _taken(self.published) from error

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()


class HostPorts:
    """Binds ports, and chooses them where any will do."""

    def __init__(self) -> None:
        self._first, self._last = _read_ephemeral_range()
        self._previous: dict[Transport, int] = {}
        self._without_socket: set[tuple[Transport, str, int]] = set()

    def hold(self, ports: Sequence[PublishedPort]) -> list[HeldPort]:
        """Bind them all, or none; the result has every port number filled in.

        ``0.0.0.0`` and ``::`` side by side with the same wish get the same number. Where the
        kernel has no IPv6, ``::`` is left out.

        Raises:
            PortTaken: somebody has one of them.
            Conflict: the host has no such address.
        """
        held: list[HeldPort] = []
        try:
            for group in _twins(ports):
                held += self._hold_group(group)
        except BaseException:
            self.release(held)
            raise
        return held

    def release(self, held: Iterable[HeldPort]) -> None:
        """Give them back."""
        for one in held:
            one.close()
            self._without_socket.discard(_key(one.published))

    def _hold_group(self, group: Sequence[PublishedPort]) -> list[HeldPort]:
        candidates = self._candidates(group[0])
        for number in candidates:
            try:
                held = self._hold_at(group, number)
            except PortTaken:
                if len(candidates) == 1:
                    raise
                continue
            if not group[0].host_port:
                self._previous[group[0].port.transport] = number
            return held
        raise _taken(group[0])

    def _hold_at(self, group: Sequence[PublishedPort], number: int) -> list[HeldPort]:
        held: list[HeldPort] = []
        try:
            for wish in group:
                published = replace(wish, host_port=number, host_port_end=number)
                try:
                    held.append(HeldPort(published, self._bind(published)))
                except OSError as error:
                    if error.errno == errno.EADDRINUSE:
                        raise _taken(published) from error
                    if error.errno == errno.EAFNOSUPPORT and wish.host_ip.is_unspecified:
                        continue
                    raise _refused(published, error) from error
        except BaseException:
            self.release(held)
            raise
        return held

    def _bind(self, published: PublishedPort) -> socket.socket | None:
        transport = published.port.transport
        if transport is Transport.SCTP and not _sctp_is_loaded():
            # Asking for such a socket would load the module; without it nobody can have the port.
            if _key(published) in self._without_socket:
                raise _taken(published)
            self._without_socket.add(_key(published))
            return None
        family = socket.AF_INET if published.host_ip.version == 4 else socket.AF_INET6
        kind = socket.SOCK_DGRAM if transport is Transport.UDP else socket.SOCK_STREAM
        protocol = socket.IPPROTO_SCTP if transport is Transport.SCTP else 0
        bound = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, protocol)
        try:
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if transport is Transport.TCP:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((str(published.host_ip), published.host_port))
        except BaseException:
            bound.close()
            raise
        return bound

    def _candidates(self, wish: PublishedPort) -> Sequence[int]:
        if wish.host_port:
            return range(wish.host_port, max(wish.host_port, wish.host_port_end) + 1)
        begin = self._previous.get(wish.port.transport, self._first - 1) + 1
        if not self._first <= begin <= self._last:
            begin = self._first
        return (*range(begin, self._last + 1), *range(self._first, begin))


def _twins(ports: Sequence[PublishedPort]) -> Iterator[tuple[PublishedPort, ...]]:
    """Wishes that must get one number together."""
    position = 0
    while position < len(ports):
        wish, follower = ports[position], ports[position + 1 : position + 2]
        if (
            follower
            and wish.host_ip.is_unspecified
            and follower[0] == replace(wish, host_ip=IPv6Address("::"))
            and wish.host_ip.version == 4
        ):
            yield wish, follower[0]
            position += 2
        else:
            yield (wish,)
            position += 1


def _taken(published: PublishedPort) -> PortTaken:
    shown = f"[{published.host_ip}]" if published.host_ip.version == 6 else str(published.host_ip)
    return PortTaken(shown, published.host_port)


def _refused(published: PublishedPort, error: OSError) -> Conflict:
    reason = os.strerror(error.errno or 0).lower()
    return Conflict(
        f"failed to set up container networking: driver failed programming external "
        f"connectivity: failed to bind host port {published.host_ip}:{published.host_port}/"
        f"{published.port.transport}: {reason}"
    )


def _key(published: PublishedPort) -> tuple[Transport, str, int]:
    return published.port.transport, str(published.host_ip), published.host_port


def _sctp_is_loaded() -> bool:
    return "SCTP" in Path("/proc/net/protocols").read_text()


def _read_ephemeral_range() -> tuple[int, int]:
    first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    return int(first), int(last)
