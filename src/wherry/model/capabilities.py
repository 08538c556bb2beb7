"""Linux capabilities: their names, Docker's default set, and what a container ends up with.

Source: capabilities(7); moby 28 ``oci/caps``.
"""

from collections.abc import Iterable, Sequence

from wherry.model.errors import InvalidArgument

_IN_ORDER = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP "
    "LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER "
    "SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE "
    "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
    "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF "
    "CHECKPOINT_RESTORE"
)
NAMES = tuple("CAP_" + name for name in _IN_ORDER.split())
"""In the order of their numbers."""

DEFAULT = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)
ALL = "ALL"


def effective_capabilities(
    add: Sequence[str] = (),
    drop: Sequence[str] = (),
    *,
    privileged: bool = False,
    known: Sequence[str] = NAMES,
) -> tuple[str, ...]:
    """What a container has. `known` is what there is to give: the daemon's own bounding set.

    Raises:
        InvalidArgument: an unknown name.
    """
    wanted = parse_names(add, option="CapAdd")
    unwanted = frozenset(parse_names(drop, option="CapDrop"))
    if privileged:
        return tuple(known)
    if ALL in wanted:
        return tuple(name for name in known if name not in unwanted)
    kept = () if ALL in unwanted else tuple(name for name in DEFAULT if name not in unwanted)
    return tuple(dict.fromkeys((*kept, *wanted)))


def parse_names(names: Iterable[str], *, option: str) -> tuple[str, ...]:
    """Names in any case, with ``CAP_`` or without it, or ``ALL``.

    Raises:
        InvalidArgument: an unknown name; `option` is how the request called the list.
    """
    return tuple(_parse_name(name, option) for name in names)


def parse_mask(mask: int) -> tuple[str, ...]:
    """The names in a bit set, as ``CapBnd`` in proc_pid_status(5) has it; unknown bits are left."""
    return tuple(name for number, name in enumerate(NAMES) if mask >> number & 1)


def _parse_name(name: str, option: str) -> str:
    upper = name.upper()
    if upper == ALL:
        return ALL
    full = upper if upper.startswith("CAP_") else "CAP_" + upper
    if full not in _KNOWN:
        raise InvalidArgument(f'invalid {option}: unknown capability: "{full}"')
    return full


_KNOWN = frozenset(NAMES)
