"""What the values of `run`'s flags look like: text to parts of Docker's documents.

Every function here raises ValueError with the words that Docker's command uses.
"""

from __future__ import annotations

import os
from _socket import AF_INET, AF_INET6, inet_pton

from wherry.cli.units import parse_memory_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_LIMITS = (
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending "
    "stack"
).split()
_MAC_PARTS = 6
_NANO = 10**9
_MODES = ("default", "bridge", "host", "none")


def is_address(text: str) -> bool:
    """An IPv4 or IPv6 address, without brackets."""
    for family in (AF_INET, AF_INET6):
        try:
            inet_pton(family, text)
        except OSError:
            continue
        return True
    return False


def parse_address(text: str) -> str:
    """An address of a name server."""
    if not is_address(text.strip()):
        raise ValueError(f"IP address is not correctly formatted: {text}")
    return text.strip()


def parse_environment(text: str) -> str:
    """``NAME=value``; ``NAME`` takes the value from our own environment, if it has one."""
    name, separator, _ = text.partition("=")
    if not name:
        raise ValueError(f"invalid environment variable: {text}")
    if separator or name not in os.environ:
        return text
    return f"{name}={os.environ[name]}"


def parse_label(text: str) -> tuple[str, str]:
    """``name=value``."""
    name, _, value = text.partition("=")
    if not name:
        raise ValueError(f"invalid label '{text}': empty name")
    return name, value


def parse_cpus(text: str) -> int:
    """A number of CPUs as billionths."""
    try:
        upper, slash, lower = text.partition("/")
        value = float(upper) / (float(lower) if slash else 1)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"failed to parse {text} as a rational number") from None
    nano = value * _NANO
    if abs(nano - round(nano)) > 1e-3:
        raise ValueError("value is too precise")
    return round(nano)


def parse_swap(text: str) -> int:
    """Bytes, or -1 for no limit."""
    return -1 if text == "-1" else parse_memory_bytes(text)


def parse_limit(text: str) -> dict[str, Any]:
    """``nofile=1024:2048``; -1 is no limit."""
    name, separator, numbers = text.partition("=")
    if not separator:
        raise ValueError(f"invalid ulimit argument: {text}")
    if name not in _LIMITS:
        raise ValueError(f"invalid ulimit type: {name}")
    parts = numbers.split(":")
    if len(parts) > 2:
        raise ValueError(f"too many limit value arguments - {numbers}, can only have up to two")
    values = []
    for part in parts:
        try:
            values.append(int(part))
        except ValueError:
            raise ValueError(f'strconv.ParseInt: parsing "{part}": invalid syntax') from None
    soft, hard = values[0], values[-1]
    if hard != -1 and (soft == -1 or soft > hard):
        raise ValueError(
            f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
        )
    return {"Name": name, "Hard": hard, "Soft": soft}


def parse_extra_host(text: str) -> str:
    """``name:address`` or ``name=address``; ``host-gateway`` is an address too."""
    name, separator, address = text.partition("=")
    if not separator:
        name, separator, address = text.partition(":")
    if not name or not separator:
        raise ValueError(f'bad format for add-host: "{text}"')
    address = address.removeprefix("[").removesuffix("]")
    if address != "host-gateway" and not is_address(address):
        raise ValueError(f'invalid IP address in add-host: "{address}"')
    return f"{name}:{address}"


def parse_mac(text: str) -> str:
    """Six pairs of hexadecimal digits."""
    parts = text.strip().replace("-", ":").split(":")
    try:
        if len(parts) != _MAC_PARTS or any(len(part) != 2 for part in parts):
            raise ValueError
        bytes.fromhex("".join(parts))
    except ValueError:
        raise ValueError(f"{text} is not a valid mac address") from None
    return text.strip()


def parse_attached(text: str) -> str:
    """Which of the three streams."""
    name = text.lower()
    if name not in ("stdin", "stdout", "stderr"):
        raise ValueError("valid streams are STDIN, STDOUT and STDERR")
    return name


def _split_device(text: str) -> tuple[str, str]:
    path, separator, value = text.partition(":")
    if not separator:
        raise ValueError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise ValueError(f"bad format for device path: {text}")
    return path, value


def parse_weight(text: str) -> dict[str, Any]:
    """``/dev/sda:200``."""
    path, value = _split_device(text)
    if not value.isdigit() or (int(value) and not 10 <= int(value) <= 1000):
        raise ValueError(f"invalid weight for device: {text}")
    return {"Path": path, "Weight": int(value)}


def parse_bytes_rate(text: str) -> dict[str, Any]:
    """``/dev/sda:1mb``, a second."""
    path, value = _split_device(text)
    try:
        return {"Path": path, "Rate": parse_memory_bytes(value)}
    except ValueError:
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is "
            "<device-path>:<number>[<unit>]. Number must be a positive integer. "
            "Unit is optional and can be kb, mb, or gb"
        ) from None


def parse_operations_rate(text: str) -> dict[str, Any]:
    """``/dev/sda:100``, a second."""
    path, value = _split_device(text)
    if not value.isdigit():
        raise ValueError(
            f"invalid rate for device: {text}. The correct format is <device-path>:<number>. "
            "Number must be a positive integer"
        )
    return {"Path": path, "Rate": int(value)}


