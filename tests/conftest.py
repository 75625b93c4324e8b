"""What every test may ask for."""

import os
from collections.abc import Iterator
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

from tests.support.redis import RedisServer

pytest_plugins = ("tests.support.platform",)

# Every day the same examples, so that a red test means a change; `HYPOTHESIS_PROFILE=soak` looks for new ones.
settings.register_profile(
    "everyday",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
settings.register_profile("soak", settings.get_profile("everyday"), derandomize=False, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))


class StartRedis(Protocol):
    """Starts a Redis of the test's own, ended with the test; the arguments are those of `RedisServer`."""

    def __call__(self, **options: object) -> RedisServer: ...


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """The Redis of all tests that neither end it nor configure it. Whoever needs it empty takes `redis`."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """The common Redis, empty."""
    shared_redis.ask("FLUSHALL")
    return shared_redis


@pytest.fixture
def start_redis() -> Iterator[StartRedis]:
    servers: list[RedisServer] = []

    def start(**options: object) -> RedisServer:
        servers.append(RedisServer(**options))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.close()
