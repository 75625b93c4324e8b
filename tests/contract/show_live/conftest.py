"""A show's log in a real Redis."""

from collections.abc import AsyncIterator

import pytest

from blytz.kit.redis.pipe import RedisPipe
from blytz.show.redis.log import RedisShowLog
from tests.support.pipes import connected
from tests.support.redis import RedisServer


@pytest.fixture
async def pipe(redis: RedisServer) -> AsyncIterator[RedisPipe]:
    async with connected(redis.url, no_timeout=True) as pipe:
        yield pipe


@pytest.fixture
def log(pipe: RedisPipe) -> RedisShowLog:
    return RedisShowLog(pipe)
