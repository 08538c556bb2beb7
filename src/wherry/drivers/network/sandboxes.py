"""Network namespaces for containers: prepared ahead of need, then bound to a name.

::

    <run root>/netns/          a mount of its own, private: what is bound here is bound nowhere else
        <name>                 one namespace, for as long as its container runs

A prepared one has no name yet: a descriptor keeps it alive, so those of a daemon that crashed are
gone with it. Binding takes 0.1 ms, making and preparing one 1 ms.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wherry.drivers.network.base import Sandbox
from wherry.kernel import mount, namespaces
from wherry.kernel.mount import MountFlag
from wherry.kernel.namespaces import (
    bind_namespace,
    create_network_namespace,
    discard_namespace,
    open_namespace,
)
from wherry.kernel.netlink import Netlink, set_up
from wherry.model.errors import NotFound

_QUIET_S = 0.15
"""Prepared again when nothing was taken for so long: a start has the processor to itself."""

_SETTINGS = {
    # As in Docker: who may not open raw sockets may still ping, and port 80 is for everybody.
    "net/ipv4/ping_group_range": "0 2147483647",
    "net/ipv4/ip_unprivileged_port_start": "0",
    # A link that comes up tells its neighbours who has the address now.
    "net/ipv4/conf/default/arp_notify": "1",
    # For links that come later. The loopback link keeps its ::1.
    "net/ipv6/conf/default/disable_ipv6": "1",
    "net/ipv6/conf/default/accept_ra": "0",
}


@dataclass(slots=True)
class Namespace:
    """An open namespace, and a netlink socket inside it."""

    fd: int
    netlink: Netlink

    def close(self) -> None:
        self.netlink.close()
        os.close(self.fd)


class Sandboxes:
    """All namespaces of this engine."""

    def __init__(self, netns_dir: Path, *, spare: int) -> None:
        self._dir, self._spare = netns_dir, spare
        self._ready: deque[Namespace] = deque()
        self._open: dict[str, Namespace] = {}
        self._taken = asyncio.Event()

    def adopt(self, keep: Iterable[str]) -> None:
        """Take over the folder: those of these names stay, all others go."""
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not mount.is_mount_point(self._dir):
            mount.bind(self._dir, self._dir)
        mount.set_propagation(self._dir, MountFlag.PRIVATE)
        for name in {path.name for path in self._dir.iterdir()}.difference(keep):
            self.discard(name)

    def create(self, name: str) -> Sandbox:
        """The namespace of this name; a prepared one, unless it is there already."""
        path = self._dir / name
        if name not in self._open and not self._reopen(name):
            self._taken.set()
            namespace = self._ready.popleft() if self._ready else _make()
            try:
                bind_namespace(namespace.fd, path)
            except BaseException:
                namespace.close()
                raise
            self._open[name] = namespace
        return Sandbox(name=name, path=path)

    def get(self, name: str) -> Namespace:
        """Raises NotFound."""
        if name not in self._open and not self._reopen(name):
            raise NotFound(f"no network namespace {name}")
        return self._open[name]

    def has(self, name: str) -> bool:
        return name in self._open or self._reopen(name)

    def discard(self, name: str) -> None:
        if (namespace := self._open.pop(name, None)) is not None:
            namespace.close()
        discard_namespace(self._dir / name)

    async def keep_ready(self) -> None:
        """Prepare namespaces whenever there is time; until it is cancelled."""
        while True:
            while len(self._ready) < self._spare:
                await self._prepare_one()
            self._taken.clear()
            await self._taken.wait()
            while self._taken.is_set():
                self._taken.clear()
                await asyncio.sleep(_QUIET_S)

    async def _prepare_one(self) -> None:
        making = asyncio.create_task(asyncio.to_thread(_make))
        try:
            self._ready.append(await asyncio.shield(making))
        except asyncio.CancelledError:
            (await making).close()  # a thread cannot be called back
            raise

    def close(self) -> None:
        """Those with a name stay."""
        for namespace in (*self._ready, *self._open.values()):
            namespace.close()
        self._ready.clear()
        self._open.clear()
        with contextlib.suppress(OSError):
            if not any(self._dir.iterdir()):
                mount.unmount(self._dir, lazy=True)

    def _reopen(self, name: str) -> bool:
        """One that an earlier daemon made."""
        path = self._dir / name
        try:
            fd = open_namespace(path)
        except FileNotFoundError:
            return False
        except OSError:
            path.unlink()  # made, and never bound
            return False
        try:
            self._open[name] = Namespace(fd, Netlink(fd))
        except BaseException:
            os.close(fd)
            raise
        return True


def enable_ipv6(namespace: Namespace, interface: str) -> None:
    """For one link; what the namespace was told for later ones stays."""

    def write() -> None:
        _write_setting(f"net/ipv6/conf/{interface}/accept_dad", "0")
        _write_setting(f"net/ipv6/conf/{interface}/disable_ipv6", "0")

    namespaces.run_in(namespace.fd, write)


def _make() -> Namespace:
    def prepare() -> Netlink:
        netlink = Netlink()
        netlink.do(set_up(1))  # the first link of a namespace is its loopback
        for name, value in _SETTINGS.items():
            _write_setting(name, value)
        return netlink

    fd, netlink = create_network_namespace(prepare)
    return Namespace(fd, netlink)


def _write_setting(name: str, value: str) -> None:
    """As sysctl(8); what this kernel does not have (IPv6) needs no setting."""
    with contextlib.suppress(FileNotFoundError):
        fd = os.open(f"/proc/sys/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
