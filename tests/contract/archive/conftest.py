"""The archive on both databases, beside a real Redis."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from blytz.auction.sql.store import MIGRATIONS
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from tests.support.closing import Closing
from tests.support.pipes import connected
from tests.support.redis import RedisServer

_numbers: Final = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """At the newest revision, without rows."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql").url
    database = Database(f"auction_{next(_numbers)}", url, tmp_path)
    await migrate(database, MIGRATIONS)
    yield database
    await database.close()


@pytest.fixture
async def closing(redis: RedisServer, database: Database) -> AsyncIterator[Closing]:
    async with connected(redis.url, no_timeout=True) as pipe:
        yield Closing(redis, pipe, database)


@pytest.fixture
async def closing_on_sqlite(redis: RedisServer, tmp_path: Path) -> AsyncIterator[Closing]:
    """For what does not depend on the kind of the database."""
    database = Database("auction", "", tmp_path)
    await migrate(database, MIGRATIONS)
    async with connected(redis.url, no_timeout=True) as pipe:
        yield Closing(redis, pipe, database)
    await database.close()
