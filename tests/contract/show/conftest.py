"""The catalogue on both databases, behind one port."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.show.people.sql.store import SqlPeople
from blytz.show.sql.store import MIGRATIONS, SqlCatalogue
from tests.support.redis import RedisServer
from tests.support.running_shows import Stage, stage_of
from tests.support.shows import show

_numbers: Final = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Empty, without tables."""
    is_sqlite = request.param == "sqlite"
    url = "" if is_sqlite else request.getfixturevalue("postgresql").url
    database = Database(f"show_{next(_numbers)}", url, tmp_path)
    yield database
    await database.close()


@pytest.fixture
async def catalogue(database: Database) -> SqlCatalogue:
    await migrate(database, MIGRATIONS)
    return SqlCatalogue(database)


@pytest.fixture
async def people(catalogue: SqlCatalogue, database: Database) -> SqlPeople:
    """With one show in the catalogue."""
    await catalogue.create_show(show())
    return SqlPeople(database)


@pytest.fixture
async def stage(database: Database, redis: RedisServer) -> AsyncIterator[Stage]:
    await migrate(database, MIGRATIONS)
    async with stage_of(database, redis) as stage:
        yield stage
