"""A rehearsal: simulated bidders, and nothing that anybody else could see, bid in or buy."""

from random import Random
from typing import Any

import pytest

from blytz.apps.lot_auctions import LotAuctions
from blytz.auction.redis.keys import SALES
from blytz.auction.service import AuctionService
from blytz.identity import Principal
from blytz.kit.problems import NotFound
from blytz.show.running.rehearsal import BIDDERS, RehearsalBidders
from blytz.show.sql.run_store import SqlRuns
from tests.support.running_shows import SAM, Life, Process, Stage

ANNA = Principal("usr_anna", "Anna", ("bidder",), 2**53)


async def opened(stage: Stage, **fields: Any) -> str:
    """The auction of the first lot of a new show."""
    show_id = await stage.show(1, **fields)
    acted = await stage.process.runner.open_next(SAM, show_id)
    assert acted.lot is not None
    assert acted.lot.auction_id is not None
    return acted.lot.auction_id


async def test_simulated_bidders_bid_in_rehearsals_only_and_stop_somewhere(stage: Stage) -> None:
    rehearsal, real = await opened(stage, visibility="rehearsal"), await opened(stage)
    auctions = LotAuctions(stage.pipe, stage.store)
    bidders = RehearsalBidders(SqlRuns(stage.database, lambda: 0), auctions, Random(1))  # type: ignore[arg-type]
    for _ in range(150):
        await bidders.bid()

    played, untouched = await stage.store.get(rehearsal), await stage.store.get(real)
    assert played is not None
    assert untouched is not None
    assert played.leader in BIDDERS
    assert 5 < played.bid_count < 60
    assert played.price <= 20 * played.listing.terms.start_price
    assert untouched.bid_count == 0


async def test_nobody_else_bids_in_a_rehearsal_or_finds_it_in_a_list_and_nothing_is_sold(stage: Stage) -> None:
    rehearsal = await opened(stage, visibility="rehearsal")
    service = AuctionService(stage.store)
    with pytest.raises(NotFound):
        await service.bid(ANNA, rehearsal, "b1", 500, "exact", "req")
    await LotAuctions(stage.pipe, stage.store).bid_in_rehearsal(rehearsal, BIDDERS[0])

    assert (await stage.store.list(None, None, 10)).auctions == []
    await stage.hammer("lot_1_1")
    await Process(stage, Life(), 5_000).worker.reconcile()

    [lot] = await stage.lots("shw_1")
    assert (lot.status, lot.winner) == ("sold", BIDDERS[0])
    assert stage.redis.ask("XLEN", SALES) == 0
