"""What every `OfferStore` promises to buyers and sellers."""

from typing import get_args

import pytest
from msgspec.structs import replace

from blytz.auction.model import REQUIREMENTS, PauseReason, Standing
from blytz.offer.model import Code, Offer, PurchaseReceipt, Refused, Status
from blytz.offer.store import OfferStore
from tests.contract.offer.conftest import ClockedOffers
from tests.support.auctions import ANNA, BEN, CAUSE, CLEO, SAM, T0
from tests.support.offers import SALE, offered, purchase

ID = "ofr_1"


async def opened(clocked: ClockedOffers, **terms: object) -> OfferStore:
    await clocked.store.create(offered(ID, **terms), CAUSE)  # type: ignore[arg-type]
    return clocked.store


async def state(store: OfferStore) -> Offer:
    offer = await store.get(ID)
    assert offer is not None
    return offer


async def kinds(store: OfferStore) -> list[str]:
    return [event.kind for event in await store.events(ID, 0, 100)]


def code(decided: object) -> Code:
    assert isinstance(decided, Refused), decided
    return decided.code


async def test_a_purchase_is_answered_with_its_price_and_what_is_left(clocked: ClockedOffers) -> None:
    store = await opened(clocked)
    answer = await store.purchase(ID, purchase(BEN, quantity=3), CAUSE)
    assert answer == PurchaseReceipt("p1", seq=2, quantity=3, unit_price=1_000, sale=False, left=7)
    (event,) = await store.events(ID, 1, 10)
    assert event.public == {
        "seq": 2,
        "kind": "purchase",
        "at": T0,
        "offer_id": ID,
        "buyer": {"id": BEN.id, "name": BEN.name},
        "quantity": 3,
        "unit_price": 1_000,
        "sale": False,
        "status": "open",
        "left": 7,
        "opened_at": T0,
        "sale_ends_at": None,
        "sale_remaining_ms": None,
    }
    assert event.private == {"actor": CAUSE.actor, "request_id": CAUSE.request_id, "purchase_id": "p1"}


async def test_a_repeated_purchase_gets_the_first_answer_whatever_happened_since(clocked: ClockedOffers) -> None:
    store = await opened(clocked, per_buyer=4)
    first = await store.purchase(ID, purchase(ANNA, quantity=4), CAUSE)
    assert isinstance(first, PurchaseReceipt)
    await store.set_standing(ID, [ANNA.id], Standing.BLOCKED)
    await store.change(ID, "close", CAUSE)
    assert await store.purchase(ID, purchase(ANNA, quantity=4), CAUSE) == replace(first, replayed=True)
    assert code(await store.purchase(ID, purchase(ANNA, quantity=3), CAUSE)) is Code.PURCHASE_ID_REUSED
    assert (await state(store)).left == 6
    assert await store.recorded(ID, ANNA.id, "p1") == replace(first, replayed=True)
    for other in ((ID, BEN.id, "p1"), (ID, ANNA.id, "p2"), ("ofr_none", ANNA.id, "p1")):
        assert await store.recorded(*other) is None


async def test_two_buyers_may_choose_the_same_purchase_id(clocked: ClockedOffers) -> None:
    store = await opened(clocked)
    for buyer in (ANNA, BEN):
        answer = await store.purchase(ID, purchase(buyer), CAUSE)
        assert isinstance(answer, PurchaseReceipt)
        assert not answer.replayed


async def test_the_last_unit_ends_the_offer(clocked: ClockedOffers) -> None:
    store = await opened(clocked, quantity=3)
    await store.purchase(ID, purchase(ANNA, quantity=2), CAUSE)
    refused = await store.purchase(ID, purchase(BEN, quantity=2), CAUSE)
    assert refused == Refused(Code.SOLD_OUT, seq=2, left=1)
    await store.purchase(ID, purchase(BEN), CAUSE)
    assert (await state(store)).status is Status.SOLD_OUT
    assert code(await store.purchase(ID, purchase(CLEO), CAUSE)) is Code.SOLD_OUT
    assert code(await store.change(ID, "close", CAUSE)) is Code.OFFER_NOT_OPEN
    assert await kinds(store) == ["opened", "purchase", "purchase", "sold_out"]


async def test_a_buyer_gets_no_more_than_each_may_have_over_all_purchases(clocked: ClockedOffers) -> None:
    store = await opened(clocked, per_buyer=3)
    await store.purchase(ID, purchase(ANNA, "p1", 2), CAUSE)
    assert code(await store.purchase(ID, purchase(ANNA, "p2", 2), CAUSE)) is Code.PER_BUYER_REACHED
    assert isinstance(await store.purchase(ID, purchase(ANNA, "p2", 1), CAUSE), PurchaseReceipt)
    assert code(await store.purchase(ID, purchase(ANNA, "p3", 1), CAUSE)) is Code.PER_BUYER_REACHED
    assert isinstance(await store.purchase(ID, purchase(BEN, "p1", 3), CAUSE), PurchaseReceipt)


async def test_the_lower_price_of_a_sale_ends_with_its_time(clocked: ClockedOffers) -> None:
    store = await opened(clocked, sale=SALE)
    prices = []
    for number, now in enumerate((T0, T0 + SALE.for_ms - 1, T0 + SALE.for_ms)):
        clocked.clock.set(now)
        answer = await store.purchase(ID, purchase(ANNA, f"p{number}"), CAUSE)
        assert isinstance(answer, PurchaseReceipt)
        prices.append((answer.unit_price, answer.sale))
    assert prices == [(700, True), (700, True), (1_000, False)]


