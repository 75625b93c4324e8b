"""Both stores, behind one port."""

from collections.abc import AsyncIterator

import pytest
from msgspec import Struct

from blytz.auction.redis.store import RedisStore
from blytz.auction.store import AuctionStore
from tests.support.clock import Clock, scripts_on_test_clock
from tests.support.memory_store import MemoryStore
from tests.support.pipes import connected
from tests.support.redis import RedisServer


class HammerFleet(Struct):
    """An empty auction fleet on a clock of its own, which stands still until told."""

    store: AuctionStore
    clock: Clock
    redis: RedisServer | None = None


@pytest.fixture(params=["memory", "redis"])
async def fleet(request: pytest.FixtureRequest) -> AsyncIterator[HammerFleet]:
    if request.param == "memory":
        clock = Clock()
        yield HammerFleet(MemoryStore(clock), clock)
        return
    redis: RedisServer = request.getfixturevalue("redis")
    async with connected(redis.url, no_timeout=True) as pipe:
        yield HammerFleet(RedisStore(pipe, scripts_on_test_clock()), Clock(pipe), redis)
