"""GCRA in one process, with the time passed in."""

import pytest

from blytz.kit.problems import RateLimited
from blytz.kit.ratelimit.user_limit import SWEEP_FROM, Limit, UserLimit, daily_limit


class ManualClock:
    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


BYTES_A_DAY = 50_000_000


def taken(limit: UserLimit, most: int, user_id: str = "anna") -> int:
    """How many calls are allowed before the first refusal."""
    for number in range(most):
        try:
            limit.take(user_id)
        except RateLimited:
            return number
    return most


@pytest.mark.parametrize(("per_s", "burst"), [(10, 20), (1, 1), (3, 7), (0.5, 2), (1_000_000, 100)])
def test_a_user_may_use_a_whole_burst_at_once_and_no_more(per_s: float, burst: int) -> None:
    limit = UserLimit(Limit("bids", per_s, burst), now=ManualClock())
    assert taken(limit, 2 * burst) == burst


def test_after_the_burst_the_rate_applies() -> None:
    manual_clock = ManualClock()
    limit = UserLimit(Limit("bids", 10, 20), now=manual_clock)
    taken(limit, 30)
    allowed = 0
    for _ in range(1_000):
        manual_clock.s += 0.01
        allowed += taken(limit, 1)
    assert allowed == pytest.approx(100, abs=1)


def test_after_the_reported_wait_it_is_allowed_and_a_millisecond_earlier_it_is_not() -> None:
    manual_clock = ManualClock()
    limit = UserLimit(Limit("bids", 7, 3), now=manual_clock)
    taken(limit, 5)
    with pytest.raises(RateLimited) as refused:
        limit.take("anna")
    wait_ms = refused.value.retry_after_ms
    assert wait_ms is not None
    assert 1 <= wait_ms <= 143
    manual_clock.s += (wait_ms - 1) / 1_000
    assert taken(limit, 1) == 0
    manual_clock.s += 0.001
    assert taken(limit, 1) == 1


def test_refused_calls_do_not_count() -> None:
    manual_clock = ManualClock()
    limit = UserLimit(Limit("bids", 10, 5), now=manual_clock)
    taken(limit, 5)
    for _ in range(1_000):
        assert taken(limit, 1) == 0
    manual_clock.s += 0.1
    assert taken(limit, 5) == 1


def test_the_limits_of_users_are_independent() -> None:
    limit = UserLimit(Limit("bids", 10, 5), now=ManualClock())
    assert taken(limit, 10) == 5
    assert taken(limit, 10, "ben") == 5


def test_users_with_a_full_burst_available_are_forgotten_and_others_are_not() -> None:
    manual_clock = ManualClock()
    limit = UserLimit(Limit("bids", 10, 20), now=manual_clock)
    for number in range(20 * SWEEP_FROM):
        limit.take(f"user {number}")
        manual_clock.s += 0.001
    assert len(limit) <= SWEEP_FROM + 1
    assert taken(limit, 30) == 20
    for number in range(2 * SWEEP_FROM):
        limit.take(f"another {number}")
    assert taken(limit, 1) == 0


def test_no_day_exceeds_the_daily_bytes_whatever_the_sizes() -> None:
    manual_clock = ManualClock()
    limit = UserLimit(daily_limit("bytes", BYTES_A_DAY), now=manual_clock)
    stored: list[tuple[float, int]] = []
    for number in range(3 * 86_400 // 15):
        units = (1_000, 49_000, 8_500)[number % 3]
        for _ in range(3):
            try:
                limit.take("sam", units)
            except RateLimited:
                break
            stored.append((manual_clock.s, units))
        manual_clock.s += 15
    for since in range(1_000, 1_000 + 2 * 86_400, 3_600):
        in_a_day = sum(units for at, units in stored if since <= at < since + 86_400)
        assert 0.75 * BYTES_A_DAY < in_a_day <= BYTES_A_DAY


def test_after_the_reported_wait_the_requested_bytes_are_allowed() -> None:
    manual_clock = ManualClock()
    limit = UserLimit(daily_limit("bytes", BYTES_A_DAY), now=manual_clock)
    limit.take("sam", 9_990_000)
    with pytest.raises(RateLimited) as refused:
        limit.take("sam", 20_000)
    wait_ms = refused.value.retry_after_ms
    assert wait_ms is not None
    limit.take("sam", 10_000)
    manual_clock.s += (wait_ms + 10_000 * 1_000 * 86_400 / 40_000_000 + 1) / 1_000
    limit.take("sam", 20_000)


def test_one_request_larger_than_a_burst_is_allowed_after_a_pause() -> None:
    manual_clock = ManualClock()
    limit = UserLimit(Limit("bytes", 10, 100), now=manual_clock)
    limit.take("sam", 500)
    with pytest.raises(RateLimited):
        limit.take("sam", 500)
    manual_clock.s += 50
    limit.take("sam", 500)
