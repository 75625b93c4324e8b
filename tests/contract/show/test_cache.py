"""Reads of the catalogue come from Redis, and are never older than what the reader has written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.model import Lot, Show
from blytz.show.redis import answers as answers_module
from blytz.show.redis.answers import AnswersInMemory
from blytz.show.redis.cache import MAX_BYTES, VALUES, CatalogueCache
from blytz.show.redis.cached import CachedCatalogue
from blytz.show.sql.store import MIGRATIONS, SqlCatalogue
from blytz.show.store import ReadAnswer, ShowFilter
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.shows import lot, show
from tests.support.wait import until

PUBLIC = ShowFilter()


class CountingCatalogue(SqlCatalogue):
    """Counts the reads of a show, and holds them while it is told to."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.reads = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def show(self, show_id: str) -> Show | None:
        self.reads += 1
        found = await super().show(show_id)
        await self.may_answer.wait()
        return found


class CachingProcess:
    def __init__(self, database: Database, pipe: RedisPipe) -> None:
        self.pipe = pipe
        self.store = CountingCatalogue(database)
        self.cache = CatalogueCache(pipe, Metrics())
        self.shows = CachedCatalogue(self.store, self.cache)


Processes = list[CachingProcess]


@pytest.fixture
async def sqlite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    database = Database("show", "", tmp_path_factory.mktemp("catalogue"))
    await migrate(database, MIGRATIONS)
    yield database
    await database.close()


@pytest.fixture
async def processes(sqlite: Database, own_redis: RedisServer) -> AsyncIterator[Processes]:
    """Two, each with a connection of its own. The second has read something, so that it is connected as well."""
    async with AsyncExitStack() as stack:
        pipes = [await stack.enter_async_context(connected(own_redis.url)) for _ in range(2)]
        both = [CachingProcess(sqlite, pipe) for pipe in pipes]
        for process in both:
            await process.shows.show("shw_none")
        await both[0].shows.create_show(show())
        yield both


async def test_a_show_is_read_from_the_catalogue_once_for_all_processes(processes: Processes) -> None:
    before = sum(process.store.reads for process in processes)

    for process in processes * 3:
        assert await process.shows.show("shw_1") == show()

    assert sum(process.store.reads for process in processes) == before + 1


async def test_a_write_of_one_process_is_seen_by_all_at_once(processes: Processes) -> None:
    writer, reader = processes
    for number in range(5):
        await writer.shows.change_show("shw_1", {"title": f"Title {number}"}, None)
        added = await writer.shows.add_lot(lot(number + 1))
        assert isinstance(added, Lot)
        for process in processes:
            found = await process.shows.show("shw_1")
            assert found is not None
            assert found.title == f"Title {number}"
            assert [one.title for one in (await process.shows.shows(PUBLIC, None, 20)).shows] == [found.title]
            assert len(await process.shows.lots("shw_1")) == number + 1
            assert (await process.shows.lot_facts(["shw_1"]))["shw_1"].counts.total == number + 1
        await writer.shows.change_lot(added.lot_id, {"title": f"Vase {number}"})
        changed = await reader.shows.lot(added.lot_id)
        assert changed is not None
        assert changed.title == f"Vase {number}"


async def test_what_was_read_before_a_write_is_not_kept_after_it(processes: Processes) -> None:
    slow, writer = processes
    slow.store.may_answer.clear()
    reads = slow.store.reads
    late = asyncio.ensure_future(slow.shows.show("shw_1"))
    await until(lambda: slow.store.reads > reads, "it has read")
    await writer.shows.change_show("shw_1", {"title": "New"}, None)
    slow.store.may_answer.set()
    await late

    for process in processes:
        found = await process.shows.show("shw_1")
        assert found is not None
        assert found.title == "New"


async def test_while_one_process_fills_the_others_wait_for_it(processes: Processes) -> None:
    first, second = processes
    first.store.may_answer.clear()
    reads = first.store.reads, second.store.reads
    filling = [asyncio.ensure_future(first.shows.show("shw_1")) for _ in range(20)]
    await until(lambda: first.store.reads > reads[0], "it has begun")
    waiting = [asyncio.ensure_future(second.shows.show("shw_1")) for _ in range(20)]
    first.store.may_answer.set()

    assert await asyncio.gather(*filling, *waiting) == [show()] * 40
    assert (first.store.reads, second.store.reads) == (reads[0] + 1, reads[1])


