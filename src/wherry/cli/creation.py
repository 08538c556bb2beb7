"""`run` and `create`: from flags to the document of ``POST /containers/create``.

Refused, with exit code 125, for a wish that contradicts itself. Fields nobody asked for are left
out: the engine's defaults are the engine's business.
"""

from __future__ import annotations

import os

from wherry.cli.createflags import FIELDS
from wherry.cli.errors import Refused
from wherry.cli.mounts import split_tmpfs, split_volumes
from wherry.cli.ports import parse_exposed, parse_ports
from wherry.cli.values import is_user_network, parse_device, parse_label, read_pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.flags import Values

    Document = dict[str, Any]

_FAILED = 125
_PAIRS = ("annotation", "sysctl", "storage-opt", "log-opt")
_HEALTH = (
    ("health-interval", "Interval"),
    ("health-timeout", "Timeout"),
    ("health-start-period", "StartPeriod"),
    ("health-start-interval", "StartInterval"),
    ("health-retries", "Retries"),
)


class Creation:
    """What is to be created: the `body`, and what goes beside it."""

    __slots__ = ("body", "image", "name", "platform", "pull")

    def __init__(self, *, body: Document, image: str, name: str, platform: str, pull: str) -> None:
        self.body, self.image, self.name = body, image, name
        self.platform, self.pull = platform, pull


def plan_creation(flags: Values, *, detached: bool = False) -> Creation:
    """Read the flags and the arguments (image, command). Refused."""
    try:
        return _plan(flags, detached)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Refused(f"open {error.filename}: {reason}", code=_FAILED) from None
    except ValueError as error:
        raise Refused(str(error), code=_FAILED) from None


def _plan(flags: Values, detached: bool) -> Creation:
    for old, new in (("net", "network"), ("net-alias", "network-alias"), ("dns-opt", "dns-option")):
        if old in flags.given:
            flags.given.setdefault(new, []).extend(flags.given[old])
    image, *command = flags.args
    _check_reference(image)
    pull = flags.text("pull", "missing")
    if pull not in ("always", "missing", "never"):
        raise ValueError(
            f'invalid pull option: \'{pull}\': must be one of "always", "missing" or "never"'
        )
    host: Document = {}
    body: Document = {"Image": image, "HostConfig": host}
    if command:
        body["Cmd"] = command
    _copy_fields(flags, body)
    _plan_streams(flags, body, detached)
    _plan_process(flags, body)
    _plan_health(flags, body)
    _plan_storage(flags, body, host)
    _plan_ports(flags, body, host)
    _plan_networks(flags, body, host)
    _plan_security(flags, host)
    _plan_devices(flags, host)
    _plan_policy(flags, host)
    return Creation(
        body=body,
        image=image,
        name=flags.text("name"),
        platform=flags.text("platform") or os.environ.get("DOCKER_DEFAULT_PLATFORM", ""),
        pull=pull,
    )


def _check_reference(image: str) -> None:
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    repository = f"{head}{slash}{tail.partition(':')[0]}"
    if not image or image.startswith((":", "/", "-")) or any(c.isspace() for c in image):
        raise ValueError("invalid reference format")
    first, slash, _ = repository.partition("/")
    path = repository
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        path = repository[len(first) + 1 :]
    if path != path.lower():
        full = path if "/" in path or slash else f"library/{path}"
        raise ValueError(f"invalid reference format: repository name ({full}) must be lowercase")


def _copy_fields(flags: Values, body: Document) -> None:
    """Flags whose value is the field's value."""
    for name, value in flags.given.items():
        path = FIELDS.get(name)
        if path is None:
            continue
        place = body
        *outer, last = path.split(".")
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = dict(value) if name in _PAIRS else value
    limits = body["HostConfig"].get("Ulimits")
    if limits:
        body["HostConfig"]["Ulimits"] = sorted(limits, key=lambda limit: str(limit["Name"]))


def _plan_streams(flags: Values, body: Document, detached: bool) -> None:
    attached = flags.many("attach")
    stdin = "stdin" in attached or flags.switch("interactive")
    body["AttachStdin"] = stdin and not detached
    body["AttachStdout"] = not detached and (not attached or "stdout" in attached)
    body["AttachStderr"] = not detached and (not attached or "stderr" in attached)
    body["StdinOnce"] = body["AttachStdin"] and flags.switch("interactive")


def _plan_process(flags: Values, body: Document) -> None:
    from_files = read_pairs(flags.many("env-file"), from_environment=True)
    if environment := from_files + flags.many("env"):
        body["Env"] = environment
    labels = dict(
        parse_label(line) for line in read_pairs(flags.many("label-file"), from_environment=False)
    )
    labels.update(flags.many("label"))
    if labels:
        body["Labels"] = labels
    if "entrypoint" in flags.given:
        body["Entrypoint"] = [flags.text("entrypoint")]


def _plan_health(flags: Values, body: Document) -> None:
    health: Document = {}
    if command := flags.text("health-cmd"):
        health["Test"] = ["CMD-SHELL", command]
    for name, field in _HEALTH:
        value = flags.number(name)
        if value < 0:
            raise ValueError(f"--{name} cannot be negative")
        if value:
            health[field] = value
    if flags.switch("no-healthcheck"):
        if health:
            raise ValueError("--no-healthcheck conflicts with --health-* options")
        health["Test"] = ["NONE"]
    if health:
        body["Healthcheck"] = health


def _plan_storage(flags: Values, body: Document, host: Document) -> None:
    binds, anonymous = split_volumes(flags.many("volume"))
    if binds:
        host["Binds"] = binds
    if anonymous:
        body["Volumes"] = anonymous
    if tmpfs := flags.many("tmpfs"):
        host["Tmpfs"] = split_tmpfs(tmpfs)
    if flags.switch("use-api-socket"):
        raise ValueError("--use-api-socket is not supported: mount the socket with --volume")


