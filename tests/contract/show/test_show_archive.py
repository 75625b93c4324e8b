"""The events of a show are kept in the catalogue, however many Redis forgets, and each once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from blytz.identity import Principal
from blytz.kit.chat import Said
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.chat.service import Message
from blytz.show.events.archiver import BATCH, ShowArchiver
from blytz.show.events.log import ShowSnapshot
from blytz.show.model import ShowStatus
from blytz.show.redis.archive import RedisEventLog
from blytz.show.redis.chat import RedisChat
from blytz.show.redis.keys import keys_of
from blytz.show.redis.log import RedisShowLog
from blytz.show.sql.event_archive import SqlEventArchive
from blytz.show.sql.store import MIGRATIONS, SqlCatalogue
from blytz.show.sql.tables import SHOW_EVENTS
from tests.support.metrics import value_of
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.running_shows import Killed, Life, Mortal
from tests.support.show_json import show_json
from tests.support.shows import show

ANNA = Principal("usr_anna", "Anna", ("bidder",), 2**53)


class LiveShow:
    """A live show with a chat, and its archive."""

    def __init__(self, database: Database, pipe: RedisPipe, redis: RedisServer) -> None:
        self.database, self.pipe, self.redis = database, pipe, redis
        self.chat = RedisChat(pipe)

    async def begin(self) -> None:
        await SqlCatalogue(self.database).create_show(show(status=ShowStatus.LIVE, started_at=1))
        await self.fill()

    async def fill(self) -> None:
        await RedisShowLog(self.pipe).fill("shw_1", ShowSnapshot(0, show_json("shw_1", status="live"), []))

    async def say(self, first: int, last: int) -> list[Said | None]:
        said = [
            self.chat.say(Message("shw_1", f"m{number}", ANNA, f"Text {number}", "req"))
            for number in range(first, last + 1)
        ]
        return [await answer for answer in said]

    def archiver(self, life: Life | None = None) -> ShowArchiver:
        life = life or Life()
        events = Mortal(RedisEventLog(self.pipe), "log", life)
        archive = Mortal(SqlEventArchive(self.database), "archive", life)
        self.metrics = Metrics()
        return ShowArchiver(events, archive, lambda: 10**13, self.metrics)

    def lag_s(self) -> float:
        """Of the last archiver, as its metric says."""
        return value_of(self.metrics, "blytz_show_archive_lag_seconds")

    async def kept(self) -> list[int]:
        query = select(SHOW_EVENTS.c.seq).order_by(SHOW_EVENTS.c.epoch, SHOW_EVENTS.c.seq)
        async with self.database.reading() as connection:
            return list((await connection.execute(query)).scalars())


@pytest.fixture
async def live(database: Database, redis: RedisServer) -> AsyncIterator[LiveShow]:
    await migrate(database, MIGRATIONS)
    async with connected(redis.url, no_timeout=True) as pipe:
        live = LiveShow(database, pipe, redis)
        await live.begin()
        yield live


async def test_what_was_said_is_kept_after_redis_has_let_go_of_it(live: LiveShow) -> None:
    await live.say(1, BATCH + 20)
    await live.archiver().copy_all()
    live.redis.ask("XTRIM", keys_of("shw_1").events, "MAXLEN", 3)
    await live.say(BATCH + 21, BATCH + 30)
    await live.archiver().copy_all()

    assert await live.kept() == list(range(1, BATCH + 31))


async def test_an_archiver_that_is_killed_anywhere_leaves_each_event_once(live: LiveShow) -> None:
    number, is_done, steps_left, life = 0, False, 0, Life()
    while not is_done:
        await live.say(number + 1, number + 2)
        number += 2
        life = Life(steps_left)
        try:
            await live.archiver(life).copy_all()
            is_done = True
        except Killed:
            steps_left += 1

    assert await live.kept() == list(range(1, number + 1))
    assert "before archive.add" in life.steps


async def test_the_lag_of_the_archive_grows_while_the_events_of_a_show_cannot_be_read(live: LiveShow) -> None:
    await live.say(1, 2)
    archiver = live.archiver()
    live.redis.ask("RENAME", keys_of("shw_1").events, "aside")
    live.redis.ask("SET", keys_of("shw_1").events, "of another type")
    async with asyncio.timeout(10):
        while live.lag_s() < 0.5:
            await archiver.copy_all()

    live.redis.ask("RENAME", "aside", keys_of("shw_1").events)
    await archiver.copy_all()
    assert live.lag_s() < 0.5
    assert await live.kept() == [1, 2]


async def test_another_history_of_the_show_is_kept_beside_the_first(live: LiveShow) -> None:
    await live.say(1, 3)
    await live.archiver().copy_all()
    live.redis.ask("FLUSHALL")
    await live.fill()
    await live.say(1, 2)
    await live.archiver().copy_all()

    assert sorted(await live.kept()) == [1, 1, 2, 2, 3]


async def test_a_chat_waits_rather_than_push_out_what_is_not_archived(live: LiveShow) -> None:
    live.redis.ask("HSET", keys_of("shw_1").state, "seq", 9_000)
    live.redis.ask("XADD", keys_of("shw_1").events, "9000-0", "public", "{}", "private", "{}")

    [refused] = await live.say(1, 1)
    assert refused is not None
    assert (refused.code, refused.retry_after_ms) == ("rate_limited", 2_000)
    await live.archiver().copy_all()
    [said] = await live.say(1, 1)

    assert said is not None
    assert (said.code, said.seq) == (None, 9_001)
