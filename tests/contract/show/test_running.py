"""Shows that run, on both databases and with real auctions."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from blytz.auction.model import Cause, Party, Status
from blytz.identity import Principal
from blytz.kit.idempotency import Operation
from blytz.kit.problems import Conflict, Forbidden, NotFound
from blytz.show.acts import Verb
from blytz.show.model import AuctionTerms, LotPreBid, LotStatus, ShowSettings, ShowStatus
from blytz.show.running import rules
from blytz.show.running.decision import Reopening
from blytz.show.sql.acts import SqlAuditTrail
from blytz.show.sql.tables import PRE_BIDS
from tests.support.running_shows import ANNA, SAM, Life, Process, Stage

PARALLEL = ShowSettings(mode="parallel")
MODERATOR = Principal("usr_mo", "Mo", ("moderator",), 2**53)
OTHER = Principal("usr_olga", "Olga", ("seller",), 2**53)


async def statuses(stage: Stage, show_id: str) -> list[str]:
    return [lot.status.value for lot in await stage.lots(show_id)]


async def test_a_show_from_its_start_to_its_end(stage: Stage) -> None:
    show_id = await stage.show()
    runner = stage.process.runner

    first = await runner.open_next(SAM, show_id)
    assert first.lot is not None
    assert (first.lot.status, first.lot.run, first.facts.open_lots) == (LotStatus.OPEN, 1, ("lot_1_1",))
    await stage.bid("lot_1_1")
    await stage.end_of_a_lot("lot_1_1")
    await runner.open_next(SAM, show_id)
    await stage.end_of_a_lot("lot_1_2")
    ended = await runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end)

    sold, unsold = await stage.lots(show_id)
    assert (sold.status, sold.price, sold.winner) == (LotStatus.SOLD, 9_000, ANNA)
    assert (unsold.status, unsold.price, unsold.winner) == (LotStatus.UNSOLD, 0, None)
    assert ended.show.status is ShowStatus.ENDED
    assert ended.show == await stage.read(show_id)
    assert stage.log.kinds(show_id) == [
        "lot_added",
        "lot_added",
        "show_started",
        "lot_opened",
        "lot_closed",
        "lot_opened",
        "lot_closed",
        "show_changed",
        "show_ended",
    ]


async def test_what_viewers_are_told_holds_no_reserve(stage: Stage) -> None:
    show_id = await stage.show(1)
    await stage.process.shows.change_lot(SAM, "lot_1_1", {"terms": AuctionTerms(reserve_price=7_777)})
    await stage.process.runner.open_next(SAM, show_id)

    assert "7777" not in str(stage.log.events[show_id])
    assert "reserve" not in str(stage.log.events[show_id])


async def test_lots_open_only_in_a_show_that_is_live_and_one_at_a_time(stage: Stage) -> None:
    waiting = await stage.show(live=False)
    with pytest.raises(Conflict, match="not live"):
        await stage.process.runner.open_next(SAM, waiting)

    live = await stage.show()
    await stage.process.runner.open_next(SAM, live)
    with pytest.raises(Conflict, match="open already"):
        await stage.process.runner.open_lot(SAM, "lot_2_2")
    await stage.process.runner.turn(SAM, live, Verb.SHOW_PAUSED, rules.pause)
    with pytest.raises(Conflict, match="not live"):
        await stage.process.runner.open_lot(SAM, "lot_2_2")

    both = await stage.show(settings=PARALLEL)
    await stage.process.runner.open_lot(SAM, "lot_3_2")
    await stage.process.runner.open_lot(SAM, "lot_3_1")
    assert await statuses(stage, both) == ["open", "open"]
    with pytest.raises(Conflict, match="no lot waits"):
        await stage.process.runner.open_next(SAM, both)


async def test_of_many_who_open_the_next_lot_at_once_one_does(stage: Stage) -> None:
    show_id = await stage.show(4)
    others = [Process(stage, Life()) for _ in range(3)]

    answers = await asyncio.gather(
        *(process.runner.open_next(SAM, show_id) for process in others), return_exceptions=True
    )

    assert sum(isinstance(answer, Conflict) for answer in answers) == 2
    assert await statuses(stage, show_id) == ["open", "queued", "queued", "queued"]
    assert len(stage.auctions()) == 1


async def test_a_pause_stops_every_clock_and_a_resume_lets_them_run(stage: Stage) -> None:
    show_id = await stage.show(settings=PARALLEL)
    opened = [await stage.process.runner.open_next(SAM, show_id) for _ in range(2)]
    auctions = [acted.lot.auction_id or "" for acted in opened if acted.lot]

    async def clocks() -> list[Status]:
        found = [await stage.store.get(auction_id) for auction_id in auctions]
        return [auction.status for auction in found if auction]

    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_PAUSED, rules.pause)
    assert await clocks() == [Status.PAUSED, Status.PAUSED]
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_PAUSED, rules.pause)
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_RESUMED, rules.resume)

    assert await clocks() == [Status.OPEN, Status.OPEN]
    assert stage.log.kinds(show_id)[-2:] == ["show_paused", "show_resumed"]


async def test_a_show_waits_for_its_open_lots_before_it_ends_unless_it_ends_now(stage: Stage) -> None:
    patient, hasty = await stage.show(), await stage.show()
    for show_id in (patient, hasty):
        await stage.process.runner.open_next(SAM, show_id)

    waiting = await stage.process.runner.turn(SAM, patient, Verb.SHOW_ENDED, rules.end)
    assert waiting.show.status is ShowStatus.LIVE
    with pytest.raises(Conflict, match="ends when its open lots close"):
        await stage.process.runner.open_lot(SAM, "lot_1_2")
    await stage.end_of_a_lot("lot_1_1")
    assert (await stage.read(patient)).status is ShowStatus.ENDED

    ended = await stage.process.runner.turn(SAM, hasty, Verb.SHOW_ENDED, rules.end_now)
    assert ended.show.status is ShowStatus.ENDED
    assert await statuses(stage, hasty) == ["passed", "queued"]
    assert stage.log.kinds(hasty)[-2:] == ["lot_closed", "show_ended"]


async def test_units_of_a_lot_come_up_one_after_another(stage: Stage) -> None:
    show_id = await stage.show()
    await stage.process.shows.change_lot(SAM, "lot_1_1", {"quantity": 2})
    for unit in (1, 2):
        acted = await stage.process.runner.open_next(SAM, show_id)
        assert acted.lot is not None
        assert (acted.lot.lot_id, acted.lot.unit, acted.lot.run) == ("lot_1_1", unit, unit)
        await stage.bid("lot_1_1")
        await stage.end_of_a_lot("lot_1_1")

    assert await statuses(stage, show_id) == ["sold", "queued"]


@pytest.mark.parametrize(
    ("sold", "status", "price", "winner"),
    [
        ((True, False), "sold", 9_000, ANNA),
        ((False, True), "sold", 9_000, ANNA),
        ((False, False, False), "unsold", 0, None),
        ((False, True, False), "sold", 9_000, ANNA),
    ],
)
async def test_every_unit_comes_up_and_the_lot_is_sold_when_one_was(
    stage: Stage, sold: Sequence[bool], status: str, price: int, winner: Party | None
) -> None:
    show_id = await stage.show(1)
    await stage.process.shows.change_lot(SAM, "lot_1_1", {"quantity": len(sold)})
    for is_sold in sold:
        await stage.process.runner.open_next(SAM, show_id)
        if is_sold:
            await stage.bid("lot_1_1")
        await stage.end_of_a_lot("lot_1_1")

    [lot] = await stage.lots(show_id)
    assert (lot.run, lot.status, lot.price, lot.winner) == (len(sold), status, price, winner)
    facts = (await stage.catalogue.lot_facts([show_id]))[show_id]
    assert facts.counts.sold == int(status == "sold")
    told = [public["outcome"] for kind, public in stage.log.events[show_id] if kind == "lot_closed"]
    assert told == ["sold" if is_sold else "unsold" for is_sold in sold]


async def test_pre_bids_on_lots_that_never_opened_are_void_once_the_show_is_over(stage: Stage) -> None:
    show_id = await stage.show(2)
    await stage.catalogue.place_pre_bid(LotPreBid("lot_1_2", ANNA, 9_000))
    await stage.process.runner.open_next(SAM, show_id)
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end)
    assert [lot.pre_bids for lot in await stage.lots(show_id)] == [0, 1]

    await stage.end_of_a_lot("lot_1_1")

    assert [lot.pre_bids for lot in await stage.lots(show_id)] == [0, 0]
    async with stage.database.reading() as connection:
        assert (await connection.execute(select(PRE_BIDS))).first() is None
    told = stage.log.events[show_id][-3:]
    assert [kind for kind, _ in told] == ["lot_closed", "lot_changed", "show_ended"]
    assert told[1][1]["lot"]["pre_bids"] == 0


async def test_a_lot_that_was_closed_comes_up_again_on_other_terms(stage: Stage) -> None:
    show_id = await stage.show(1)
    await stage.process.runner.open_next(SAM, show_id)
    await stage.end_of_a_lot("lot_1_1")
    with pytest.raises(Conflict, match="no lot waits"):
        await stage.process.runner.open_lot(SAM, "lot_1_1")

    again = await stage.process.runner.rerun(SAM, "lot_1_1", Reopening(AuctionTerms(start_price=50)))

    assert again.lot is not None
    assert (again.lot.run, again.lot.terms) == (2, AuctionTerms(start_price=50))
    auction = await stage.store.get(again.lot.auction_id or "")
    assert auction is not None
    assert auction.listing.terms.start_price == 50
    with pytest.raises(Conflict, match="open already"):
        await stage.process.runner.rerun(SAM, "lot_1_1", Reopening())


async def test_a_repeated_request_gets_the_first_answer_and_opens_nothing_again(stage: Stage) -> None:
    show_id = await stage.show()
    once = Operation("op-1", "auc_once")

    first = await stage.process.runner.open_next(SAM, show_id, once)
    await stage.end_of_a_lot("lot_1_1")
    again = await stage.process.runner.open_next(SAM, show_id, once)

    assert again == first
    assert stage.auctions() == ["auc_once"]


async def test_the_next_lot_opens_by_itself_when_its_time_has_come(stage: Stage) -> None:
    show_id = await stage.show(settings=ShowSettings(auto_advance_ms=60_000))
    later = Process(stage, Life(), ahead_ms=60_000).worker

    await stage.process.worker.open_due()
    assert await statuses(stage, show_id) == ["queued", "queued"]
    await asyncio.gather(later.open_due(), Process(stage, Life(), ahead_ms=60_000).worker.open_due())
    assert await statuses(stage, show_id) == ["open", "queued"]
    await later.open_due()
    assert await statuses(stage, show_id) == ["open", "queued"]

    await stage.end_of_a_lot("lot_1_1")
    planned = await stage.read(show_id)
    assert planned.next_lot_at is not None
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_PAUSED, rules.pause)
    assert (await stage.read(show_id)).next_lot_at is None


async def test_an_auction_that_the_seller_ends_closes_its_lot_as_well(stage: Stage) -> None:
    show_id = await stage.show(1)
    opened = await stage.process.runner.open_next(SAM, show_id)
    assert opened.lot is not None
    await stage.store.change(opened.lot.auction_id or "", "cancel", cause_of_sam())

    # Nobody has passed it on.
    await Process(stage, Life(), ahead_ms=5_000).worker.reconcile()

    assert await statuses(stage, show_id) == ["passed"]


async def test_a_lot_whose_auction_is_lost_is_passed_so_that_it_can_run_again(stage: Stage) -> None:
    show_id = await stage.show(1)
    await stage.process.runner.open_next(SAM, show_id)
    stage.redis.ask("FLUSHALL")

    await Process(stage, Life(), ahead_ms=5_000).worker.reconcile()
    assert await statuses(stage, show_id) == ["open"]
    await Process(stage, Life(), ahead_ms=61_000).worker.reconcile()

    assert await statuses(stage, show_id) == ["passed"]


async def test_what_is_done_to_a_show_is_in_its_audit_trail(stage: Stage) -> None:
    show_id = await stage.show(1)
    await stage.process.runner.open_next(SAM, show_id)
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_PAUSED, rules.pause)
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_PAUSED, rules.pause)

    page = await SqlAuditTrail(stage.database).acts(show_id, SAM.id, None, 20)

    assert [act.verb for act in page.acts] == ["show_paused", "lot_opened", "show_started", "lot_added"]


async def test_only_its_seller_runs_a_show_and_moderators_open_lots(stage: Stage) -> None:
    show_id = await stage.show()
    for caller in (OTHER, MODERATOR):
        with pytest.raises(Forbidden):
            await stage.process.runner.turn(caller, show_id, Verb.SHOW_PAUSED, rules.pause)
    with pytest.raises(Forbidden):
        await stage.process.runner.open_next(OTHER, show_id)
    with pytest.raises(NotFound):
        await stage.process.runner.open_lot(SAM, "lot_9_9")

    await stage.process.runner.open_next(MODERATOR, show_id)
    assert await statuses(stage, show_id) == ["open", "queued"]


def cause_of_sam() -> Cause:
    return Cause(SAM.id)