def _plan_ports(flags: Values, body: Document, host: Document) -> None:
    bindings = parse_ports(flags.many("publish"))
    exposed = [*bindings, *parse_exposed(flags.many("expose"))]
    if bindings:
        host["PortBindings"] = bindings
    if exposed:
        body["ExposedPorts"] = {port: {} for port in exposed}


def _plan_networks(flags: Values, body: Document, host: Document) -> None:
    networks: list[Document] = [dict(network) for network in flags.many("network")]
    first = networks[0] if networks else {"Target": "default"}
    networks = networks or [first]
    modes = {is_user_network(network["Target"]) for network in networks}
    if len(modes) > 1:
        raise ValueError(
            "conflicting options: cannot attach both user-defined and non-user-defined "
            "network-modes"
        )
    host["NetworkMode"] = first["Target"]
    _add_endpoint_flags(flags, first)
    endpoints: Document = {}
    for network in networks:
        target = network.pop("Target")
        if target in endpoints:
            raise ValueError(f'network "{target}" is specified multiple times')
        if network or is_user_network(target):
            endpoints[target] = network
    if endpoints:
        body["NetworkingConfig"] = {"EndpointsConfig": endpoints}


def _add_endpoint_flags(flags: Values, endpoint: Document) -> None:
    """Flags that stand alone concern the first network."""
    ipam = endpoint.get("IPAMConfig", {})
    for name, field in (("ip", "IPv4Address"), ("ip6", "IPv6Address")):
        if name in flags.given:
            if field in ipam:
                raise ValueError(
                    f"conflicting options: cannot specify both --{name} and per-network "
                    f"{'IPv4' if name == 'ip' else 'IPv6'} address"
                )
            ipam[field] = flags.text(name)
    if local := flags.many("link-local-ip"):
        ipam["LinkLocalIPs"] = local
    if ipam:
        endpoint["IPAMConfig"] = ipam
    if aliases := flags.many("network-alias"):
        if "Aliases" in endpoint:
            raise ValueError(
                "conflicting options: cannot specify both --network-alias and per-network alias"
            )
        endpoint["Aliases"] = aliases
    if (links := flags.many("link")) and is_user_network(endpoint["Target"]):
        endpoint["Links"] = links
    if "mac-address" in flags.given:
        if "MacAddress" in endpoint:
            raise ValueError(
                "conflicting options: cannot specify both --mac-address and per-network MAC address"
            )
        endpoint["MacAddress"] = flags.text("mac-address")


def _plan_security(flags: Values, host: Document) -> None:
    wanted: list[str] = []
    for option in flags.many("security-opt"):
        name, separator, value = option.partition("=")
        if not separator and option != "no-new-privileges":
            name, separator, value = option.partition(":")
            if not separator:
                raise ValueError(f'Invalid --security-opt: "{option}"')
        if name == "systempaths" and value == "unconfined":
            host["MaskedPaths"], host["ReadonlyPaths"] = [], []
            continue
        if name == "seccomp" and value not in ("unconfined", "builtin"):
            value = _read_seccomp(value)
            option = f"seccomp={value}"
        wanted.append(option)
    if wanted:
        host["SecurityOpt"] = wanted


def _read_seccomp(path: str) -> str:
    from wherry.client.jsontext import decode_json, encode_json

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise ValueError(
            f"opening seccomp profile ({path}) failed: open {path}: {reason}"
        ) from None
    try:
        return encode_json(decode_json(text))
    except ValueError as error:
        raise ValueError(f"compacting json for seccomp profile ({path}) failed: {error}") from None


def _plan_devices(flags: Values, host: Document) -> None:
    devices = []
    named = []
    for wanted in flags.many("device"):
        # vendor/class=name is a device of the container device interface, not a path.
        if "=" in wanted and "/" in wanted and not wanted.startswith("/"):
            named.append(wanted)
        else:
            devices.append(parse_device(wanted))
    if devices:
        host["Devices"] = devices
    if named:
        host.setdefault("DeviceRequests", []).append({"Driver": "cdi", "DeviceIDs": named})


def _plan_policy(flags: Values, host: Document) -> None:
    swappiness = flags.number("memory-swappiness", -1)
    if swappiness != -1 and not 0 <= swappiness <= 100:
        raise ValueError(f"invalid value: {swappiness}. Valid memory swappiness range is 0-100")
    for name, words in (("pid", "PID"), ("ipc", "IPC"), ("uts", "UTS"), ("userns", "USER")):
        mode = flags.text(name)
        kinds = {"pid": ("host",), "uts": ("host",), "userns": ("host",)}.get(name)
        joins = name == "pid" and mode.startswith("container:") and mode != "container:"
        if mode and kinds is not None and mode not in kinds and not joins:
            raise ValueError(f"--{name}: invalid {words} mode")
    if flags.text("cgroupns") not in ("", "host", "private"):
        raise ValueError("--cgroupns: invalid CGROUP mode")
    name, colon, count = flags.text("restart", "no").partition(":")
    if colon and not name:
        raise ValueError("invalid restart policy format: no policy provided before colon")
    if colon and not count.lstrip("-").isdigit():
        raise ValueError("invalid restart policy format: maximum retry count must be an integer")
    policy: Document = {"Name": name or "no"}
    if colon:
        policy["MaximumRetryCount"] = int(count)
    host["RestartPolicy"] = policy
    if flags.switch("rm") and policy["Name"] != "no":
        raise ValueError("conflicting options: cannot specify both --restart and --rm")
