"""System call filters: our own profile, and Docker's format."""

import json
from typing import Any

import pytest

from wherry.model.capabilities import DEFAULT, NAMES
from wherry.model.errors import InvalidArgument
from wherry.oci.seccomp import decode_profile, encode_default, encode_profile

KERNEL = (6, 1)
AMD64: dict[str, Any] = {"arch": "amd64", "kernel": KERNEL}


def verdict(section: dict[str, Any], name: str, *args: int) -> str | int:
    """``allow`` or an errno, as libseccomp would compile it: a rule that fits wins."""
    for rule in section["syscalls"]:
        if name in rule["names"] and all(fits(arg, args) for arg in rule.get("args", [])):
            return "allow" if rule["action"] == "SCMP_ACT_ALLOW" else int(rule["errnoRet"])
    return int(section["defaultErrnoRet"])


def fits(arg: dict[str, Any], args: tuple[int, ...]) -> bool:
    value = args[arg["index"]]
    if arg["op"] == "SCMP_CMP_MASKED_EQ":
        return bool(value & arg["value"] == arg["valueTwo"])
    assert arg["op"] == "SCMP_CMP_EQ"
    return bool(value == arg["value"])


DEFAULT_SECTION = encode_default(capabilities=DEFAULT, **AMD64)


@pytest.mark.parametrize("name", ["read", "openat2", "chroot", "arch_prctl", "ptrace", "statx"])
def test_what_programs_need_is_allowed(name: str) -> None:
    assert verdict(DEFAULT_SECTION, name) == "allow"


@pytest.mark.parametrize(
    "name",
    "unshare mount setns keyctl perf_event_open bpf io_uring_setup userfaultfd add_key umount2 "
    "open_by_handle_at reboot init_module kexec_load pivot_root fsopen quotactl "
    "process_madvise".split(),
)
def test_what_is_known_and_dangerous_gets_eperm(name: str) -> None:
    assert verdict(DEFAULT_SECTION, name) == 1


@pytest.mark.parametrize("name", ["clone3", "open_tree_attr", "never_heard_of"])
def test_what_is_newer_gets_enosys(name: str) -> None:
    assert verdict(DEFAULT_SECTION, name) == 38


def test_clone_may_not_make_namespaces() -> None:
    assert verdict(DEFAULT_SECTION, "clone", 0x3D0F00) == "allow"
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(DEFAULT_SECTION, "clone", bit | 0x11) == 1
    s390x = encode_default(capabilities=DEFAULT, arch="s390x", kernel=KERNEL)
    assert verdict(s390x, "clone", 0x10000000, 0x11) == "allow"


def test_sockets_are_of_every_family_but_two_whatever_the_high_bits() -> None:
    for family in range(64):
        expected = 1 if family in {38, 40} else "allow"
        assert verdict(DEFAULT_SECTION, "socket", family) == expected
        assert verdict(DEFAULT_SECTION, "socket", family | 1 << 32) == expected


def test_personality_is_one_of_five() -> None:
    allowed = {0, 8, 0x20000, 0x20008, 0xFFFFFFFF}
    for value in (*allowed, 0x40000, 1, 0xFFFFFFFF00000000):
        expected = "allow" if value in allowed else 38
        assert verdict(DEFAULT_SECTION, "personality", value) == expected


def test_no_name_has_both_an_unconditional_and_another_rule() -> None:
    # libseccomp would let the unconditional one win, whichever it is.
    for capabilities in (DEFAULT, NAMES, ()):
        section = encode_default(capabilities=capabilities, **AMD64)
        plain = [n for rule in section["syscalls"] if "args" not in rule for n in rule["names"]]
        judged = {n for rule in section["syscalls"] if "args" in rule for n in rule["names"]}
        assert len(plain) == len(set(plain))
        assert not judged & set(plain)


def test_a_capability_opens_the_calls_it_is_about() -> None:
    section = encode_default(capabilities=(*DEFAULT, "CAP_SYS_ADMIN"), **AMD64)
    for name in ("mount", "unshare", "setns", "bpf", "clone3"):
        assert verdict(section, name) == "allow"
    assert verdict(section, "clone", 0x10000000) == "allow"
    assert verdict(section, "reboot") == 1
    assert verdict(encode_default(capabilities=(), **AMD64), "chroot") == 1
    old = encode_default(capabilities=DEFAULT, arch="amd64", kernel=(4, 4))
    assert verdict(old, "ptrace") == 1


def test_the_architectures_are_the_machines() -> None:
    assert DEFAULT_SECTION["architectures"] == [
        *("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")
    ]
    arm = encode_default(capabilities=DEFAULT, arch="arm64", kernel=KERNEL)
    assert arm["architectures"][0] == "SCMP_ARCH_AARCH64"
    assert verdict(arm, "set_tls") == "allow"
    assert verdict(arm, "arch_prctl") == 38


# Docker's format ------------------------------------------------------------------------

PROFILE: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 1,
    "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": None},
    ],
    "listenerPath": "/run/x",
    "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "x", "includes": {}},
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {
            "names": ["clone3"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 38,
            "excludes": {"caps": ["CAP_SYS_ADMIN"]},
        },
        {"names": ["set_tls"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
        {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
        {"names": ["new"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.1"}},
        {
            "name": "personality",
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}],
        },
    ],
}


def test_dockers_format_is_decided_for_one_container() -> None:
    section = encode_profile(decode_profile(json.dumps(PROFILE)), capabilities=DEFAULT, **AMD64)
    assert section["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert "listenerPath" not in section
    assert [rule["names"] for rule in section["syscalls"]] == [
        *(["read"], ["clone3"], ["ptrace"], ["personality"])
    ]
    assert section["syscalls"][1]["errnoRet"] == 38
    assert section["syscalls"][0] == {"names": ["read"], "action": "SCMP_ACT_ALLOW"}
    admin = encode_profile(PROFILE, capabilities=NAMES, arch="arm64", kernel=KERNEL)
    assert [rule["names"][0] for rule in admin["syscalls"]] == [
        *("read", "mount", "set_tls", "ptrace", "personality")
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"defaultAction": "SCMP_ACT_NO"},
        {"architectures": ["SCMP_ARCH_X86"]},
        {"syscalls": {}},
        {"syscalls": [{"names": ["read"], "action": "?"}]},
        {"syscalls": [{"name": "a", "names": ["read"], "action": "SCMP_ACT_ALLOW"}]},
        {"syscalls": [{"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"op": "?"}]}]},
        {"syscalls": [{"action": "SCMP_ACT_ALLOW"}]},
    ],
)
def test_what_is_no_profile_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        decode_profile(json.dumps({**PROFILE, **change}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", b"\xff"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidArgument, match="Decoding seccomp profile failed"):
        decode_profile(text)
