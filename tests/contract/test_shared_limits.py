"""One limit in several processes, which share their counts through Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from blytz.kit.problems import RateLimited
from blytz.kit.ratelimit.redis_ledger import RedisLedger
from blytz.kit.ratelimit.user_limit import REPORT_EVERY_S, Limit, UserLimit
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.wait import until

PATTERN = "{limits}:*"


@asynccontextmanager
async def processes(redis: RedisServer, count: int, limit: Limit) -> AsyncIterator[list[UserLimit]]:
    """The limit in `count` processes, each with its own connection."""
    async with AsyncExitStack() as stack:
        yield [
            UserLimit(limit, RedisLedger(await stack.enter_async_context(connected(redis.url))))
            for _ in range(count)
        ]


def take(limit: UserLimit, user_id: str = "anna") -> bool:
    try:
        limit.take(user_id)
    except RateLimited:
        return False
    return True


def calls(redis: RedisServer) -> int:
    """The number of scripts run so far."""
    text = redis.ask("INFO", "commandstats").decode()
    return sum(
        int(line.partition("calls=")[2].partition(",")[0])
        for line in text.splitlines()
        if line.startswith(("cmdstat_evalsha", "cmdstat_eval:"))
    )


async def test_bids_in_one_process_count_against_the_limit_in_another(redis: RedisServer) -> None:
    async with processes(redis, 2, Limit("bids", 0.5, 10)) as (here, there):
        assert [take(here) for _ in range(11)] == [*[True] * 10, False]
        await until(lambda: bool(redis.ask("KEYS", PATTERN)), "it is in the ledger")
        # The other process learns of it with the answer to its first report.
        assert take(there)
        await until(lambda: not take(there), "the other process knows", 2)
        assert take(there, "ben")


@pytest.mark.alone
async def test_three_processes_together_allow_the_rate_and_little_more(redis: RedisServer) -> None:
    limit = Limit("bids", 40, 20)
    async with processes(redis, 3, limit) as limits:
        began, allowed = time.monotonic(), 0
        while (lasted_s := time.monotonic() - began) < 2.5:
            allowed += sum(take(each) for each in limits)
            await asyncio.sleep(0.002)
        exact = limit.burst + limit.per_s * lasted_s
        # Decision 0014: never less than the limit, and at most one more burst for each further process.
        assert 0.95 * exact <= allowed <= exact + 2 * limit.burst + 1


@pytest.mark.alone
async def test_one_process_allows_exactly_the_limit_while_it_reports(redis: RedisServer) -> None:
    limit = Limit("bids", 50, 10)
    async with processes(redis, 1, limit) as (alone,):
        began, allowed = time.monotonic(), 0
        while (lasted_s := time.monotonic() - began) < 1.5:
            allowed += take(alone)
            await asyncio.sleep(0.002)
        exact = limit.burst + limit.per_s * lasted_s
        # Answers arrive with a delay, so slightly less than the limit may be allowed.
        assert 0.9 * exact - 1 <= allowed <= exact + 1


async def test_a_thousand_bids_a_second_are_reported_in_a_few_calls(redis: RedisServer) -> None:
    async with processes(redis, 1, Limit("bids", 1_000, 2_000)) as (limit,):
        before, began = calls(redis), time.monotonic()
        for _ in range(100):
            for number in range(10):
                assert take(limit, f"user {number}")
            await asyncio.sleep(0.01)
        await until(lambda: len(redis.ask("KEYS", PATTERN)) == 10, "all are in the ledger")
        assert calls(redis) - before <= 2 + (time.monotonic() - began) / REPORT_EVERY_S


async def test_entries_expire_once_the_whole_burst_is_available_again(redis: RedisServer) -> None:
    async with processes(redis, 1, Limit("bids", 100, 20)) as (limit,):
        for number in range(300):
            take(limit, f"user {number}")
        await until(lambda: len(redis.ask("KEYS", PATTERN)) == 300, "all are in the ledger")
        assert all(0 < redis.ask("PTTL", key) < 2_000 for key in redis.ask("KEYS", PATTERN))
        await until(lambda: not redis.ask("KEYS", PATTERN), "the ledger is empty")


@pytest.mark.parametrize("wrong", [b"nonsense", b"9999999999999999", b"-1", b"1e30"])
async def test_a_malformed_limit_entry_blocks_no_user(wrong: bytes, redis: RedisServer) -> None:
    redis.ask("SET", "{limits}:bids:anna", wrong)
    async with processes(redis, 1, Limit("bids", 100, 5)) as (alone,):
        take(alone)
        await until(lambda: redis.ask("GET", "{limits}:bids:anna") != wrong, "the entry is replaced")
        await until(lambda: take(alone), "anna may bid again", 2)


async def test_after_the_clock_of_redis_is_set_back_no_user_waits_longer_than_for_one_burst(
    redis: RedisServer,
) -> None:
    limit = Limit("bids", 10, 20)
    window_ms, hour_us = 2_000, 3_600_000_000
    before = int(time.time() * 1e6) + hour_us
    redis.ask("SET", "{limits}:bids:anna", before)
    async with processes(redis, 1, limit) as (alone,):
        assert take(alone)
        await until(lambda: int(redis.ask("GET", "{limits}:bids:anna")) < before, "the entry is replaced")
        # Entries expire a second after the whole burst is available again; one bid of 100 ms was added.
        assert redis.ask("PTTL", "{limits}:bids:anna") <= window_ms + 100 + 1_000


async def test_bytes_stored_in_one_process_count_against_the_limit_in_another(redis: RedisServer) -> None:
    async with processes(redis, 2, Limit("bytes", 10, 10_000)) as (here, there):
        here.take("anna", 9_500)
        await until(lambda: bool(redis.ask("KEYS", PATTERN)), "they are in the ledger")
        there.take("anna", 400)
        # 400 bytes alone are available again after 40 s, all 9,900 after 990 s.
        await until(lambda: wait_s(there, 10_000) > 900, "the other process knows", 2)


def wait_s(limit: UserLimit, units: int) -> float:
    """How long Anna has to wait for this many units."""
    with pytest.raises(RateLimited) as refused:
        limit.take("anna", units)
    return (refused.value.retry_after_ms or 0) / 1_000


async def test_without_redis_each_process_enforces_the_limit_alone(redis: RedisServer) -> None:
    async with connected(redis.url) as pipe:
        limit = UserLimit(Limit("bids", 0.5, 10), RedisLedger(pipe))
    # The connection is closed for good, and reports fail.
    assert [take(limit) for _ in range(11)] == [*[True] * 10, False]
    reported_at = time.monotonic() + 1.5 * REPORT_EVERY_S
    while time.monotonic() < reported_at:
        assert not take(limit)
        await asyncio.sleep(0.01)
