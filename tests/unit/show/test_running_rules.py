"""What a show that runs answers in each state, and which refusal comes first where several fit."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from blytz.auction.model import REHEARSAL_PREFIX
from blytz.offer.model import OfferTerms
from blytz.show.model import (
    MAX_OPEN_LOTS,
    MAX_RUNS,
    AuctionTerms,
    Closing,
    Lot,
    LotFacts,
    LotStatus,
    Show,
    ShowCode,
    ShowSettings,
    ShowStatus,
)
from blytz.show.running import rules
from blytz.show.running.decision import Decision, Notice, Order, Reopening, Scene, UnitSale
from blytz.show.running.rules import Decide
from tests.support.shows import SELLER, lot, show

SHOWS: Final[dict[str, dict[str, Any]]] = {
    "draft": {"status": ShowStatus.DRAFT, "scheduled_at": None},
    "scheduled": {},
    "live": {"status": ShowStatus.LIVE},
    "live*": {"status": ShowStatus.LIVE, "is_ending": True},
    "paused": {"status": ShowStatus.PAUSED, "pause_reason": "seller"},
    "paused*": {"status": ShowStatus.PAUSED, "pause_reason": "seller", "is_ending": True},
    "waiting": {"status": ShowStatus.PAUSED, "pause_reason": "host_away"},
    "ended": {"status": ShowStatus.ENDED},
    "cancelled": {"status": ShowStatus.CANCELLED},
}
VERBS: Final[dict[str, Decide]] = {
    "start": rules.start,
    "pause": rules.pause,
    "resume": rules.resume,
    "end": rules.end,
    "end_now": rules.end_now,
    "cancel": rules.cancel,
}
# Which state of the show follows, `-` that it stays as it is, or the refusal. A star: it ends with its last lot.
ANSWERS: Final = """
            start      pause          resume         end            end_now        cancel
