"""The daemon's settings: defaults, then ``daemon.json``, then the command line.

Named as dockerd's, so that an existing file or unit goes on working. A setting may stand in the
file or on the command line, never in both: one of the two would be ignored.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wherry.daemon.options import OPTIONS, parse_arguments
from wherry.model.errors import InvalidArgument
from wherry.model.resources import Ulimit
from wherry.model.system import RuntimeEntry

DEFAULT_CONFIG_PATH = Path("/etc/wherry/daemon.json")
DOCKER_SOCKET_PATH = Path("/run/docker.sock")
TLS_DIR = Path("/etc/wherry")
LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")
LOG_DRIVERS = ("json-file", "local", "none")
LOG_OPTIONS = frozenset({"max-size", "max-file", "labels", "env", "tag", "compress", "mode"})


@dataclass(frozen=True, slots=True)
class UnixAddress:
    path: Path


@dataclass(frozen=True, slots=True)
class TcpAddress:
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it is a loopback address as a number: a name may change its meaning."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class InheritedAddress:
    """Sockets from systemd: all of them, or the one of this number or name."""

    which: str = ""


Address = UnixAddress | TcpAddress | InheritedAddress


@dataclass(frozen=True, slots=True)
class AddressPool:
    """A range that new networks are cut from, and the prefix length of what is cut."""

    base: IPv4Network | IPv6Network
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    hosts: tuple[Address, ...] = ()
    """Where the API listens; never empty once `load` has made it."""
    docker_socket: bool = False
    """Listen on /run/docker.sock, too."""
    group: str = "docker"
    """Owner group of unix sockets."""
    tls: bool = False
    tlsverify: bool = False
    tlscacert: Path = TLS_DIR / "ca.pem"
    tlscert: Path = TLS_DIR / "cert.pem"
    tlskey: Path = TLS_DIR / "key.pem"
    data_root: Path = Path("/var/lib/wherry")
    exec_root: Path = Path("/run/wherry")
    pidfile: Path | None = None
    log_level: str = "info"
    storage_driver: str = ""
    """Empty: the best that works here."""
    default_runtime: str = ""
    """Empty: the best that is installed."""
    runtimes: Mapping[str, RuntimeEntry] = field(default_factory=dict)
    bridge: str = ""
    """Name of the default bridge; empty: wherry0. Another name also means rules of its own."""
    bip: IPv4Interface | None = None
    """Address and network of the default bridge."""
    default_address_pools: tuple[AddressPool, ...] = ()
    """Empty: the engine's own."""
    insecure_registries: tuple[str, ...] = ()
    registry_mirrors: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    live_restore: bool = True
    """Accepted for Docker's sake: containers always outlive the daemon."""
    iptables: bool = True
    """False: leave the host's packet filter alone."""
    shutdown_timeout_s: int = 15
    default_ulimits: tuple[Ulimit, ...] = ()
    log_driver: str = "json-file"
    log_options: Mapping[str, str] = field(default_factory=dict)

    @property
    def debug(self) -> bool:
        return self.log_level == "debug"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asked for."""

    config: Config
    validate_only: bool
    """Check the settings and end."""


def load(arguments: Sequence[str]) -> Asked:
    """The settings of a daemon that is started with these arguments.

    Raises:
        InvalidArgument: with what dockerd says.
        SystemExit: help or the version were asked for, or an option is not known.
    """
    parsed = parse_arguments(arguments)
    given = {
        option.key: value
        for option in OPTIONS
        if (value := getattr(parsed, option.attribute)) is not None
    }
    from_file = _read_file(parsed)
    _check_conflicts(given, from_file)
    settings = _settings(from_file, from_file=True) | _settings(given, from_file=False)
    if settings.pop("debug", False):
        settings["log_level"] = "debug"
    config = Config(**settings)
    if not config.hosts:
        address = UnixAddress(config.exec_root / "wherry.sock")
        config = Config(**(settings | {"hosts": (address,)}))
    _check(config)
    return Asked(config, bool(parsed.validate))


def parse_address(text: str) -> Address:
    """``unix:///path``, ``tcp://host:port`` or ``fd://``.

    Raises:
        InvalidArgument: another scheme, or a part is missing.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "tcp", text
    if scheme == "fd":
        return InheritedAddress("" if rest == "*" else rest)
    if scheme == "unix":
        if not rest.startswith("/"):
            raise InvalidArgument(
                f"invalid bind address ({text}): the socket's path is not absolute"
            )
        return UnixAddress(Path(rest))
    if scheme != "tcp":
        raise InvalidArgument(f"invalid bind address ({text}): unsupported proto '{scheme}'")
    try:
        url = urlsplit(f"//{rest}")
        host, port = url.hostname or "127.0.0.1", url.port
    except ValueError as error:
        raise InvalidArgument(f"invalid bind address ({text}): {error}") from None
    if url.path or url.query or url.fragment or url.username is not None:
        raise InvalidArgument(f"invalid bind address ({text}): should not contain a path element")
    return TcpAddress(host, 2375 if port is None else port)


