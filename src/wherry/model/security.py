"""``--security-opt``, taken apart."""

from collections.abc import Iterable
from dataclasses import dataclass

from wherry.model.errors import InvalidArgument

_YES = frozenset({"1", "t", "true", "True", "TRUE", "T"})
_NO = frozenset({"0", "f", "false", "False", "FALSE", "F"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityOptions:
    seccomp: str = "builtin"
    """``builtin``, ``unconfined``, or a profile as JSON text."""
    no_new_privileges: bool = False
    apparmor: str = ""
    labels: tuple[str, ...] = ()
    system_paths_unconfined: bool = False
    writable_cgroups: bool = False


def parse_security_options(options: Iterable[str]) -> SecurityOptions:
    """Read the options of one container.

    Raises:
        InvalidArgument: in Docker's words.
    """
    seccomp, apparmor = "builtin", ""
    no_new_privileges = system_paths = writable_cgroups = False
    labels: list[str] = []
    for option in options:
        if option in ("no-new-privileges", "writable-cgroups"):
            name, value = option, "true"
        elif "=" in option:
            name, _, value = option.partition("=")
        else:
            name, colon, value = option.partition(":")
            if not colon:
                raise InvalidArgument(f"invalid --security-opt 1: {_quoted(option)}")
        match name:
            case "seccomp":
                seccomp = value
            case "apparmor":
                apparmor = value
            case "label":
                labels.append(value)
            case "systempaths":
                if value != "unconfined":
                    raise InvalidArgument(f"invalid --security-opt 2: {_quoted(option)}")
                system_paths = True
            case "no-new-privileges":
                no_new_privileges = _flag(value, option)
            case "writable-cgroups":
                writable_cgroups = _flag(value, option)
            case _:
                raise InvalidArgument(f"invalid --security-opt 2: {_quoted(option)}")
    return SecurityOptions(
        seccomp=seccomp or "builtin",
        no_new_privileges=no_new_privileges,
        apparmor=apparmor,
        labels=tuple(labels),
        system_paths_unconfined=system_paths,
        writable_cgroups=writable_cgroups,
    )


def _flag(value: str, option: str) -> bool:
    if value in _YES:
        return True
    if value in _NO:
        return False
    raise InvalidArgument(f"invalid --security-opt 2: {_quoted(option)}")


def _quoted(text: str) -> str:
    return f'"{text}"'
