"""Networks and the endpoints by which containers join them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One subnet of a network and how its addresses are given out."""

    subnet: IPv4Network | IPv6Network
    gateway: IPv4Address | IPv6Address | None = None
    ip_range: IPv4Network | IPv6Network | None = None
    reserved: Mapping[str, str] = field(default_factory=dict)
    """Auxiliary addresses, name to address: never given out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network as it is kept."""

    id: str
    name: str
    driver: str
    """bridge, host, null (the driver of ``none``), later macvlan and ipvlan."""
    created: datetime
    pools: tuple[Pool, ...] = ()
    internal: bool = False
    attachable: bool = False
    ipv4: bool = True
    ipv6: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    """As the client gave them, ``com.docker.network.bridge.name`` and so on."""
    labels: Mapping[str, str] = field(default_factory=dict)
    ipam_driver: str = "default"
    ipam_options: Mapping[str, str] = field(default_factory=dict)
    bridge: str | None = None
    """The host's interface, once it was chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A container's place in a network."""

    id: str
    network_id: str
    container_id: str
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    mac: str | None = None
    """``02:42:ac:11:00:02``; None until `join` or when the kernel chooses."""
    host_link: str | None = None
    aliases: tuple[str, ...] = ()
    driver_options: Mapping[str, str] = field(default_factory=dict)
    gateway_priority: int = 0
