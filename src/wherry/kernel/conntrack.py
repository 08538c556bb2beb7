"""The kernel's memory of connections, as far as it has to forget some.

A datagram has no beginning: while a client goes on sending, its flow keeps the destination it once
had, whatever the rules say now. So flows to a port are forgotten when that port changes hands.

Sources: <linux/netfilter/nfnetlink_conntrack.h>, net/netfilter/nf_conntrack_netlink.c.
"""

import errno
import socket
import struct
from collections.abc import Iterator

from wherry.kernel.netlink import attributes

_NETLINK_NETFILTER = 12
_GET, _DELETE = 0x101, 0x102  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_*
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_NESTED = 0x8000
_TUPLE_ORIGINAL, _FILTER = 1, 25
_TUPLE_PROTO, _PROTO_NUMBER, _PROTO_DESTINATION_PORT = 2, 1, 3
_FILTER_ORIGINAL_FLAGS, _BY_NUMBER, _BY_DESTINATION_PORT = 1, 1 << 3, 1 << 5
_HEADER = struct.Struct("=IHHIIBBH")  # nlmsghdr and nfgenmsg


def forget_udp_flows(port: int) -> int:
    """Forget the flows that clients sent to this port of any address; how many there were.

    Raises:
        OSError: the kernel keeps no such list (nf_conntrack_netlink is missing).
    """
    forgotten = 0
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
    ) as asking:
        asking.bind((0, 0))
        for family in (socket.AF_INET, socket.AF_INET6):
            for flow in list(_iter_flows(asking, family, port)):
                body = _attribute(_TUPLE_ORIGINAL | _NESTED, flow)
                asking.send(_message(_DELETE, _ACK, family, body))
                code = -struct.unpack_from("=i", asking.recv(1 << 16), 16)[0]
                forgotten += code == 0
                if code not in (0, errno.ENOENT):  # it may have ended by itself
                    raise OSError(code, "conntrack: delete")
    return forgotten


def _iter_flows(asking: socket.socket, family: int, port: int) -> Iterator[bytes]:
    """The original direction of each flow, as it came. Kernels since 5.8 do the filtering."""
    proto = _attribute(_PROTO_NUMBER, struct.pack("=B", socket.IPPROTO_UDP))
    proto += _attribute(_PROTO_DESTINATION_PORT, struct.pack("!H", port))
    flags = struct.pack("=I", _BY_NUMBER | _BY_DESTINATION_PORT)
    wanted = _attribute(_TUPLE_ORIGINAL | _NESTED, _attribute(_TUPLE_PROTO | _NESTED, proto))
    wanted += _attribute(_FILTER | _NESTED, _attribute(_FILTER_ORIGINAL_FLAGS, flags))
    asking.send(_message(_GET, _DUMP, family, wanted))
    while True:
        datagram, offset = asking.recv(1 << 17), 0
        while offset + 16 <= len(datagram):
            length, kind = struct.unpack_from("=IH", datagram, offset)
            if kind == _DONE:
                return
            if kind == _ERROR:
                code = -struct.unpack_from("=i", datagram, offset + 16)[0]
                raise OSError(code, "conntrack: dump")
            flow = attributes(datagram[offset : offset + length], _HEADER.size)[_TUPLE_ORIGINAL]
            found = attributes(attributes(flow, 0)[_TUPLE_PROTO], 0)
            if found[_PROTO_NUMBER][0] == socket.IPPROTO_UDP and found.get(
                _PROTO_DESTINATION_PORT
            ) == struct.pack("!H", port):
                yield flow
            offset += (length + 3) & ~3


def _message(kind: int, flags: int, family: int, body: bytes) -> bytes:
    size = _HEADER.size + len(body)
    return _HEADER.pack(size, kind, flags | _REQUEST, 1, 0, family, 0, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    length = len(value) + 4
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)
