"""The three files by which a container knows names: hosts, hostname, resolv.conf. Computes only.

Sources: hosts(5), resolv.conf(5); the layout of the files is Docker's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

EMBEDDED_SERVER = "127.0.0.11"
_FALLBACK = {4: ("8.8.8.8", "8.8.4.4"), 6: ("2001:4860:4860::8888", "2001:4860:4860::8844")}

_LOCAL_NAMES = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::", "ip6-localnet"),
    ("ff00::", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
)


def render_hosts(
    *,
    hostname: str,
    domain: str = "",
    addresses: Iterable[str] = (),
    extra: Iterable[tuple[str, str]] = (),
) -> str:
    """``/etc/hosts`` of a container with a network of its own.

    `addresses` are its own; `extra` are pairs of name and address, as ``--add-host`` gives them.
    """
    full = f"{hostname}.{domain}" if domain else hostname
    short = full.partition(".")[0]
    own = full if short == full else f"{full} {short}"
    lines = [*_LOCAL_NAMES]
    lines += [(address, name) for name, address in extra]
    lines += [(address, own) for address in addresses]
    return "".join(f"{address}\t{names}\n" for address, names in lines)


def render_hosts_of_host(host_text: str, extra: Iterable[tuple[str, str]] = ()) -> str:
    """``/etc/hosts`` of a container in the host's own network."""
    text = host_text if host_text.endswith("\n") or not host_text else host_text + "\n"
    return text + "".join(f"{address}\t{name}\n" for name, address in extra)


def render_hostname(hostname: str, domain: str = "") -> str:
    """``/etc/hostname``."""
    return f"{hostname}.{domain}\n" if domain else f"{hostname}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvConf:
    """What such a file says."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    others: tuple[str, ...] = field(default=())
    """Lines of other kinds (``sortlist``), as they are."""


def parse_resolv_conf(text: str) -> ResolvConf:
    """Reads what the resolver would: the last ``search`` counts, comments do not."""
    nameservers: list[str] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    others: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        match words[0]:
            case "nameserver" if len(words) > 1:
                nameservers.append(words[1])
            case "search" | "domain":
                search = tuple(words[1:])
            case "options":
                options += words[1:]
            case _:
                others.append(line)
    return ResolvConf(
        nameservers=tuple(nameservers), search=search, options=tuple(options), others=tuple(others)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolving:
    """A container's ``/etc/resolv.conf``, and whom the embedded server shall ask."""

    text: str
    upstream: tuple[str, ...]
    """Servers for the embedded one; from the host's file, then they are asked from the host."""
    upstream_is_hosts: bool


def render_resolv_conf(
    host: ResolvConf,
    *,
    embedded: bool,
    host_network: bool = False,
    ipv6: bool = False,
    nameservers: Sequence[str] = (),
    search: Sequence[str] = (),
    options: Sequence[str] = (),
    host_path: str = "/etc/resolv.conf",
) -> Resolving:
    """The host's file, with what was asked for in its place.

    `embedded`: the container asks the engine's own server, as on every network that a user made.
    Otherwise servers on a loopback address are left out, which a container cannot reach (not so
    on the `host_network`), and public ones take their place if none is left.
    """
    overridden = [
        name
        for name, given in (("nameservers", nameservers), ("search", search), ("options", options))
        if given
    ]
    searched = tuple(s for s in (search or host.search) if s != ".")
    settings = tuple(options or host.options)
    asked = tuple(nameservers or host.nameservers)
    notes = []
    if embedded:
        shown: tuple[str, ...] = (EMBEDDED_SERVER,)
        kind = " (internal resolver)"
        if asked:
            told = asked if nameservers else tuple(f"host({server})" for server in asked)
            notes.append(f"# ExtServers: [{' '.join(told)}]")
    elif nameservers or host_network:
        shown, kind = asked, "" if host_network else " (legacy)"
    else:
        shown = tuple(server for server in asked if _reachable(server, ipv6=ipv6))
        shown = shown or _FALLBACK[4] + (_FALLBACK[6] if ipv6 else ())
        kind = " (legacy)"
    notes.append(f"# Overrides: [{' '.join(overridden)}]")
    if any(setting.startswith("ndots:") for setting in settings):
        notes.append(f"# Option ndots from: {'override' if options else 'host'}")
    elif embedded:
        settings += ("ndots:0",)
        notes.append("# Option ndots from: internal")
    lines = [
        "# Generated by wherry.",
        "# Feel free to edit: a file that was changed is left alone from then on.",
        "",
        *(f"nameserver {server}" for server in shown),
        *([f"search {' '.join(searched)}"] if searched else []),
        *([f"options {' '.join(settings)}"] if settings else []),
        *host.others,
        "",
        f"# Based on host file: '{host_path}'{kind}",
        *notes,
    ]
    return Resolving(
        text="\n".join(lines) + "\n", upstream=asked, upstream_is_hosts=not nameservers
    )


def _reachable(server: str, *, ipv6: bool) -> bool:
    try:
        address = ip_address(server.partition("%")[0])
    except ValueError:
        return False
    return not address.is_loopback and (address.version == 4 or ipv6)
