"""Every option of the daemon: its name in ``daemon.json``, its flags, and how it is read."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Protocol

_TRUE = frozenset({"1", "t", "true", "True", "TRUE", "T"})
_FALSE = frozenset({"0", "f", "false", "False", "FALSE", "F"})


class Kind(Protocol):
    """How an option's value is written. ValueError or TypeError when it is wrong."""

    repeats: bool
    metavar: str | None

    def from_flags(self, value: Any) -> Any: ...
    def from_file(self, value: Any) -> Any: ...


class Text:
    repeats = False

    def __init__(self, metavar: str) -> None:
        self.metavar: str | None = metavar

    def from_flags(self, value: Any) -> str:
        return self.from_file(value)

    def from_file(self, value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError(f"a string is needed, not {value!r}")
        return value


class Number:
    repeats = False
    metavar: str | None = "N"

    def from_flags(self, value: Any) -> int:
        return int(value)

    def from_file(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"a number is needed, not {value!r}")
        return value


class Switch:
    repeats = False
    metavar: str | None = None

    def from_flags(self, value: Any) -> bool:
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        raise ValueError(f"true or false is needed, not {value!r}")

    def from_file(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError(f"true or false is needed, not {value!r}")
        return value


class Texts:
    repeats = True

    def __init__(self, metavar: str) -> None:
        self.metavar: str | None = metavar

    def from_flags(self, value: Sequence[str]) -> Any:
        return tuple(value)

    def from_file(self, value: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise TypeError(f"a list of strings is needed, not {value!r}")
        return tuple(value)


class Pairs(Texts):
    """``name=value``, several times; an object in the file."""

    def from_flags(self, value: Sequence[str]) -> Any:
        return dict(_pair(one) for one in value)

    def from_file(self, value: Any) -> Any:
        if not isinstance(value, dict):
            raise TypeError(f"an object is needed, not {value!r}")
        return {name: text if isinstance(text, str) else str(text) for name, text in value.items()}


class Runtimes(Pairs):
    """``name=path``; in the file ``{"name": {"path": …, "runtimeArgs": […]}}``."""

    def from_flags(self, value: Sequence[str]) -> Any:
        return {name: {"path": path} for name, path in map(_pair, value)}

    def from_file(self, value: Any) -> Any:
        return _objects(value)


class Ulimits(Pairs):
    """``name=soft[:hard]``; in the file ``{"name": {"Name": …, "Soft": …, "Hard": …}}``."""

    def from_flags(self, value: Sequence[str]) -> Any:
        out = {}
        for name, limits in map(_pair, value):
            soft, _, hard = limits.partition(":")
            out[name] = {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
        return out

    def from_file(self, value: Any) -> Any:
        return _objects(value)


class Pools(Texts):
    """``base=…,size=…``, several times; a list of objects in the file."""

    def from_flags(self, value: Sequence[str]) -> Any:
        return [dict(_pair(part) for part in one.split(",")) for one in value]

    def from_file(self, value: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise TypeError(f"a list of objects is needed, not {value!r}")
        return value


@dataclass(frozen=True, slots=True)
class Option:
    key: str
    """In the file, and in messages."""
    flags: tuple[str, ...]
    kind: Kind
    field: str | None
    """Of `Config`; None for what is accepted and means nothing here."""
    help: str

    @property
    def attribute(self) -> str:
        return "option_" + self.key.replace("-", "_")


_DIR, _FILE, _TEXT = Text("DIR"), Text("FILE"), Text("TEXT")

OPTIONS: Sequence[Option] = (
    Option("hosts", ("-H", "--host"), Texts("ADDRESS"), "hosts",
           "listen here: unix:///path, fd:// or tcp://host:port; may be repeated"),
    Option("docker-socket", ("--docker-socket",), Switch(), "docker_socket",
           "listen on /run/docker.sock as well"),
    Option("group", ("-G", "--group"), Text("NAME"), "group", "group of the unix sockets"),
    Option("tls", ("--tls",), Switch(), "tls", "use TLS; implied by --tlsverify"),
    Option("tlsverify", ("--tlsverify",), Switch(), "tlsverify",
           "use TLS and admit clients with a certificate only"),
    Option("tlscacert", ("--tlscacert",), _FILE, "tlscacert",
           "trust clients whose certificate this CA signed"),
    Option("tlscert", ("--tlscert",), _FILE, "tlscert", "the server's certificate"),
    Option("tlskey", ("--tlskey",), _FILE, "tlskey", "the key of that certificate"),
    Option("data-root", ("--data-root",), _DIR, "data_root", "what must last is kept here"),
    Option("exec-root", ("--exec-root",), _DIR, "exec_root", "what ends with a reboot, here"),
    Option("pidfile", ("-p", "--pidfile"), _FILE, "pidfile", "write the process id there"),
    Option("debug", ("-D", "--debug"), Switch(), "debug", "the same as --log-level debug"),
    Option("log-level", ("-l", "--log-level"), Text("LEVEL"), "log_level",
           "debug, info, warn, error or fatal"),
    Option("storage-driver", ("-s", "--storage-driver"), Text("NAME"), "storage_driver",
           "how layers and containers are stored"),
    Option("default-runtime", ("--default-runtime",), Text("NAME"), "default_runtime",
           "the OCI runtime of containers that ask for none"),
    Option("runtimes", ("--add-runtime",), Runtimes("NAME=PATH"), "runtimes",
           "another OCI runtime; may be repeated"),
    Option("bridge", ("-b", "--bridge"), Text("NAME"), "bridge",
           "interface of the default bridge; another name than wherry0 means own rules"),
    Option("bip", ("--bip",), Text("ADDRESS/BITS"), "bip",
           "address and network of the default bridge"),
    Option("default-address-pools", ("--default-address-pool",), Pools("base=NET,size=BITS"),
           "default_address_pools", "new networks are cut from here; may be repeated"),
    Option("insecure-registries", ("--insecure-registry",), Texts("NAME"), "insecure_registries",
           "a registry without TLS, or with a certificate that nobody vouches for"),
    Option("registry-mirrors", ("--registry-mirror",), Texts("URL"), "registry_mirrors",
           "ask here before Docker Hub; may be repeated"),
    Option("labels", ("--label",), Texts("NAME=VALUE"), "labels", "a label of this engine"),
    Option("live-restore", ("--live-restore",), Switch(), "live_restore",
           "accepted: containers outlive the daemon in any case"),
    Option("iptables", ("--iptables",), Switch(), "iptables",
           "set up the packet filter (default true)"),
    Option("shutdown-timeout", ("--shutdown-timeout",), Number(), "shutdown_timeout_s",
           "seconds that requests may take to end when the daemon stops"),
    Option("default-ulimits", ("--default-ulimit",), Ulimits("NAME=SOFT[:HARD]"),
           "default_ulimits", "a limit of containers that ask for none; may be repeated"),
    Option("log-driver", ("--log-driver",), Text("NAME"), "log_driver",
           "how the output of containers is kept: json-file, local or none"),
    Option("log-opts", ("--log-opt",), Pairs("NAME=VALUE"), "log_options",
           "an option of the log driver; may be repeated"),
)  # fmt: skip


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line, each option as it was written, None where it was not.

    Raises:
        SystemExit: help or the version was asked for and printed, or an option is not known.
    """
    parser = argparse.ArgumentParser(
        prog="wherryd",
        description="The engine of wherry: runs containers and answers Docker's API.",
        epilog="All options but --config-file and --validate may stand in the configuration file "
        "instead, under their long names (several of one kind: in the plural).",
        allow_abbrev=False,
    )
    for option in OPTIONS:
        details: dict[str, Any] = {"dest": option.attribute, "help": option.help, "default": None}
        if isinstance(option.kind, Switch):
            details |= {"nargs": "?", "const": "true", "metavar": "true|false"}
        else:
            details["metavar"] = option.kind.metavar
        if option.kind.repeats:
            details["action"] = "append"
        parser.add_argument(*option.flags, **details)
    parser.add_argument(
        "--config-file", metavar="FILE", help="settings (default /etc/wherry/daemon.json)"
    )
    parser.add_argument("--validate", action="store_true", help="check the settings and end")
    parser.add_argument(
        "-v", "--version", action="version", version=f"wherryd version {read_own_version()}"
    )
    return parser.parse_args(arguments)


def read_own_version() -> str:
    """The version that is installed; ``0.0.0-source`` when run from a checkout."""
    try:
        return metadata.version("wherry")
    except metadata.PackageNotFoundError:
        return "0.0.0-source"


def _pair(text: str) -> tuple[str, str]:
    name, has_value, value = text.partition("=")
    if not name or not has_value:
        raise ValueError(f"name=value is needed, not {text!r}")
    return name.strip(), value


def _objects(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise TypeError(f"an object of objects is needed, not {value!r}")
    return value
