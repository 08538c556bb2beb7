"""``--publish`` and ``--expose``: text to Docker's ``PortBindings`` and ``ExposedPorts``.

Forms: ``[address:][host]:container[/transport]``, with ranges, and
``target=80,published=8080,protocol=tcp``. ValueError with the words that Docker's command uses.
"""

from __future__ import annotations

from wherry.cli.values import is_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Bindings = dict[str, list[dict[str, str]]]

_PORT_MAX = 65535


def parse_ports(published: Sequence[str]) -> Bindings:
    """Container port to where it is published on the host."""
    bindings: Bindings = {}
    for spec in published:
        if "target=" in spec:
            spec = _from_fields(spec)
        for port, address, host_port in _parse_one(spec):
            bindings.setdefault(port, []).append({"HostIp": address, "HostPort": host_port})
    return bindings


def parse_exposed(exposed: Sequence[str]) -> list[str]:
    """``99``, ``100-101/udp`` as single ports."""
    ports: list[str] = []
    for spec in exposed:
        if ":" in spec:
            raise ValueError(f"invalid port format for --expose: {spec}")
        span, _, transport = spec.partition("/")
        try:
            first, last = _parse_span(span)
        except ValueError as error:
            raise ValueError(f"invalid range format for --expose: {spec}, error: {error}") from None
        ports += [f"{number}/{(transport or 'tcp').lower()}" for number in range(first, last + 1)]
    return ports


def _parse_one(spec: str) -> list[tuple[str, str, str]]:
    body, _, transport = spec.partition("/")
    transport = (transport or "tcp").lower()
    address, host, container = _split(body)
    if address and not is_address(address):
        raise ValueError(f"invalid IP address: {address}")
    if not container:
        raise ValueError(f"no port specified: {spec}<empty>")
    try:
        first, last = _parse_span(container)
    except ValueError:
        raise ValueError(f"invalid containerPort: {container}") from None
    host_first = host_last = 0
    if host:
        try:
            host_first, host_last = _parse_span(host)
        except ValueError:
            raise ValueError(f"invalid hostPort: {host}") from None
        # A range for a single port means: the first free one of it.
        if host_last - host_first != last - first and last != first:
            raise ValueError(
                f"invalid ranges specified for container and host Ports: {container} and {host}"
            )
    if transport not in ("tcp", "udp", "sctp"):
        raise ValueError(f"invalid proto: {transport}")
    found = []
    for offset in range(last - first + 1):
        where = ""
        if host:
            where = str(host_first + offset) if last != first or host_first == host_last else host
        found.append((f"{first + offset}/{transport}", address, where))
    return found


def _split(body: str) -> tuple[str, str, str]:
    front, _, container = body.rpartition(":")
    if not front:
        return "", "", container
    address, _, host = front.rpartition(":")
    return address.removeprefix("[").removesuffix("]"), host, container


def _parse_span(text: str) -> tuple[int, int]:
    """``80`` or ``80-90``; ValueError as Go says it."""
    first_text, dash, last_text = text.partition("-")
    first = _parse_port(first_text)
    last = _parse_port(last_text) if dash else first
    if last < first:
        raise ValueError(f"invalid range specified for port: {text}")
    return first, last


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) > _PORT_MAX:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)


def _from_fields(spec: str) -> str:
    fields = dict(part.partition("=")[::2] for part in spec.split(","))
    unknown = set(fields) - {"target", "published", "protocol", "mode", "name", "app_protocol"}
    if unknown:
        raise ValueError(f"invalid field key {min(unknown)}")
    host = fields.get("published", "")
    front = f"{host}:" if host else ""
    return f"{front}{fields['target']}/{fields.get('protocol', 'tcp')}"
