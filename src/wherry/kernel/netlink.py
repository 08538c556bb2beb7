"""rtnetlink: links, addresses and routes, as messages that are built, sent in batches and answered.

A `Message` describes one change; `Netlink.do` sends any number of them in one datagram and waits
for every answer. The kernel carries them out in order, and goes on after one that failed.

A `Netlink` talks to the namespace in which its socket was made, whichever thread uses it.

Sources: netlink(7), rtnetlink(7), <linux/if_link.h>, <linux/netlink.h>.
"""

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import NamedTuple, Self

from wherry.kernel import namespaces

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network
IpInterface = IPv4Interface | IPv6Interface

# <linux/netlink.h>
_REQUEST, _ACK, _REPLACE, _EXCL, _CREATE, _DUMP = 0x1, 0x4, 0x100, 0x200, 0x400, 0x300
_ACK_TLVS, _CAPPED = 0x200, 0x100
_ERROR, _DONE = 2, 3
_SOL_NETLINK, _CAP_ACK, _EXT_ACK = 270, 10, 11
_MESSAGE_ATTRIBUTE = 1
_HEADER = struct.Struct("=IHHII")
_TYPE_MASK = 0x3FFF

# <linux/rtnetlink.h>
_NEWLINK, _DELLINK, _GETLINK = 16, 17, 18
_NEWADDR, _GETADDR = 20, 22
_NEWROUTE, _DELROUTE, _GETROUTE = 24, 25, 26
_TABLE_MAIN, _PROTOCOL_BOOT, _SCOPE_UNIVERSE, _UNICAST = 254, 3, 0, 1
_NO_DAD = 0x02  # IFA_F_NODAD
_UP = 1  # IFF_UP

# <linux/if_link.h>
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER = 1, 3, 4, 10
_IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_NET_NS_FD = 18, 20, 28
_INFO_KIND, _INFO_DATA, _INFO_SLAVE_KIND, _INFO_SLAVE_DATA = 1, 2, 4, 5
_VETH_PEER = 1
_BRPORT_STATE, _BRPORT_MODE, _BRPORT_ISOLATED = 1, 4, 33
_FORWARDING = 3  # BR_STATE_FORWARDING


class NetlinkError(OSError):
    """The kernel said no; its own words, where it has any, are part of the text."""

    def __init__(self, code: int, told: str, what: str) -> None:
        super().__init__(code, f"{what}: {os.strerror(code)}" + (f" ({told})" if told else ""))


class Message(NamedTuple):
    """One request; `what` is for people: it stands in an error's text."""

    kind: int
    flags: int
    body: bytes
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    index: int
    name: str
    kind: str
    """``bridge``, ``veth``; empty for a device of hardware."""
    master: int
    """Index of the bridge it is a port of, or 0."""
    up: bool
    mtu_bytes: int
    mac: str
    alias: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    index: int
    """The link's."""
    interface: IpInterface


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One of the main table."""

    destination: IpNetwork
    index: int
    gateway: IpAddress | None


class Netlink:
    """A socket for requests. `namespace_fd` None: the namespace of the calling thread."""

    def __init__(self, namespace_fd: int | None = None) -> None:
        self._socket = (
            _open_socket()
            if namespace_fd is None
            else namespaces.run_in(namespace_fd, _open_socket)
        )
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def do(self, *messages: Message) -> None:
        """Carry out all messages, one after the other.

        Raises:
            NetlinkError: the first that failed; those after it were tried all the same.
        """
        waiting: dict[int, Message] = {}
        out = bytearray()
        for message in messages:
            self._sequence += 1
            waiting[self._sequence] = message
            out += _pack(message, _ACK, self._sequence)
        self._socket.send(out)
        failed: list[NetlinkError] = []
        while waiting:
            for kind, flags, sequence, body in _split(self._socket.recv(1 << 16)):
                if kind != _ERROR or sequence not in waiting:
                    continue
                what = waiting.pop(sequence).what
                if code := -_read_int(body, 0):
                    failed.append(NetlinkError(code, _complaint(flags, body), what))
        if failed:
            raise failed[0]

    def find_link(self, name: str) -> Link | None:
        """The link of this name, or None."""
        body = _link_header() + _attribute(_IFLA_IFNAME, name)
        replies = self._ask(Message(_GETLINK, 0, body, f"link {name}"))
        return _link_of(replies[0]) if replies else None

    def list_links(self) -> tuple[Link, ...]:
        return tuple(map(_link_of, self._dump(_GETLINK, _link_header())))

    def list_addresses(self) -> tuple[Address, ...]:
        return tuple(map(_address_of, self._dump(_GETADDR, bytes(8))))

    def list_routes(self) -> tuple[Route, ...]:
        """The main table's, of both families, without default routes."""
        routes = map(_route_of, self._dump(_GETROUTE, bytes(12)))
        return tuple(route for route in routes if route is not None)

    def _ask(self, message: Message) -> list[bytes]:
        """The answers to one request; none if there is no such thing."""
        self._sequence += 1
        self._socket.send(_pack(message, _ACK, self._sequence))
        replies: list[bytes] = []
        while True:
            for kind, flags, sequence, body in _split(self._socket.recv(1 << 16)):
                if sequence != self._sequence:
                    continue
                if kind != _ERROR:
                    replies.append(body)
                elif (code := -_read_int(body, 0)) in (0, 19, 3):  # ENODEV, ESRCH
                    return replies
                else:
                    raise NetlinkError(code, _complaint(flags, body), message.what)

    def _dump(self, kind: int, header: bytes) -> list[bytes]:
        self._sequence += 1
        self._socket.send(_pack(Message(kind, _DUMP, header, ""), 0, self._sequence))
        replies: list[bytes] = []
        while True:
            for answer, _flags, sequence, body in _split(self._socket.recv(1 << 18)):
                if sequence != self._sequence:
                    continue
                if answer == _DONE:
                    return replies
                if answer == _ERROR:
                    raise NetlinkError(-_read_int(body, 0), "", "dump")
                replies.append(body)


