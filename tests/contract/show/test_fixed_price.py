"""Lots at a fixed price in a show that runs, on both databases and with real offers."""

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from blytz.identity import Principal
from blytz.kit.problems import Conflict
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.offer.model import OfferTerms, PurchaseReceipt, Sale, Status
from blytz.show.acts import Verb
from blytz.show.model import AuctionTerms, BidderRequirements, LotStatus, ShowSettings, ShowStatus
from blytz.show.running import rules
from blytz.show.running.decision import Reopening
from blytz.show.sql.store import MIGRATIONS, SqlCatalogue
from tests.support.running_shows import SAM, Stage
from tests.support.shows import lot, show

TEN = OfferTerms(price=1_000, quantity=10, per_buyer=4, sale=Sale(price=700, for_ms=600_000))
LOT = "lot_1_1"
ANNA, BEN = (Principal(f"usr_{name.lower()}", name, ("bidder",), 2**53) for name in ("Anna", "Ben"))


async def opened(stage: Stage, lots: int = 1, **settings: object) -> str:
    show_id = await stage.show(lots, terms=TEN, settings=ShowSettings(**settings))  # type: ignore[arg-type]
    await stage.process.runner.open_lot(SAM, LOT)
    return show_id


async def offer_status(stage: Stage) -> Status:
    found = await stage.catalogue.lot(LOT)
    assert found is not None
    offer = await stage.offers.get(found.auction_id or "")
    assert offer is not None
    return offer.status


async def test_a_lot_is_bought_until_it_is_sold_out(stage: Stage) -> None:
    show_id = await opened(stage)
    worker = stage.process.worker
    bought = await stage.process.purchases.purchase(ANNA, LOT, "p1", 4, "r1")
    await worker.follow_offers()
    [selling] = await stage.lots(show_id)
    for number in range(2):
        await stage.process.purchases.purchase(BEN, LOT, f"p{number}", 2, "r1")
    await stage.buy(LOT, 2, buyer=stage.party("Cleo"))
    await worker.follow_offers()

    assert (bought.unit_price, bought.left) == (700, 6)
    assert (selling.status, selling.left) == (LotStatus.OPEN, 6)
    [sold] = await stage.lots(show_id)
    assert (sold.status, sold.price, sold.winner, sold.left) == (LotStatus.SOLD, 1_000, None, 0)
    assert stage.log.kinds(show_id)[-3:] == ["lot_opened", "purchase", "lot_closed"]
    told = stage.log.events[show_id][-2][1]
    assert (told["lot_id"], told["left"], told["lot"]["left"]) == (LOT, 6, 6)


async def test_what_is_left_is_told_once_and_again_when_it_changes(stage: Stage) -> None:
    show_id = await opened(stage)
    for _ in range(2):
        await stage.buy(LOT)
        await stage.process.worker.follow_offers()
        await stage.process.worker.follow_offers()

    told = [public["left"] for kind, public in stage.log.events[show_id] if kind == "purchase"]
    assert told == [9, 8]


@pytest.mark.parametrize(("units", "status"), [(0, LotStatus.UNSOLD), (3, LotStatus.SOLD)])
async def test_a_show_that_ends_closes_its_offers(stage: Stage, units: int, status: LotStatus) -> None:
    show_id = await opened(stage)
    if units:
        await stage.buy(LOT, units)

    ended = await stage.process.runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end)

    [closed] = await stage.lots(show_id)
    assert (ended.show.status, closed.status, closed.left) == (ShowStatus.ENDED, status, 10 - units)
    assert await offer_status(stage) is Status.CLOSED


async def test_a_show_that_ends_now_cancels_its_offers_and_purchases_stand(stage: Stage) -> None:
    show_id = await opened(stage)
    bought = await stage.process.purchases.purchase(ANNA, LOT, "p1", 2, "r1")

    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end_now)

    [closed] = await stage.lots(show_id)
    assert (closed.status, closed.left) == (LotStatus.PASSED, 8)
    again = await stage.process.purchases.purchase(ANNA, LOT, "p1", 2, "r1")
    assert (again.seq, again.replayed) == (bought.seq, True)


async def test_a_seller_closes_a_lot_and_the_next_one_can_open(stage: Stage) -> None:
    show_id = await opened(stage, lots=2)
    await stage.buy(LOT)

    for _ in range(2):
        closed = await stage.process.runner.close_lot(SAM, LOT)
        assert closed.lot is not None
        assert (closed.lot.status, closed.lot.left) == (LotStatus.SOLD, 9)
    await stage.process.runner.open_next(SAM, show_id)

    assert [each.status for each in await stage.lots(show_id)] == [LotStatus.SOLD, LotStatus.OPEN]
    with pytest.raises(Conflict, match="the offer is not open"):
        await stage.process.purchases.purchase(ANNA, LOT, "p9", 1, "r1")


async def test_an_open_auction_is_closed_too(stage: Stage) -> None:
    await stage.show(1)
    with pytest.raises(Conflict, match="the lot is not open"):
        await stage.process.runner.close_lot(SAM, LOT)
    await stage.process.runner.open_lot(SAM, LOT)
    await stage.bid(LOT)

    closed = await stage.process.runner.close_lot(SAM, LOT)

    assert closed.lot is not None
    assert (closed.lot.status, closed.lot.price) == (LotStatus.SOLD, 9_000)


