"""A process that is killed between any two steps leaves nothing half done: a command touches the catalogue, the
auctions and the log of the show, and another process ends what the first has begun."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from blytz.auction.model import Status
from blytz.kit.telemetry.metrics import Metrics
from blytz.offer.model import OfferTerms
from blytz.show.acts import Verb
from blytz.show.model import AuctionTerms, LotStatus, LotTerms, ShowStatus
from blytz.show.running import rules
from blytz.show.running.intents import IntentRunner
from blytz.show.running.store import Intent, RunStore
from tests.support.running_shows import SAM, Killed, Life, Process, Stage

Work = Callable[[Process, str], Awaitable[object]]
LATER_MS = 5_000
DECIDED = "after catalogue.act"


async def rounds(
    stage: Stage, prepare: Callable[[], Awaitable[str]], work: Work
) -> AsyncIterator[tuple[str, Life]]:
    """Does the work in a process that dies before its first step, in one that dies before its second, and so on to
    one that lives through all. After each death another process ends what was begun."""
    steps_left = 0
    is_done = False
    while not is_done:
        show_id, life = await prepare(), Life(steps_left)
        try:
            await work(Process(stage, life), show_id)
            is_done = True
        except Killed:
            steps_left += 1
        await Process(stage, Life(), LATER_MS).worker.reconcile()
        yield show_id, life


def calls(life: Life) -> list[str]:
    return [step.removeprefix("before ") for step in life.steps if step.startswith("before ")]


async def test_a_lot_that_is_started_is_in_exactly_one_auction_or_still_queued(stage: Stage) -> None:
    async def start(process: Process, show_id: str) -> None:
        await process.runner.open_next(SAM, show_id)

    last = Life()
    async for show_id, life in rounds(stage, lambda: stage.show(1), start):
        last = life
        [lot] = await stage.lots(show_id)
        if DECIDED not in life.steps and lot.status is LotStatus.QUEUED:
            assert lot.auction_id is None
            assert stage.log.kinds(show_id)[-1] == "show_started"
            continue
        auction = await stage.store.get(lot.auction_id or "")
        assert auction is not None
        assert (lot.status, lot.run, auction.status) == (LotStatus.OPEN, 1, Status.OPEN)
        assert stage.log.kinds(show_id).count("lot_opened") == 1
        assert not await stage.process.intents_of(show_id)

    opened = [lot.auction_id for n in range(1, stage.shows + 1) for lot in await stage.lots(f"shw_{n}")]
    assert sorted(stage.auctions()) == sorted(auction_id for auction_id in opened if auction_id)
    assert calls(last) == [
        "auctions.check",
        "catalogue.act",
        "catalogue.intents",
        "auctions.open",
        "log.announce",
        "catalogue.finish",
        "catalogue.intents",
    ]


async def test_a_lot_whose_auction_has_ended_is_closed_once(stage: Stage) -> None:
    async def prepare() -> str:
        show_id = await stage.show(1)
        await stage.process.runner.open_next(SAM, show_id)
        await stage.process.worker.close_ended()
        [lot] = await stage.lots(show_id)
        await stage.bid(lot.lot_id)
        await stage.hammer(lot.lot_id)
        return show_id

    async def close(process: Process, show_id: str) -> None:
        await process.worker.reconcile()

    last = Life()
    async for show_id, life in rounds(stage, prepare, close):
        last = life
        [lot] = await stage.lots(show_id)
        assert (lot.status, lot.price) == (LotStatus.SOLD, 9_000)
        assert stage.log.kinds(show_id).count("lot_closed") == 1
        assert not await stage.process.intents_of(show_id)

    assert calls(last) == [
        "catalogue.shows_with_intents",
        "catalogue.open_runs",
        "auctions.closing",
        "catalogue.close",
        "catalogue.intents",
        "log.announce",
        "catalogue.finish",
        "catalogue.intents",
    ]


async def test_an_offer_of_a_lot_is_opened_told_and_closed_once(stage: Stage) -> None:
    """Opened, bought from, told what is left, sold out, closed."""

    async def sell(process: Process, show_id: str) -> None:
        await process.runner.open_next(SAM, show_id)
        [lot] = await stage.lots(show_id)
        await stage.buy(lot.lot_id)
        await process.worker.follow_offers()
        await stage.buy(lot.lot_id)
        await process.worker.follow_offers()

    terms = OfferTerms(price=700, quantity=2)
    last, purchases = Life(), 0
    async for show_id, life in rounds(stage, lambda: stage.show(1, terms=terms), sell):
        last = life
        [lot] = await stage.lots(show_id)
        if lot.auction_id is None:
            assert DECIDED not in life.steps
            continue
        offer = await stage.offers.get(lot.auction_id)
        assert offer is not None
        if offer.left:
            # So that the next round meets no other offer.
            await stage.buy(lot.lot_id, offer.left)
        await Process(stage, Life(), LATER_MS).worker.follow_offers()
        [lot] = await stage.lots(show_id)
        told = stage.log.kinds(show_id)
        assert (lot.status, lot.left) == (LotStatus.SOLD, 0)
        assert (told.count("lot_opened"), told.count("lot_closed")) == (1, 1)
        purchases = told.count("purchase")
        assert purchases <= 1
        assert not await stage.process.intents_of(show_id)

    assert purchases == 1
    assert calls(last)[6:] == [
        "catalogue.intents",
        "catalogue.open_runs",
        "auctions.left",
        "catalogue.record_left",
        "catalogue.intents",
        "log.announce",
        "catalogue.finish",
        "catalogue.intents",
        "catalogue.open_runs",
        "auctions.left",
        "auctions.closing",
        "catalogue.close",
        "catalogue.intents",
        "log.announce",
        "catalogue.finish",
        "catalogue.intents",
    ]


async def test_a_show_that_ends_now_has_ended_with_its_open_lot_or_goes_on(stage: Stage) -> None:
    async def prepare() -> str:
        show_id = await stage.show(1)
        await stage.process.runner.open_next(SAM, show_id)
        return show_id

    async def end(process: Process, show_id: str) -> None:
        await process.runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end_now)

    async for show_id, life in rounds(stage, prepare, end):
        show, [lot] = await stage.read(show_id), await stage.lots(show_id)
        auction = await stage.store.get(lot.auction_id or "")
        assert auction is not None
        if DECIDED not in life.steps and show.status is ShowStatus.LIVE:
            assert (lot.status, auction.status) == (LotStatus.OPEN, Status.OPEN)
            continue
        assert (show.status, lot.status, auction.status) == (
            ShowStatus.ENDED,
            LotStatus.PASSED,
            Status.CANCELLED,
        )
        assert stage.log.kinds(show_id)[-2:] == ["lot_closed", "show_ended"]
        assert not await stage.process.intents_of(show_id)


async def test_a_pause_and_the_resume_after_it_are_done_once_each(stage: Stage) -> None:
    async def prepare() -> str:
        show_id = await stage.show(1)
        await stage.process.runner.open_next(SAM, show_id)
        return show_id

    async def pause_and_resume(process: Process, show_id: str) -> None:
        await process.runner.turn(SAM, show_id, Verb.SHOW_PAUSED, rules.pause)
        await process.runner.turn(SAM, show_id, Verb.SHOW_RESUMED, rules.resume)

    last, times = Life(), (0, 0)
    async for show_id, life in rounds(stage, prepare, pause_and_resume):
        last = life
        show, [lot] = await stage.read(show_id), await stage.lots(show_id)
        auction = await stage.store.get(lot.auction_id or "")
        assert auction is not None
        is_paused = show.status is ShowStatus.PAUSED
        assert auction.status is (Status.PAUSED if is_paused else Status.OPEN)
        told = stage.log.kinds(show_id)
        times = told.count("show_paused"), told.count("show_resumed")
        assert times in ([(1, 0)] if is_paused else [(0, 0), (1, 1)])
        # Opened, paused, resumed: one event each.
        assert auction.seq == 1 + sum(times)
        assert not await stage.process.intents_of(show_id)

    assert times == (1, 1)
    once = ["auctions.check", "catalogue.act", "catalogue.intents"]
    told_and_done = ["log.announce", "catalogue.finish", "catalogue.intents"]
    assert calls(last) == [
        *(*once, "auctions.pause", *told_and_done),
        *(*once, "auctions.resume", *told_and_done),
    ]


class DiesBefore(Life):
    """Of a process that dies before this step, and does none after it either."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._last = step

    def step(self, name: str) -> None:
        if name == self._last:
            self.left = 0
        super().step(name)


