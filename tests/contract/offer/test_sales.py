"""Each purchase reaches `sales` exactly once, whoever dies on the way, and no more is sold than there is."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from msgspec import Struct

from blytz.auction.model import Party
from blytz.auction.redis.keys import SALES
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.telemetry.metrics import Metrics
from blytz.offer.model import Code, PurchaseReceipt, Refused
from blytz.offer.redis.keys import OPEN_OFFERS, keys_of
from blytz.offer.redis.sales import RedisSalesOutbox
from blytz.offer.redis.store import RedisOfferStore
from blytz.offer.sales import MAX_EVENTS_AT_ONCE, PurchaseFeed
from tests.support.auctions import ANNA, BEN, CAUSE
from tests.support.offers import offered, purchase
from tests.support.pipes import connected
from tests.support.redis import RedisServer

ID = "ofr_1"
KEEP_MS = 60_000
BUYERS = 500


class Market(Struct):
    redis: RedisServer
    pipe: RedisPipe
    store: RedisOfferStore

    def feed(self) -> PurchaseFeed:
        return PurchaseFeed(RedisSalesOutbox(self.pipe, KEEP_MS), Metrics())

    def sales(self) -> list[tuple[str, int]]:
        """Offer and `seq` of each purchase in `sales`."""
        entries = self.redis.ask("XRANGE", SALES, "-", "+")
        found = [(fields[1].decode(), json.loads(fields[3])) for _, fields in entries]
        assert all(event["kind"] == "purchase" for _, event in found)
        return [(offer_id, event["seq"]) for offer_id, event in found]


@pytest.fixture
async def market(redis: RedisServer) -> AsyncIterator[Market]:
    async with connected(redis.url, no_timeout=True) as pipe:
        yield Market(redis, pipe, RedisOfferStore(pipe))


async def test_five_hundred_buyers_get_exactly_the_ten_units_there_are(market: Market) -> None:
    await market.store.create(offered(ID, quantity=10, per_buyer=2), CAUSE)
    people = [Party(f"usr_{number}", f"Buyer {number}") for number in range(BUYERS)]
    asked = [(person, f"p{number}") for person in people for number in range(3)]
    answers = await asyncio.gather(*(market.store.purchase(ID, purchase(*each), CAUSE) for each in asked))

    sold = [who.id for (who, _), answer in zip(asked, answers, strict=True) if isinstance(answer, PurchaseReceipt)]
    assert len(sold) == 10
    assert max(sold.count(who) for who in sold) <= 2
    refusals = {answer.code for answer in answers if isinstance(answer, Refused)}
    assert refusals <= {Code.SOLD_OUT, Code.PER_BUYER_REACHED}
    await market.feed().pass_on()
    assert len(market.sales()) == 10


async def test_each_purchase_is_passed_on_once_by_any_number_of_processes(market: Market) -> None:
    await market.store.create(offered(ID, quantity=1_000), CAUSE)
    feeds = [market.feed() for _ in range(3)]
    count = MAX_EVENTS_AT_ONCE + 50
    for number in range(count):
        await market.store.purchase(ID, purchase(ANNA, f"p{number}"), CAUSE)
        if number % 25 == 0:
            await asyncio.gather(*(feed.pass_on() for feed in feeds))
    # A new process knows nothing of what others did.
    await market.feed().pass_on()
    assert market.sales() == [(ID, seq) for seq in range(2, count + 2)]


async def test_a_process_that_dies_between_reading_and_passing_on_loses_and_repeats_nothing(
    market: Market,
) -> None:
    await market.store.create(offered(ID), CAUSE)
    await market.store.purchase(ID, purchase(ANNA), CAUSE)
    outbox = RedisSalesOutbox(market.pipe, KEEP_MS)
    stale = await outbox.events(ID, 0, 10)
    await market.feed().pass_on()
    await market.store.purchase(ID, purchase(BEN), CAUSE)
    assert not await outbox.record(ID, 0, 2, [event.public for event in stale[1:]], ended=False)
    await market.feed().pass_on()
    assert market.sales() == [(ID, 2), (ID, 3)]


@pytest.mark.parametrize("verb", ["close", "cancel", None])
async def test_an_offer_that_has_ended_is_passed_on_whole_and_deleted_later(
    market: Market, verb: str | None
) -> None:
    await market.store.create(offered(ID, quantity=1), CAUSE)
    if verb is None:
        await market.store.purchase(ID, purchase(ANNA), CAUSE)
    else:
        await market.store.change(ID, verb, CAUSE)  # type: ignore[arg-type]
    await market.feed().pass_on()
    assert len(market.sales()) == (verb is None)
    assert market.redis.ask("HLEN", OPEN_OFFERS) == 0
    left = [key for key in keys_of(ID).stored if market.redis.ask("EXISTS", key)]
    assert left
    assert all(0 < market.redis.ask("PTTL", key) <= KEEP_MS for key in left)
    # Created once more, as by a request that is repeated late: nothing is passed on again.
    await market.store.create(offered(ID, quantity=1), CAUSE)
    await market.feed().pass_on()
    assert len(market.sales()) == (verb is None)


async def test_an_entry_whose_offer_was_never_created_is_taken_off_after_a_while(market: Market) -> None:
    market.redis.ask("HSET", OPEN_OFFERS, "ofr_never", 0)
    outbox = RedisSalesOutbox(market.pipe, KEEP_MS)
    patient, hasty = PurchaseFeed(outbox, Metrics()), PurchaseFeed(outbox, Metrics(), orphan_after_s=0.0)
    await market.store.create(offered(ID), CAUSE)
    for feed in (patient, patient, hasty):
        await feed.pass_on()
        assert market.redis.ask("HEXISTS", OPEN_OFFERS, "ofr_never")
    await hasty.pass_on()
    assert market.redis.ask("HKEYS", OPEN_OFFERS) == [ID.encode()]


async def test_an_offer_that_cannot_be_read_does_not_hold_up_the_others(market: Market) -> None:
    for offer_id in ("ofr_a", "ofr_b"):
        await market.store.create(offered(offer_id), CAUSE)
        await market.store.purchase(offer_id, purchase(ANNA), CAUSE)
    market.redis.ask("DEL", keys_of("ofr_a").events)
    market.redis.ask("SET", keys_of("ofr_a").events, "x")
    feed = market.feed()
    for _ in range(2):
        await feed.pass_on()
    assert market.sales() == [("ofr_b", 2)]
