"""The memory store and the Redis store of offers behind the same port."""

from collections.abc import AsyncIterator

import pytest
from msgspec import Struct

from blytz.offer.redis.store import RedisOfferStore, load_scripts
from blytz.offer.store import OfferStore
from tests.support.clock import Clock, on_test_clock
from tests.support.memory_offers import MemoryOfferStore
from tests.support.pipes import connected
from tests.support.redis import RedisServer


class ClockedOffers(Struct):
    """An empty store with a clock that changes only when the test sets it."""

    store: OfferStore
    clock: Clock
    redis: RedisServer | None = None


@pytest.fixture(params=["memory", "redis"])
async def clocked(request: pytest.FixtureRequest) -> AsyncIterator[ClockedOffers]:
    if request.param == "memory":
        clock = Clock()
        yield ClockedOffers(MemoryOfferStore(clock), clock)
        return
    redis: RedisServer = request.getfixturevalue("redis")
    async with connected(redis.url, no_timeout=True) as pipe:
        yield ClockedOffers(RedisOfferStore(pipe, load_scripts(on_test_clock)), Clock(pipe), redis)
