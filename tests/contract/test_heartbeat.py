"""What counts as an outage: the heartbeats of hammers in a real Redis."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from blytz.auction.model import Outage
from blytz.auction.redis.keys import HEARTBEAT
from blytz.auction.redis.schedule import RedisSchedule
from tests.support.outages import until_time
from tests.support.pipes import connected
from tests.support.redis import RedisServer

MIN_OUTAGE_MS = 200
SILENCE_MS = 300


class Heartbeat:
    def __init__(self, redis: RedisServer, schedule: RedisSchedule) -> None:
        self.redis = redis
        self._schedule = schedule

    async def beat(self, unanswered_ms: int = 0, step_ms: int = 0, expected: int | None = None) -> Outage | None:
        return await self._schedule.heartbeat(unanswered_ms, step_ms, expected)

    def stepped_ms(self) -> int:
        return int(self.redis.ask("HGET", HEARTBEAT, "stepped_ms"))

    def step_clock(self, by_ms: int) -> None:
        """Moves the last heartbeat, which looks the same as a step of the clock."""
        self.redis.ask("HINCRBY", HEARTBEAT, "at", -by_ms)

    def last(self) -> int:
        return int(self.redis.ask("HGET", HEARTBEAT, "at"))

    async def stay_silent(self) -> int:
        """No heartbeat is sent for a while; returns the time of the last one."""
        last = self.last()
        await until_time(last + SILENCE_MS)
        return last


@pytest.fixture
async def heartbeat(redis: RedisServer) -> AsyncIterator[Heartbeat]:
    async with connected(redis.url) as pipe:
        yield Heartbeat(redis, RedisSchedule(pipe, MIN_OUTAGE_MS))


async def test_the_first_heartbeat_ever_ends_no_outage(heartbeat: Heartbeat) -> None:
    assert await heartbeat.beat(unanswered_ms=60_000) is None


async def test_silence_while_no_hammer_ran_is_no_outage(heartbeat: Heartbeat) -> None:
    await heartbeat.beat()
    await heartbeat.stay_silent()
    assert await heartbeat.beat() is None


async def test_silence_while_a_hammer_got_no_answer_is_an_outage(heartbeat: Heartbeat) -> None:
    await heartbeat.beat()
    last = await heartbeat.stay_silent()
    outage = await heartbeat.beat(unanswered_ms=SILENCE_MS)
    assert outage == Outage(last, heartbeat.last())


async def test_one_disconnected_hammer_makes_no_outage(heartbeat: Heartbeat) -> None:
    """Another hammer kept sending heartbeats."""
    await heartbeat.beat()
    assert await heartbeat.beat(unanswered_ms=60_000) is None


async def test_a_restart_of_redis_ends_an_outage_however_short(heartbeat: Heartbeat) -> None:
    await heartbeat.beat()
    last = heartbeat.last()
    heartbeat.redis.ask("HSET", HEARTBEAT, "run_id", "of-the-run-before")
    assert await heartbeat.beat() == Outage(last, heartbeat.last())


async def test_the_first_heartbeat_of_a_new_hammer_does_not_hide_an_outage(heartbeat: Heartbeat) -> None:
    await heartbeat.beat()
    last = await heartbeat.stay_silent()
    assert await heartbeat.beat() is None
    ended_at = heartbeat.last()
    assert await heartbeat.beat(unanswered_ms=SILENCE_MS) == Outage(last, ended_at)


async def test_all_hammers_get_the_same_outage_until_another_begins(heartbeat: Heartbeat) -> None:
    await heartbeat.beat()
    await heartbeat.stay_silent()
    first = await heartbeat.beat(unanswered_ms=SILENCE_MS)
    assert first is not None
    # Hammers that were disconnected too return later; for them it is the same outage.
    answer = await asyncio.gather(*(heartbeat.beat(unanswered_ms=SILENCE_MS) for _ in range(5)))
    assert set(answer) == {first}
    await heartbeat.stay_silent()
    second = await heartbeat.beat(unanswered_ms=SILENCE_MS)
    assert second is not None
    assert second.ended_at > first.ended_at


async def test_an_earlier_silence_is_not_added_to_a_later_one(heartbeat: Heartbeat) -> None:
    await heartbeat.beat()
    await heartbeat.stay_silent()
    assert await heartbeat.beat() is None
    last = await heartbeat.stay_silent()
    outage = await heartbeat.beat(unanswered_ms=SILENCE_MS)
    assert outage == Outage(last, heartbeat.last())


async def test_two_failures_of_redis_in_quick_succession_are_one_long_outage(heartbeat: Heartbeat) -> None:
    """There was hardly time to compensate any auction for the first one."""
    await heartbeat.beat()
    began_at = await heartbeat.stay_silent()
    heartbeat.redis.ask("HSET", HEARTBEAT, "run_id", "of-the-first-run")
    first = await heartbeat.beat()
    assert first == Outage(began_at, heartbeat.last())
    await heartbeat.stay_silent()
    heartbeat.redis.ask("HSET", HEARTBEAT, "run_id", "of-the-second-run")
    assert await heartbeat.beat() == Outage(began_at, heartbeat.last())


async def test_a_later_failure_of_redis_is_another_outage(heartbeat: Heartbeat) -> None:
    await heartbeat.beat()
    heartbeat.redis.ask("HSET", HEARTBEAT, "run_id", "of-the-first-run")
    first = await heartbeat.beat()
    assert first is not None
    long_ago = heartbeat.last() - 60_000
    heartbeat.redis.ask(
        "HSET", HEARTBEAT, "run_id", "of-the-second-run", "began_at", long_ago - 9, "ended_at", long_ago
    )
    last = heartbeat.last()
    assert await heartbeat.beat() == Outage(last, heartbeat.last())


HOUR_MS = 3_600_000


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
async def test_a_clock_step_reported_by_two_hammers_is_recorded_once(heartbeat: Heartbeat, step_ms: int) -> None:
    await heartbeat.beat()
    heartbeat.step_clock(step_ms)
    assert await heartbeat.beat(step_ms=step_ms) is None
    assert await heartbeat.beat(step_ms=step_ms) is None
    assert heartbeat.stepped_ms() == step_ms


async def test_a_reported_step_that_does_not_explain_the_silence_is_no_step(heartbeat: Heartbeat) -> None:
    """Only the hammer was suspended."""
    await heartbeat.beat()
    await heartbeat.beat(step_ms=HOUR_MS)
    assert heartbeat.stepped_ms() == 0


async def test_a_clock_set_back_while_no_hammer_ran_is_recorded_as_a_step(heartbeat: Heartbeat) -> None:
    await heartbeat.beat()
    heartbeat.step_clock(-HOUR_MS)
    assert await heartbeat.beat() is None
    assert abs(heartbeat.stepped_ms() + HOUR_MS) < SILENCE_MS


async def test_a_heartbeat_that_expects_another_time_is_ignored(heartbeat: Heartbeat) -> None:
    """It was sent before the clock stepped, and must not hide the step from the hammer that measures it."""
    await heartbeat.beat()
    expected = heartbeat.last()
    heartbeat.step_clock(HOUR_MS)
    last = heartbeat.last()
    await heartbeat.beat(expected=expected - HOUR_MS)
    assert heartbeat.last() == last


async def test_a_clock_step_shifts_the_outage_recorded_before_it(heartbeat: Heartbeat) -> None:
    await heartbeat.beat()
    heartbeat.redis.ask("HSET", HEARTBEAT, "run_id", "of-the-run-before")
    before = await heartbeat.beat()
    assert before is not None
    heartbeat.step_clock(HOUR_MS)
    after = await heartbeat.beat(step_ms=HOUR_MS)
    assert after == Outage(before.began_at + HOUR_MS, before.ended_at + HOUR_MS)
