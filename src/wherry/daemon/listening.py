"""From the addresses in the settings to sockets that answer."""

import grp
import os
import socket
from collections.abc import Sequence

from wherry.daemon.config import (
    DOCKER_SOCKET_PATH,
    Address,
    Config,
    InheritedAddress,
    TcpAddress,
    UnixAddress,
)
from wherry.daemon.tls import make_server_context
from wherry.http.server import Server
from wherry.model.errors import InvalidArgument

_FIRST_FD = 3


async def listen(server: Server, config: Config) -> None:
    """Listen wherever the settings say.

    Raises:
        InvalidArgument: no such group, no socket from systemd, or unusable certificates.
        OSError: an address is taken.
    """
    tls = make_server_context(config)
    inherited = take_inherited()
    addresses: list[Address] = list(config.hosts)
    if config.docker_socket:
        addresses.append(UnixAddress(DOCKER_SOCKET_PATH))
    for address in addresses:
        match address:
            case UnixAddress(path):
                await server.listen_unix(path, group_id=_group_id(config))
            case TcpAddress(host, port):
                await server.listen_tcp(host, port, tls=tls)
            case InheritedAddress(which):
                for listener in _choose(inherited, which):
                    secured = tls if listener.family != socket.AF_UNIX else None
                    if listener.family != socket.AF_UNIX and secured is None:
                        _require_loopback(listener)
                    await server.listen_socket(listener, tls=secured)


def take_inherited() -> Sequence[tuple[str, socket.socket]]:
    """Names and sockets that systemd handed over, once: sd_listen_fds(3)."""
    number, names = os.environ.pop("LISTEN_FDS", "0"), os.environ.pop("LISTEN_FDNAMES", "")
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()) or not number.isdecimal():
        return ()
    sockets = []
    for index, fd in enumerate(range(_FIRST_FD, _FIRST_FD + int(number))):
        os.set_inheritable(fd, False)
        name = (names.split(":") + [""] * int(number))[index]
        sockets.append((name, socket.socket(fileno=fd)))
    return sockets


def _choose(inherited: Sequence[tuple[str, socket.socket]], which: str) -> Sequence[socket.socket]:
    if not inherited:
        raise InvalidArgument(
            "no sockets found via socket activation: make sure the service was started by systemd"
        )
    if not which:
        return [listener for _, listener in inherited]
    chosen = [one for name, one in inherited if which in (name, str(one.fileno()))]
    if not chosen:
        raise InvalidArgument(f"fd://{which}: systemd handed over no such socket")
    return chosen


def _require_loopback(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    if not TcpAddress(host, port).is_loopback:
        raise InvalidArgument(
            f"the inherited socket {host}:{port} is open to the network and --tlsverify is not set"
        )


def _group_id(config: Config) -> int | None:
    try:
        return grp.getgrnam(config.group).gr_gid
    except KeyError:
        if config.group == Config().group:
            return None  # the default: root alone, where there is no such group
        raise InvalidArgument(f"group {config.group} not found") from None
