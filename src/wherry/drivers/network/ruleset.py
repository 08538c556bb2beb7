"""The rules of all networks, as nftables text. Computes only; the one place that knows the syntax.

One table of our own, ``inet`` for both families. Its chains never change: what comes and goes are
elements of its maps and sets, so a container's port costs the same beside ten or ten thousand
others. `render_table` replaces everything in one transaction; `render_changes` changes elements.

What the chains promise:

- ``publish4``, ``publish6``: a published port of a local address is forwarded to its container.
- ``from_outside``: ports bound to 127.0.0.0/8 are none of the outside's business.
- ``leaving``: who leaves the host by itself speaks with the host's address; the same where an
  answer would otherwise miss us: from the host itself, and between containers by a published port.
  A client from outside keeps its address.
- ``guard``: route_localnet is on for our bridges (a connection to 127.0.0.1 is forwarded by them),
  so loopback addresses must not come in by them.
- ``passing``, ``into``: nothing gets to a container but answers, published ports, and its own
  network. Internal networks talk to nobody else.

Priorities are one before those of iptables' chains. An accept here ends this table only: other
programs' chains are asked all the same (see ``passage.py``).

Sources: nft(8); Documentation/networking/ip-sysctl.rst on route_localnet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from wherry.model.network import Endpoint, Network
from wherry.model.ports import PublishedPort, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A bridge network, as the rules see it."""

    bridge: str
    subnets: tuple[IPv4Network | IPv6Network, ...]
    internal: bool = False
    together: bool = True
    """Its containers may talk to each other."""
    masquerade: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """One port of the host that leads to one of a container; both addresses of one family."""

    transport: Transport
    host_ip: IPv4Address | IPv6Address
    host_port: int
    address: IPv4Address | IPv6Address
    port: int


class Element(NamedTuple):
    """An entry of one of the table's sets or maps."""

    of: str
    text: str


def plan_segment(network: Network) -> Segment | None:
    """None for a network without a bridge of ours."""
    if network.bridge is None:
        return None
    option = {
        key.removeprefix("com.docker.network.bridge."): value
        for key, value in network.options.items()
    }
    return Segment(
        bridge=network.bridge,
        subnets=tuple(pool.subnet for pool in network.pools),
        internal=network.internal,
        together=_is_true(option.get("enable_icc", "true")),
        masquerade=_is_true(option.get("enable_ip_masquerade", "true")),
    )


def plan_forwards(endpoint: Endpoint, ports: Iterable[PublishedPort]) -> tuple[Forward, ...]:
    """The forwards that rules can do: those where both sides are of one family."""
    forwards = []
    for published in ports:
        address = endpoint.ipv4 if published.host_ip.version == 4 else endpoint.ipv6
        if address is not None:
            forwards.append(
                Forward(
                    transport=published.port.transport,
                    host_ip=published.host_ip,
                    host_port=published.host_port,
                    address=address,
                    port=published.port.number,
                )
            )
    return tuple(forwards)


def segment_elements(segment: Segment) -> frozenset[Element]:
    """What a network adds to the table."""
    name = f'"{segment.bridge}"'
    elements = {Element("bridges", name)}
    if segment.together:
        elements.add(Element("same", f"{name} . {name}"))
    if segment.internal:
        elements.add(Element("internal", name))
    elif segment.masquerade:
        elements |= {Element(f"inside{net.version}", str(net)) for net in segment.subnets}
    return frozenset(elements)


def forward_elements(forwards: Iterable[Forward]) -> frozenset[Element]:
    """What published ports add to the table."""
    elements = set()
    for forward in forwards:
        version = forward.address.version
        key = f"{forward.transport} . {forward.host_port}"
        target = f"{forward.address} . {forward.port}"
        if forward.host_ip.is_unspecified:
            elements.add(Element(f"open{version}", f"{key} : {target}"))
        else:
            elements.add(Element(f"bound{version}", f"{forward.host_ip} . {key} : {target}"))
        elements.add(Element(f"self{version}", f"{forward.address} . {forward.address}"))
    return frozenset(elements)