def parse_device(text: str) -> dict[str, str]:
    """``/dev/a[:/dev/b[:rwm]]``."""
    parts = text.split(":")
    rights = "rwm"
    if len(parts) > 3 or not parts[0]:
        raise ValueError(f"invalid device specification: {text}")
    if len(parts) == 3:
        rights = parts[2]
    inside = parts[0]
    if len(parts) > 1 and parts[1]:
        if len(parts) == 2 and set(parts[1]) <= set("rwm"):
            rights = parts[1]
        else:
            inside = parts[1]
    if not set(rights) <= set("rwm"):
        raise ValueError(f"invalid device specification: {text}")
    for path in (parts[0], inside):
        if not path.startswith("/"):
            raise ValueError(f"{path} is not an absolute path")
    return {"PathOnHost": parts[0], "PathInContainer": inside, "CgroupPermissions": rights}


def split_fields(text: str) -> list[str]:
    """One line of comma-separated values; a field in double quotes may hold commas."""
    fields: list[str] = []
    current: list[str] = []
    quoted = False
    place = 0
    while place < len(text):
        character = text[place]
        if character == '"' and (quoted or not current):
            if quoted and text[place + 1 : place + 2] == '"':
                current.append('"')
                place += 1
            else:
                quoted = not quoted
        elif character == "," and not quoted:
            fields.append("".join(current))
            current = []
        else:
            current.append(character)
        place += 1
    if quoted:
        raise ValueError('parse error on line 1: extraneous or missing " in quoted-field')
    return [*fields, "".join(current)]


def parse_gpus(text: str) -> dict[str, Any]:
    """``all``, a number, or ``device=…,capabilities=…,driver=…,options=…``."""
    request: dict[str, Any] = {}
    capabilities: list[str] = []
    for field in split_fields(text):
        key, separator, value = field.partition("=")
        if not separator:
            key, value = "count", key
        if key == "count":
            if value != "all" and not value.lstrip("-").isdigit():
                raise ValueError(
                    "invalid count (" + value + '): value must be either "all" or an integer'
                )
            request["Count"] = -1 if value == "all" else int(value)
        elif key == "driver":
            request["Driver"] = value
        elif key == "device":
            request["DeviceIDs"] = value.split(",")
        elif key == "capabilities":
            capabilities = value.split(",")
        elif key == "options":
            request["Options"] = dict(parse_label(pair) for pair in split_fields(value))
        else:
            raise ValueError(f"unexpected key '{key}' in '{field}'")
    if "Count" not in request and "DeviceIDs" not in request:
        request["Count"] = 1
    request["Capabilities"] = [capabilities if "gpu" in capabilities else [*capabilities, "gpu"]]
    return request


def parse_network(text: str) -> dict[str, Any]:
    """A network's name, or ``name=…,alias=…,ip=…``: the name and its endpoint's settings."""
    if "=" not in text:
        return {"Target": text.strip()}
    found: dict[str, Any] = {}
    for field in split_fields(text.lower() if "," not in text else text):
        key, separator, value = (part.strip() for part in field.partition("="))
        if not separator:
            raise ValueError(f"invalid key/value pair format in driver options: {field}")
        if key == "name":
            found["Target"] = value
        elif key == "alias":
            found.setdefault("Aliases", []).append(value)
        elif key in ("ip", "ip6"):
            name = "IPv4Address" if key == "ip" else "IPv6Address"
            found.setdefault("IPAMConfig", {})[name] = value
        elif key == "link-local-ip":
            found.setdefault("IPAMConfig", {}).setdefault("LinkLocalIPs", []).append(value)
        elif key == "mac-address":
            found["MacAddress"] = parse_mac(value)
        elif key == "driver-opt":
            name, equals, option = value.partition("=")
            if not equals:
                raise ValueError("invalid key/value pair format in driver options")
            found.setdefault("DriverOpts", {})[name] = option
        elif key == "gw-priority":
            if not value.lstrip("-").isdigit():
                raise ValueError(
                    f'invalid gw-priority: strconv.Atoi: parsing "{value}": invalid syntax'
                )
            found["GwPriority"] = int(value)
        else:
            raise ValueError(f"invalid field key {key}")
    if not found.get("Target"):
        raise ValueError("network name/id is not specified")
    return found


def is_user_network(name: str) -> bool:
    """Not one of the modes that have a name."""
    return name not in _MODES and not name.startswith("container:")


def read_lines(path: str) -> list[str]:
    """The lines of an ``--env-file`` or ``--label-file`` that say something."""
    with open(path, encoding="utf-8-sig") as file:
        lines = [line.rstrip("\r\n").lstrip() for line in file]
    return [line for line in lines if line and not line.startswith("#")]


def read_pairs(paths: Sequence[str], *, from_environment: bool) -> list[str]:
    """``name=value`` lines of files. A bare name of an environment file is looked up in our
    own environment and left out when it is not there."""
    found: list[str] = []
    for path in paths:
        for line in read_lines(path):
            name, separator, _ = line.partition("=")
            if not name:
                raise ValueError(f"invalid env file ({path}): no variable name on line '{line}'")
            if any(character.isspace() for character in name.rstrip()) or name != name.rstrip():
                raise ValueError(
                    f"invalid env file ({path}): variable '{name}' contains whitespaces"
                )
            if separator or not from_environment:
                found.append(line)
            elif name in os.environ:
                found.append(f"{name}={os.environ[name]}")
    return found
