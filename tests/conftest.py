"""Fixtures and settings for all tests."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck, settings

from tests.support.redis import RedisServer

if TYPE_CHECKING:
    from tests.support.s3 import S3Server

pytest_plugins = ("tests.support.platform", "tests.support.workers")

# The same examples in each run, so that a failure means a change; `HYPOTHESIS_PROFILE=soak` tries new ones.
settings.register_profile(
    "everyday",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
settings.register_profile("soak", settings.get_profile("everyday"), derandomize=False, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))

MEMORY = Path("/dev/shm")  # noqa: S108 - its files are made by tempfile
MIN_FREE_BYTES = 2 * 2**30


def pytest_configure() -> None:
    """Keep the files of tests in memory if there is enough. A bid is `pending` after 300 ms, and on a shared disk
    one write in some thousands takes that long. A killed process still finds its files after its restart."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    room = os.statvfs(MEMORY)
    if room.f_bavail * room.f_frsize > MIN_FREE_BYTES and not room.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


class StartRedis(Protocol):
    """Starts a Redis for one test, closed after it; the arguments are those of `RedisServer`."""

    def __call__(self, **options: object) -> RedisServer: ...


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """Shared by the tests that neither stop nor configure Redis. Tests that need it empty use `redis`."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """The shared Redis, empty."""
    shared_redis.ask("FLUSHALL")
    return shared_redis


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis for a test that stops, freezes or configures it."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def start_redis() -> Iterator[StartRedis]:
    servers: list[RedisServer] = []

    def start(**options: object) -> RedisServer:
        servers.append(RedisServer(**options))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def shared_s3() -> "Iterator[S3Server]":
    # Its libraries take half a second to import, which only those who need it should pay for.
    from tests.support.s3 import S3Server

    with S3Server() as server:
        yield server


@pytest.fixture
def s3(shared_s3: "S3Server") -> "S3Server":
    """A stand-in for S3 whose bucket is empty."""
    shared_s3.empty()
    return shared_s3
