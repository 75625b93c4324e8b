"""The bounds of `sales`, and what still works when the memory of Redis is full."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blytz.auction.model import Event, NotYet, Receipt, Status
from blytz.auction.redis.keys import CLOSED, INDEX, SALES, SCHEDULE, keys_of
from blytz.auction.sql.store import MIGRATIONS
from blytz.auction.store import Closed
from blytz.kit.idempotency import KEPT_S
from blytz.kit.problems import Overloaded
from blytz.kit.redis.key_record import RedisKeyRecord
from blytz.kit.redis.pipe import RedisError
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from tests.support.auctions import ANNA, BEN, CAUSE, bid
from tests.support.closing import Closing
from tests.support.pipes import connected
from tests.support.redis import RedisServer


@pytest.fixture
async def closing(redis: RedisServer, tmp_path: Path) -> AsyncIterator[Closing]:
    database = Database("auction", "", tmp_path)
    await migrate(database, MIGRATIONS)
    async with connected(redis.url, no_timeout=True) as pipe:
        yield Closing(redis, pipe, database)
    await database.close()


@contextmanager
def full(redis: RedisServer) -> Iterator[None]:
    """Redis is over its memory limit and refuses every command that needs more."""
    redis.ask("CONFIG", "SET", "maxmemory", 1)
    try:
        yield
    finally:
        redis.ask("CONFIG", "SET", "maxmemory", 0)


async def test_sales_keep_the_newest_entries(closing: Closing) -> None:
    event = await _closing(closing)
    for number in range(400):
        closing.redis.ask("ZADD", SCHEDULE, 1, f"auc_{number}")
        assert await closing.schedule.record_sale(f"auc_{number}", event)
    # Redis trims in blocks of a hundred entries.
    assert 100 <= closing.redis.ask("XLEN", SALES) <= 200
    [[_, fields]] = closing.redis.ask("XREVRANGE", SALES, "+", "-", "COUNT", 1)
    assert fields[1] == b"auc_399"


async def test_a_sale_is_not_recorded_in_part_when_the_closed_auctions_cannot_be_read(closing: Closing) -> None:
    event = await _closing(closing)
    closing.redis.ask("SET", CLOSED, "x")
    with pytest.raises(RedisError, match="WRONGTYPE"):
        await closing.schedule.record_sale("auc_first", event)
    assert closing.redis.ask("EXISTS", SALES) == 0
    assert closing.members(SCHEDULE) == ["auc_first"]


async def test_when_memory_is_full_a_bid_is_refused_and_leaves_nothing(closing: Closing) -> None:
    await closing.open("auc_1")
    await closing.store.place_bid("auc_1", bid(ANNA, 500), CAUSE)
    before = await _stored(closing, "auc_1")
    with full(closing.redis), pytest.raises(Overloaded):
        await closing.store.place_bid("auc_1", bid(BEN, 900), CAUSE)
    assert await _stored(closing, "auc_1") == before
    assert isinstance(await closing.store.place_bid("auc_1", bid(BEN, 900), CAUSE), Receipt)


async def test_when_memory_is_full_auctions_still_close_are_archived_and_deleted(closing: Closing) -> None:
    for auction_id in ("auc_1", "auc_2", "auc_3", "auc_4"):
        await closing.open(auction_id)
    await closing.close("auc_4")
    closing.redis.ask("HSET", keys_of("auc_4").state, "price", 1)
    archiver = closing.archiver(keep_ms=-1_000)
    with full(closing.redis):
        # Heartbeats must still work, or the full memory would be taken for an outage.
        assert await closing.schedule.heartbeat(0) is None
        assert isinstance(await closing.store.close("auc_1", CAUSE), NotYet)
        await closing.close("auc_1")
        cancelled = await closing.store.change("auc_2", "cancel", CAUSE)
        assert getattr(cancelled, "status", None) is Status.CANCELLED
        assert [auction_id for auction_id, at in await closing.schedule.due(0, 10)] == ["auc_2"]
        await closing.close("auc_2")
        await archiver.step()
    assert closing.members(CLOSED) == ["auc_4"]
    assert closing.keys("auc_1") == closing.keys("auc_2") == set()
    assert closing.members(INDEX) == ["auc_3", "auc_4"]


async def test_when_memory_is_full_a_seller_with_an_idempotency_key_still_pauses(closing: Closing) -> None:
    await closing.open("auc_1")
    keys = RedisKeyRecord(closing.pipe)
    with full(closing.redis):
        assert await keys.claim("k1", "pause", "") == ("pause", "")
        assert await keys.claim("k1", "cancel", "") == ("pause", "")
        paused = await closing.store.change("auc_1", "pause", CAUSE, operation_id="o1")
    assert getattr(paused, "status", None) is Status.PAUSED
    assert 0 < closing.redis.ask("TTL", "idempotency:k1") <= KEPT_S


async def _closing(closing: Closing) -> Event:
    await closing.open("auc_first")
    closed = await closing.store.close("auc_first", CAUSE, force=True)
    assert isinstance(closed, Closed)
    return closed.event


async def _stored(closing: Closing, auction_id: str) -> dict[bytes, bytes]:
    """Every key of the auction with its value, as Redis dumps it."""
    return {key: closing.redis.ask("DUMP", key) for key in closing.keys(auction_id)}