def new_bridge(name: str, *, mac: str, mtu_bytes: int) -> Message:
    """A bridge, down. With an address of its own: otherwise it would take that of a port, and
    change it whenever ports come and go."""
    body = (
        _link_header()
        + _attribute(_IFLA_IFNAME, name)
        + _attribute(_IFLA_MTU, mtu_bytes)
        + _attribute(_IFLA_ADDRESS, pack_mac(mac))
        + _attribute(_IFLA_LINKINFO, _attribute(_INFO_KIND, "bridge"))
    )
    return Message(_NEWLINK, _CREATE | _EXCL, body, f"bridge {name}")


def new_veth(
    name: str, *, master: int, mtu_bytes: int, peer: str, peer_mac: str, peer_namespace_fd: int
) -> Message:
    """A pair: this end up and a port of the bridge `master`, the other one down in a namespace."""
    # The peer must not be born up: its partner is not there yet (ENOTCONN).
    other = (
        _link_header()
        + _attribute(_IFLA_IFNAME, peer)
        + _attribute(_IFLA_MTU, mtu_bytes)
        + _attribute(_IFLA_ADDRESS, pack_mac(peer_mac))
        + _attribute(_IFLA_NET_NS_FD, peer_namespace_fd)
    )
    info = _attribute(_INFO_KIND, "veth") + _attribute(_INFO_DATA, _attribute(_VETH_PEER, other))
    body = (
        _link_header(up=True)
        + _attribute(_IFLA_IFNAME, name)
        + _attribute(_IFLA_MTU, mtu_bytes)
        + _attribute(_IFLA_MASTER, master)
        + _attribute(_IFLA_LINKINFO, info)
    )
    return Message(_NEWLINK, _CREATE | _EXCL, body, f"veth {name}")


def set_up(link: int | str) -> Message:
    """By index, or by name."""
    return Message(_NEWLINK, 0, _named_header(link, up=True), f"link {link} up")


def set_alias(name: str, alias: str) -> Message:
    """A remark that ``ip link`` shows, at most 255 bytes."""
    body = _named_header(name) + _attribute(_IFLA_IFALIAS, alias)
    return Message(_NEWLINK, 0, body, f"link {name} alias")


def set_port(
    name: str,
    *,
    hairpin: bool | None = None,
    isolated: bool | None = None,
    disabled: bool | None = None,
) -> Message:
    """A bridge's port: `hairpin` lets a frame leave where it came in; `isolated` ports reach the
    bridge and no other isolated port; a `disabled` one reaches nobody. None: as it is."""
    data = b""
    if disabled is not None:
        data += _attribute(_BRPORT_STATE, struct.pack("=B", 0 if disabled else _FORWARDING))
    if hairpin is not None:
        data += _attribute(_BRPORT_MODE, struct.pack("=B", hairpin))
    if isolated is not None:
        data += _attribute(_BRPORT_ISOLATED, struct.pack("=B", isolated))
    info = _attribute(_INFO_SLAVE_KIND, "bridge") + _attribute(_INFO_SLAVE_DATA, data)
    body = _named_header(name) + _attribute(_IFLA_LINKINFO, info)
    return Message(_NEWLINK, 0, body, f"port {name}")


def remove_link(link: int | str) -> Message:
    """16 to 30 ms: the kernel waits until nobody looks at it any more."""
    return Message(_DELLINK, 0, _named_header(link), f"remove link {link}")


def new_address(index: int, interface: IpInterface) -> Message:
    """IPv6 without duplicate address detection: the engine knows who has which address."""
    packed = interface.packed
    family = socket.AF_INET if interface.version == 4 else socket.AF_INET6
    flags = 0 if interface.version == 4 else _NO_DAD
    body = (
        struct.pack("=BBBBi", family, interface.network.prefixlen, flags, 0, index)
        + _attribute(2, packed)  # IFA_LOCAL
        + _attribute(1, packed)  # IFA_ADDRESS
    )
    if isinstance(interface, IPv4Interface) and interface.network.prefixlen < 31:
        body += _attribute(4, interface.network.broadcast_address.packed)  # IFA_BROADCAST
    return Message(_NEWADDR, _CREATE | _EXCL, body, f"address {interface}")


