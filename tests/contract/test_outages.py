"""Outage compensation in both stores: lost time is given back once, however often it is requested."""

from collections.abc import AsyncIterator

import pytest

from blytz.auction.model import Outage
from tests.support.auctions import MINUTE_MS, T0, listing
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.store_pair import Pair

FIRST = Outage(T0 + 10_000, T0 + 15_000)
BOTH = Outage(T0 + 10_000, T0 + 18_000)
"""The first outage and another directly after it, reported as one."""


@pytest.fixture
async def pair(redis: RedisServer) -> AsyncIterator[Pair]:
    async with connected(redis.url) as pipe:
        pair = Pair(pipe)
        await pair.create(listing(extension_ms=1_000))
        yield pair


async def give_back(pair: Pair, outage: Outage) -> int:
    """Compensates the auction and returns by how much its end moved."""
    before = pair.auction.ends_at or 0
    pair.clock.set(outage.ended_at)
    await pair.verb("close", outage=outage)
    return (pair.auction.ends_at or 0) - before


async def test_an_auction_compensated_for_the_first_of_two_outages_gets_only_the_rest_of_both(pair: Pair) -> None:
    assert await give_back(pair, FIRST) == 5_000
    assert await give_back(pair, BOTH) == 3_000
    assert await give_back(pair, BOTH) == 0


async def test_an_auction_not_compensated_for_the_first_of_two_outages_gets_both_back(pair: Pair) -> None:
    assert await give_back(pair, BOTH) == 8_000


async def test_an_outage_during_a_pause_takes_no_time_and_one_after_it_does(pair: Pair) -> None:
    pair.clock.set(T0 + 5_000)
    await pair.verb("pause")
    pair.clock.set(T0 + 6_000)
    await pair.verb("resume")
    assert await give_back(pair, FIRST) == 5_000
    pair.clock.set(T0 + 16_000)
    await pair.verb("pause")
    pair.clock.set(T0 + 2 * MINUTE_MS)
    await pair.verb("resume")
    assert await give_back(pair, Outage(T0 + 20_000, T0 + 90_000)) == 0


async def test_an_outage_noticed_during_a_pause_is_not_compensated(pair: Pair) -> None:
    pair.clock.set(FIRST.began_at - 1)
    await pair.verb("pause")
    await pair.verb("close", outage=FIRST)
    pair.clock.set(FIRST.ended_at + 1)
    await pair.verb("resume")
    assert await give_back(pair, FIRST) == 0
