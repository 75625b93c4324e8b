"""The memory store and the Redis store behind the same port."""

from collections.abc import AsyncIterator, Iterator

import pytest
from msgspec import Struct

from blytz.auction.redis.store import RedisStore
from blytz.auction.store import AuctionStore
from tests.support.clock import Clock, scripts_on_test_clock
from tests.support.memory_store import MemoryStore
from tests.support.pipes import connected
from tests.support.postgresql import PostgreSQLServer, programs
from tests.support.redis import RedisServer


class ClockedStore(Struct):
    """An empty store with a clock that changes only when the test sets it."""

    store: AuctionStore
    clock: Clock
    redis: RedisServer | None = None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: `apt-get install postgresql`")
    with PostgreSQLServer() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def clocked(request: pytest.FixtureRequest) -> AsyncIterator[ClockedStore]:
    if request.param == "memory":
        clock = Clock()
        yield ClockedStore(MemoryStore(clock), clock)
        return
    redis: RedisServer = request.getfixturevalue("redis")
    async with connected(redis.url, no_timeout=True) as pipe:
        yield ClockedStore(RedisStore(pipe, scripts_on_test_clock()), Clock(pipe), redis)
