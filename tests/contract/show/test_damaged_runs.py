"""One auction or offer that is damaged in Redis holds up nothing but its own lot, and that only until it is
repaired."""

import pytest

from blytz.kit.problems import Conflict
from blytz.offer.model import OfferTerms
from blytz.show.acts import Verb
from blytz.show.model import LotStatus, LotTerms, ShowSettings, ShowStatus
from blytz.show.running import rules
from blytz.show.running.decision import Reopening
from tests.support.metrics import value_of
from tests.support.running_shows import SAM, Life, Process, Stage

FIXED = OfferTerms(price=700, quantity=2)
DAMAGED, SOUND = "lot_1_1", "lot_1_2"
LATER_MS = 5_000


class Damage:
    """A field of the run of a lot that is no number, until it is repaired."""

    def __init__(self, stage: Stage, auction_id: str) -> None:
        is_offer = auction_id.startswith("ofr_")
        self._redis, self._field = stage.redis, "left" if is_offer else "seq"
        self._key = f"{'offer' if is_offer else 'auction'}:{{{auction_id}}}"
        self._sound = stage.redis.ask("HGET", self._key, self._field)
        stage.redis.ask("HSET", self._key, self._field, "x")

    def repair(self) -> None:
        self._redis.ask("HSET", self._key, self._field, self._sound)


async def damaged(stage: Stage, terms: LotTerms | None = FIXED) -> tuple[str, Damage]:
    """A show with two open lots, of which the first is damaged."""
    show_id = await stage.show(2, terms=terms, settings=ShowSettings(mode="parallel"))
    for lot_id in (DAMAGED, SOUND):
        await stage.process.runner.open_lot(SAM, lot_id)
    return show_id, Damage(stage, (await stage.lots(show_id))[0].auction_id or "")


async def statuses(stage: Stage, show_id: str) -> list[LotStatus]:
    return [lot.status for lot in await stage.lots(show_id)]


def later(stage: Stage) -> Process:
    return stage.new_process(ahead_ms=LATER_MS)


async def test_the_other_offers_are_told_and_closed(stage: Stage) -> None:
    show_id, damage = await damaged(stage)
    worker = stage.process.worker
    await stage.buy(SOUND)
    await worker.follow_offers()
    assert [lot.left for lot in await stage.lots(show_id)] == [2, 1]

    await stage.buy(SOUND)
    await worker.follow_offers()
    assert await statuses(stage, show_id) == [LotStatus.OPEN, LotStatus.SOLD]

    damage.repair()
    await stage.buy(DAMAGED, 2)
    await later(stage).worker.follow_offers()
    assert await statuses(stage, show_id) == [LotStatus.SOLD, LotStatus.SOLD]


@pytest.mark.parametrize("terms", [None, FIXED])
async def test_what_ended_unseen_is_closed_behind_a_damaged_one(stage: Stage, terms: LotTerms | None) -> None:
    show_id, _ = await damaged(stage, terms)
    if terms is None:
        await stage.hammer(SOUND)
    else:
        await stage.buy(SOUND, 2)

    await later(stage).worker.reconcile()

    assert (await statuses(stage, show_id))[0] is LotStatus.OPEN
    assert (await statuses(stage, show_id))[1] is not LotStatus.OPEN


@pytest.mark.parametrize("terms", [None, FIXED])
async def test_a_show_that_ends_now_cancels_the_others_and_says_why_it_goes_on(
    stage: Stage, terms: LotTerms | None
) -> None:
    show_id, damage = await damaged(stage, terms)

    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            await stage.process.runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end_now)
        assert refused.value.code == "lot_damaged"
    assert await statuses(stage, show_id) == [LotStatus.OPEN, LotStatus.PASSED]
    assert stage.log.kinds(show_id)[-1] == "lot_closed"
    assert [intent.order.verb for intent in await stage.process.intents_of(show_id) if intent.order] == ["cancel"]

    damage.repair()
    await later(stage).worker.reconcile()
    assert (await stage.read(show_id)).status is ShowStatus.ENDED
    assert await statuses(stage, show_id) == [LotStatus.PASSED, LotStatus.PASSED]
    assert not await stage.process.intents_of(show_id)


async def test_a_damaged_lot_is_closed_once_it_is_repaired_and_the_show_goes_on_meanwhile(stage: Stage) -> None:
    show_id, damage = await damaged(stage)
    runner = stage.process.runner
    with pytest.raises(Conflict, match="not valid"):
        await runner.close_lot(SAM, DAMAGED)

    assert (await runner.close_lot(SAM, SOUND)).lot is not None
    await stage.process.shows.add_lot(SAM, show_id, "lot_1_3", {"title": "Glass", "terms": FIXED})
    await runner.rerun(SAM, SOUND, Reopening())
    await stage.buy(SOUND, 2)
    await later(stage).worker.follow_offers()
    assert (await statuses(stage, show_id))[:2] == [LotStatus.OPEN, LotStatus.SOLD]

    damage.repair()
    closed = await runner.close_lot(SAM, DAMAGED)
    assert closed.lot is not None
    assert closed.lot.status is LotStatus.UNSOLD


async def test_a_damaged_run_is_left_alone_for_a_while_and_counted(stage: Stage) -> None:
    await damaged(stage)
    life = Life()
    process = Process(stage, life)
    for _ in range(3):
        await process.worker.follow_offers()
        await process.worker.reconcile()

    asked = [step for step in life.steps if step in ("before auctions.left", "before auctions.closing")]
    of_the_sound_one = 6
    assert len(asked) == of_the_sound_one + 1
    assert value_of(process.metrics, "blytz_runs_damaged") == 1
