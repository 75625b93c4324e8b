"""Which bids the lots of a show take: pre-bids, blocked bidders, and approved ones."""

import pytest

from blytz.auction.model import Party
from blytz.identity import Principal
from blytz.kit.problems import Conflict
from blytz.show.model import BidderRequirements, ShowSettings
from blytz.show.running.decision import Reopening
from tests.support.running_shows import ANNA, SAM, Stage

ANNA_SIGNED, BEN, CLEO = (
    Principal(f"usr_{name.lower()}", name, ("bidder",), 2**53) for name in ("Anna", "Ben", "Cleo")
)


async def test_pre_bids_are_decided_in_order_of_arrival_when_the_lot_opens(stage: Stage) -> None:
    show_id = await stage.show(1)
    shows = stage.process.shows
    for bidder, amount in ((ANNA_SIGNED, 5_000), (BEN, 9_000), (CLEO, 9_000), (ANNA_SIGNED, 7_000)):
        await shows.place_pre_bid(bidder, "lot_1_1", amount)
    await shows.withdraw_pre_bid(CLEO, "lot_1_1")
    await shows.withdraw_pre_bid(CLEO, "lot_1_1")
    [waiting] = await stage.lots(show_id)
    assert waiting.pre_bids == 2
    assert "9000" not in str(stage.log.events[show_id])

    opened = await stage.process.runner.open_next(SAM, show_id)

    assert opened.lot is not None
    assert opened.lot.pre_bids == 0
    auction = await stage.store.get(opened.lot.auction_id or "")
    assert auction is not None
    assert auction.leader == Party(BEN.id, BEN.name)
    assert (auction.price, auction.ceiling, auction.bid_count) == (7_300, 9_000, 2)
    with pytest.raises(Conflict, match="no lot waits"):
        await shows.place_pre_bid(CLEO, "lot_1_1", 9_500)

    # They were for that run.
    await stage.end_of_a_lot("lot_1_1")
    again = await stage.process.runner.rerun(SAM, "lot_1_1", Reopening())
    assert again.lot is not None
    auction = await stage.store.get(again.lot.auction_id or "")
    assert auction is not None
    assert auction.leader is None


async def test_a_pre_bid_is_refused_as_its_bid_would_be(stage: Stage) -> None:
    show_id = await stage.show(1)
    with pytest.raises(Conflict, match="below the minimum") as refused:
        await stage.process.shows.place_pre_bid(CLEO, "lot_1_1", 99)
    assert refused.value.content()["minimum"] == 100
    with pytest.raises(Conflict, match="sellers do not bid"):
        await stage.process.shows.place_pre_bid(SAM, "lot_1_1", 500)

    assert (await stage.lots(show_id))[0].pre_bids == 0


async def test_who_is_blocked_may_not_bid_speak_or_pre_bid_in_any_show_of_the_seller(stage: Stage) -> None:
    show_id, other_id = await stage.show(2), await stage.show(1)
    people, shows = stage.process.people, stage.process.shows
    await stage.process.runner.open_next(SAM, show_id)

    async def refused(lot_id: str) -> str | None:
        return getattr(await stage.bid(lot_id), "code", None)

    await people.block(SAM, ANNA.id)

    assert await refused("lot_1_1") == "bidder_blocked"
    assert stage.log.blocked[show_id] == stage.log.blocked[other_id] == {ANNA.id}
    with pytest.raises(Conflict, match="does not take bids"):
        await shows.place_pre_bid(ANNA_SIGNED, "lot_1_2", 5_000)
    await stage.process.runner.open_next(SAM, other_id)
    assert await refused("lot_2_1") == "bidder_blocked"

    await people.unblock(SAM, ANNA.id)
    assert await refused("lot_1_1") is None
    assert await refused("lot_2_1") is None
    assert stage.log.blocked[show_id] == set()


async def test_a_show_that_asks_for_approval_takes_bids_of_the_approved(stage: Stage) -> None:
    asks = ShowSettings(bidder_requirements=BidderRequirements(approval=True))
    show_id = await stage.show(1, settings=asks)
    await stage.process.people.set_approval(SAM, show_id, BEN.id, approved=True)
    await stage.process.runner.open_next(SAM, show_id)

    assert getattr(await stage.bid("lot_1_1"), "code", None) == "bidder_not_approved"
    assert getattr(await stage.bid("lot_1_1", 9_500, Party(BEN.id, BEN.name)), "outcome", None) == "accepted"
    await stage.process.people.set_approval(SAM, show_id, ANNA.id, approved=True)
    assert getattr(await stage.bid("lot_1_1", 10_000), "outcome", None) == "accepted"
