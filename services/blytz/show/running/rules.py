"""What happens in a show that runs (protocol, section 7): pure, with the time passed in.

Each function gets the show as it stands and returns the decision, or why not. What is asked for twice is done
once: the second time the decision changes nothing.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from blytz.auction.model import PauseReason, Standing
from blytz.offer.model import OfferTerms
from blytz.show.model import (
    MAX_OPEN_LOTS,
    MAX_RUNS,
    Closing,
    Host,
    Lot,
    LotFacts,
    LotStatus,
    Run,
    Show,
    ShowCode,
    ShowStatus,
    is_offer,
    sale_id,
)
from blytz.show.rules import changed_terms, may_have
from blytz.show.running.decision import Decision, Notice, Order, Reopening, Scene

Decided = Decision | ShowCode
Decide = Callable[[Scene, int], Decided]
"""From the show as it stands and the time, in ms since the Unix epoch."""

_CLOSED_AS: Final = {
    "sold": LotStatus.SOLD,
    "unsold": LotStatus.UNSOLD,
    "cancelled": LotStatus.PASSED,
}
_WAITING: Final = (LotStatus.QUEUED,)
_CLOSED: Final = tuple(_CLOSED_AS.values())


def start(scene: Scene, now: int) -> Decided:
    """From draft or scheduled; before its time too."""
    show = scene.show
    if show.status.is_final:
        return ShowCode.SHOW_OVER
    if show.status in (ShowStatus.LIVE, ShowStatus.PAUSED):
        return Decision(show)
    started = _turned(show, ShowStatus.LIVE, "show_started", started_at=now)
    return replace(started, orders=[Order("open_room")])


def pause(scene: Scene, _: int, reason: PauseReason = "seller") -> Decided:
    """Stops the clock of every open lot; the time that remains is kept. A seller who pauses a show that waits for
    its host resumes it himself."""
    show = scene.show
    if show.status is ShowStatus.PAUSED and (show.pause_reason == reason or reason != "seller"):
        return Decision(show)
    if show.status not in (ShowStatus.LIVE, ShowStatus.PAUSED):
        return ShowCode.SHOW_NOT_LIVE
    turned = _turned(show, ShowStatus.PAUSED, "show_paused", {"reason": reason}, pause_reason=reason)
    if show.status is ShowStatus.PAUSED:
        return turned
    return replace(turned, orders=[Order("pause", auction_id, reason) for auction_id in scene.open_runs])


def resume(scene: Scene, _: int) -> Decided:
    if scene.show.status is ShowStatus.LIVE:
        return Decision(scene.show)
    if scene.show.status is not ShowStatus.PAUSED:
        return ShowCode.SHOW_NOT_LIVE
    turned = _turned(scene.show, ShowStatus.LIVE, "show_resumed", pause_reason=None)
    return replace(turned, orders=[Order("resume", auction_id) for auction_id in scene.open_runs])


def end(scene: Scene, _: int) -> Decided:
    """It ends once no lot is open (`settle`). Offers have no clock to wait for: they are closed."""
    show = scene.show
    if show.status is ShowStatus.ENDED:
        return Decision(show)
    if show.status not in (ShowStatus.LIVE, ShowStatus.PAUSED):
        return ShowCode.SHOW_OVER if show.status.is_final else ShowCode.SHOW_NOT_LIVE
    if show.is_ending:
        return Decision(show)
    return Decision(
        replace(show, is_ending=True, version=show.version + 1),
        orders=[Order("close", run_id) for run_id in scene.open_runs if is_offer(run_id)],
        notices=[Notice("show_changed")],
    )


def end_now(scene: Scene, now: int) -> Decided:
    """The same, and open lots are cancelled."""
    ended = end(scene, now)
    if isinstance(ended, ShowCode):
        return ended
    return replace(ended, orders=[Order("cancel", auction_id) for auction_id in scene.open_runs])


def cancel(scene: Scene, now: int) -> Decided:
    """Only before it has started."""
    show = scene.show
    if show.status is ShowStatus.CANCELLED:
        return Decision(show)
    if show.status is ShowStatus.ENDED:
        return ShowCode.SHOW_OVER
    if show.status not in (ShowStatus.DRAFT, ShowStatus.SCHEDULED):
        return ShowCode.SHOW_STARTED
    called_off = _turned(show, ShowStatus.CANCELLED, "show_changed", ended_at=now)
    # A host may have tried the camera before the show.
    return replace(called_off, show=replace(called_off.show, host=Host()), orders=[Order("close_room")])


def open_lot(auction_id: str, reopening: Reopening | None = None) -> Decide:
    """Opens the lot as the auction of this id, or as the offer of `model.sale_id`: one that waits in the queue, or
    with a `reopening` one that was closed."""

    def decide(scene: Scene, now: int) -> Decided:
        lot = _lot_to_open(scene, reopening)
        return lot if isinstance(lot, ShowCode) else _opening(scene.show, lot, auction_id, now)

    return decide


def open_due(auction_id: str) -> Decide:
    """The next lot, if it still is time for it: another process may have opened one since."""
    open_next = open_lot(auction_id)

    def decide(scene: Scene, now: int) -> Decided:
        if scene.show.next_lot_at is None or scene.show.next_lot_at > now:
            return ShowCode.LOT_NOT_QUEUED
        return open_next(scene, now)

    return decide


def close_now(scene: Scene, _: int) -> Decided:
    """Closes an open lot before its time: as the hammer would, or an offer with the units that are sold. One that
    was closed stays as it is."""
    lot = scene.lot
    if lot is None or lot.status in (LotStatus.QUEUED, LotStatus.WITHDRAWN) or lot.auction_id is None:
        return ShowCode.LOT_NOT_OPEN
    orders = [Order("close", lot.auction_id)] if lot.status is LotStatus.OPEN else []
    return Decision(scene.show, orders=orders)


def requirements_of(show: Show) -> tuple[Standing, ...]:
    wanted = show.settings.bidder_requirements
    return tuple(
        standing
        for standing, is_wanted in ((Standing.APPROVED, wanted.approval), (Standing.HAS_CARD, wanted.card))
        if is_wanted
    )


def record_left(scene: Scene, offer_id: str, left: int) -> Decided:
    """What an open offer has left. It only falls, so an older number changes nothing."""
    lot = scene.lot
    if lot is None or lot.status is not LotStatus.OPEN or lot.auction_id != offer_id:
        return Decision(scene.show)
    if lot.left is None or left >= lot.left:
        return Decision(scene.show)
    sold = replace(lot, left=left)
    return Decision(scene.show, [sold], notices=[Notice("purchase", sold, {"lot_id": lot.lot_id, "left": left})])


def close_lot(scene: Scene, closing: Closing) -> Decided:
    """A lot of which units are left goes back to its place in the queue, whether this one was sold or not. After
    the last one it is sold when any unit was, with the price and winner of the latest."""
    lot = scene.lot
    if lot is None or lot.status is not LotStatus.OPEN or lot.auction_id != closing.auction_id:
        return Decision(scene.show)
    status = _CLOSED_AS[closing.outcome]
    winner = closing.winner if closing.outcome == "sold" else None
    left = lot.left if closing.left is None else closing.left
    closed = replace(lot, status=status, price=closing.price, winner=winner, left=left)
    if status is not LotStatus.PASSED and lot.unit < lot.quantity:
        closed = replace(closed, status=LotStatus.QUEUED, unit=lot.unit + 1)
    elif status is not LotStatus.SOLD and (sale := scene.last_sale):
        closed = replace(closed, status=LotStatus.SOLD, price=sale.price, winner=sale.winner)
    told = {
        "auction_id": closing.auction_id,
        "outcome": closing.outcome,
        "price": closing.price,
        "winner": {"id": winner.id, "name": winner.name} if winner else None,
    }
    return Decision(scene.show, [closed], closed=closing, notices=[Notice("lot_closed", closed, told)])


def conclude(before: Show, decision: Decision, facts: LotFacts, now: int) -> Decision:
    """The decision with what follows from the lots as they are after it: a show that has ended says so, and its
    video room closes."""
    show = settle(decision.show, facts, now)
    if show.status is not ShowStatus.ENDED or before.status is ShowStatus.ENDED:
        return replace(decision, show=show)
    return replace(
        decision,
        show=show,
        orders=[*decision.orders, Order("close_room")],
        notices=[*decision.notices, Notice("show_ended")],
    )


def settle(show: Show, facts: LotFacts, now: int) -> Show:
    """After every change: a show that is ending ends with its last open lot, and the next lot is planned."""
    if show.is_ending and not facts.open_lots and not show.status.is_final:
        return replace(
            show,
            status=ShowStatus.ENDED,
            ended_at=now,
            next_lot_at=None,
            host=Host(),
            host_pause_at=None,
            pause_reason=None,
            is_ending=False,
            version=show.version + 1,
        )
    wait_ms = show.settings.auto_advance_ms
    is_waiting = (
        wait_ms is not None
        and show.settings.mode == "one_at_a_time"
        and show.status is ShowStatus.LIVE
        and not show.is_ending
        and not facts.open_lots
        and facts.queued > 0
    )
    if not is_waiting:
        return replace(show, next_lot_at=None)
    return show if show.next_lot_at is not None else replace(show, next_lot_at=now + (wait_ms or 0))


def _turned(
    show: Show, status: ShowStatus, kind: str, told: dict[str, str] | None = None, **changes: int | str | None
) -> Decision:
    turned = replace(show, status=status, version=show.version + 1, **changes)
    return Decision(turned, notices=[Notice(kind, fields=told or {})])


def _lot_to_open(scene: Scene, reopening: Reopening | None) -> Lot | ShowCode:
    """With the terms that it is opened by."""
    show, lot = scene.show, scene.lot
    if show.status.is_final:
        return ShowCode.SHOW_OVER
    if show.status is not ShowStatus.LIVE or show.is_ending:
        return ShowCode.SHOW_NOT_LIVE
    if scene.facts.open_lots and show.settings.mode == "one_at_a_time":
        return ShowCode.LOT_ALREADY_OPEN
    if lot is None:
        return ShowCode.LOT_NOT_QUEUED
    if lot.status is LotStatus.OPEN:
        return ShowCode.LOT_ALREADY_OPEN
    if lot.status not in (_WAITING if reopening is None else _CLOSED):
        return ShowCode.LOT_NOT_QUEUED
    if len(scene.facts.open_lots) >= MAX_OPEN_LOTS or lot.run >= MAX_RUNS:
        return ShowCode.TOO_MANY
    terms = lot.terms
    if reopening and reopening.terms:
        terms = changed_terms(lot.terms, reopening.terms)
    return replace(lot, terms=terms) if may_have(terms, lot.quantity) else ShowCode.QUANTITY_NOT_ONE


def _opening(show: Show, lot: Lot, auction_id: str, now: int) -> Decision:
    run_id = sale_id(auction_id, lot.terms, show.visibility)
    opened = replace(
        lot,
        status=LotStatus.OPEN,
        run=lot.run + 1,
        auction_id=run_id,
        price=0,
        winner=None,
        pre_bids=0,
        left=lot.terms.quantity if isinstance(lot.terms, OfferTerms) else None,
    )
    run = Run(
        auction_id=run_id,
        show_id=show.show_id,
        lot_id=lot.lot_id,
        run=opened.run,
        unit=lot.unit,
        terms=lot.terms,
        opened_at=now,
    )
    told = Notice("lot_opened", opened, {"auction_id": run_id})
    return Decision(show, [opened], opened=run, orders=[Order("open", run_id)], notices=[told])
