"""What a change does to a show or a lot (protocol, section 7): pure, with the time passed in."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import asdict, fields, replace

from blytz.auction import rules as auction_rules
from blytz.auction.model import Terms
from blytz.kit.http.parse import refused
from blytz.offer import rules as offer_rules
from blytz.offer.model import OfferTerms
from blytz.show.model import AuctionTerms, Lot, LotStatus, LotTerms, Show, ShowCode, ShowStatus, TermsChange

T = TypeVar("T", bound=Struct)

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


def laid_over(value: T, change: Mapping[str, Any]) -> T:
    """`value` with what `change` names. A mapping changes the struct of its name in the same way."""
    named: dict[str, Any] = {}
    for name, new in change.items():
        is_part = isinstance(new, Mapping)
        named[name] = laid_over(getattr(value, name), new) if is_part else new
    return replace(value, **named)


def changed_terms(own: LotTerms, change: LotTerms | TermsChange) -> LotTerms:
    """What a change does not name is kept, unless it asks for another format. Raises `InvalidRequest` with each
    fault of the terms as they would be."""
    if not isinstance(change, TermsChange):
        return change
    kind = type(own) if change.format is None else _KINDS[change.format]
    named = (asdict(own) if type(own) is kind else {}) | change.fields
    known = {field.name: field for field in fields(kind)}
    faults = [(f"terms.{name}", "is not a term of this format") for name in named if name not in known]
    missing = (name for name, field in known.items() if field.required and name not in named)
    faults += [(f"terms.{name}", "is missing") for name in missing]
    if faults:
        raise refused(faults)
    terms = kind(**named)
    refuse_faulty(terms)
    return terms


_KINDS: Final[dict[str, type[LotTerms]]] = {"auction": AuctionTerms, "fixed": OfferTerms}


def refuse_faulty(terms: Terms | OfferTerms) -> None:
    """Raises `InvalidRequest` when these terms contradict each other."""
    faults = offer_rules.faults_in(terms) if isinstance(terms, OfferTerms) else auction_rules.faults_in(terms)
    if faults:
        raise refused([(f"terms.{path}", why) for path, why in faults])


def change_show(show: Show, fields: dict[str, Any], seen: int | None) -> Show | ShowCode:
    """`fields` are those that change, checked one by one, as `laid_over` takes them; `seen` is the version that
    the caller has read. A show that gets a time is scheduled, until it starts."""
    if seen is not None and seen != show.version:
        return ShowCode.VERSION_CONFLICT
    if show.status.is_final:
        return ShowCode.SHOW_OVER
    if show.status not in (ShowStatus.DRAFT, ShowStatus.SCHEDULED):
        # What bidders have relied on since it began.
        fixed = {"scheduled_at", "visibility"} & fields.keys()
        if any(fields[name] != getattr(show, name) for name in fixed):
            return ShowCode.SHOW_STARTED
    changed = with_schedule(laid_over(show, fields))
    if show.status is ShowStatus.SCHEDULED and _readers_change(show, changed):
        return ShowCode.SHOW_SCHEDULED
    return show if changed == show else replace(changed, version=show.version + 1)


def _readers_change(show: Show, changed: Show) -> bool:
    """Whether a scheduled show would become a draft, or a rehearsal, or would stop being one. Who watches it stays
    on its topic, so that is refused."""
    becomes_draft = changed.status is ShowStatus.DRAFT
    return becomes_draft or (changed.visibility == "rehearsal") != (show.visibility == "rehearsal")


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
    """Only while it is queued: the terms of an open lot never change. Raises `InvalidRequest`."""
    if lot.status is not LotStatus.QUEUED:
        return ShowCode.LOT_NOT_QUEUED
    changed = with_fields(lot, fields)
    return changed if may_have(changed.terms, changed.quantity) else ShowCode.QUANTITY_NOT_ONE


def with_fields(lot: Lot, fields: dict[str, Any]) -> Lot:
    """The lot with what changes. Raises `InvalidRequest` as `changed_terms`."""
    terms = changed_terms(lot.terms, fields["terms"]) if "terms" in fields else lot.terms
    return replace(lot, **{**fields, "terms": terms})


def may_have(terms: LotTerms, quantity: int) -> bool:
    """Whether a lot with these terms may have this many units, each with a run of its own. At a fixed price all
    units are of one run, and the terms say how many."""
    return quantity == 1 or not isinstance(terms, OfferTerms)