draft       live       show_not_live  show_not_live  show_not_live  show_not_live  cancelled
scheduled   live       show_not_live  show_not_live  show_not_live  show_not_live  cancelled
live        -          paused         -              live*          live*          show_started
live*       -          paused*        -              -              -              show_started
paused      -          -              live           paused*        paused*        show_started
paused*     -          -              live*          -              -              show_started
waiting     -          paused         live           waiting*       waiting*       show_started
ended       show_over  show_not_live  show_not_live  -              -              show_over
cancelled   show_over  show_not_live  show_not_live  show_over      show_over      -
"""
_names, *_rows = (line.split() for line in ANSWERS.strip().splitlines())
TABLE: Final = [
    (state, verb, answer) for state, *answers in _rows for verb, answer in zip(_names, answers, strict=True)
]


def state_of(found: Show) -> str:
    state = "waiting" if found.pause_reason == "host_away" else found.status.value
    return state + "*" * found.is_ending


@pytest.mark.parametrize(("state", "verb", "answer"), TABLE, ids=lambda part: part)
def test_what_each_call_does_to_a_show_in_each_state(state: str, verb: str, answer: str) -> None:
    before = show(**SHOWS[state])

    decided = VERBS[verb](Scene(before), 5_000)

    if isinstance(decided, ShowCode):
        assert decided.value == answer
    elif answer == "-":
        assert decided.show == before
        assert not decided.orders
        assert not decided.notices
    else:
        assert (state_of(decided.show), decided.show.version) == (answer, before.version + 1)
        assert len(decided.notices) == 1


def queued(**fields: Any) -> Lot:
    return lot(1, quantity=2, **fields)


ONE_AT_A_TIME, PARALLEL = ShowSettings(), ShowSettings(mode="parallel")
ANOTHER_OPEN, ALL_OPEN = ("lot_1_9",), tuple(f"lot_1_{number}" for number in range(10, 10 + MAX_OPEN_LOTS))
AT_A_PRICE: Final = Reopening(OfferTerms(price=700, quantity=3))
# State and settings of the show, its open lots, the lot, and how it is opened. Each line has what its refusal
# names, and every later reason to refuse that fits beside it.
OPENINGS: Final[list[tuple[str, ShowSettings, tuple[str, ...], Lot | None, Reopening | None, ShowCode]]] = [
    ("ended", ONE_AT_A_TIME, ANOTHER_OPEN, None, None, ShowCode.SHOW_OVER),
    ("cancelled", ONE_AT_A_TIME, ANOTHER_OPEN, None, None, ShowCode.SHOW_OVER),
    ("scheduled", ONE_AT_A_TIME, ANOTHER_OPEN, None, None, ShowCode.SHOW_NOT_LIVE),
    ("paused", ONE_AT_A_TIME, ANOTHER_OPEN, None, None, ShowCode.SHOW_NOT_LIVE),
    ("live*", ONE_AT_A_TIME, ANOTHER_OPEN, None, None, ShowCode.SHOW_NOT_LIVE),
    ("live", ONE_AT_A_TIME, ANOTHER_OPEN, None, None, ShowCode.LOT_ALREADY_OPEN),
    ("live", PARALLEL, ALL_OPEN, None, None, ShowCode.LOT_NOT_QUEUED),
    ("live", PARALLEL, ALL_OPEN, queued(status=LotStatus.OPEN, run=MAX_RUNS), None, ShowCode.LOT_ALREADY_OPEN),
    ("live", PARALLEL, ALL_OPEN, queued(status=LotStatus.SOLD, run=MAX_RUNS), None, ShowCode.LOT_NOT_QUEUED),
    ("live", PARALLEL, ALL_OPEN, queued(run=MAX_RUNS), AT_A_PRICE, ShowCode.LOT_NOT_QUEUED),
    ("live", PARALLEL, ALL_OPEN, queued(status=LotStatus.WITHDRAWN), AT_A_PRICE, ShowCode.LOT_NOT_QUEUED),
    ("live", PARALLEL, ALL_OPEN, queued(status=LotStatus.SOLD), AT_A_PRICE, ShowCode.TOO_MANY),
    ("live", PARALLEL, (), queued(status=LotStatus.SOLD, run=MAX_RUNS), AT_A_PRICE, ShowCode.TOO_MANY),
    ("live", PARALLEL, (), queued(status=LotStatus.SOLD), AT_A_PRICE, ShowCode.QUANTITY_NOT_ONE),
]


@pytest.mark.parametrize(("state", "settings", "open_lots", "asked", "reopening", "code"), OPENINGS)
def test_why_a_lot_is_not_opened_in_the_order_in_which_it_is_told(
    state: str,
    settings: ShowSettings,
    open_lots: tuple[str, ...],
    asked: Lot | None,
    reopening: Reopening | None,
    code: ShowCode,
) -> None:
    scene = Scene(show(**SHOWS[state], settings=settings), LotFacts(open_lots=open_lots), asked)

    assert rules.open_lot("auc_1", reopening)(scene, 5_000) is code


def test_a_lot_is_not_due_before_its_time_whatever_else_stands_in_the_way() -> None:
    planned = Scene(show(**SHOWS["live"], next_lot_at=6_000), lot=queued())
    open_due = rules.open_due("auc_1")

    assert open_due(planned, 5_999) is ShowCode.LOT_NOT_QUEUED
    assert isinstance(open_due(planned, 6_000), Decision)
    assert open_due(replace(planned, show=show(**SHOWS["paused"])), 6_000) is ShowCode.LOT_NOT_QUEUED


@pytest.mark.parametrize("status", [LotStatus.SOLD, LotStatus.UNSOLD, LotStatus.PASSED])
@pytest.mark.parametrize(
    ("visibility", "terms", "run_id"),
    [
        ("public", AuctionTerms(), "auc_1"),
        ("rehearsal", AuctionTerms(), f"{REHEARSAL_PREFIX}1"),
        ("public", OfferTerms(price=700, quantity=3), "ofr_1"),
    ],
)
def test_a_lot_that_comes_up_again_forgets_how_it_was_closed(
    status: LotStatus, visibility: Any, terms: Any, run_id: str
) -> None:
    closed = lot(1, status=status, run=1, auction_id="auc_0", price=9_000, winner=show().seller, left=0)

    decided = rules.open_lot("auc_1", Reopening(terms))(
        Scene(show(**SHOWS["live"], visibility=visibility), lot=closed), 5_000
    )

    assert isinstance(decided, Decision)
    [opened] = decided.lots
    assert (opened.status, opened.run, opened.auction_id, opened.terms) == (LotStatus.OPEN, 2, run_id, terms)
    assert (opened.price, opened.winner, opened.left) == (0, None, getattr(terms, "quantity", None))
    assert decided.orders == [Order("open", run_id)]
    assert decided.opened is not None
    assert (decided.opened.auction_id, decided.opened.run, decided.opened.opened_at) == (run_id, 2, 5_000)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (None, ShowCode.LOT_NOT_OPEN),
        (lot(1), ShowCode.LOT_NOT_OPEN),
        (lot(1, status=LotStatus.QUEUED, auction_id="auc_1"), ShowCode.LOT_NOT_OPEN),
        (lot(1, status=LotStatus.WITHDRAWN, auction_id="auc_1"), ShowCode.LOT_NOT_OPEN),
        (lot(1, status=LotStatus.OPEN, auction_id="auc_1"), [Order("close", "auc_1")]),
        (lot(1, status=LotStatus.PASSED, auction_id="auc_1"), []),
    ],
)
def test_only_an_open_lot_is_closed_before_its_time(asked: Lot | None, answer: ShowCode | list[Order]) -> None:
    decided = rules.close_now(Scene(show(**SHOWS["live"]), lot=asked), 5_000)

    assert (decided.orders if isinstance(decided, Decision) else decided) == answer


def test_of_the_open_lots_only_offers_are_closed_when_a_show_ends_and_all_are_cancelled_when_it_ends_now() -> None:
    scene = Scene(show(**SHOWS["live"]), open_runs=["auc_1", "ofr_2"])
    patient, hasty = rules.end(scene, 5_000), rules.end_now(scene, 5_000)

    assert isinstance(patient, Decision)
    assert patient.orders == [Order("close", "ofr_2")]
    assert isinstance(hasty, Decision)
    assert hasty.orders == [Order("cancel", "auc_1"), Order("cancel", "ofr_2")]


SELLING: Final = lot(1, status=LotStatus.OPEN, auction_id="ofr_1", left=3)


@pytest.mark.parametrize(
    "asked",
    [
        None,
        replace(SELLING, status=LotStatus.SOLD),
        replace(SELLING, auction_id="ofr_2"),
        replace(SELLING, left=2),
        replace(SELLING, left=1),
        replace(SELLING, left=None),
    ],
)
def test_what_is_known_to_be_left_only_falls_and_only_of_the_open_offer(asked: Lot | None) -> None:
    scene = Scene(show(**SHOWS["live"]), lot=asked)

    assert rules.record_left(scene, "ofr_1", 2) == Decision(scene.show)


@pytest.mark.parametrize(("last_sale", "status"), [(None, "passed"), (UnitSale(700, SELLER), "sold")])
def test_a_unit_that_is_cancelled_ends_its_lot_with_what_was_sold_before(
    last_sale: UnitSale | None, status: str
) -> None:
    second = lot(1, status=LotStatus.OPEN, auction_id="auc_1", quantity=3, unit=2)
    scene = Scene(show(**SHOWS["live"]), lot=second, last_sale=last_sale)

    decided = rules.close_lot(scene, Closing("auc_1", "cancelled", 0, None, 5_000))

    assert isinstance(decided, Decision)
    [closed] = decided.lots
    assert (closed.status, closed.unit) == (status, 2)
    assert (closed.price, closed.winner) == ((700, SELLER) if last_sale else (0, None))


def test_the_end_of_an_earlier_run_changes_nothing() -> None:
    scene = Scene(show(**SHOWS["live"]), lot=SELLING)

    assert rules.close_lot(scene, Closing("ofr_0", "sold", 700, None, 5_000)) == Decision(scene.show)


def test_a_show_ends_with_its_last_open_lot_once_and_its_video_room_closes() -> None:
    before = show(**SHOWS["live*"])
    told = Decision(before, orders=[Order("cancel", "auc_1")], notices=[Notice("lot_closed")])

    waits = rules.conclude(before, told, LotFacts(open_lots=("lot_1",)), 5_000)
    ended = rules.conclude(before, told, LotFacts(), 5_000)
    again = rules.conclude(ended.show, Decision(ended.show), LotFacts(), 6_000)

    assert waits == told
    assert (ended.show.status, ended.show.ended_at) == (ShowStatus.ENDED, 5_000)
    assert ended.orders == [*told.orders, Order("close_room")]
    assert ended.notices == [*told.notices, Notice("show_ended")]
    assert again == Decision(ended.show)
