"""What every `AuctionStore` promises to a seller and to the hammer."""

from itertools import chain
from typing import Any, get_args

import pytest

from blytz.auction.model import Auction, Code, NotYet, Outage, PauseReason, Refused, Status, Verb
from blytz.auction.store import AuctionStore, Closed
from tests.contract.conftest import ClockedStore
from tests.support.auctions import ANNA, BEN, CAUSE, MINUTE_MS, T0, bid, listing

ID = "auc_1"
END = T0 + MINUTE_MS


async def state(store: AuctionStore, auction_id: str = ID) -> Auction:
    auction = await store.get(auction_id)
    assert auction is not None
    return auction


async def kinds(store: AuctionStore, auction_id: str = ID) -> list[str]:
    return [event.kind for event in await store.events(auction_id, 0, 100)]


async def led(clocked: ClockedStore, **terms: Any) -> AuctionStore:
    """An open auction led by Anna at 300."""
    await clocked.store.create(listing(ID, **terms), CAUSE)
    await clocked.store.place_bid(ID, bid(ANNA, 300), CAUSE)
    return clocked.store


def code(decided: object) -> Code:
    assert isinstance(decided, Refused), decided
    return decided.code


async def test_an_auction_opens_with_its_terms(clocked: ClockedStore) -> None:
    offered = listing(ID, reserve_price=700, max_total_ms=90_000)
    auction = await clocked.store.create(offered, CAUSE)
    assert auction == Auction(
        listing=offered,
        status=Status.OPEN,
        seq=1,
        clock=T0,
        opened_at=T0,
        ends_at=END,
        hard_stop_at=T0 + 90_000,
    )
    assert await kinds(clocked.store) == ["opened"]


async def test_an_auction_created_twice_stays_as_first_created(clocked: ClockedStore) -> None:
    store = await led(clocked)
    before = await state(store)
    assert await store.create(listing(ID, start_price=9_999), CAUSE) == before
    await store.close(ID, CAUSE, force=True)
    closed = await state(store)
    assert await store.create(listing(ID), CAUSE) == closed
    assert await kinds(store) == ["opened", "bid", "sold"]


async def test_a_scheduled_auction_opens_once_at_its_time(clocked: ClockedStore) -> None:
    store = clocked.store
    auction = await store.create(listing(ID, starts_at=T0 + 100), CAUSE)
    assert (auction.status, auction.seq, auction.ends_at) == (Status.SCHEDULED, 0, None)
    assert code(await store.place_bid(ID, bid(ANNA, 300), CAUSE)) is Code.AUCTION_NOT_OPEN
    assert code(await store.close(ID, CAUSE)) is Code.AUCTION_NOT_OPEN
    clocked.clock.set(T0 + 99)
    assert await store.open(ID, CAUSE) == NotYet(1)
    clocked.clock.set(T0 + 107)
    opened = await store.open(ID, CAUSE)
    assert isinstance(opened, Auction)
    assert (opened.status, opened.opened_at, opened.ends_at) == (Status.OPEN, T0 + 107, END + 107)
    assert await store.open(ID, CAUSE) == opened
    assert await kinds(store) == ["opened"]


async def test_a_scheduled_auction_whose_time_has_passed_opens_at_once(clocked: ClockedStore) -> None:
    auction = await clocked.store.create(listing(ID, starts_at=T0), CAUSE)
    assert (auction.status, auction.opened_at) == (Status.OPEN, T0)


async def test_a_closed_auction_does_not_open_again(clocked: ClockedStore) -> None:
    store = await led(clocked)
    await store.change(ID, "cancel", CAUSE)
    assert code(await store.open(ID, CAUSE)) is Code.AUCTION_NOT_OPEN


async def test_before_its_end_the_hammer_gets_the_remaining_time(clocked: ClockedStore) -> None:
    store = await led(clocked)
    assert await store.close(ID, CAUSE) == NotYet(MINUTE_MS)
    clocked.clock.set(END - 1)
    assert await store.close(ID, CAUSE) == NotYet(1)
    assert await kinds(store) == ["opened", "bid"]