async def test_nobody_buys_while_the_show_is_paused(stage: Stage) -> None:
    show_id = await opened(stage)
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_PAUSED, rules.pause)
    with pytest.raises(Conflict, match="the offer is not open"):
        await stage.process.purchases.purchase(ANNA, LOT, "p1", 1, "r1")

    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_RESUMED, rules.resume)

    assert (await stage.process.purchases.purchase(ANNA, LOT, "p1", 1, "r1")).left == 9


async def test_whom_the_seller_blocks_or_does_not_approve_buys_nothing(stage: Stage) -> None:
    show_id = await opened(stage, bidder_requirements=BidderRequirements(approval=True))
    people = stage.process.people

    async def refusal(buyer: Principal) -> str | None:
        return getattr(await stage.buy(LOT, buyer=stage.party(buyer.name)), "code", None)

    assert await refusal(ANNA) == "bidder_not_approved"
    await people.set_approval(SAM, show_id, ANNA.id, approved=True)
    assert await refusal(ANNA) is None
    await people.block(SAM, ANNA.id)
    assert await refusal(ANNA) == "bidder_blocked"


async def test_a_lot_comes_up_again_by_the_other_kind_of_terms(stage: Stage) -> None:
    show_id = await opened(stage)
    await stage.process.runner.close_lot(SAM, LOT)

    auctioned = await stage.process.runner.rerun(SAM, LOT, Reopening(AuctionTerms()))
    assert auctioned.lot is not None
    assert (auctioned.lot.run, auctioned.lot.left, (auctioned.lot.auction_id or "")[:4]) == (2, None, "auc_")
    await stage.process.runner.close_lot(SAM, LOT)
    again = await stage.process.runner.rerun(SAM, LOT, Reopening(TEN))

    assert again.lot is not None
    assert (again.lot.run, again.lot.left) == (3, 10)
    assert isinstance(await stage.buy(LOT), PurchaseReceipt)
    assert [each.auction_id for each in await stage.lots(show_id)] == [again.lot.auction_id]


@pytest.mark.parametrize("then", [None, AuctionTerms()])
async def test_a_purchase_repeated_after_the_lot_came_up_again_gets_its_first_answer(
    stage: Stage, then: AuctionTerms | None
) -> None:
    show_id = await opened(stage)
    buy, runner = stage.process.purchases.purchase, stage.process.runner
    first = await buy(ANNA, LOT, "once", 2, "r1")
    for reopening in (Reopening(), Reopening(then)):
        await runner.close_lot(SAM, LOT)
        await runner.rerun(SAM, LOT, reopening)

    again = await buy(ANNA, LOT, "once", 2, "r2")
    with pytest.raises(Conflict, match="another quantity"):
        await buy(ANNA, LOT, "once", 1, "r3")
    await runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end_now)
    after_the_show = await buy(ANNA, LOT, "once", 2, "r4")

    assert again == after_the_show == replace(first, replayed=True)


async def test_in_a_lot_that_came_up_again_others_buy_by_the_same_purchase_id(stage: Stage) -> None:
    await opened(stage)
    buy, runner = stage.process.purchases.purchase, stage.process.runner
    await buy(ANNA, LOT, "once", 1, "r1")
    await runner.close_lot(SAM, LOT)
    await runner.rerun(SAM, LOT, Reopening())

    bens, new = await buy(BEN, LOT, "once", 1, "r2"), await buy(ANNA, LOT, "twice", 1, "r3")

    assert [(one.left, one.replayed) for one in (bens, new)] == [(9, False), (8, False)]


async def test_a_lot_at_a_fixed_price_takes_no_pre_bid_and_has_one_unit(stage: Stage) -> None:
    await stage.show(2, terms=TEN)
    shows = stage.process.shows
    with pytest.raises(Conflict, match="fixed price"):
        await shows.place_pre_bid(ANNA, LOT, 5_000)
    with pytest.raises(Conflict, match="quantity of the lot is 1"):
        await shows.change_lot(SAM, LOT, {"quantity": 3})
    await shows.change_lot(SAM, LOT, {"terms": AuctionTerms(), "quantity": 3})
    with pytest.raises(Conflict, match="quantity of the lot is 1"):
        await shows.change_lot(SAM, LOT, {"terms": TEN})


async def test_lots_of_an_older_version_are_auctioned_as_before(database: Database) -> None:
    await migrate(database, MIGRATIONS)
    catalogue, terms = SqlCatalogue(database), AuctionTerms(reserve_price=7_000)
    await catalogue.create_show(show())
    for number, its in ((1, terms), (2, TEN)):
        await catalogue.add_lot(lot(number, terms=its))

    await migrate(database, MIGRATIONS, "0004")
    async with database.reading() as connection:
        if not database.is_sqlite:
            await connection.execute(text(f"SET LOCAL search_path TO {database.name}"))
        stored = (await connection.execute(text("SELECT terms FROM lots"))).scalars().all()
    await migrate(database, MIGRATIONS)

    assert [one[:12] for one in stored] == ['{"currency":']
    assert [each.terms for each in await catalogue.lots("shw_1")] == [terms]
