"""Clock offsets, delays and money are computed and shown correctly."""

import time

import pytest

from blytz.client.clock import MAX_SAMPLES, RemoteClock
from blytz.kit.money_text import money
from blytz.simulate.latency import Latency


def test_until_the_first_sample_the_server_clock_equals_the_local_one() -> None:
    clock = RemoteClock()
    assert abs(clock.now_ms() - time.time() * 1000) < 50
    assert not clock.known


def test_the_sample_with_the_shortest_round_trip_is_used() -> None:
    clock, now = RemoteClock(), time.monotonic()
    server_at = int(time.time() * 1000) + 5_000
    clock.sample(now - 0.8, now, server_at + 300)
    clock.sample(now - 0.002, now, server_at)
    clock.sample(now - 0.5, now, server_at - 200)

    assert 4_990 < clock.offset_ms < 5_060
    assert clock.round_trip_ms == pytest.approx(500)


def test_an_old_sample_is_dropped() -> None:
    clock, now = RemoteClock(), time.monotonic()
    clock.sample(now - 0.001, now, 1_000)
    for _ in range(MAX_SAMPLES):
        clock.sample(now - 0.010, now, 9_000)
    assert clock.ahead_s == pytest.approx(9.0005 - now + 0.005)


def test_percentiles_without_samples_are_empty() -> None:
    assert Latency().percentiles().p99 is None


def test_percentiles_are_exact_to_a_tenth_of_a_millisecond() -> None:
    delays = Latency()
    for number in range(1, 1_001):
        delays.add(number / 1_000)
    found = delays.percentiles()
    assert (found.samples, found.p50, found.p95, found.p99, found.longest) == (1_000, 500, 950, 990, 1_000)


def test_one_sample_is_every_percentile() -> None:
    delays = Latency()
    delays.add(0.00123, times=5)
    found = delays.percentiles()
    assert (found.samples, found.p50, found.longest) == (5, 1.2, 1.2)


def test_a_negative_delay_counts_as_zero() -> None:
    delays = Latency()
    delays.add(-0.004)
    assert delays.percentiles().p50 == 0


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (125_050, "USD", "$1,250.50"),
        (5, "EUR", "€0.05"),
        (28_000, "JPY", "¥28,000"),
        (1_234, "KWD", "KWD 1.234"),
        (1_000_000_000_000, "CHF", "CHF 10,000,000,000.00"),
    ],
)
def test_money_is_formatted_by_currency(amount: int, currency: str, shown: str) -> None:
    assert money(amount, currency) == shown
