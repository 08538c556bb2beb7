"""What a request and an image's configuration become: the program that will run, and as whom.

The one place for entrypoint and command, environment, user and groups. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wherry.model.container import DEFAULT_PATH, ProgramSpec
from wherry.model.errors import InvalidArgument
from wherry.model.image import HealthcheckConfig, ImageConfig

HIGHEST_ID = 2_147_483_647
_LONGEST_LINE = 64 << 10
_MOST_GROUPS = 65_536


def merge_image(program: ProgramSpec, image: ImageConfig) -> ProgramSpec:
    """Fill in from the image's configuration what the request left open, by Docker's rules.

    A new entrypoint drops the image's command; environment, labels, ports and volumes add up, the
    request's own winning.

    Raises:
        InvalidArgument: there is nothing to run.
    """
    entrypoint, command = program.entrypoint, program.command
    if not entrypoint:
        if not command:
            command = image.command
        if entrypoint is None:
            entrypoint = image.entrypoint
    if entrypoint is not None and entrypoint in ((), ("",)):
        entrypoint = None
    merged = replace(
        program,
        entrypoint=entrypoint,
        command=command,
        env=merge_env(program.env, image.env),
        working_dir=program.working_dir or image.working_dir,
        user=program.user or image.user,
        labels={**image.labels, **program.labels},
        exposed_ports=tuple(dict.fromkeys((*program.exposed_ports, *image.exposed_ports))),
        volumes=tuple(dict.fromkeys((*program.volumes, *image.volumes))),
        stop_signal=program.stop_signal or image.stop_signal,
        healthcheck=_merge_health(program.healthcheck, image.healthcheck),
        shell=program.shell or image.shell,
        on_build=program.on_build,
    )
    if not merged.argv or not merged.argv[0]:
        raise InvalidArgument("no command specified")
    return merged


def merge_env(own: Iterable[str], image: Iterable[str]) -> tuple[str, ...]:
    """The request's variables, then those of the image that it does not name."""
    merged = list(own)
    named = {entry.partition("=")[0] for entry in merged}
    merged.extend(entry for entry in image if entry.partition("=")[0] not in named)
    return tuple(merged)


def _merge_health(
    own: HealthcheckConfig | None, image: HealthcheckConfig | None
) -> HealthcheckConfig | None:
    if own is None or image is None:
        return own or image
    return HealthcheckConfig(
        test=own.test or image.test,
        interval_ns=own.interval_ns or image.interval_ns,
        timeout_ns=own.timeout_ns or image.timeout_ns,
        start_period_ns=own.start_period_ns or image.start_period_ns,
        start_interval_ns=own.start_interval_ns or image.start_interval_ns,
        retries=own.retries or image.retries,
    )


def process_env(
    spec: Iterable[str], *, hostname: str, terminal: bool, home: str
) -> tuple[str, ...]:
    """The environment that the program sees.

    PATH, HOSTNAME and (with a terminal) TERM come first and can be overridden; an entry without
    ``=`` removes the variable; HOME is the user's unless it was set.
    """
    env = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname}
    if terminal:
        env["TERM"] = "xterm"
    for entry in spec:
        name, equals, value = entry.partition("=")
        if equals:
            env[name] = value
        else:
            env.pop(name, None)
    env.setdefault("HOME", home)
    return tuple(f"{name}={value}" for name, value in env.items())


# users and groups -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """As whom a program runs: numbers only, and where its home is."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    home: str = "/"


def resolve_user(
    wanted: str, group_add: Iterable[str], *, passwd: bytes | None, group: bytes | None
) -> Account:
    """Find who ``user[:group]`` is, in the files of the container.

    Digits are a number even where an account has that name, and need not be listed. The
    supplementary groups are those of the account, unless a group was named, and `group_add`.

    Args:
        passwd, group: the contents of /etc/passwd and /etc/group; None where there is none.

    Raises:
        InvalidArgument: unknown name, or a number out of range, in Docker's words.
    """
    user, _, group_name = (wanted or "0").partition(":")
    users = list(_rows(passwd, 7))
    groups = list(_rows(group, 4))
    number = _number(user)
    row = None
    for one in users:
        if (number is not None and one[2] == str(number)) or (number is None and one[0] == user):
            row = one
            break
    if row is None and number is None:
        raise InvalidArgument(f"unable to find user {user}: no matching entries in passwd file")
    uid = number if number is not None else _in_range(row[2] if row else "0")
    # a field that is no number counts as 0, as it does for the runtimes
    gid = _in_range(row[3]) if row and row[3].isdecimal() else 0
    home = (row[5] if row else "") or "/"
    supplementary: list[int] = []
    if group_name:
        gid = _find_group(group_name, groups)
    elif row is not None:
        supplementary = [_in_range(one[2]) for one in groups if row[0] in one[3].split(",")]
    supplementary += [_find_group(one, groups) for one in group_add]
    ordered = tuple(dict.fromkeys([gid, *supplementary]))
    if len(ordered) > _MOST_GROUPS:
        raise InvalidArgument(f"too many groups: {len(ordered)}, at most {_MOST_GROUPS}")
    return Account(uid=uid, gid=gid, groups=ordered, home=home)


def _find_group(wanted: str, groups: Iterable[list[str]]) -> int:
    number = _number(wanted)
    if number is not None:
        return number
    for one in groups:
        if one[0] == wanted:
            return _in_range(one[2])
    raise InvalidArgument(f"unable to find group {wanted}: no matching entries in group file")


def _rows(text: bytes | None, fields: int) -> Iterable[list[str]]:
    for line in (text or b"").split(b"\n"):
        if not line or line.startswith(b"#") or len(line) > _LONGEST_LINE:
            continue
        parts = line.decode("utf-8", "surrogateescape").split(":")
        if len(parts) >= fields - 1 and parts[2].isdecimal():
            yield parts + [""] * (fields - len(parts))


def _number(text: str) -> int | None:
    digits = text.removeprefix("-")
    return _in_range(text) if digits.isdecimal() and digits.isascii() else None


def _in_range(text: str) -> int:
    number = int(text) if len(text) < 12 else HIGHEST_ID + 1
    if not 0 <= number <= HIGHEST_ID:
        raise InvalidArgument(f"uids and gids must be in range 0-{HIGHEST_ID}")
    return number


def check_env(env: Iterable[str]) -> None:
    """InvalidArgument for an entry without a name."""
    for entry in env:
        if not entry or entry.startswith("="):
            raise InvalidArgument(f"invalid environment variable: {entry}")


def hostname_of(program: ProgramSpec, container_id: str) -> str:
    return program.hostname or container_id[:12]