async def test_a_pause_keeps_what_is_left_of_the_sale(clocked: ClockedOffers) -> None:
    store = await opened(clocked, sale=SALE)
    clocked.clock.advance(4_000)
    paused = await store.change(ID, "pause", CAUSE)
    assert isinstance(paused, Offer)
    assert (paused.status, paused.sale_ends_at, paused.sale_remaining_ms) == (Status.PAUSED, None, 6_000)
    assert code(await store.purchase(ID, purchase(ANNA), CAUSE)) is Code.OFFER_NOT_OPEN
    clocked.clock.advance(60_000)
    resumed = await store.change(ID, "resume", CAUSE)
    assert isinstance(resumed, Offer)
    assert (resumed.status, resumed.sale_ends_at) == (Status.OPEN, T0 + 70_000)


@pytest.mark.parametrize("reason", get_args(PauseReason))
async def test_a_pause_says_who_stopped_the_sale(clocked: ClockedOffers, reason: PauseReason) -> None:
    store = await opened(clocked)
    await store.change(ID, "pause", CAUSE, reason)
    assert [event.public["reason"] for event in await store.events(ID, 1, 10)] == [reason]
    assert code(await store.change(ID, "pause", CAUSE)) is Code.OFFER_NOT_OPEN


@pytest.mark.parametrize(("verb", "kind"), [("close", "closed"), ("cancel", "cancelled")])
async def test_ending_an_offer_twice_is_one_ending(clocked: ClockedOffers, verb: str, kind: str) -> None:
    store = await opened(clocked)
    for _ in range(2):
        ended = await store.change(ID, verb, CAUSE)  # type: ignore[arg-type]
        assert isinstance(ended, Offer)
        assert ended.status == kind
    assert code(await store.change(ID, "resume", CAUSE)) is Code.OFFER_NOT_PAUSED
    assert code(await store.purchase(ID, purchase(ANNA), CAUSE)) is Code.OFFER_NOT_OPEN
    assert await kinds(store) == ["opened", kind]


async def test_a_buyer_must_meet_what_the_offer_requires(clocked: ClockedOffers) -> None:
    store = clocked.store
    await store.create(offered(ID, REQUIREMENTS), CAUSE, standings={Standing.APPROVED: [ANNA.id]})
    assert code(await store.purchase(ID, purchase(SAM), CAUSE)) is Code.BUYER_IS_SELLER
    assert code(await store.purchase(ID, purchase(BEN), CAUSE)) is Code.BIDDER_NOT_APPROVED
    assert code(await store.purchase(ID, purchase(ANNA), CAUSE)) is Code.CARD_REQUIRED
    await store.set_standing(ID, [ANNA.id], Standing.HAS_CARD)
    assert isinstance(await store.purchase(ID, purchase(ANNA), CAUSE), PurchaseReceipt)
    await store.set_standing(ID, [ANNA.id], Standing.BLOCKED)
    assert code(await store.purchase(ID, purchase(ANNA, "p2"), CAUSE)) is Code.BIDDER_BLOCKED
    await store.set_standing(ID, [ANNA.id], Standing.BLOCKED, held=False)
    assert isinstance(await store.purchase(ID, purchase(ANNA, "p2"), CAUSE), PurchaseReceipt)


async def test_an_offer_created_twice_stays_as_first_created(clocked: ClockedOffers) -> None:
    store = await opened(clocked)
    await store.purchase(ID, purchase(ANNA), CAUSE)
    before = await state(store)
    assert await store.create(offered(ID, price=1), CAUSE, standings={Standing.BLOCKED: [ANNA.id]}) == before
    assert isinstance(await store.purchase(ID, purchase(ANNA, "p2"), CAUSE), PurchaseReceipt)
    assert await kinds(store) == ["opened", "purchase", "purchase"]


async def test_what_does_not_exist_is_not_found(clocked: ClockedOffers) -> None:
    assert await clocked.store.purchase(ID, purchase(ANNA), CAUSE) == Refused(Code.OFFER_NOT_FOUND)
    assert await clocked.store.change(ID, "close", CAUSE) == Refused(Code.OFFER_NOT_FOUND)
    assert await clocked.store.get(ID) is None


async def test_a_pause_that_is_repeated_late_does_not_stop_the_sale_again(clocked: ClockedOffers) -> None:
    store = await opened(clocked, sale=SALE)
    await store.change(ID, "pause", CAUSE, operation_id="op1")
    await store.change(ID, "resume", CAUSE, operation_id="op2")
    resumed = await state(store)
    assert await store.change(ID, "pause", CAUSE, operation_id="op1") == resumed
    assert await state(store) == resumed
    await store.change(ID, "pause", CAUSE, operation_id="op3")
    await store.change(ID, "resume", CAUSE, operation_id="op2")
    assert (await state(store)).status is Status.PAUSED
    assert await kinds(store) == ["opened", "paused", "resumed", "paused"]


async def test_a_change_that_was_refused_is_tried_again_when_it_is_repeated(clocked: ClockedOffers) -> None:
    store = await opened(clocked)
    assert code(await store.change(ID, "resume", CAUSE, operation_id="op1")) is Code.OFFER_NOT_PAUSED
    await store.change(ID, "pause", CAUSE)
    assert isinstance(await store.change(ID, "resume", CAUSE, operation_id="op1"), Offer)


@pytest.mark.parametrize("clocked", ["redis"], indirect=True)
async def test_what_is_remembered_of_a_change_is_forgotten_after_a_day(clocked: ClockedOffers) -> None:
    store = await opened(clocked)
    await store.change(ID, "pause", CAUSE, operation_id="op1")
    assert clocked.redis is not None
    (remembered,) = clocked.redis.ask("KEYS", f"offer:{{{ID}}}:operation:*")
    assert 0 < clocked.redis.ask("PTTL", remembered) <= 24 * 3_600_000
