"""Published ports: what was asked for, and what was given."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from wherry.model.errors import InvalidArgument

ANY_IPV4 = IPv4Address("0.0.0.0")
ANY_IPV6 = IPv6Address("::")


class Transport(StrEnum):
    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ContainerPort:
    """A port inside a container, as in ``80/tcp``."""

    number: int
    transport: Transport = Transport.TCP

    def __str__(self) -> str:
        return f"{self.number}/{self.transport}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortBinding:
    """What was asked for. `host_ip` None: every address, IPv4 and IPv6.

    `host_port` 0: any free port; a range asks for the first free one in it.
    """

    port: ContainerPort
    host_ip: IPv4Address | IPv6Address | None = None
    host_port: int = 0
    host_port_end: int = 0
    """The last of a range; equal to `host_port` for a single port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPort:
    """What was given: one host address and one port each.

    A binding without an address is published as two of these, ``0.0.0.0`` and ``::``, with the
    same port number.
    """

    port: ContainerPort
    host_ip: IPv4Address | IPv6Address
    host_port: int
    """0 until `publish` has chosen one."""
    host_port_end: int = 0


def parse_publish(text: str) -> tuple[PortBinding, ...]:
    """What ``-p`` says: ``[ip:][host]:container[/transport]``, either side may be a range.

    Ranges of equal length are paired; a host range before one container port asks for the first
    free one in it. An IPv6 address may stand in brackets.

    Raises:
        InvalidArgument: with the words of the docker command.
    """
    rest, slash, transport_text = text.rpartition("/")
    if not slash:
        rest, transport_text = text, ""
    host_side, _, container_text = rest.rpartition(":")
    if not container_text:
        raise InvalidArgument(f"no port specified: {text}<empty>")
    ip_text, colon, host_text = host_side.rpartition(":")
    host_ip = _parse_host_ip(ip_text) if colon and ip_text else None
    first, last = _parse_range(container_text, "containerPort")
    host_first, host_last = _parse_range(host_text, "hostPort") if host_text else (0, 0)
    if host_text and last != first and host_last - host_first != last - first:
        raise InvalidArgument(
            f"invalid ranges specified for container and host Ports: "
            f"{container_text} and {host_text}"
        )
    transport = _parse_transport(transport_text)
    if last == first:
        return (
            PortBinding(
                port=ContainerPort(number=first, transport=transport),
                host_ip=host_ip,
                host_port=host_first,
                host_port_end=host_last,
            ),
        )
    return tuple(
        PortBinding(
            port=ContainerPort(number=first + step, transport=transport),
            host_ip=host_ip,
            host_port=host_first + step if host_text else 0,
            host_port_end=host_first + step if host_text else 0,
        )
        for step in range(last - first + 1)
    )


def parse_expose(text: str) -> tuple[ContainerPort, ...]:
    """What ``--expose`` and a Dockerfile's EXPOSE say: ``80``, ``80/udp``, ``80-90/tcp``.

    Raises:
        InvalidArgument: with the words of the docker command.
    """
    number_text, slash, transport_text = text.rpartition("/")
    if not slash:
        number_text, transport_text = text, ""
    if not number_text:
        raise InvalidArgument(f"invalid range format for --expose: {text}, error: empty string")
    first, last = _parse_range(number_text, "containerPort")
    transport = _parse_transport(transport_text)
    return tuple(
        ContainerPort(number=number, transport=transport) for number in range(first, last + 1)
    )


def parse_container_port(text: str) -> ContainerPort:
    """One port as documents spell it: ``80/tcp``, ``53/udp``, ``80``.

    Raises:
        InvalidArgument: not one port, or an unknown transport.
    """
    ports = parse_expose(text)
    if len(ports) != 1:
        raise InvalidArgument(f"invalid containerPort: {text}")
    return ports[0]


def plan_published(bindings: Iterable[PortBinding]) -> tuple[PublishedPort, ...]:
    """What `publish` is asked for: a binding without an address becomes ``0.0.0.0`` and ``::``,
    side by side, so that they get the same number."""
    wanted: list[PublishedPort] = []
    for binding in bindings:
        hosts = (binding.host_ip,) if binding.host_ip is not None else (ANY_IPV4, ANY_IPV6)
        wanted += (
            PublishedPort(
                port=binding.port,
                host_ip=host_ip,
                host_port=binding.host_port,
                host_port_end=binding.host_port_end,
            )
            for host_ip in hosts
        )
    return tuple(wanted)


def _parse_host_ip(text: str) -> IPv4Address | IPv6Address:
    bare = text
    if text.startswith("["):
        if not text.endswith("]"):
            raise InvalidArgument(
                f"invalid IP address {text}: address {text}:: missing ']' in address"
            )
        bare = text[1:-1]
    try:
        return ip_address(bare)
    except ValueError:
        raise InvalidArgument(f"invalid IP address: {bare}") from None


def _parse_range(text: str, what: str) -> tuple[int, int]:
    first_text, dash, last_text = text.partition("-")
    first = _parse_number(first_text)
    last = _parse_number(last_text) if dash else first
    if first is None or last is None or last < first:
        raise InvalidArgument(f"invalid {what}: {text}")
    return first, last


def _parse_number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > 65535:
        return None
    return int(text)


def _parse_transport(text: str) -> Transport:
    try:
        return Transport(text.lower() or "tcp")
    except ValueError:
        raise InvalidArgument(f"invalid proto: {text.lower()}") from None
