"""In both stores a request with an Idempotency-Key is executed once and always gets its first answer."""

import asyncio

import pytest

from blytz.auction.model import Auction, Refused, Status
from blytz.auction.redis.keys import SCHEDULE
from tests.contract.conftest import ClockedStore
from tests.support.auctions import CAUSE, listing
from tests.support.redis import RedisServer

ID = "auc_1"


async def state(clocked: ClockedStore) -> Auction:
    auction = await clocked.store.get(ID)
    assert auction is not None
    return auction


async def test_a_repeated_extension_extends_once_and_gets_the_first_answer(clocked: ClockedStore) -> None:
    created = await clocked.store.create(listing(ID), CAUSE)
    first = await clocked.store.change(ID, "extend", CAUSE, 5_000, "op1")
    clocked.clock.advance(10)
    await clocked.store.change(ID, "extend", CAUSE, 2_000, "op2")
    assert await clocked.store.change(ID, "extend", CAUSE, 5_000, "op1") == first
    assert (await state(clocked)).ends_at == (created.ends_at or 0) + 7_000


async def test_a_repeated_pause_does_not_pause_again_after_the_resumption(clocked: ClockedStore) -> None:
    await clocked.store.create(listing(ID), CAUSE)
    first = await clocked.store.change(ID, "pause", CAUSE, 0, "op1")
    clocked.clock.advance(10)
    await clocked.store.change(ID, "resume", CAUSE, 0, "op2")
    assert await clocked.store.change(ID, "pause", CAUSE, 0, "op1") == first
    assert (await state(clocked)).status is Status.OPEN


async def test_a_repetition_of_a_refused_change_is_tried_again(clocked: ClockedStore) -> None:
    await clocked.store.create(listing(ID), CAUSE)
    assert isinstance(await clocked.store.change(ID, "resume", CAUSE, 0, "op1"), Refused)
    await clocked.store.change(ID, "pause", CAUSE)
    assert isinstance(await clocked.store.change(ID, "resume", CAUSE, 0, "op1"), Auction)


@pytest.mark.parametrize("starts_in_ms", [None, 60_000], ids=["opened at once", "scheduled"])
async def test_a_repeated_creation_gets_the_auction_as_it_was_created(
    clocked: ClockedStore, starts_in_ms: int | None
) -> None:
    offered = listing(ID, starts_at=starts_in_ms and clocked.clock.now + starts_in_ms)
    first = await clocked.store.create(offered, CAUSE, "op1")
    await clocked.store.change(ID, "cancel", CAUSE)
    assert await clocked.store.create(offered, CAUSE, "op1") == first
    assert (await state(clocked)).status is Status.CANCELLED


async def test_of_many_concurrent_attempts_one_is_executed_and_all_get_its_answer(clocked: ClockedStore) -> None:
    offered = listing(ID)
    created = await asyncio.gather(*(clocked.store.create(offered, CAUSE, "op1") for _ in range(8)))
    assert created == [created[0]] * 8
    extended = await asyncio.gather(*(clocked.store.change(ID, "extend", CAUSE, 5_000, "op2") for _ in range(8)))
    assert extended == [extended[0]] * 8
    assert [event.kind for event in await clocked.store.events(ID, 0, 10)] == ["opened", "extended_by_seller"]


@pytest.mark.parametrize("clocked", ["redis"], indirect=True)
async def test_a_repeated_creation_does_not_put_a_closed_auction_back_on_the_schedule(
    clocked: ClockedStore, redis: RedisServer
) -> None:
    await clocked.store.create(listing(ID), CAUSE, "op1")
    redis.ask("ZREM", SCHEDULE, ID)
    await clocked.store.create(listing(ID), CAUSE, "op1")
    assert redis.ask("ZSCORE", SCHEDULE, ID) is None
