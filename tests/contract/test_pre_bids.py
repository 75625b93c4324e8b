"""What every `AuctionStore` promises to those who left a pre-bid, and to the seller whose lot opens with them."""

from typing import Any

import pytest
from msgspec.structs import replace
from redis import Redis

from blytz.auction.model import MAX_PRE_BIDS, REQUIREMENTS, Auction, Listing, Party, PreBid, Receipt, Standing
from blytz.auction.redis import audit
from tests.contract.conftest import ClockedStore
from tests.support.auctions import ANNA, BEN, CAUSE, CLEO, MINUTE_MS, SAM, T0, bid, listing

ID = "auc_1"


async def opened(clocked: ClockedStore, *pre_bids: PreBid, offered: Listing | None = None, **more: Any) -> Auction:
    return await clocked.store.create(offered or listing(ID), CAUSE, pre_bids=pre_bids, **more)


async def test_pre_bids_are_decided_in_their_order_at_the_moment_of_opening(clocked: ClockedStore) -> None:
    auction = await opened(clocked, PreBid(ANNA, 900, "a"), PreBid(BEN, 2_000, "b"), PreBid(CLEO, 2_000, "c"))
    assert (auction.leader, auction.ceiling, auction.price, auction.bid_count) == (BEN, 2_000, 2_000, 3)
    events = await clocked.store.events(ID, 0, 10)
    assert [(event.seq, event.kind, event.public["at"], event.public["price"]) for event in events] == [
        (1, "opened", T0, 0),
        (2, "bid", T0, 100),
        (3, "bid", T0, 1_000),
        (4, "bid", T0, 2_000),
    ]
    assert auction.ends_at == T0 + MINUTE_MS
    assert auction == await clocked.store.get(ID)


async def test_a_maximum_that_was_left_before_the_opening_stays_hidden_and_bids_on(clocked: ClockedStore) -> None:
    auction = await opened(clocked, PreBid(ANNA, 900, "a"))
    assert auction.price == 100
    assert "900" not in str((await clocked.store.events(ID, 1, 1))[0].public)
    answer = await clocked.store.place_bid(ID, bid(BEN, 500), CAUSE)
    assert isinstance(answer, Receipt)
    assert (answer.outcome, answer.price) == ("outbid", 600)


async def test_pre_bids_that_are_refused_leave_no_trace(clocked: ClockedStore) -> None:
    await opened(
        clocked,
        PreBid(ANNA, 99, "too low"),
        PreBid(SAM, 900, "of the seller"),
        PreBid(CLEO, 900, "blocked"),
        PreBid(BEN, 500, "b"),
        PreBid(BEN, 400, "leads already"),
        PreBid(ANNA, 150, "below the minimum at its turn"),
        standings={Standing.BLOCKED: [CLEO.id]},
    )
    assert [event.kind for event in await clocked.store.events(ID, 0, 10)] == ["opened", "bid"]
    assert await clocked.store.receipt(ID, BEN.id, "leads already") is None
    assert await clocked.store.receipt(ID, ANNA.id, "too low") is None


async def test_a_second_pre_bid_of_its_leader_raises_the_ceiling(clocked: ClockedStore) -> None:
    auction = await opened(clocked, PreBid(BEN, 500, "b1"), PreBid(BEN, 700, "b2"))
    assert (auction.ceiling, auction.bid_count) == (700, 1)
    assert [event.kind for event in await clocked.store.events(ID, 1, 10)] == ["bid", "ceiling_raised"]


async def test_pre_bidders_must_meet_what_the_auction_requires(clocked: ClockedStore) -> None:
    offered = replace(listing(ID), requirements=REQUIREMENTS)
    standings = {Standing.APPROVED: [ANNA.id, BEN.id], Standing.HAS_CARD: [BEN.id, CLEO.id]}
    pre_bids = [PreBid(bidder, 900, "p") for bidder in (ANNA, BEN, CLEO)]
    auction = await opened(clocked, *pre_bids, offered=offered, standings=standings)
    assert (auction.leader, auction.bid_count) == (BEN, 1)


async def test_a_pre_bid_sent_again_as_a_bid_gets_its_first_answer(clocked: ClockedStore) -> None:
    await opened(clocked, PreBid(ANNA, 900, "a"), PreBid(ANNA, 950, "a"))
    first = await clocked.store.receipt(ID, ANNA.id, "a")
    assert first is not None
    assert (first.outcome, first.seq, first.price) == ("accepted", 2, 100)
    again = await clocked.store.place_bid(ID, bid(ANNA, 900, "max", "a"), CAUSE)
    assert again == replace(first, replayed=True)


async def test_opening_again_decides_no_pre_bid_again(clocked: ClockedStore) -> None:
    auction = await opened(clocked, PreBid(ANNA, 900, "a"))
    blocked = {Standing.BLOCKED: [CLEO.id]}
    assert await opened(clocked, PreBid(BEN, 5_000, "b"), PreBid(ANNA, 900, "a"), standings=blocked) == auction
    assert len(await clocked.store.events(ID, 0, 10)) == 2
    assert isinstance(await clocked.store.place_bid(ID, bid(CLEO, 5_000), CAUSE), Receipt)


async def test_the_answer_to_a_repeated_opening_has_the_pre_bids(clocked: ClockedStore) -> None:
    auction = await clocked.store.create(listing(ID), CAUSE, "op_1", pre_bids=[PreBid(ANNA, 900, "a")])
    await clocked.store.place_bid(ID, bid(BEN, 5_000), CAUSE)
    assert await clocked.store.create(listing(ID), CAUSE, "op_1", pre_bids=[PreBid(ANNA, 900, "a")]) == auction


def as_many_as_there_may_be() -> list[PreBid]:
    """Each but the first raises the price."""
    people = [Party(f"usr_{number}", f"Bidder {number}") for number in range(MAX_PRE_BIDS)]
    return [PreBid(person, 100 + number * 10_000, "p") for number, person in enumerate(people)]


async def test_an_auction_opens_with_a_thousand_pre_bids_that_replay(clocked: ClockedStore) -> None:
    pre_bids = as_many_as_there_may_be()
    offered = replace(listing(ID), requirements=REQUIREMENTS)
    standings = {standing: [pre_bid.bidder.id for pre_bid in pre_bids] for standing in REQUIREMENTS}
    auction = await opened(clocked, *pre_bids, offered=offered, standings=standings)
    assert (auction.bid_count, auction.leader) == (MAX_PRE_BIDS, pre_bids[-1].bidder)
    if clocked.redis:
        with Redis.from_url(clocked.redis.url) as redis:
            record = audit.read(redis, ID)
        assert record is not None
        assert audit.verify(record).auction == auction


async def test_more_than_a_thousand_or_before_a_time_to_start_are_refused(clocked: ClockedStore) -> None:
    pre_bids = [*as_many_as_there_may_be(), PreBid(ANNA, 1, "p")]
    with pytest.raises(ValueError, match="at most 1000"):
        await opened(clocked, *pre_bids)
    with pytest.raises(ValueError, match="opens at once"):
        await opened(clocked, pre_bids[0], offered=listing(ID, starts_at=T0 + 1))
    assert await clocked.store.get(ID) is None