def set_default_route(gateway: IpAddress) -> Message:
    """The way out of a namespace; takes the place of the one of the same family."""
    body = _route_header(gateway) + _attribute(5, gateway.packed)  # RTA_GATEWAY
    return Message(_NEWROUTE, _CREATE | _REPLACE, body, f"default route via {gateway}")


def remove_default_route(gateway: IpAddress) -> Message:
    body = _route_header(gateway) + _attribute(5, gateway.packed)
    return Message(_DELROUTE, 0, body, f"remove default route via {gateway}")


def pack_mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", "").replace("-", ""))


def format_mac(packed: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in packed)


def attributes(body: bytes, offset: int) -> Mapping[int, bytes]:
    """Type to value, of the attributes from `offset` on."""
    found: dict[int, bytes] = {}
    while offset + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, offset)
        if length < 4:
            break
        found[kind & _TYPE_MASK] = body[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def _open_socket() -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    opened.bind((0, 0))
    opened.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
    opened.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
    return opened


def _attribute(kind: int, value: bytes | str | int) -> bytes:
    if isinstance(value, str):
        value = value.encode() + b"\0"
    elif isinstance(value, int):
        value = struct.pack("=I", value)
    length = len(value) + 4
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)


def _link_header(index: int = 0, *, up: bool = False) -> bytes:
    return struct.pack("=BxHiII", 0, 0, index, _UP if up else 0, _UP if up else 0)


def _named_header(link: int | str, *, up: bool = False) -> bytes:
    if isinstance(link, int):
        return _link_header(link, up=up)
    return _link_header(up=up) + _attribute(_IFLA_IFNAME, link)


def _route_header(gateway: IpAddress) -> bytes:
    family = socket.AF_INET if gateway.version == 4 else socket.AF_INET6
    return struct.pack(
        "=BBBBBBBBI",
        family, 0, 0, 0, _TABLE_MAIN, _PROTOCOL_BOOT, _SCOPE_UNIVERSE, _UNICAST, 0,
    )  # fmt: skip


def _pack(message: Message, flags: int, sequence: int) -> bytes:
    body = message.body
    header = _HEADER.pack(
        _HEADER.size + len(body), message.kind, message.flags | flags | _REQUEST, sequence, 0
    )
    return header + body + bytes(-len(body) % 4)


def _split(datagram: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(datagram):
        length, kind, flags, sequence, _port = _HEADER.unpack_from(datagram, offset)
        yield kind, flags, sequence, datagram[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def _complaint(flags: int, body: bytes) -> str:
    if not flags & _ACK_TLVS:
        return ""
    # The answer holds its code and the request's header, and the request's body if not capped.
    start = 4 + _HEADER.size
    if not flags & _CAPPED:
        start = 4 + ((_HEADER.unpack_from(body, 4)[0] + 3) & ~3)
    return _text(attributes(body, start).get(_MESSAGE_ATTRIBUTE, b""))


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


def _read_int(body: bytes, offset: int) -> int:
    return int(struct.unpack_from("=i", body, offset)[0])


def _link_of(body: bytes) -> Link:
    _family, index, flags, _change = struct.unpack_from("=BxxxiII", body)
    found = attributes(body, 16)
    info = attributes(found.get(_IFLA_LINKINFO, b""), 0)
    return Link(
        index=index,
        name=_text(found.get(_IFLA_IFNAME, b"")),
        kind=_text(info.get(_INFO_KIND, b"")),
        master=_read_int(found[_IFLA_MASTER], 0) if _IFLA_MASTER in found else 0,
        up=bool(flags & _UP),
        mtu_bytes=_read_int(found[_IFLA_MTU], 0) if _IFLA_MTU in found else 0,
        mac=format_mac(found.get(_IFLA_ADDRESS, b"")),
        alias=_text(found.get(_IFLA_IFALIAS, b"")),
    )


def _address_of(body: bytes) -> Address:
    _family, prefix, _flags, _scope, index = struct.unpack_from("=BBBBi", body)
    found = attributes(body, 8)
    local = found.get(2) or found[1]  # IFA_LOCAL; IPv6 has IFA_ADDRESS only
    return Address(index=index, interface=ip_interface((local, prefix)))


def _route_of(body: bytes) -> Route | None:
    family, prefix, _source, _tos, table = struct.unpack_from("=BBBBB", body)
    found = attributes(body, 12)
    if table != _TABLE_MAIN or 1 not in found or family not in (socket.AF_INET, socket.AF_INET6):
        return None
    return Route(
        destination=ip_network((found[1], prefix), strict=False),  # RTA_DST
        index=_read_int(found[4], 0) if 4 in found else 0,  # RTA_OIF
        gateway=ip_address(found[5]) if 5 in found else None,
    )
