"""Which system calls a container may make, as the ``linux.seccomp`` section of an OCI config.

Two kinds of profile are read: our own (``seccomp.json`` beside this file) and Docker's format,
which clients send as text with ``--security-opt seccomp=FILE``.

Our own in short. What nobody has heard of gets ENOSYS, so that newer C libraries fall back to
older calls (libseccomp also skips names that it does not know). What is known and dangerous gets
EPERM, because programs test for that. A capability opens the calls that it is about.
Three calls are judged by their first argument:

- ``clone`` may not make namespaces (``clone3`` hides its flags behind a pointer: ENOSYS, and
  libraries fall back to ``clone``);
- ``personality`` may only choose what other limits do not depend on;
- ``socket`` may not be AF_ALG (kernel crypto, CVE-2026-31431) or AF_VSOCK (the hypervisor's host).
  Families are compared by their low 32 bits, as the kernel does: a comparison of all 64 could be
  passed with a high bit set.

Source: OCI runtime spec 1.0.2, config-linux "seccomp"; seccomp(2); libseccomp's rules for several
comparisons of one argument (they are alternatives, never both).
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from wherry.model.errors import InvalidArgument

_EPERM, _ENOSYS = 1, 38
_ALLOW, _ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
_LOW_32_BITS = 0xFFFFFFFF
_FAMILY_BITS = 6
"""Families up to 63 are known to the profile; Linux 6.18 has 46."""

ARCHITECTURES: Mapping[str, tuple[str, ...]] = {
    "amd64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "386": ("SCMP_ARCH_X86",),
    "arm64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
    "arm": ("SCMP_ARCH_ARM",),
    "ppc64le": ("SCMP_ARCH_PPC64LE",),
    "s390x": ("SCMP_ARCH_S390X", "SCMP_ARCH_S390"),
    "riscv64": ("SCMP_ARCH_RISCV64",),
}
"""The native architecture first, by its name in an image's platform."""

Section = dict[str, Any]


def encode_default(*, capabilities: Collection[str], arch: str, kernel: tuple[int, int]) -> Section:
    """Our own profile for a container with these capabilities (``CAP_…``).

    The same object each time: not to be changed.
    """
    return _encode_default(frozenset(capabilities), arch, kernel)


@cache
def _encode_default(capabilities: frozenset[str], arch: str, kernel: tuple[int, int]) -> Section:
    profile = _own_profile()
    allowed = dict.fromkeys(_names(profile["allow"]))
    for version, names in profile["by_kernel"].items():
        if kernel >= _parse_version(version):
            allowed |= dict.fromkeys(_names(names))
    allowed |= dict.fromkeys(_names(profile["by_arch"].get(arch, "")))
    for capability, names in profile["by_capability"].items():
        if capability in capabilities:
            allowed |= dict.fromkeys(_names(names))
    refused = [name for name in _names(profile["refuse"]) if name not in allowed]
    rules = [_rule(list(allowed)), _rule(refused, errno=_EPERM)]
    if "clone" not in allowed:
        flags = [int(flag, 16) for flag in profile["clone_refused_flags"]]
        rules += _clone_rules(flags, index=1 if arch == "s390x" else 0)
    rules += [
        _rule(["personality"], args=[_equal(0, int(value, 16))]) for value in profile["personality"]
    ]
    rules += _socket_rules(profile["socket_refused_families"])
    return {
        "defaultAction": _ERRNO,
        "defaultErrnoRet": _ENOSYS,
        "architectures": list(ARCHITECTURES.get(arch, ())),
        "syscalls": rules,
    }


def _clone_rules(flags: Sequence[int], *, index: int) -> list[Section]:
    return [
        _rule(["clone"], args=[_masked(index, sum(flags), 0)]),
        *(_rule(["clone"], errno=_EPERM, args=[_masked(index, flag, flag)]) for flag in flags),
    ]


def _socket_rules(refused: Sequence[int]) -> list[Section]:
    rules = [
        _rule(["socket"], errno=_EPERM, args=[_masked(0, _LOW_32_BITS, family)])
        for family in refused
    ]
    for first, size in _blocks(0, 1 << _FAMILY_BITS, frozenset(refused)):
        rules.append(_rule(["socket"], args=[_masked(0, _LOW_32_BITS & ~(size - 1), first)]))
    return rules


def _blocks(first: int, size: int, without: frozenset[int]) -> list[tuple[int, int]]:
    """The aligned power-of-two blocks that cover a range without some of its numbers."""
    if not any(first <= number < first + size for number in without):
        return [(first, size)]
    if size == 1:
        return []
    half = size // 2
    return _blocks(first, half, without) + _blocks(first + half, half, without)


def _rule(
    names: list[str], *, errno: int | None = None, args: list[Section] | None = None
) -> Section:
    rule: Section = {"names": names, "action": _ALLOW if errno is None else _ERRNO}
    if errno is not None:
        rule["errnoRet"] = errno
    if args:
        rule["args"] = args
    return rule


def _equal(index: int, value: int) -> Section:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _masked(index: int, mask: int, value: int) -> Section:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


