"""What a change does to a show or a lot (protocol, section 7): pure, with the time passed in."""

from typing import Any, Final

from msgspec.structs import replace

from blytz.offer.model import OfferTerms
from blytz.show.model import Lot, LotStatus, LotTerms, Show, ShowCode, ShowStatus

RANKS: Final = {
    ShowStatus.LIVE: 0,
    ShowStatus.PAUSED: 0,
    ShowStatus.SCHEDULED: 1,
    ShowStatus.DRAFT: 2,
    ShowStatus.ENDED: 3,
    ShowStatus.CANCELLED: 3,
}


def listed_at(show: Show) -> tuple[int, int]:
    """Where a show stands in a list, the smallest first: live ones, then the soonest, then drafts, then those that
    ended, the newest first. The number after the rank is a time."""
    match show.status:
        case ShowStatus.ENDED | ShowStatus.CANCELLED:
            at = -(show.ended_at or 0)
        case ShowStatus.SCHEDULED:
            at = show.scheduled_at or 0
        case _:
            at = -(show.started_at or 0)
    return RANKS[show.status], at


def is_for_everybody(show: Show) -> bool:
    """Whether anybody may see it: a draft or a rehearsal is for its seller, moderators and admins."""
    return show.status is not ShowStatus.DRAFT and show.visibility != "rehearsal"


def has_audience(show: Show) -> bool:
    """Whether it can be watched by others than those who run it, and is not over."""
    return is_for_everybody(show) and not show.status.is_final


def change_show(show: Show, fields: dict[str, Any], seen: int | None) -> Show | ShowCode:
    """`fields` are those that change, checked one by one; `seen` is the version that the caller has read. A show
    that has a time is scheduled, until it starts."""
    if seen is not None and seen != show.version:
        return ShowCode.VERSION_CONFLICT
    if show.status.is_final:
        return ShowCode.SHOW_OVER
    if show.status not in (ShowStatus.DRAFT, ShowStatus.SCHEDULED):
        # What bidders have relied on since it began.
        fixed = {"scheduled_at", "visibility"} & fields.keys()
        if any(fields[name] != getattr(show, name) for name in fixed):
            return ShowCode.SHOW_STARTED
    changed = with_schedule(replace(show, **fields))
    return show if changed == show else replace(changed, version=show.version + 1)


def with_schedule(show: Show) -> Show:
    """Draft or scheduled, by whether it has a time; a show that has started stays as it is."""
    if show.status not in (ShowStatus.DRAFT, ShowStatus.SCHEDULED):
        return show
    status = ShowStatus.DRAFT if show.scheduled_at is None else ShowStatus.SCHEDULED
    return replace(show, status=status)


def place_pre_bid(show: Show, lot: Lot, bidder_id: str, amount: int) -> ShowCode | None:
    """Why this ceiling is refused. It must reach the first bid that the lot takes."""
    if show.status.is_final:
        return ShowCode.SHOW_OVER
    if lot.status is not LotStatus.QUEUED:
        return ShowCode.LOT_NOT_QUEUED
    if bidder_id == show.seller.id:
        return ShowCode.BIDDER_IS_SELLER
    if isinstance(lot.terms, OfferTerms):
        return ShowCode.LOT_NOT_AUCTIONED
    return ShowCode.BID_TOO_LOW if amount < lot.terms.start_price else None


def change_lot(lot: Lot, fields: dict[str, Any]) -> Lot | ShowCode:
    """Only while it is queued: the terms of an open lot never change."""
    if lot.status is not LotStatus.QUEUED:
        return ShowCode.LOT_NOT_QUEUED
    changed = replace(lot, **fields)
    return changed if may_have(changed.terms, changed.quantity) else ShowCode.QUANTITY_NOT_ONE


def may_have(terms: LotTerms, quantity: int) -> bool:
    """Whether a lot with these terms may have this many units, each with a run of its own. At a fixed price all
    units are of one run, and the terms say how many."""
    return quantity == 1 or not isinstance(terms, OfferTerms)
