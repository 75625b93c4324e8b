"""The lists of auctions by status: a page reads only what it returns, and each auction is in the right list."""

import re
from collections.abc import AsyncIterator

import pytest

from blytz.auction.model import Status
from blytz.auction.redis.index import Index
from blytz.auction.redis.store import RedisStore
from blytz.auction.store import Closed
from blytz.kit.redis.pipe import RedisPipe
from tests.support.auctions import ANNA, CAUSE, bid, listing
from tests.support.pipes import connected
from tests.support.redis import RedisServer

ID = "auc_1"


@pytest.fixture
async def pipe(redis: RedisServer) -> AsyncIterator[RedisPipe]:
    async with connected(redis.url) as pipe:
        yield pipe


@pytest.fixture
def store(pipe: RedisPipe) -> RedisStore:
    return RedisStore(pipe)


async def listed(store: RedisStore, status: Status) -> list[str]:
    return [auction.listing.auction_id for auction in (await store.list(status, None, 10)).auctions]


async def sold(store: RedisStore) -> None:
    await store.create(listing(ID, buy_now_price=900), CAUSE)
    await store.place_bid(ID, bid(ANNA, 900, "buy_now"), CAUSE)


async def test_a_page_of_one_status_reads_only_the_auctions_that_it_returns(
    store: RedisStore, redis: RedisServer
) -> None:
    for number in range(40):
        await store.create(listing(f"auc_{number:02}"), CAUSE)
    await store.change("auc_00", "pause", CAUSE)
    redis.ask("CONFIG", "RESETSTAT")

    page = await store.list(Status.PAUSED, None, 1)

    assert [auction.listing.auction_id for auction in page.auctions] == ["auc_00"]
    calls = dict(re.findall(r"cmdstat_(\w+):calls=(\d+)", redis.ask("INFO", "commandstats").decode()))
    assert calls["hgetall"] == "1"
    assert "hget" not in calls


async def test_an_auction_sold_by_a_bid_is_listed_as_sold_once_the_hammer_has_handled_it(
    store: RedisStore,
) -> None:
    await sold(store)
    assert isinstance(await store.close(ID, CAUSE), Closed)
    assert await listed(store, Status.SOLD) == [ID]
    assert await listed(store, Status.OPEN) == []


async def test_the_reader_of_a_page_moves_an_auction_that_is_in_the_wrong_list(store: RedisStore) -> None:
    await sold(store)
    assert await listed(store, Status.OPEN) == []
    assert await listed(store, Status.SOLD) == [ID]


@pytest.mark.parametrize("status", [Status.OPEN, Status.PAUSED])
async def test_the_hammer_moves_a_running_auction_that_is_in_the_wrong_list(
    store: RedisStore, pipe: RedisPipe, status: Status
) -> None:
    await store.create(listing(ID), CAUSE)
    if status is Status.PAUSED:
        await store.change(ID, "pause", CAUSE)
    await Index(pipe).move(ID, Status.SCHEDULED)
    await store.close(ID, CAUSE)
    assert await listed(store, status) == [ID]


async def test_a_delayed_process_does_not_list_a_closed_auction_as_running(
    store: RedisStore, pipe: RedisPipe
) -> None:
    await store.create(listing(ID), CAUSE)
    await store.close(ID, CAUSE, force=True)
    await Index(pipe).move(ID, Status.PAUSED)
    assert await listed(store, Status.UNSOLD) == [ID]


async def test_an_unusable_list_in_redis_does_not_stop_auctions_from_closing(
    store: RedisStore, redis: RedisServer
) -> None:
    await store.create(listing(ID), CAUSE)
    redis.ask("SET", "{auctions}:sold", "of another type")
    assert isinstance(await store.close(ID, CAUSE, force=True), Closed)
