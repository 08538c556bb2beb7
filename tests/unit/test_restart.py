"""When a container that ended is started again, and after how long."""

import pytest

from wherry.model.errors import InvalidArgument
from wherry.model.restart import RestartMode, RestartPolicy, check_policy, next_delay_s

ALWAYS = RestartPolicy(mode=RestartMode.ALWAYS)
ON_FAILURE = RestartPolicy(mode=RestartMode.ON_FAILURE)


def delay(
    policy: RestartPolicy,
    *,
    exit_code: int = 1,
    stopped_by_user: bool = False,
    restarts: int = 0,
    last_delay_s: float = 0.0,
    ran_s: float = 0.5,
) -> float | None:
    return next_delay_s(
        policy,
        exit_code=exit_code,
        stopped_by_user=stopped_by_user,
        restarts=restarts,
        last_delay_s=last_delay_s,
        ran_s=ran_s,
    )


def test_delays_double_to_a_minute() -> None:
    seen, last = [], 0.0
    for restarts in range(12):
        found = delay(ALWAYS, restarts=restarts, last_delay_s=last)
        assert found is not None
        seen.append(found)
        last = found
    assert seen[:4] == [0.1, 0.2, 0.4, 0.8]
    assert seen[-2:] == [60.0, 60.0]


def test_a_good_run_forgives_the_failures_before_it() -> None:
    assert delay(ALWAYS, last_delay_s=60.0, ran_s=10.0) == 0.1
    assert delay(ALWAYS, last_delay_s=30.0, ran_s=9.9) == 60.0


@pytest.mark.parametrize("mode", list(RestartMode))
def test_what_a_user_stopped_stays_stopped(mode: RestartMode) -> None:
    assert delay(RestartPolicy(mode=mode), stopped_by_user=True) is None


@pytest.mark.parametrize(
    ("mode", "after_success", "after_failure"),
    [
        (RestartMode.NO, False, False),
        (RestartMode.ON_FAILURE, False, True),
        (RestartMode.ALWAYS, True, True),
        (RestartMode.UNLESS_STOPPED, True, True),
    ],
)
def test_each_policy_in_a_row(mode: RestartMode, after_success: bool, after_failure: bool) -> None:
    policy = RestartPolicy(mode=mode)
    assert (delay(policy, exit_code=0) is not None) == after_success
    assert (delay(policy, exit_code=1) is not None) == after_failure


def test_retries_are_counted_when_there_is_a_limit() -> None:
    limited = RestartPolicy(mode=RestartMode.ON_FAILURE, maximum_retries=2)
    assert delay(limited, restarts=1) is not None
    assert delay(limited, restarts=2) is None
    assert delay(ON_FAILURE, restarts=1000) is not None


def test_no_name_is_no_policy() -> None:
    assert check_policy("", 0) == RestartPolicy()
    assert check_policy("on-failure", 3).maximum_retries == 3


@pytest.mark.parametrize(
    ("name", "retries", "words"),
    [
        ("never", 0, "unknown policy 'never'"),
        ("always", 2, "can only be used with 'on-failure'"),
        ("on-failure", -1, "cannot be negative"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(name: str, retries: int, words: str) -> None:
    with pytest.raises(InvalidArgument, match=f"invalid restart policy: .*{words}"):
        check_policy(name, retries)