@cache
def _own_profile() -> Mapping[str, Any]:
    text = resources.files("wherry.oci").joinpath("seccomp.json").read_text("utf-8")
    profile: Mapping[str, Any] = json.loads(text)
    return profile


def _names(lines: str | Sequence[str]) -> list[str]:
    return (lines if isinstance(lines, str) else " ".join(lines)).split()


def _parse_version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)


# Docker's format ------------------------------------------------------------------------

_ACTIONS = frozenset(
    {
        "SCMP_ACT_KILL",
        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_KILL_THREAD",
        "SCMP_ACT_TRAP",
        "SCMP_ACT_ERRNO",
        "SCMP_ACT_TRACE",
        "SCMP_ACT_ALLOW",
        "SCMP_ACT_LOG",
    }
)
_OPERATORS = frozenset(
    "SCMP_CMP_" + name for name in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")
)


def decode_profile(text: str | bytes) -> Mapping[str, Any]:
    """Read a profile in Docker's format and check its form.

    Raises:
        InvalidArgument: not such a profile; Docker's words.
    """
    try:
        profile = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"Decoding seccomp profile failed: {error}") from None
    if not isinstance(profile, dict):
        raise InvalidArgument("Decoding seccomp profile failed: not an object")
    if profile.get("architectures") and profile.get("archMap"):
        raise InvalidArgument("both 'architectures' and 'archMap' are specified in the profile")
    _check(profile.get("defaultAction") in _ACTIONS, "its defaultAction is unknown")
    rules = profile.get("syscalls")
    _check(rules is None or isinstance(rules, list), "syscalls is not a list")
    for rule in rules or []:
        _check_rule(rule)
    return profile


def _check_rule(rule: Any) -> None:
    _check(isinstance(rule, dict), "a rule is not an object")
    if rule.get("name") and rule.get("names"):
        raise InvalidArgument("both 'name' and 'names' are specified in the profile")
    names = rule.get("names") or [rule.get("name")]
    _check(isinstance(names, list) and all(isinstance(name, str) for name in names), "no names")
    _check(rule.get("action") in _ACTIONS, f"the action of {names[0]} is unknown")
    for arg in rule.get("args") or []:
        _check(isinstance(arg, dict) and arg.get("op") in _OPERATORS, f"an arg of {names[0]}")
        for key in ("index", "value", "valueTwo"):
            _check(isinstance(arg.get(key, 0), int), f"an arg of {names[0]}")


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise InvalidArgument(f"Decoding seccomp profile failed: {what}")


def encode_profile(
    profile: Mapping[str, Any],
    *,
    capabilities: Collection[str],
    arch: str,
    kernel: tuple[int, int],
) -> Section:
    """Docker's format for one container: conditions decided, what does not apply left out."""
    section: Section = {"defaultAction": profile["defaultAction"]}
    if profile.get("defaultErrnoRet") is not None:
        section["defaultErrnoRet"] = profile["defaultErrnoRet"]
    section["architectures"] = _profile_architectures(profile, arch)
    # Not copied: listenerPath, which lets the profile's author choose a socket of the host.
    if profile.get("flags"):
        section["flags"] = profile["flags"]

    def holds(condition: Mapping[str, Any], every: Callable[[list[bool]], bool]) -> bool:
        return every(_facts(condition, capabilities, arch, kernel))

    section["syscalls"] = [
        _plain_rule(rule)
        for rule in profile.get("syscalls") or []
        if holds(rule.get("includes") or {}, all) and not holds(rule.get("excludes") or {}, any)
    ]
    return section


def _facts(
    condition: Mapping[str, Any], capabilities: Collection[str], arch: str, kernel: tuple[int, int]
) -> list[bool]:
    facts: list[bool] = []
    if arches := condition.get("arches"):
        facts.append(arch in arches)
    facts += [capability in capabilities for capability in condition.get("caps") or []]
    if minimum := condition.get("minKernel"):
        try:
            facts.append(kernel >= _parse_version(minimum))
        except ValueError:
            raise InvalidArgument(
                f"Decoding seccomp profile failed: minKernel {minimum} is no kernel version"
            ) from None
    return facts


def _profile_architectures(profile: Mapping[str, Any], arch: str) -> list[str]:
    if profile.get("architectures"):
        return list(profile["architectures"])
    native = ARCHITECTURES.get(arch, ("",))[0]
    for entry in profile.get("archMap") or []:
        if entry.get("architecture") == native:
            return [native, *(entry.get("subArchitectures") or [])]
    return []


def _plain_rule(rule: Mapping[str, Any]) -> Section:
    plain: Section = {
        "names": list(rule.get("names") or [rule["name"]]),
        "action": rule["action"],
    }
    if rule.get("errnoRet") is not None:
        plain["errnoRet"] = rule["errnoRet"]
    if rule.get("args"):
        plain["args"] = [
            {key: arg[key] for key in ("index", "value", "valueTwo", "op") if key in arg}
            for arg in rule["args"]
        ]
    return plain
