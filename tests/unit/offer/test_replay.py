"""A log made by the rules replays; in one that was changed afterwards, the first change is named."""

import msgspec
import pytest

from blytz.auction.model import REQUIREMENTS
from blytz.auction.replay import Difference, Entry
from blytz.offer.model import OfferTerms
from blytz.offer.replay import replay
from blytz.offer.rules import faults_in
from tests.support.auctions import ANNA, BEN, CAUSE, T0
from tests.support.clock import Clock
from tests.support.memory_offers import MemoryOfferStore
from tests.support.offers import SALE, offered, purchase

LISTING = offered(requirements=REQUIREMENTS, quantity=5, per_buyer=3, sale=SALE)


async def a_log() -> list[Entry]:
    """Opened, bought from, paused, resumed, sold out."""
    store = MemoryOfferStore(Clock(now=T0))
    await store.create(LISTING, CAUSE, standings={standing: [ANNA.id, BEN.id] for standing in REQUIREMENTS})
    await store.purchase("ofr_1", purchase(ANNA, "p1", 2), CAUSE)
    await store.change("ofr_1", "pause", CAUSE, "host_away")
    await store.change("ofr_1", "resume", CAUSE)
    await store.purchase("ofr_1", purchase(ANNA, "p2", 1), CAUSE)
    await store.purchase("ofr_1", purchase(BEN, "p1", 2), CAUSE)
    events = await store.events("ofr_1", 0, 100)
    encode = msgspec.json.encode
    assert replay(LISTING, []) is None
    assert await store.get("ofr_1") == replay(
        LISTING, [Entry(f"{event.seq}-0", encode(event.public), encode(event.private)) for event in events]
    )
    return [Entry(f"{event.seq}-0", encode(event.public), encode(event.private)) for event in events]


@pytest.mark.parametrize(
    ("number", "text", "instead"),
    [
        (2, b'"left":3', b'"left":4'),
        (2, b'"unit_price":700', b'"unit_price":7'),
        (3, b"host_away", b"seller\x00"),
        (4, b"resumed", b"cancelled"),
        (5, b'"quantity":1', b'"quantity":2'),
        (7, b"sold_out", b"closed"),
    ],
)
async def test_an_event_that_was_changed_is_named(number: int, text: bytes, instead: bytes) -> None:
    log = await a_log()
    entry = log[number - 1]
    assert text in entry.public
    log[number - 1] = Entry(entry.id, entry.public.replace(text, instead), entry.private)
    with pytest.raises(Difference, match=f"event {number}"):
        replay(LISTING, log)


async def test_a_purchase_recorded_twice_and_a_missing_event_are_named() -> None:
    log = await a_log()
    twice = Entry(log[4].id, log[4].public, log[4].private.replace(b'"p2"', b'"p1"'))
    with pytest.raises(Difference, match="event 5: the rules do not allow 'purchase' here"):
        replay(LISTING, [*log[:4], twice, *log[5:]])
    with pytest.raises(Difference, match="event 3: expected the entry id 3-0, found 4-0"):
        replay(LISTING, log[:2] + log[3:])
    with pytest.raises(Difference, match="the log ends before its 'sold_out'"):
        replay(LISTING, log[:-1])


def test_a_sale_must_be_below_the_price() -> None:
    assert faults_in(OfferTerms(price=701, quantity=1, sale=SALE)) == []
    assert faults_in(OfferTerms(price=700, quantity=1, sale=SALE)) == [("sale.price", "must be below price")]
