"""GCRA in one process: what is allowed when, with the time passed in."""

import pytest

from blytz.kit.problems import RateLimited
from blytz.kit.ratelimit.user_limit import SWEEP_FROM, Limit, UserLimit


class Watch:
    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


def taken(limit: UserLimit, most: int, user_id: str = "anna") -> int:
    """How many go through before the first that does not."""
    for number in range(most):
        try:
            limit.take(user_id)
        except RateLimited:
            return number
    return most


@pytest.mark.parametrize(("per_s", "burst"), [(10, 20), (1, 1), (3, 7), (0.5, 2), (1_000_000, 100)])
def test_a_quiet_user_may_do_a_whole_burst_at_once_and_no_more(per_s: float, burst: int) -> None:
    limit = UserLimit(Limit("bids", per_s, burst), now=Watch())
    assert taken(limit, 2 * burst) == burst


def test_after_the_burst_it_goes_on_at_the_rate() -> None:
    watch = Watch()
    limit = UserLimit(Limit("bids", 10, 20), now=watch)
    taken(limit, 30)
    allowed = 0
    for _ in range(1_000):
        watch.s += 0.01
        allowed += taken(limit, 1)
    assert allowed == pytest.approx(100, abs=1)


def test_who_waits_as_long_as_was_said_is_let_in_and_a_millisecond_less_is_too_early() -> None:
    watch = Watch()
    limit = UserLimit(Limit("bids", 7, 3), now=watch)
    taken(limit, 5)
    with pytest.raises(RateLimited) as refused:
        limit.take("anna")
    wait_ms = refused.value.retry_after_ms
    assert wait_ms is not None
    assert 1 <= wait_ms <= 143
    watch.s += (wait_ms - 1) / 1_000
    assert taken(limit, 1) == 0
    watch.s += 0.001
    assert taken(limit, 1) == 1


def test_what_is_refused_costs_nothing() -> None:
    watch = Watch()
    limit = UserLimit(Limit("bids", 10, 5), now=watch)
    taken(limit, 5)
    for _ in range(1_000):
        assert taken(limit, 1) == 0
    watch.s += 0.1
    assert taken(limit, 5) == 1


def test_users_do_not_pay_for_each_other() -> None:
    limit = UserLimit(Limit("bids", 10, 5), now=Watch())
    assert taken(limit, 10) == 5
    assert taken(limit, 10, "ben") == 5


def test_users_who_owe_nothing_are_forgotten_and_those_who_do_are_not() -> None:
    watch = Watch()
    limit = UserLimit(Limit("bids", 10, 20), now=watch)
    for number in range(20 * SWEEP_FROM):
        limit.take(f"user {number}")
        watch.s += 0.001
    assert len(limit) <= SWEEP_FROM + 1
    assert taken(limit, 30) == 20
    for number in range(2 * SWEEP_FROM):
        limit.take(f"another {number}")
    assert taken(limit, 1) == 0