async def test_without_redis_the_catalogue_answers_and_nothing_stale_comes_after(
    processes: Processes, own_redis: RedisServer
) -> None:
    writer, reader = processes
    assert await reader.shows.show("shw_1") == show()
    own_redis.stop()

    changed = await writer.shows.change_show("shw_1", {"title": "Meanwhile"}, None)
    assert isinstance(changed, Show)
    assert await reader.shows.show("shw_1") == changed
    assert (await reader.shows.shows(PUBLIC, None, 20)).shows == [changed]
    own_redis.start()

    for process in processes:
        await process.pipe.up.wait()
        assert await process.shows.show("shw_1") == changed
    async with asyncio.timeout(10):
        while True:
            reads = reader.store.reads
            assert await reader.shows.show("shw_1") == changed
            if reader.store.reads == reads:
                break
            await asyncio.sleep(0.05)


async def test_without_redis_readers_share_a_read_that_knows_what_they_have_written(
    processes: Processes, own_redis: RedisServer
) -> None:
    process, _ = processes
    assert await process.shows.show("shw_1") == show()
    own_redis.stop()
    process.store.may_answer.clear()
    reads = process.store.reads
    early = [asyncio.ensure_future(process.shows.show("shw_1")) for _ in range(20)]
    await until(lambda: process.store.reads > reads, "it has read")
    changed = await process.shows.change_show("shw_1", {"title": "Meanwhile"}, None)
    late = [asyncio.ensure_future(process.shows.show("shw_1")) for _ in range(20)]
    process.store.may_answer.set()

    await asyncio.gather(*early)
    assert await asyncio.gather(*late) == [changed] * 20
    assert process.store.reads <= reads + 3


async def test_an_answer_is_made_again_after_a_write_and_after_redis_was_away(
    processes: Processes, own_redis: RedisServer
) -> None:
    writer, reader = processes
    answers = AnswersInMemory(reader.cache)

    async def make() -> ReadAnswer:
        found = await reader.shows.show("shw_1")
        assert found is not None
        return ReadAnswer(found.title.encode(), frozenset({"shw_1"}))

    async def answer() -> str:
        return (await answers.read("show shw_1", make)).decode()

    assert {await answer() for _ in range(3)} == {"Pottery night"}
    await writer.shows.change_show("shw_1", {"title": "Changed"}, None)
    assert {await answer() for _ in range(3)} == {"Changed"}

    own_redis.stop()
    await writer.shows.change_show("shw_1", {"title": "Meanwhile"}, None)
    assert await answer() == "Meanwhile"
    own_redis.start()
    for process in processes:
        await process.pipe.up.wait()

    assert {await answer() for _ in range(3)} == {"Meanwhile"}


async def test_kept_answers_have_a_bound(processes: Processes) -> None:
    reader = processes[1]
    answers = AnswersInMemory(reader.cache)
    made = 0

    async def make() -> ReadAnswer:
        nonlocal made
        made += 1
        return ReadAnswer(b"x" * (answers_module.MAX_BYTES // 3), frozenset({"shw_1"}))

    for name in ("a", "b", "c", "d"):
        for _ in range(2):
            await answers.read(name, make)
    assert made == 8

    await answers.read("d", make)
    assert made == 8
    await answers.read("a", make)
    assert made == 9


async def test_the_cache_has_a_bound(processes: Processes, own_redis: RedisServer) -> None:
    writer, _ = processes
    long = "x" * 4_000
    own_redis.ask("HSET", "{catalogue}:versions", "bytes", MAX_BYTES - 4_000)
    await writer.shows.create_show(show("shw_2", description=long))

    await writer.shows.show("shw_2")
    assert own_redis.ask("HLEN", VALUES) == 0
    await writer.shows.show("shw_2")

    assert own_redis.ask("HLEN", VALUES) == 1
    assert int(own_redis.ask("HGET", "{catalogue}:versions", "bytes")) > 4_000
