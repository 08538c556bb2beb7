"""Ports in Docker's documents: ``{"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}``."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from wherry.model.errors import InvalidArgument
from wherry.model.ports import ContainerPort, PortBinding, PublishedPort, Transport
from wherry.wire.documents import Json
from wherry.wire.fields import items, text

HIGHEST = 65_535
_DIGITS = re.compile(r"[0-9]{1,9}")


def decode_port(spelt: str) -> ContainerPort:
    """``80/tcp``; without a transport TCP is meant."""
    number, _, transport = spelt.partition("/")
    try:
        kind = Transport((transport or "tcp").lower())
    except ValueError:
        raise InvalidArgument(f"invalid proto: {transport}") from None
    mistake = f'invalid port specification: "{spelt}"'
    return ContainerPort(number=_number(number, mistake), transport=kind)


def decode_exposed(value: Json) -> tuple[ContainerPort, ...]:
    return tuple(decode_port(one) for one in value)


def decode_bindings(value: Json) -> Iterator[PortBinding]:
    """Every binding in ``PortBindings``; a port without one gets a free port on every address."""
    for key in value:
        port = decode_port(key)
        for target in items(value, key) or [{}]:
            first, last = _range(text(target, "HostPort"))
            yield PortBinding(
                port=port,
                host_ip=_address(text(target, "HostIp")),
                host_port=first,
                host_port_end=last,
            )


def encode_bindings(bindings: Iterable[PortBinding]) -> Json:
    out: Json = {}
    for one in bindings:
        host_port = str(one.host_port or "")
        if one.host_port_end > one.host_port:
            host_port = f"{one.host_port}-{one.host_port_end}"
        out.setdefault(str(one.port), []).append(
            {"HostIp": str(one.host_ip or ""), "HostPort": host_port}
        )
    return out


def encode_published(exposed: Iterable[ContainerPort], published: Iterable[PublishedPort]) -> Json:
    """``NetworkSettings.Ports``: exposed ports that are not published are null."""
    out: Json = {str(one): None for one in exposed}
    for one in published:
        entry = {"HostIp": str(one.host_ip), "HostPort": str(one.host_port)}
        if out.get(str(one.port)) is None:
            out[str(one.port)] = []
        out[str(one.port)].append(entry)
    return dict(sorted(out.items()))


def encode_port_list(
    exposed: Iterable[ContainerPort], published: Iterable[PublishedPort]
) -> list[Json]:
    """``Ports`` of the container list."""
    given = list(published)
    taken = {one.port for one in given}
    rows: list[Json] = [
        {"PrivatePort": one.number, "Type": str(one.transport)}
        for one in exposed
        if one not in taken
    ]
    rows += [
        {
            "IP": str(one.host_ip),
            "PrivatePort": one.port.number,
            "PublicPort": one.host_port,
            "Type": str(one.port.transport),
        }
        for one in given
    ]
    return sorted(
        rows, key=lambda row: (row["PrivatePort"], row["Type"], "PublicPort" in row, row.get("IP"))
    )


def _range(spelt: str) -> tuple[int, int]:
    if not spelt:
        return 0, 0
    mistake = f'invalid port specification: "{spelt}"'
    first, dash, last = spelt.partition("-")
    begin = _number(first, mistake, lowest=0)
    end = _number(last, mistake) if dash else begin
    if end < begin:
        raise InvalidArgument(mistake)
    return begin, end


def _number(spelt: str, mistake: str, *, lowest: int = 1) -> int:
    if _DIGITS.fullmatch(spelt) and lowest <= int(spelt) <= HIGHEST:
        return int(spelt)
    raise InvalidArgument(mistake)


def _address(spelt: str) -> IPv4Address | IPv6Address | None:
    if not spelt:
        return None
    try:
        return ip_address(spelt.strip("[]"))
    except ValueError:
        raise InvalidArgument(f"invalid IP address: {spelt}") from None
