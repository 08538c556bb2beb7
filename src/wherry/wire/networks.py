"""Networks in Docker's documents."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

from wherry.model.container import Container
from wherry.model.errors import InvalidArgument
from wherry.model.network import Endpoint, Network, Pool
from wherry.wire.documents import Json
from wherry.wire.fields import flag, items, mapping, text, text_mapping


def encode_network(
    network: Network, members: Sequence[tuple[Container, Endpoint]] | None = None
) -> Json:
    """``GET /networks/{id}``; in the list, where `members` is None, without them."""
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": network.created.isoformat().replace("+00:00", "Z"),
        "Scope": "local",
        "Driver": network.driver,
        "EnableIPv4": network.ipv4,
        "EnableIPv6": network.ipv6,
        "IPAM": {
            "Driver": network.ipam_driver,
            "Options": dict(network.ipam_options)
            or (None if network.driver != "bridge" or network.name == "bridge" else {}),
            "Config": [_encode_pool(pool) for pool in network.pools] or None,
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {
            container.id: _encode_member(container, endpoint, network)
            for container, endpoint in members or ()
        },
        "Options": dict(network.options),
        "Labels": dict(network.labels),
    }


def _encode_pool(pool: Pool) -> Json:
    out: Json = {"Subnet": str(pool.subnet)}
    if pool.ip_range:
        out["IPRange"] = str(pool.ip_range)
    if pool.gateway:
        out["Gateway"] = str(pool.gateway)
    if pool.reserved:
        out["AuxiliaryAddresses"] = dict(pool.reserved)
    return out


def _encode_member(container: Container, endpoint: Endpoint, network: Network) -> Json:
    lengths: Mapping[int, int] = {
        pool.subnet.version: pool.subnet.prefixlen for pool in network.pools
    }
    return {
        "Name": container.name,
        "EndpointID": endpoint.id,
        "MacAddress": endpoint.mac or "",
        "IPv4Address": f"{endpoint.ipv4}/{lengths.get(4, 32)}" if endpoint.ipv4 else "",
        "IPv6Address": f"{endpoint.ipv6}/{lengths.get(6, 128)}" if endpoint.ipv6 else "",
    }


def decode_network(body: Json) -> Json:
    """``POST /networks/create`` as the fields of ``model.network.Network``.

    Raises:
        InvalidArgument: no name, or something that is no address.
    """
    if not text(body, "Name").strip():
        raise InvalidArgument("invalid name: name is empty")
    ipam = mapping(body, "IPAM")
    ipv4 = body.get("EnableIPv4")
    return {
        "name": text(body, "Name"),
        "driver": text(body, "Driver") or "bridge",
        "internal": flag(body, "Internal"),
        "attachable": flag(body, "Attachable"),
        "ipv4": True if ipv4 is None else flag(body, "EnableIPv4"),
        "ipv6": flag(body, "EnableIPv6"),
        "options": text_mapping(body, "Options"),
        "labels": text_mapping(body, "Labels"),
        "ipam_driver": text(ipam, "Driver") or "default",
        "ipam_options": text_mapping(ipam, "Options"),
        "pools": tuple(_decode_pool(one) for one in items(ipam, "Config")),
    }


def _decode_pool(value: Json) -> Pool:
    subnet = text(value, "Subnet")
    if not subnet:
        raise InvalidArgument("invalid IPAM config: a subnet is needed")
    reserved = text_mapping(value, "AuxiliaryAddresses")
    try:
        for address in reserved.values():
            ip_address(address)
        return Pool(
            subnet=ip_network(subnet, strict=False),
            gateway=ip_address(text(value, "Gateway")) if text(value, "Gateway") else None,
            ip_range=ip_network(text(value, "IPRange"), strict=False)
            if text(value, "IPRange")
            else None,
            reserved=reserved,
        )
    except ValueError as error:
        raise InvalidArgument(f"invalid subnet {subnet}: {error}") from None
