"""Changes to a configuration, written as Dockerfile lines: ``import --change``, ``commit -c``."""

import json
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from wherry.model.errors import InvalidArgument
from wherry.model.image import HealthcheckConfig, ImageConfig
from wherry.model.timestamps import parse_duration_ns
from wherry.oci.image import parse_ports

_SHELL = ("/bin/sh", "-c")
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.DOTALL)
_QUOTED = re.compile(r"""\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'""", re.DOTALL)
_OPTION = re.compile(r"--([a-z-]+)=(\S+)\s*")


def apply_changes(config: ImageConfig, changes: Sequence[str]) -> ImageConfig:
    """`config` after each line of `changes`, in order.

    Raises:
        InvalidArgument: an instruction that does not change a configuration, or a wrong one.
    """
    command_was_set = False
    for change in changes:
        for line in change.replace("\\\n", "").splitlines():
            name, _, rest = line.strip().partition(" ")
            if not name or name.startswith("#"):
                continue
            instruction = name.upper()
            if instruction not in _INSTRUCTIONS:
                raise InvalidArgument(f"{instruction} is not a valid change command")
            arguments = rest.strip()
            if not arguments:
                raise InvalidArgument(f"{instruction} requires at least one argument")
            config = _INSTRUCTIONS[instruction](config, arguments)
            if instruction == "ENTRYPOINT" and not command_was_set:
                # the old command was meant for the old entrypoint
                config = replace(config, command=None)
            command_was_set = command_was_set or instruction == "CMD"
    return config


def _command_line(config: ImageConfig, text: str) -> tuple[str, ...]:
    """A JSON array of words, or a line for the shell."""
    if (words := _json_words(text)) is not None:
        return words
    return (*(config.shell or _SHELL), text)


def _json_words(text: str) -> tuple[str, ...] | None:
    if not text.startswith("["):
        return None
    try:
        words = json.loads(text)
    except ValueError:
        return None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return tuple(words)
    return None


def _words(text: str) -> list[str]:
    """Words as a shell splits them, without their quotes."""
    return [_unquote(word) for word in _WORD.findall(text)]


def _unquote(word: str) -> str:
    def inside(found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[1]
        if found[2] is not None:
            return re.sub(r'\\(["\\$])', r"\1", found[2])
        return found[3]

    return _QUOTED.sub(inside, word)


def _pairs(instruction: str, text: str) -> dict[str, str]:
    """``key=value …``, or the old form ``key the rest``."""
    first = text.split(None, 1)
    if "=" not in first[0]:
        if len(first) < 2:
            raise InvalidArgument(f"{instruction} must have two arguments")
        return {first[0]: first[1]}
    pairs: dict[str, str] = {}
    for word in _words(text):
        key, equals, value = word.partition("=")
        if not equals:
            raise InvalidArgument(
                f"Syntax error - can't find = in {word!r}. Must be of the form: name=value"
            )
        if not key:
            raise InvalidArgument(f"{instruction} names can not be blank")
        pairs[key] = value
    return pairs


def _env(config: ImageConfig, text: str) -> ImageConfig:
    variables = {one.partition("=")[0]: one for one in config.env}
    for key, value in _pairs("ENV", text).items():
        variables[key] = f"{key}={value}"
    return replace(config, env=tuple(variables.values()))


def _expose(config: ImageConfig, text: str) -> ImageConfig:
    ports = {port for word in _words(text) for port in parse_ports(word)}
    return replace(config, exposed_ports=tuple(sorted({*config.exposed_ports, *ports})))


def _volume(config: ImageConfig, text: str) -> ImageConfig:
    words = _json_words(text)
    paths = words if words is not None else tuple(_words(text))
    if not all(path.strip() for path in paths):
        raise InvalidArgument("VOLUME specified can not be an empty string")
    return replace(config, volumes=tuple(sorted({*config.volumes, *paths})))


def _working_dir(config: ImageConfig, text: str) -> ImageConfig:
    path = posixpath.normpath(posixpath.join(config.working_dir or "/", _unquote(text)))
    return replace(config, working_dir="/" + path.lstrip("/"))


def _on_build(config: ImageConfig, text: str) -> ImageConfig:
    trigger = text.split(None, 1)[0].upper()
    if trigger == "ONBUILD":
        raise InvalidArgument("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("MAINTAINER", "FROM"):
        raise InvalidArgument(f"{trigger} isn't allowed as an ONBUILD trigger")
    return replace(config, on_build=(*config.on_build, text))


def _shell(config: ImageConfig, text: str) -> ImageConfig:
    words = _json_words(text)
    if not words:
        raise InvalidArgument("SHELL requires the arguments to be in JSON form")
    return replace(config, shell=words)


def _healthcheck(config: ImageConfig, text: str) -> ImageConfig:
    times: dict[str, int] = {}
    retries = 0
    while option := _OPTION.match(text):
        name, value = option.groups()
        text = text[option.end() :]
        if name in ("interval", "timeout", "start-period", "start-interval"):
            times[f"{name.replace('-', '_')}_ns"] = _at_least_a_millisecond(name, value)
        elif name == "retries":
            if not (value.isascii() and value.isdecimal() and len(value) < 10):
                raise InvalidArgument(f"--retries: not a number: {value}")
            retries = int(value)
        else:
            raise InvalidArgument(f"unknown flag: {name}")
    kind, _, command = text.partition(" ")
    match kind.upper():
        case "NONE":
            if command.strip():
                raise InvalidArgument("HEALTHCHECK NONE takes no arguments")
            test: tuple[str, ...] = ("NONE",)
        case "CMD":
            if not command.strip():
                raise InvalidArgument("missing command after HEALTHCHECK CMD")
            words = _json_words(command.strip())
            test = ("CMD-SHELL", command.strip()) if words is None else ("CMD", *words)
        case _:
            raise InvalidArgument(f"unknown type {kind!r} in HEALTHCHECK (try CMD)")
    return replace(config, healthcheck=HealthcheckConfig(test=test, retries=retries, **times))


def _at_least_a_millisecond(name: str, value: str) -> int:
    duration_ns = parse_duration_ns(value)
    if 0 < duration_ns < 10**6:
        raise InvalidArgument(f"Interval {name!r} cannot be less than 1ms")
    return duration_ns


_INSTRUCTIONS: Mapping[str, Callable[[ImageConfig, str], ImageConfig]] = {
    "CMD": lambda config, text: replace(config, command=_command_line(config, text)),
    "ENTRYPOINT": lambda config, text: replace(config, entrypoint=_command_line(config, text)),
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": lambda config, text: replace(
        config, labels={**config.labels, **_pairs("LABEL", text)}
    ),
    "ONBUILD": _on_build,
    "SHELL": _shell,
    "STOPSIGNAL": lambda config, text: replace(config, stop_signal=_unquote(text)),
    "USER": lambda config, text: replace(config, user=_unquote(text)),
    "VOLUME": _volume,
    "WORKDIR": _working_dir,
}
