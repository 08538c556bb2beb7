"""When a container that ended is started again."""

from dataclasses import dataclass
from enum import StrEnum

from wherry.model.errors import InvalidArgument

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 60.0
GOOD_RUN_S = 10.0
"""A run of this length forgives the failures before it."""


class RestartMode(StrEnum):
    NO = "no"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"
    UNLESS_STOPPED = "unless-stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    mode: RestartMode = RestartMode.NO
    maximum_retries: int = 0
    """For ON_FAILURE; 0 is no limit."""


def check_policy(name: str, maximum_retries: int) -> RestartPolicy:
    """The policy of this name. InvalidArgument, in Docker's words."""
    try:
        mode = RestartMode(name or "no")
    except ValueError:
        raise InvalidArgument(
            f"invalid restart policy: unknown policy '{name}'; use one of 'no', 'always', "
            "'on-failure', or 'unless-stopped'"
        ) from None
    if maximum_retries and mode is not RestartMode.ON_FAILURE:
        raise InvalidArgument(
            "invalid restart policy: maximum retry count can only be used with 'on-failure'"
        )
    if maximum_retries < 0:
        raise InvalidArgument("invalid restart policy: maximum retry count cannot be negative")
    return RestartPolicy(mode=mode, maximum_retries=maximum_retries)


def next_delay_s(
    policy: RestartPolicy,
    *,
    exit_code: int,
    stopped_by_user: bool,
    restarts: int,
    last_delay_s: float,
    ran_s: float,
) -> float | None:
    """Seconds to wait before the next start, or None to leave the container ended.

    Doubles from 0.1 s to a minute; starts anew after a run of ten seconds (Docker's numbers).
    """
    wanted = {
        RestartMode.NO: False,
        RestartMode.ON_FAILURE: exit_code != 0
        and (policy.maximum_retries == 0 or restarts < policy.maximum_retries),
        RestartMode.ALWAYS: True,
        RestartMode.UNLESS_STOPPED: True,
    }[policy.mode]
    if not wanted or stopped_by_user:
        return None
    if last_delay_s == 0 or ran_s >= GOOD_RUN_S:
        return FIRST_DELAY_S
    return min(last_delay_s * 2, LONGEST_DELAY_S)