class ReadLongAgo:
    """The catalogue for a process that has read these intents and then stood still."""

    def __init__(self, runs: RunStore, intents: Sequence[Intent]) -> None:
        self._intents = intents
        self.finish = runs.finish

    async def intents(self, _: str) -> Sequence[Intent]:
        intents, self._intents = self._intents, ()
        return intents


@pytest.mark.parametrize("terms", [AuctionTerms(), OfferTerms(price=700, quantity=2)], ids=["auction", "offer"])
async def test_a_process_that_stood_still_does_not_pause_again_what_was_resumed_since(
    stage: Stage, terms: LotTerms
) -> None:
    show_id = await stage.show(1, terms=terms)
    await stage.process.runner.open_next(SAM, show_id)
    dying = Process(stage, DiesBefore("before auctions.pause"))
    with pytest.raises(Killed):
        await dying.runner.turn(SAM, show_id, Verb.SHOW_PAUSED, rules.pause)
    slow: Any = ReadLongAgo(stage.process.runs, await stage.process.intents_of(show_id))
    await Process(stage, Life(), LATER_MS).worker.reconcile()
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_RESUMED, rules.resume)

    process = stage.process
    await IntentRunner(slow, process.sales, stage.log, process.known, Metrics()).carry_out(show_id)

    [lot] = await stage.lots(show_id)
    sold_in = stage.offers if lot.left else stage.store
    sale = await sold_in.get(lot.auction_id or "")
    assert sale is not None
    assert sale.status == "open"
    assert stage.log.kinds(show_id)[-2:] == ["show_paused", "show_resumed"]


async def test_what_a_show_has_announced_is_replaced_when_redis_has_an_older_state(stage: Stage) -> None:
    show_id = await stage.show(1)
    stage.log.forget(show_id, changes=1)

    await stage.process.runner.open_next(SAM, show_id)
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_PAUSED, rules.pause)

    assert stage.log.kinds(show_id) == ["lot_opened", "show_paused"]