@pytest.mark.parametrize("now", [END, END + 1, END + 99_999])
async def test_closing_an_auction_repeatedly_makes_one_closing_event(clocked: ClockedStore, now: int) -> None:
    store = await led(clocked)
    clocked.clock.set(now)
    closed = await store.close(ID, CAUSE)
    assert isinstance(closed, Closed)
    assert (closed.status, closed.event.kind, closed.event.seq) == (Status.SOLD, "sold", 3)
    assert (await state(store)).ends_at == END
    clocked.clock.advance(1_000)
    for force in (False, True):
        assert await store.close(ID, CAUSE, force=force) == closed
    assert await kinds(store) == ["opened", "bid", "sold"]


@pytest.mark.parametrize(("reserve", "status"), [(None, Status.SOLD), (300, Status.SOLD), (301, Status.UNSOLD)])
async def test_an_auction_below_its_reserve_is_not_sold(
    clocked: ClockedStore, reserve: int | None, status: Status
) -> None:
    store = await led(clocked, reserve_price=reserve)
    closed = await store.close(ID, CAUSE, force=True)
    assert isinstance(closed, Closed)
    assert closed.status is status
    assert (await state(store)).ends_at == T0


async def test_an_auction_without_a_bid_is_not_sold(clocked: ClockedStore) -> None:
    await clocked.store.create(listing(ID), CAUSE)
    closed = await clocked.store.close(ID, CAUSE, force=True)
    assert isinstance(closed, Closed)
    assert closed.status is Status.UNSOLD


async def test_the_hammer_gets_the_closing_event_of_a_cancelled_and_of_a_bought_auction(
    clocked: ClockedStore,
) -> None:
    store = await led(clocked, buy_now_price=5_000)
    await store.place_bid(ID, bid(BEN, 5_000, "buy_now"), CAUSE)
    bought = await store.close(ID, CAUSE)
    await store.create(listing("auc_2"), CAUSE)
    await store.change("auc_2", "cancel", CAUSE)
    cancelled = await store.close("auc_2", CAUSE)
    assert isinstance(bought, Closed)
    assert isinstance(cancelled, Closed)
    assert (bought.event.kind, bought.event.seq) == ("sold", 4)
    assert (cancelled.event.kind, cancelled.event.seq) == ("cancelled", 2)


async def test_a_pause_stops_the_clock_and_a_resume_starts_it_with_the_time_left(clocked: ClockedStore) -> None:
    store = await led(clocked, max_total_ms=90_000)
    clocked.clock.set(END - 1)
    paused = await store.change(ID, "pause", CAUSE)
    assert isinstance(paused, Auction)
    assert (paused.status, paused.remaining_ms, paused.ends_at) == (Status.PAUSED, 1, None)
    assert code(await store.place_bid(ID, bid(BEN, 900), CAUSE)) is Code.AUCTION_NOT_OPEN
    clocked.clock.advance(50_000)
    assert await store.close(ID, CAUSE) == NotYet(None)
    resumed = await store.change(ID, "resume", CAUSE)
    assert isinstance(resumed, Auction)
    assert (resumed.ends_at, resumed.hard_stop_at) == (END + 50_000, T0 + 140_000)
    assert await kinds(store) == ["opened", "bid", "paused", "resumed"]


@pytest.mark.parametrize("reason", get_args(PauseReason))
async def test_a_pause_says_who_stopped_the_clock(clocked: ClockedStore, reason: PauseReason) -> None:
    store = await led(clocked)
    assert isinstance(await store.change(ID, "pause", CAUSE, reason=reason), Auction)
    (paused,) = await store.events(ID, 2, 9)
    assert (paused.kind, paused.public["reason"]) == ("paused", reason)


async def test_a_pause_of_the_seller_needs_no_reason(clocked: ClockedStore) -> None:
    store = await led(clocked)
    await store.change(ID, "pause", CAUSE)
    assert [event.public["reason"] for event in await store.events(ID, 2, 9)] == ["seller"]


async def test_a_seller_extends_an_auction_up_to_its_hard_stop(clocked: ClockedStore) -> None:
    store = await led(clocked, max_total_ms=61_000)
    extended = await store.change(ID, "extend", CAUSE, 700)
    assert isinstance(extended, Auction)
    assert extended.ends_at == END + 700
    extended = await store.change(ID, "extend", CAUSE, 700)
    assert isinstance(extended, Auction)
    assert extended.ends_at == END + 1_000
    assert code(await store.change(ID, "extend", CAUSE, 700)) is Code.HARD_STOP_REACHED
    assert [event.public["by_ms"] for event in await store.events(ID, 2, 9)] == [700, 300]


