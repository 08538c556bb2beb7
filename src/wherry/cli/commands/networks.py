"""`wherry network ls|create|rm|connect|disconnect|prune`."""

from __future__ import annotations

from wherry.cli.command import Call, Command, confirm, warn
from wherry.cli.errors import Refused, describe
from wherry.cli.flags import Flag
from wherry.cli.format import Listing, join_labels, natural_order, print_listing, short_id
from wherry.cli.units import parse_time_ns
from wherry.cli.values import parse_label
from wherry.client import networks
from wherry.model.errors import NotFound, WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Document = dict[str, Any]


def _text(field: str) -> Any:
    return lambda document, _: str(document.get(field) or "")


def _truth(field: str) -> Any:
    return lambda document, _: "true" if document.get(field) else "false"


def _id(document: Document, truncate: bool) -> str:
    return short_id(document["Id"]) if truncate else str(document["Id"])


def _created(document: Document, _: bool) -> str:
    from wherry.cli.units import format_time

    text = str(document.get("Created", ""))
    try:
        whole = format_time(parse_time_ns(text) // _NANO)
    except ValueError:
        return text
    fraction = text.partition(".")[2].rstrip("Z").partition("+")[0].rstrip("0")
    date, clock, *zone = whole.split(" ")
    return " ".join((date, f"{clock}.{fraction}" if fraction else clock, *zone))


_NANO = 10**9
LISTING = Listing(
    "*formatter.networkContext",
    {
        "ID": ("NETWORK ID", _id),
        "Name": ("NAME", _text("Name")),
        "Driver": ("DRIVER", _text("Driver")),
        "Scope": ("SCOPE", _text("Scope")),
        "IPv4": ("IPV4", _truth("EnableIPv4")),
        "IPv6": ("IPV6", _truth("EnableIPv6")),
        "Internal": ("INTERNAL", _truth("Internal")),
        "Labels": ("LABELS", lambda d, _: join_labels(d.get("Labels"))),
        "CreatedAt": ("CREATED AT", _created),
    },
    ("ID", "Name", "Driver", "Scope"),
)


def run_ls(call: Call) -> int:
    """List networks by name."""
    flags = call.flags
    found = networks.list_networks(call.engine, flags.filters())
    found.sort(key=lambda document: natural_order(str(document["Name"])))
    truncate = not flags.switch("no-trunc")
    if flags.switch("quiet"):
        for document in found:
            print(_id(document, truncate))
        return 0
    print_listing(LISTING, found, style=flags.text("format"), truncate=truncate)
    return 0


def plan_ipam(
    subnets: list[str], ranges: list[str], gateways: list[str], aux: dict[str, str]
) -> list[Document]:
    """Address pools: what belongs to a subnet is found by containment. ValueError."""
    from ipaddress import ip_address, ip_network

    pools: dict[str, Document] = {}
    for subnet in subnets:
        for other in pools:
            one, two = ip_network(subnet, strict=False), ip_network(other, strict=False)
            if one.version == two.version and one.overlaps(two):
                raise ValueError("multiple overlapping subnet configuration is not supported")
        pools[subnet] = {"Subnet": subnet}

    def home(text: str, what: str) -> Document:
        address = ip_address(text.partition("/")[0])
        for subnet, pool in pools.items():
            if address in ip_network(subnet, strict=False):
                return pool
        raise ValueError(f"no matching subnet for {what} {text}")

    for text in ranges:
        home(text, "range")["IPRange"] = text
    for text in gateways:
        pool = home(text, "gateway")
        if "Gateway" in pool:
            raise ValueError(
                f"cannot configure multiple gateways ({text}, {pool['Gateway']}) for the same "
                f"subnet ({pool['Subnet']})"
            )
        pool["Gateway"] = text
    for name, text in aux.items():
        home(text, "aux-address").setdefault("AuxiliaryAddresses", {})[name] = text
    return list(pools.values())


def run_create(call: Call) -> int:
    """Make one; prints its id."""
    flags = call.flags
    try:
        pools = plan_ipam(
            flags.many("subnet"),
            flags.many("ip-range"),
            flags.many("gateway"),
            dict(flags.many("aux-address")),
        )
    except ValueError as error:
        raise Refused(str(error)) from None
    body: Document = {
        "Name": call.args[0],
        "Driver": flags.text("driver", "bridge"),
        "Scope": flags.text("scope"),
        "Internal": flags.switch("internal"),
        "Attachable": flags.switch("attachable"),
        "Ingress": flags.switch("ingress"),
        "ConfigOnly": flags.switch("config-only"),
        "Options": dict(flags.many("opt")),
        "Labels": dict(flags.many("label")),
        "IPAM": {
            "Driver": flags.text("ipam-driver", "default"),
            "Options": dict(flags.many("ipam-opt")),
            "Config": pools,
        },
    }
    for name, field in (("ipv4", "EnableIPv4"), ("ipv6", "EnableIPv6")):
        if name in flags.given:
            body[field] = flags.switch(name)
    if flags.text("config-from"):
        body["ConfigFrom"] = {"Network": flags.text("config-from")}
    made = networks.create_network(call.engine, body)
    if made.get("Warning"):
        warn(f"WARNING: {made['Warning']}")
    print(made["Id"])
    return 0


def run_rm(call: Call) -> int:
    """Remove each; with `--force` one that is not there is no failure."""
    failed = 0
    for name in call.args:
        try:
            networks.remove_network(call.engine, name)
        except WherryError as error:
            if call.flags.switch("force") and isinstance(error, NotFound):
                continue
            warn(describe(error))
            failed = 1
            continue
        print(name)
    if failed:
        warn("exit status 1")
    return failed


def run_connect(call: Call) -> int:
    """Join a container to a network."""
    flags = call.flags
    ipam: Document = {}
    for name, field in (("ip", "IPv4Address"), ("ip6", "IPv6Address")):
        if flags.text(name):
            ipam[field] = flags.text(name)
    if flags.many("link-local-ip"):
        ipam["LinkLocalIPs"] = flags.many("link-local-ip")
    endpoint: Document = {
        "Aliases": flags.many("alias"),
        "Links": flags.many("link"),
        "DriverOpts": dict(option.partition("=")[::2] for option in flags.many("driver-opt")),
        "GwPriority": flags.number("gw-priority"),
    }
    if ipam:
        endpoint["IPAMConfig"] = ipam
    body = {"Container": call.args[1], "EndpointConfig": endpoint}
    networks.connect_container(call.engine, call.args[0], body)
    return 0


def run_disconnect(call: Call) -> int:
    """Take a container out of a network."""
    network, container = call.args
    networks.disconnect_container(call.engine, network, container, force=call.flags.switch("force"))
    return 0


def run_prune(call: Call) -> int:
    """Remove the networks that nothing uses, after asking."""
    if not call.flags.switch("force") and not confirm(
        "This will remove all custom networks not used by at least one container."
    ):
        return 0
    report = networks.prune_networks(call.engine, call.flags.filters())
    if report.get("NetworksDeleted"):
        print("Deleted Networks:")
        for name in report["NetworksDeleted"]:
            print(name)
        print()
    return 0


COMMANDS = {
    "network ls": Command(
        run_ls,
        "[OPTIONS]",
        (
            Flag("filter", "f", "filter", 'Provide filter values (e.g. "driver=bridge")'),
            Flag("format", "", "string", "Format output: table [TEMPLATE], json, or a template"),
            Flag("no-trunc", text="Do not truncate the output"),
            Flag("quiet", "q", text="Only display network IDs"),
        ),
    ),
    "network create": Command(
        run_create,
        "[OPTIONS] NETWORK",
        (
            Flag("attachable", text="Enable manual container attachment"),
            Flag("aux-address", "", "map", "Addresses that are not given to containers"),
            Flag("config-from", "", "string", "The network to copy the configuration from"),
            Flag("config-only", text="Create a configuration only network"),
            Flag("driver", "d", "string", "Driver to manage the Network", default='"bridge"'),
            Flag("gateway", "", "strings", "IPv4 or IPv6 Gateway for the subnet"),
            Flag("ingress", text="Create swarm routing-mesh network"),
            Flag("internal", text="Restrict external access to the network"),
            Flag("ip-range", "", "strings", "Allocate container ip from a sub-range"),
            Flag("ipam-driver", "", "string", "IP Address Management Driver", default='"default"'),
            Flag("ipam-opt", "", "map", "Set IPAM driver specific options"),
            Flag("ipv4", text="Enable or disable IPv4 address assignment", default="true"),
            Flag("ipv6", text="Enable or disable IPv6 address assignment"),
            Flag("label", "", "list", "Set metadata on a network", convert=parse_label),
            Flag("opt", "o", "map", "Set driver specific options"),
            Flag("scope", "", "string", "Control the network's scope"),
            Flag("subnet", "", "strings", "Subnet in CIDR format"),
        ),
        least=1,
        most=1,
    ),
    "network rm": Command(
        run_rm,
        "NETWORK [NETWORK...]",
        (Flag("force", "f", text="Do not error if the network does not exist"),),
        least=1,
        most=-1,
    ),
    "network connect": Command(
        run_connect,
        "[OPTIONS] NETWORK CONTAINER",
        (
            Flag("alias", "", "strings", "Add network-scoped alias for the container"),
            Flag("driver-opt", "", "strings", "Driver options for the network"),
            Flag("gw-priority", "", "int", "The highest provides the default gateway"),
            Flag("ip", "", "string", 'IPv4 address (e.g., "172.30.100.104")'),
            Flag("ip6", "", "string", 'IPv6 address (e.g., "2001:db8::33")'),
            Flag("link", "", "list", "Add link to another container"),
            Flag("link-local-ip", "", "strings", "Add a link-local address for the container"),
        ),
        least=2,
        most=2,
    ),
    "network disconnect": Command(
        run_disconnect,
        "[OPTIONS] NETWORK CONTAINER",
        (Flag("force", "f", text="Force the container to disconnect from a network"),),
        least=2,
        most=2,
    ),
    "network prune": Command(
        run_prune,
        "[OPTIONS]",
        (
            Flag("filter", "", "filter", 'Provide filter values (e.g. "until=<timestamp>")'),
            Flag("force", "f", text="Do not prompt for confirmation"),
        ),
    ),
}
