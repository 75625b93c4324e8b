"""What both stores promise of a request with an Idempotency-Key: it is done once and gets its first answer."""

import asyncio

import pytest

from blytz.auction.model import Auction, Refused, Status
from blytz.auction.redis.keys import SCHEDULE
from tests.contract.conftest import HammerFleet
from tests.support.auctions import CAUSE, listing
from tests.support.redis import RedisServer

ID = "auc_1"


async def state(fleet: HammerFleet) -> Auction:
    auction = await fleet.store.get(ID)
    assert auction is not None
    return auction


async def test_a_repeated_extension_extends_once_and_gets_the_first_answer(fleet: HammerFleet) -> None:
    created = await fleet.store.create(listing(ID), CAUSE)
    first = await fleet.store.change(ID, "extend", CAUSE, 5_000, "op1")
    fleet.clock.advance(10)
    await fleet.store.change(ID, "extend", CAUSE, 2_000, "op2")
    assert await fleet.store.change(ID, "extend", CAUSE, 5_000, "op1") == first
    assert (await state(fleet)).ends_at == (created.ends_at or 0) + 7_000


async def test_a_repeated_pause_does_not_pause_again_after_the_resumption(fleet: HammerFleet) -> None:
    await fleet.store.create(listing(ID), CAUSE)
    first = await fleet.store.change(ID, "pause", CAUSE, 0, "op1")
    fleet.clock.advance(10)
    await fleet.store.change(ID, "resume", CAUSE, 0, "op2")
    assert await fleet.store.change(ID, "pause", CAUSE, 0, "op1") == first
    assert (await state(fleet)).status is Status.OPEN


async def test_a_repetition_of_a_refused_change_is_tried_again(fleet: HammerFleet) -> None:
    await fleet.store.create(listing(ID), CAUSE)
    assert isinstance(await fleet.store.change(ID, "resume", CAUSE, 0, "op1"), Refused)
    await fleet.store.change(ID, "pause", CAUSE)
    assert isinstance(await fleet.store.change(ID, "resume", CAUSE, 0, "op1"), Auction)


@pytest.mark.parametrize("starts_in_ms", [None, 60_000], ids=["opened at once", "scheduled"])
async def test_a_repeated_creation_gets_the_auction_as_it_was_created(
    fleet: HammerFleet, starts_in_ms: int | None
) -> None:
    offered = listing(ID, starts_at=starts_in_ms and fleet.clock.now + starts_in_ms)
    first = await fleet.store.create(offered, CAUSE, "op1")
    await fleet.store.change(ID, "cancel", CAUSE)
    assert await fleet.store.create(offered, CAUSE, "op1") == first
    assert (await state(fleet)).status is Status.CANCELLED


async def test_of_many_concurrent_attempts_one_is_executed_and_all_get_its_answer(fleet: HammerFleet) -> None:
    offered = listing(ID)
    created = await asyncio.gather(*(fleet.store.create(offered, CAUSE, "op1") for _ in range(8)))
    assert created == [created[0]] * 8
    extended = await asyncio.gather(*(fleet.store.change(ID, "extend", CAUSE, 5_000, "op2") for _ in range(8)))
    assert extended == [extended[0]] * 8
    assert [event.kind for event in await fleet.store.events(ID, 0, 10)] == ["opened", "extended_by_seller"]


@pytest.mark.parametrize("fleet", ["redis"], indirect=True)
async def test_a_repeated_creation_does_not_put_a_closed_auction_back_on_the_schedule(
    fleet: HammerFleet, redis: RedisServer
) -> None:
    await fleet.store.create(listing(ID), CAUSE, "op1")
    redis.ask("ZREM", SCHEDULE, ID)
    await fleet.store.create(listing(ID), CAUSE, "op1")
    assert redis.ask("ZSCORE", SCHEDULE, ID) is None