async def test_a_repeated_cancellation_makes_one_event(clocked: ClockedStore) -> None:
    store = await led(clocked)
    cancelled = await store.change(ID, "cancel", CAUSE)
    assert await store.change(ID, "cancel", CAUSE) == cancelled
    assert await kinds(store) == ["opened", "bid", "cancelled"]


@pytest.mark.parametrize("verb", ["pause", "cancel"])
async def test_an_ended_auction_accepts_no_change_but_closing(clocked: ClockedStore, verb: Verb) -> None:
    store = await led(clocked)
    clocked.clock.set(END)
    assert code(await store.change(ID, verb, CAUSE)) is Code.AUCTION_ENDED
    assert code(await store.change(ID, "extend", CAUSE, 1_000)) is Code.AUCTION_ENDED
    assert await kinds(store) == ["opened", "bid"]


async def test_an_outage_is_compensated_once_before_the_auction_may_close(clocked: ClockedStore) -> None:
    store, outage = await led(clocked), Outage(T0 + 1_000, END + 500)
    clocked.clock.set(END + 500)
    assert await store.close(ID, CAUSE, outage=outage) == NotYet(59_000)
    assert await store.close(ID, CAUSE, outage=outage) == NotYet(59_000)
    auction = await state(store)
    assert (auction.ends_at, auction.compensated_until) == (END + 59_500, END + 500)
    event = list(await store.events(ID, 2, 9))[-1]
    assert (event.kind, event.public["by_ms"], event.public["reason"]) == ("extended_by_seller", 59_500, "outage")
    assert event.private["began_at"] == T0 + 1_000
    clocked.clock.set(END + 60_000)
    assert isinstance(await store.close(ID, CAUSE, outage=outage), Closed)


async def test_an_unknown_auction_is_not_found(clocked: ClockedStore) -> None:
    assert await clocked.store.open("auc_none", CAUSE) == Refused(Code.AUCTION_NOT_FOUND)
    assert await clocked.store.close("auc_none", CAUSE) == Refused(Code.AUCTION_NOT_FOUND)
    for verb in get_args(Verb):
        assert await clocked.store.change("auc_none", verb, CAUSE) == Refused(Code.AUCTION_NOT_FOUND)
    assert await clocked.store.get("auc_none") is None


async def pages(store: AuctionStore, status: Status | None, limit: int) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page = await store.list(status, cursor, limit)
        found.append([auction.listing.auction_id for auction in page.auctions])
        cursor = page.cursor
        if cursor is None:
            return found
        assert len(found) < 50, "the pages do not end"


@pytest.mark.parametrize("limit", [1, 3, 7, 8, 100])
async def test_auctions_are_listed_once_each_newest_first(clocked: ClockedStore, limit: int) -> None:
    names = [f"auc_{number}" for number in range(7)]
    for name in names:
        await clocked.store.create(listing(name), CAUSE)
    found = await pages(clocked.store, None, limit)
    assert list(chain.from_iterable(found)) == names[::-1]
    assert max(map(len, found)) == min(limit, 7)


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_a_list_of_one_status_has_only_auctions_of_that_status(clocked: ClockedStore, limit: int) -> None:
    for number in range(9):
        await clocked.store.create(listing(f"auc_{number}"), CAUSE)
        if number % 3 == 0:
            await clocked.store.change(f"auc_{number}", "pause", CAUSE)
    paused = await pages(clocked.store, Status.PAUSED, limit)
    assert list(chain.from_iterable(paused)) == ["auc_6", "auc_3", "auc_0"]
    assert not any(await pages(clocked.store, Status.SOLD, limit))


async def test_pages_stay_consistent_while_auctions_are_added(clocked: ClockedStore) -> None:
    for number in (1, 2, 3):
        await clocked.store.create(listing(f"auc_{number}"), CAUSE)
    first = await clocked.store.list(None, None, 2)
    await clocked.store.create(listing("auc_4"), CAUSE)
    second = await clocked.store.list(None, first.cursor, 2)
    assert [auction.listing.auction_id for auction in second.auctions] == ["auc_1"]