def _read_file(parsed: argparse.Namespace) -> Mapping[str, Any]:
    path = Path(parsed.config_file or DEFAULT_CONFIG_PATH)
    problem = f"unable to configure the engine with file {path}"
    try:
        text = path.read_text()
    except FileNotFoundError:
        if parsed.config_file is None:
            return {}
        raise InvalidArgument(f"{problem}: open {path}: no such file or directory") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{problem}: {error}") from None
    if not text.strip():
        return {}
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"{problem}: invalid JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidArgument(f"{problem}: the file must hold one JSON object")
    known = {option.key for option in OPTIONS}
    if unknown := sorted(document.keys() - known):
        raise InvalidArgument(
            f"{problem}: the following directives don't match any configuration option: "
            + ", ".join(unknown)
        )
    return document


def _check_conflicts(given: Mapping[str, Any], from_file: Mapping[str, Any]) -> None:
    if both := sorted(given.keys() & from_file.keys()):
        told = ", ".join(
            f"{key}: (from flag: {_plain(given[key])}, from file: {_plain(from_file[key])})"
            for key in both
        )
        raise InvalidArgument(
            "the following directives are specified both as a flag and in the configuration "
            f"file: {told}"
        )


def _settings(values: Mapping[str, Any], *, from_file: bool) -> dict[str, Any]:
    settings = {}
    for option in OPTIONS:
        if option.key not in values or option.field is None:
            continue
        value = values[option.key]
        try:
            read = option.kind.from_file(value) if from_file else option.kind.from_flags(value)
            settings[option.field] = _FINISH.get(option.field, _as_is)(read)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise InvalidArgument(f"invalid value for {option.key}: {error}") from None
    return settings


def _check(config: Config) -> None:
    if config.log_level not in LOG_LEVELS:
        raise InvalidArgument(f"invalid logging level: {config.log_level}")
    if config.log_driver not in LOG_DRIVERS:
        raise InvalidArgument(f"logger: no log driver named '{config.log_driver}' is registered")
    for name in config.log_options:
        if name not in LOG_OPTIONS:
            raise InvalidArgument(f"unknown log opt '{name}' for {config.log_driver} log driver")
    if config.shutdown_timeout_s < -1:
        raise InvalidArgument("invalid value for shutdown-timeout: it must be -1 or more")
    for address in config.hosts:
        if isinstance(address, TcpAddress) and not (config.tlsverify or address.is_loopback):
            raise InvalidArgument(
                f"tcp://{address.host}:{address.port}: without --tlsverify everybody who can reach "
                "this address would be root here",
                hint="use --tlsverify with --tlscacert, --tlscert and --tlskey, or a loopback "
                "address such as tcp://127.0.0.1:2375, or ssh:// in the client",
            )


def _as_is(value: Any) -> Any:
    return value


def _pools(pools: Sequence[Mapping[str, Any]]) -> tuple[AddressPool, ...]:
    out = []
    for pool in pools:
        base = IPv4Network(pool["base"]) if ":" not in pool["base"] else IPv6Network(pool["base"])
        size = int(pool["size"])
        if not base.prefixlen <= size <= base.max_prefixlen:
            raise ValueError(f"pools of /{size} cannot be cut from {base}")
        out.append(AddressPool(base, size))
    return tuple(out)


def _runtimes(runtimes: Mapping[str, Mapping[str, Any]]) -> Mapping[str, RuntimeEntry]:
    return {
        name: RuntimeEntry(path=one["path"], arguments=tuple(one.get("runtimeArgs") or ()))
        for name, one in runtimes.items()
    }


def _ulimits(ulimits: Mapping[str, Mapping[str, Any]]) -> tuple[Ulimit, ...]:
    return tuple(
        Ulimit(name=one.get("Name", name), soft=int(one["Soft"]), hard=int(one["Hard"]))
        for name, one in ulimits.items()
    )


_FINISH: Mapping[str, Any] = {
    "hosts": lambda hosts: tuple(map(parse_address, hosts)),
    "tlscacert": Path,
    "tlscert": Path,
    "tlskey": Path,
    "data_root": Path,
    "exec_root": Path,
    "pidfile": Path,
    "bip": IPv4Interface,
    "default_address_pools": _pools,
    "runtimes": _runtimes,
    "default_ulimits": _ulimits,
}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{' '.join(map(str, value))}]"
    return str(value)
