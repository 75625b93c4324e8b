"""What it costs a read of the catalogue to tell how many watch."""

import time
from pathlib import Path

from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.people.sql.store import SqlPeople
from blytz.show.redis.audience import RedisAudience
from blytz.show.redis.cache import CatalogueCache
from blytz.show.redis.cached import CachedCatalogue
from blytz.show.redis.keys import keys_of
from blytz.show.service import ShowService
from blytz.show.sql.store import MIGRATIONS, SqlCatalogue
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.shows import show

SHOWS = [show(f"shw_{number}") for number in range(1, 21)]


def service_of(database: Database, pipe: RedisPipe, *, has_audience: bool = True) -> ShowService:
    catalogue = CachedCatalogue(SqlCatalogue(database), CatalogueCache(pipe, Metrics()))
    audience = RedisAudience(pipe) if has_audience else None
    return ShowService(catalogue, SqlPeople(database), lambda: 1_000, audience=audience)


async def test_the_viewers_of_a_page_come_with_the_answer_of_the_cache(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    database = Database("show", "", tmp_path)
    await migrate(database, MIGRATIONS)
    async with connected(own_redis.url) as pipe:
        with_viewers, without = service_of(database, pipe), service_of(database, pipe, has_audience=False)
        own_redis.ask("HSET", keys_of("shw_7").viewers, "gw_1", f"3:{int(own_redis.ask('TIME')[0])}")

        async def writes(service: ShowService) -> int:
            await service.figures(SHOWS)
            before = pipe.turns
            await service.figures(SHOWS)
            return pipe.turns - before

        assert await writes(with_viewers) == await writes(without) == 1
        figures = await with_viewers.figures(SHOWS)
    await database.close()
    assert [of_show.viewers for of_show in figures] == [3 if each.show_id == "shw_7" else 0 for each in SHOWS]


async def test_a_redis_that_stands_still_is_waited_for_once(own_redis: RedisServer) -> None:
    async with connected(own_redis.url) as pipe:
        audience = RedisAudience(pipe)
        own_redis.freeze()
        try:
            began = time.monotonic()
            for _ in range(20):
                assert await audience.viewers(["shw_1", "shw_2"]) == {}
            assert time.monotonic() - began < 2
        finally:
            own_redis.thaw()
