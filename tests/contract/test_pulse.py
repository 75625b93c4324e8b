"""What counts as an outage: the pulse that hammers feel, on a real Redis."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from blytz.auction.model import Outage
from blytz.auction.redis_schedule import PULSE, RedisSchedule
from tests.support.outages import until_time
from tests.support.pipes import connected
from tests.support.redis import RedisServer

LEAST_MS = 200
SILENCE_MS = 300


class Pulse:
    def __init__(self, redis: RedisServer, schedule: RedisSchedule) -> None:
        self.redis = redis
        self._schedule = schedule

    async def feel(self, in_vain_ms: int = 0) -> Outage | None:
        return await self._schedule.pulse(in_vain_ms)

    def last(self) -> int:
        return int(self.redis.ask("HGET", PULSE, "at"))

    async def silence(self) -> int:
        """Nobody feels the pulse for a while; when it was felt last."""
        last = self.last()
        await until_time(last + SILENCE_MS)
        return last


@pytest.fixture
async def pulse(redis: RedisServer) -> AsyncIterator[Pulse]:
    async with connected(redis.url) as pipe:
        yield Pulse(redis, RedisSchedule(pipe, LEAST_MS))


async def test_the_first_pulse_of_all_ends_no_outage(pulse: Pulse) -> None:
    assert await pulse.feel(in_vain_ms=60_000) is None


async def test_a_silence_without_hammers_was_no_outage(pulse: Pulse) -> None:
    await pulse.feel()
    await pulse.silence()
    assert await pulse.feel() is None


async def test_a_silence_through_which_a_hammer_asked_in_vain_was_one(pulse: Pulse) -> None:
    await pulse.feel()
    last = await pulse.silence()
    outage = await pulse.feel(in_vain_ms=SILENCE_MS)
    assert outage == Outage(last, pulse.last())


async def test_who_was_cut_off_alone_makes_no_outage(pulse: Pulse) -> None:
    """Another hammer felt the pulse all the while."""
    await pulse.feel()
    assert await pulse.feel(in_vain_ms=60_000) is None


async def test_another_run_of_redis_ends_an_outage_however_short(pulse: Pulse) -> None:
    await pulse.feel()
    last = pulse.last()
    pulse.redis.ask("HSET", PULSE, "run_id", "of-the-run-before")
    assert await pulse.feel() == Outage(last, pulse.last())


async def test_a_newcomer_who_is_first_after_an_outage_does_not_hide_it(pulse: Pulse) -> None:
    await pulse.feel()
    last = await pulse.silence()
    assert await pulse.feel() is None
    ended_at = pulse.last()
    assert await pulse.feel(in_vain_ms=SILENCE_MS) == Outage(last, ended_at)


async def test_an_outage_is_the_same_for_everybody_and_told_until_the_next(pulse: Pulse) -> None:
    await pulse.feel()
    await pulse.silence()
    first = await pulse.feel(in_vain_ms=SILENCE_MS)
    assert first is not None
    # Those who were cut off too come back a little later; it is the same outage, not another.
    told = await asyncio.gather(*(pulse.feel(in_vain_ms=SILENCE_MS) for _ in range(5)))
    assert set(told) == {first}
    await pulse.silence()
    second = await pulse.feel(in_vain_ms=SILENCE_MS)
    assert second is not None
    assert second.ended_at > first.ended_at


async def test_a_silence_long_ago_is_not_brought_up_by_a_later_one(pulse: Pulse) -> None:
    await pulse.feel()
    await pulse.silence()
    assert await pulse.feel() is None
    last = await pulse.silence()
    outage = await pulse.feel(in_vain_ms=SILENCE_MS)
    assert outage == Outage(last, pulse.last())


async def test_redis_gone_again_at_once_is_one_long_outage(pulse: Pulse) -> None:
    """There was hardly time to give anybody the time of the first one back."""
    await pulse.feel()
    began_at = await pulse.silence()
    pulse.redis.ask("HSET", PULSE, "run_id", "of-the-first-run")
    first = await pulse.feel()
    assert first == Outage(began_at, pulse.last())
    await pulse.silence()
    pulse.redis.ask("HSET", PULSE, "run_id", "of-the-second-run")
    assert await pulse.feel() == Outage(began_at, pulse.last())


async def test_redis_gone_again_later_is_another_outage(pulse: Pulse) -> None:
    await pulse.feel()
    pulse.redis.ask("HSET", PULSE, "run_id", "of-the-first-run")
    first = await pulse.feel()
    assert first is not None
    long_ago = pulse.last() - 60_000
    pulse.redis.ask("HSET", PULSE, "run_id", "of-the-second-run", "began_at", long_ago - 9, "ended_at", long_ago)
    last = pulse.last()
    assert await pulse.feel() == Outage(last, pulse.last())
