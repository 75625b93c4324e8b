"""A log made by the rules replays; in one that was changed afterwards, the first change is named."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest
from msgspec.structs import replace

from blytz.auction.model import (
    REQUIREMENTS,
    Auction,
    Bid,
    BidKind,
    Cause,
    Event,
    Listing,
    Outage,
    Party,
    PreBid,
    Terms,
)
from blytz.auction.replay import Difference, Entry, check_closing, replay
from tests.support.memory_store import MemoryStore

SELLER, ANNA, BEN = Party("usr_seller", "Selma"), Party("usr_anna", "Anna"), Party("usr_ben", 'Ben "B" Ünal')
CAUSE = Cause("usr_seller", "req-1")
ID = "auc_1"


class AuctionInMemory:
    """One auction in memory, with a clock set by the test."""

    def __init__(self, terms: Terms) -> None:
        self.now = 1_000_000
        self.store = MemoryStore(lambda: self.now)
        self.listing = Listing(auction_id=ID, title="A lamp", seller=SELLER, terms=terms, epoch="e1")
        self.bids = 0

    async def open(self) -> None:
        await self.store.create(self.listing, CAUSE)

    async def bid(self, bidder: Party, amount: int, kind: BidKind = "exact") -> None:
        self.now += 700
        self.bids += 1
        await self.store.place_bid(ID, Bid(bidder, f"b{self.bids}", amount, kind), Cause(bidder.id, ""))

    async def end(self) -> None:
        auction = await self.auction()
        self.now = auction.ends_at or self.now
        await self.store.close(ID, Cause("hammer"))

    async def auction(self) -> Auction:
        auction = await self.store.get(ID)
        assert auction is not None
        return auction

    async def log(self) -> list[Entry]:
        return [as_entry(event) for event in await self.store.events(ID, 0, 1_000)]


def as_entry(event: Event) -> Entry:
    return Entry(f"{event.seq}-0", msgspec.json.encode(event.public), msgspec.json.encode(event.private))


def changed(entry: Entry, **public: object) -> Entry:
    return Entry(entry.id, msgspec.json.encode(msgspec.json.decode(entry.public) | public), entry.private)


async def a_lively_auction() -> AuctionInMemory:
    memory = AuctionInMemory(
        Terms(reserve_price=1_500, buy_now_price=50_000, duration_ms=20_000, max_total_ms=60_000)
    )
    await memory.open()
    await memory.bid(ANNA, 500)
    await memory.bid(BEN, 2_000, "max")
    await memory.bid(ANNA, 1_800)
    await memory.bid(BEN, 3_000, "max")
    await memory.store.change(ID, "pause", CAUSE)
    memory.now += 5_000
    await memory.store.change(ID, "resume", CAUSE)
    await memory.store.change(ID, "extend", CAUSE, 10_000)
    await memory.store.close(ID, Cause("hammer"), outage=Outage(memory.now - 100, memory.now + 900))
    await memory.bid(ANNA, 3_000)
    return memory


async def hammered() -> AuctionInMemory:
    memory = await a_lively_auction()
    await memory.end()
    return memory


async def bought() -> AuctionInMemory:
    memory = await a_lively_auction()
    await memory.bid(ANNA, 50_000, "buy_now")
    return memory


async def called_off() -> AuctionInMemory:
    memory = await a_lively_auction()
    await memory.store.change(ID, "cancel", CAUSE)
    return memory


async def closed_early_by_the_seller() -> AuctionInMemory:
    memory = await a_lively_auction()
    await memory.store.close(ID, CAUSE, force=True)
    return memory


async def closed_while_paused() -> AuctionInMemory:
    memory = await a_lively_auction()
    await memory.store.change(ID, "pause", CAUSE)
    await memory.store.close(ID, CAUSE, force=True)
    return memory


async def paused_while_the_host_was_away() -> AuctionInMemory:
    memory = await a_lively_auction()
    await memory.store.change(ID, "pause", CAUSE, reason="host_away")
    return memory


async def opened_with_pre_bids_for_approved_bidders() -> AuctionInMemory:
    memory = AuctionInMemory(Terms(reserve_price=400))
    memory.listing = replace(memory.listing, requirements=REQUIREMENTS)
    pre_bids = [PreBid(ANNA, 500, "p1"), PreBid(BEN, 300, "p1"), PreBid(ANNA, 800, "p2"), PreBid(BEN, 900, "p2")]
    standings = {standing: [ANNA.id, BEN.id] for standing in REQUIREMENTS}
    await memory.store.create(memory.listing, CAUSE, standings=standings, pre_bids=pre_bids)
    await memory.bid(ANNA, 1_500)
    return memory


async def without_bids() -> AuctionInMemory:
    memory = AuctionInMemory(Terms())
    await memory.open()
    await memory.end()
    return memory


LIVES = [
    a_lively_auction,
    hammered,
    bought,
    called_off,
    closed_early_by_the_seller,
    closed_while_paused,
    without_bids,
    paused_while_the_host_was_away,
    opened_with_pre_bids_for_approved_bidders,
]


@pytest.mark.parametrize("life", LIVES)
async def test_replaying_a_log_gives_the_identical_auction(life: Callable[[], Awaitable[AuctionInMemory]]) -> None:
    memory = await life()
    log = await memory.log()

    replayed = replay(memory.listing, log)
    check_closing(replayed, log)

    assert replayed.auction == await memory.auction()
    for (bidder_id, bid_id), seen in replayed.seen.items():
        assert seen.receipt == await memory.store.receipt(ID, bidder_id, bid_id)


async def test_a_pause_that_was_logged_before_there_were_reasons_replays() -> None:
    memory = await a_lively_auction()
    log = await memory.log()
    log = [
        Entry(
            entry.id,
            entry.public.replace(b'"reason":"seller","status":"paused"', b'"status":"paused"'),
            entry.private,
        )
        for entry in log
    ]

    assert log != await memory.log()
    assert replay(memory.listing, log).auction == await memory.auction()


async def test_a_scheduled_auction_has_an_empty_log() -> None:
    listing = AuctionInMemory(Terms()).listing
    assert replay(listing, []).auction.seq == 0


@pytest.mark.parametrize("seq", [1, 2, 5])
async def test_a_removed_event_is_reported_as_a_gap(seq: int) -> None:
    memory = await hammered()
    log = await memory.log()
    del log[seq - 1]

    with pytest.raises(Difference, match=f"event {seq}: expected the entry id {seq}-0, found {seq + 1}-0"):
        replay(memory.listing, log)


async def test_the_sale_behind_a_bid_that_buys_now_may_not_be_missing() -> None:
    memory = await bought()
    log = await memory.log()

    with pytest.raises(Difference, match="the log ends before its 'sold'"):
        replay(memory.listing, log[:-1])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"price": 501}, "price: the rules give 500, found 501"),
        ({"leader": {"id": "usr_ben", "name": "Ben"}}, "leader: the rules give"),
        ({"ends_at": 9}, "ends_at: the rules give"),
        ({"extra": True}, "extra: the rules give None, found True"),
        ({"at": 1}, "at: the rules give 1000000, found 1"),
    ],
)
async def test_a_published_field_that_was_changed_is_named(fields: dict[str, object], says: str) -> None:
    memory = await hammered()
    log = await memory.log()
    log[1] = changed(log[1], **fields)

    with pytest.raises(Difference, match=f"event 2: {says}"):
        replay(memory.listing, log)


async def test_a_changed_space_is_a_difference() -> None:
    memory = await hammered()
    log = await memory.log()
    log[0] = Entry(log[0].id, log[0].public.replace(b",", b", ", 1), log[0].private)

    with pytest.raises(Difference, match="same fields, but not the same bytes"):
        replay(memory.listing, log)


async def test_a_hidden_ceiling_that_was_changed_is_named() -> None:
    memory = await hammered()
    log = await memory.log()
    log[2] = Entry(log[2].id, log[2].public, log[2].private.replace(b'"ceiling":2000', b'"ceiling":9000'))

    with pytest.raises(Difference, match="event 3: private ceiling: the rules give 2000, found 9000"):
        replay(memory.listing, log)


async def test_a_logged_bid_that_the_rules_refuse_is_reported() -> None:
    memory = await hammered()
    log = await memory.log()
    log[1] = Entry(log[1].id, log[1].public, log[1].private.replace(b'"amount":500', b'"amount":5'))

    with pytest.raises(Difference, match=r"event 2: the rules refuse bid b1 of usr_anna: .*bid_too_low"):
        replay(memory.listing, log)


async def test_a_bid_logged_twice_is_reported() -> None:
    memory = await hammered()
    log = await memory.log()
    log[3] = Entry(log[3].id, log[3].public, log[3].private.replace(b'"b3"', b'"b1"').replace(b"1800", b"500"))

    with pytest.raises(Difference, match="event 4: bid b1 of usr_anna is recorded a second time"):
        replay(memory.listing, log)


async def test_an_event_after_the_closing_event_is_reported() -> None:
    memory = await hammered()
    log = await memory.log()
    again = changed(log[-1], seq=len(log) + 1)
    log.append(Entry(f"{len(log) + 1}-0", again.public, again.private))

    with pytest.raises(Difference, match="once more, though the auction is sold already"):
        replay(memory.listing, log)


@pytest.mark.parametrize("garbage", [b"", b"[]", b"{}", b'{"kind":"bid","at":1}', b'{"kind":"melted","at":1}'])
async def test_an_unreadable_event_is_named(garbage: bytes) -> None:
    memory = await hammered()
    log = await memory.log()
    log[1] = Entry(log[1].id, garbage, log[1].private)

    with pytest.raises(Difference, match="event 2"):
        replay(memory.listing, log)