_SETS: Sequence[tuple[str, str, str]] = (
    ("map", "open4", "type inet_proto . inet_service : ipv4_addr . inet_service;"),
    ("map", "open6", "type inet_proto . inet_service : ipv6_addr . inet_service;"),
    ("map", "bound4", "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;"),
    ("map", "bound6", "type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service;"),
    ("set", "bridges", "type ifname;"),
    ("set", "same", "type ifname . ifname;"),
    ("set", "internal", "type ifname;"),
    ("set", "inside4", "type ipv4_addr; flags interval;"),
    ("set", "inside6", "type ipv6_addr; flags interval;"),
    ("set", "self4", "type ipv4_addr . ipv4_addr;"),
    ("set", "self6", "type ipv6_addr . ipv6_addr;"),
)

_CHAINS = """\
  chain publish4 {
    dnat ip to ip daddr . meta l4proto . th dport map @bound4
    dnat ip to meta l4proto . th dport map @open4
  }
  chain publish6 {
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6
    dnat ip6 to meta l4proto . th dport map @open6
  }
  chain from_outside {
    type nat hook prerouting priority -101; policy accept;
    ip daddr != 127.0.0.0/8 fib daddr type local jump publish4
    ip6 daddr != ::1 fib daddr type local jump publish6
  }
  chain from_here {
    type nat hook output priority -101; policy accept;
    meta nfproto ipv4 fib daddr type local jump publish4
    ip6 daddr != ::1 fib daddr type local jump publish6
  }
  chain leaving {
    type nat hook postrouting priority 99; policy accept;
    oifname @bridges ip saddr 127.0.0.0/8 masquerade
    oifname @bridges ct status dnat fib saddr type local masquerade
    iifname @bridges oifname @bridges ct status dnat masquerade
    ip saddr . ip daddr @self4 masquerade
    ip6 saddr . ip6 daddr @self6 masquerade
    oifname "lo" return
    oifname != @bridges ip saddr @inside4 masquerade
    oifname != @bridges ip6 saddr @inside6 masquerade
  }
  chain guard {
    type filter hook prerouting priority -300; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop
    iifname @bridges ip saddr 127.0.0.0/8 drop
  }
  chain passing {
    type filter hook forward priority -1; policy accept;
    iifname . oifname @same accept
    iifname @internal drop
    oifname @bridges jump into
  }
  chain into {
    oifname @internal drop
    ct state established,related accept
    ct status dnat accept
    drop
  }
"""


def render_table(table: str, segments: Iterable[Segment], forwards: Iterable[Forward]) -> str:
    """The whole table, replacing the one that is there."""
    filled: dict[str, list[str]] = {}
    elements = set(forward_elements(forwards))
    for segment in segments:
        elements |= segment_elements(segment)
    for element in sorted(elements):
        filled.setdefault(element.of, []).append(element.text)
    lines = [f"add table inet {table}", f"delete table inet {table}", f"table inet {table} {{"]
    for kind, name, what in _SETS:
        content = f" elements = {{ {', '.join(filled[name])} }}" if name in filled else ""
        lines.append(f"  {kind} {name} {{ {what}{content} }}")
    return "\n".join(lines) + "\n" + _CHAINS + "}\n"


def render_changes(
    table: str, *, added: Iterable[Element] = (), removed: Iterable[Element] = ()
) -> str:
    """Elements that come and go, in one transaction; the text is empty if there are none."""
    lines = [
        f"delete element inet {table} {name} {{ {', '.join(texts)} }}\n"
        for name, texts in _by_set(removed)
    ]
    lines += [
        f"add element inet {table} {name} {{ {', '.join(texts)} }}\n"
        for name, texts in _by_set(added)
    ]
    return "".join(lines)


def _by_set(elements: Iterable[Element]) -> Iterable[tuple[str, list[str]]]:
    grouped: dict[str, list[str]] = {}
    for element in sorted(elements):
        grouped.setdefault(element.of, []).append(element.text)
    return grouped.items()


def _is_true(text: str) -> bool:
    return text.strip().lower() not in ("0", "f", "false")
