"""Deletion of closed auctions, and what still works when the memory of Redis is full."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from blytz.auction.model import Event, NotYet, Receipt, Standing, Status
from blytz.auction.redis.keys import CLOSED, INDEX, SALES, SCHEDULE, keys_of
from blytz.auction.redis.retention import MAX_DELETED_AT_ONCE, RedisRetention
from blytz.auction.redis.schedule import RedisSchedule
from blytz.auction.redis.store import RedisStore
from blytz.auction.service import refusal
from blytz.auction.store import Closed
from blytz.kit.idempotency import KEPT_S
from blytz.kit.problems import Overloaded
from blytz.kit.redis.key_record import RedisKeyRecord
from blytz.kit.redis.pipe import RedisError, RedisPipe
from blytz.kit.telemetry.metrics import Metrics
from tests.support.auctions import ANNA, BEN, CAUSE, bid, listing
from tests.support.pipes import connected
from tests.support.redis import RedisServer

DAY_MS = 86_400_000


class Auctions:
    """A store, a schedule and the steps of a hammer, on one connection."""

    def __init__(self, redis: RedisServer, pipe: RedisPipe) -> None:
        self.redis, self.pipe = redis, pipe
        self.store, self.schedule = RedisStore(pipe), RedisSchedule(pipe, max_sales=100)

    def retention(self, keep_ms: int = DAY_MS, keep: int = 1_000) -> RedisRetention:
        return RedisRetention(self.pipe, keep_ms, keep, Metrics())

    async def open(self, auction_id: str) -> str:
        await self.store.create(listing(auction_id, duration_ms=60_000), CAUSE)
        return auction_id

    async def closed(self, auction_id: str) -> str:
        await self.open(auction_id)
        await self.store.place_bid(auction_id, bid(ANNA, 500), CAUSE)
        await self.store.set_standing(auction_id, [BEN.id], Standing.BLOCKED)
        await self.close(auction_id)
        return auction_id

    async def close(self, auction_id: str) -> None:
        closed = await self.store.close(auction_id, CAUSE, force=True)
        assert isinstance(closed, Closed)
        assert await self.schedule.record_sale(auction_id, closed.event)

    def keys(self, auction_id: str) -> set[bytes]:
        return set(self.redis.ask("KEYS", f"*{auction_id}*"))

    def members(self, key: str) -> list[str]:
        return [member.decode() for member in self.redis.ask("ZRANGE", key, 0, -1)]


@pytest.fixture
async def auctions(redis: RedisServer) -> AsyncIterator[Auctions]:
    async with connected(redis.url, no_timeout=True) as pipe:
        yield Auctions(redis, pipe)


@contextmanager
def full(redis: RedisServer) -> Iterator[None]:
    """Redis is over its memory limit and refuses every command that needs more."""
    redis.ask("CONFIG", "SET", "maxmemory", 1)
    try:
        yield
    finally:
        redis.ask("CONFIG", "SET", "maxmemory", 0)


async def test_every_key_of_an_old_closed_auction_is_deleted(auctions: Auctions) -> None:
    old, young, alive = (
        await auctions.closed("auc_1"),
        await auctions.closed("auc_2"),
        await auctions.open("auc_3"),
    )
    auctions.redis.ask("ZADD", CLOSED, 1_000, old)

    assert await auctions.retention().delete_due() == 1

    assert auctions.keys(old) == set()
    assert auctions.members(CLOSED) == [young]
    assert auctions.members(INDEX) == [young, alive]
    assert auctions.members("{auctions}:sold") == [young]
    assert auctions.members(SCHEDULE) == [alive]
    assert await auctions.store.get(old) is None
    assert await auctions.store.events(old, 0, 10) == []
    assert [each.listing.auction_id for each in (await auctions.store.list(None, None, 10)).auctions] == [
        alive,
        young,
    ]
    refused = await auctions.store.place_bid(old, bid(ANNA, 900), CAUSE)
    assert not isinstance(refused, Receipt)
    assert refusal(refused).code == "auction_not_found"
    kept = await auctions.store.get(young)
    assert kept is not None
    assert kept.status is Status.SOLD


async def test_of_many_closed_auctions_the_newest_are_kept(auctions: Auctions) -> None:
    ids = [await auctions.closed(f"auc_{number}") for number in range(5)]
    retention = auctions.retention(keep=2)
    assert await retention.delete_due() == 3
    assert auctions.members(CLOSED) == ids[3:]
    assert auctions.members(INDEX) == ids[3:]
    assert await retention.delete_due() == 0


async def test_one_step_deletes_a_bounded_number(auctions: Auctions) -> None:
    for number in range(MAX_DELETED_AT_ONCE + 1):
        auctions.redis.ask("ZADD", CLOSED, 1, f"auc_{number}")
    retention = auctions.retention()
    assert await retention.delete_due() == MAX_DELETED_AT_ONCE
    assert await retention.delete_due() == 1
    assert auctions.members(CLOSED) == []


@pytest.mark.parametrize("fault", ["open", "wrong type"])
async def test_an_auction_that_is_not_closed_is_never_deleted(fault: str, auctions: Auctions) -> None:
    await auctions.open("auc_1")
    state = keys_of("auc_1").state
    if fault == "wrong type":
        auctions.redis.ask("SET", state, "x")
    auctions.redis.ask("ZADD", CLOSED, 1, "auc_1")
    old = await auctions.closed("auc_2")
    auctions.redis.ask("ZADD", CLOSED, 2, old)

    await auctions.retention().delete_due()

    assert auctions.keys("auc_1") >= {state, keys_of("auc_1").events}
    assert auctions.keys(old) == set()
    assert auctions.members(CLOSED) == []


async def test_the_remains_of_an_interrupted_creation_are_removed(auctions: Auctions) -> None:
    auctions.redis.ask("ZADD", INDEX, 0, "auc_1")
    auctions.redis.ask("ZADD", SCHEDULE, 1, "auc_1")
    await auctions.schedule.drop("auc_1")
    await auctions.retention().delete_due()
    assert auctions.redis.ask("KEYS", "*") == []


async def test_sales_keep_the_newest_entries(auctions: Auctions) -> None:
    event = await _closing(auctions)
    for number in range(400):
        auctions.redis.ask("ZADD", SCHEDULE, 1, f"auc_{number}")
        assert await auctions.schedule.record_sale(f"auc_{number}", event)
    # Redis trims in blocks of a hundred entries.
    assert 100 <= auctions.redis.ask("XLEN", SALES) <= 200
    [[_, fields]] = auctions.redis.ask("XREVRANGE", SALES, "+", "-", "COUNT", 1)
    assert fields[1] == b"auc_399"


async def test_a_sale_is_not_recorded_in_part_when_the_closed_auctions_cannot_be_read(auctions: Auctions) -> None:
    event = await _closing(auctions)
    auctions.redis.ask("SET", CLOSED, "x")
    with pytest.raises(RedisError, match="WRONGTYPE"):
        await auctions.schedule.record_sale("auc_first", event)
    assert auctions.redis.ask("EXISTS", SALES) == 0
    assert auctions.members(SCHEDULE) == ["auc_first"]


async def test_when_memory_is_full_a_bid_is_refused_and_leaves_nothing(auctions: Auctions) -> None:
    await auctions.open("auc_1")
    await auctions.store.place_bid("auc_1", bid(ANNA, 500), CAUSE)
    before = await _stored(auctions, "auc_1")
    with full(auctions.redis), pytest.raises(Overloaded):
        await auctions.store.place_bid("auc_1", bid(BEN, 900), CAUSE)
    assert await _stored(auctions, "auc_1") == before
    assert isinstance(await auctions.store.place_bid("auc_1", bid(BEN, 900), CAUSE), Receipt)


async def test_when_memory_is_full_auctions_still_close_and_are_deleted(auctions: Auctions) -> None:
    for auction_id in ("auc_1", "auc_2", "auc_3"):
        await auctions.open(auction_id)
    with full(auctions.redis):
        # Heartbeats must still work, or the full memory would be taken for an outage.
        assert await auctions.schedule.heartbeat(0) is None
        assert isinstance(await auctions.store.close("auc_1", CAUSE), NotYet)
        await auctions.close("auc_1")
        cancelled = await auctions.store.change("auc_2", "cancel", CAUSE)
        assert getattr(cancelled, "status", None) is Status.CANCELLED
        assert [auction_id for auction_id, at in await auctions.schedule.due(0, 10)] == ["auc_2"]
        assert auctions.members(CLOSED) == ["auc_1"]
        assert await auctions.retention(keep=1).delete_due() == 0
        await auctions.close("auc_2")
        assert await auctions.retention(keep=1).delete_due() == 1
    assert auctions.keys("auc_1") == set()
    assert auctions.members(INDEX) == ["auc_2", "auc_3"]


async def test_when_memory_is_full_a_seller_with_an_idempotency_key_still_pauses(auctions: Auctions) -> None:
    await auctions.open("auc_1")
    keys = RedisKeyRecord(auctions.pipe)
    with full(auctions.redis):
        assert await keys.claim("k1", "pause", "") == ("pause", "")
        assert await keys.claim("k1", "cancel", "") == ("pause", "")
        paused = await auctions.store.change("auc_1", "pause", CAUSE, operation_id="o1")
    assert getattr(paused, "status", None) is Status.PAUSED
    assert 0 < auctions.redis.ask("TTL", "idempotency:k1") <= KEPT_S


async def _closing(auctions: Auctions) -> Event:
    await auctions.open("auc_first")
    closed = await auctions.store.close("auc_first", CAUSE, force=True)
    assert isinstance(closed, Closed)
    return closed.event


async def _stored(auctions: Auctions, auction_id: str) -> dict[bytes, bytes]:
    """Every key of the auction with its value, as Redis dumps it."""
    return {key: auctions.redis.ask("DUMP", key) for key in auctions.keys(auction_id)}
