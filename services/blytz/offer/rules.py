"""What a purchase does, and when an offer stands still and ends: pure, with the time passed in.

This is the oracle of the tests; `lua/` decides the same in Redis. The two are read side by side: same names, same
order. A `now` before the offer's own clock counts as that clock.
"""

from collections.abc import Collection
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from blytz.auction.model import Cause, Event, PauseReason, Standing
from blytz.offer.model import (
    Code,
    Offer,
    OfferListing,
    OfferTerms,
    Purchase,
    PurchaseReceipt,
    Refused,
    Status,
    Verb,
)


class Change(Struct, frozen=True):
    """What a verb did: the offer after it, and its events in order."""

    offer: Offer
    events: tuple[Event, ...]


class Recorded(Struct, frozen=True):
    """A purchase that counts: the change, and the answer to the buyer."""

    offer: Offer
    events: tuple[Event, ...]
    receipt: PurchaseReceipt


def faults_in(terms: OfferTerms) -> list[tuple[str, str]]:
    """What is wrong with these terms beyond the range of single fields: `(field, why)` of each fault."""
    if terms.sale is not None and terms.sale.price >= terms.price:
        return [("sale.price", "must be below price")]
    return []


def open_offer(listing: OfferListing, cause: Cause, now: int) -> Change:
    terms = listing.terms
    sale_ends_at = now + terms.sale.for_ms if terms.sale else None
    offer = Offer(listing=listing, clock=now, left=terms.quantity, opened_at=now, sale_ends_at=sale_ends_at)
    return publish(offer, "opened", cause)


def purchase(
    offer: Offer | None,
    asked: Purchase,
    seen: PurchaseReceipt | None,
    bought: int,
    standings: Collection[Standing],
    cause: Cause,
    now: int,
) -> Recorded | PurchaseReceipt | Refused:
    """Decide one purchase of a buyer who has `bought` so many units and has these standings. A `PurchaseReceipt`
    alone means that this very purchase was recorded before."""
    if offer is None:
        return Refused(Code.OFFER_NOT_FOUND)
    now = max(now, offer.clock)
    if seen is not None:
        return (
            replace(seen, replayed=True)
            if seen.quantity == asked.quantity
            else refuse(Code.PURCHASE_ID_REUSED, offer)
        )
    code = why_refused(offer, asked, bought, standings)
    if code is not None:
        return refuse(code, offer)
    terms = offer.listing.terms
    sale = terms.sale if offer.sale_ends_at is not None and now < offer.sale_ends_at else None
    unit_price = sale.price if sale else terms.price
    after = replace(offer, clock=now, left=offer.left - asked.quantity)
    buyer = {"id": asked.buyer.id, "name": asked.buyer.name}
    public = {"buyer": buyer, "quantity": asked.quantity, "unit_price": unit_price, "sale": sale is not None}
    change = publish(after, "purchase", cause, public, {"purchase_id": asked.purchase_id})
    receipt = PurchaseReceipt(
        asked.purchase_id, change.offer.seq, asked.quantity, unit_price, sale is not None, after.left
    )
    if after.left > 0:
        return Recorded(change.offer, change.events, receipt)
    ended = publish(replace(change.offer, status=Status.SOLD_OUT), "sold_out", cause)
    return Recorded(ended.offer, change.events + ended.events, receipt)


def why_refused(offer: Offer, asked: Purchase, bought: int, standings: Collection[Standing]) -> Code | None:
    """The first code that holds for a purchase that was not recorded before."""
    listing, per_buyer = offer.listing, offer.listing.terms.per_buyer
    if offer.status not in (Status.OPEN, Status.SOLD_OUT):
        return Code.OFFER_NOT_OPEN
    if asked.buyer.id == listing.seller.id:
        return Code.BUYER_IS_SELLER
    if Standing.BLOCKED in standings:
        return Code.BIDDER_BLOCKED
    if Standing.APPROVED in listing.requirements and Standing.APPROVED not in standings:
        return Code.BIDDER_NOT_APPROVED
    if Standing.HAS_CARD in listing.requirements and Standing.HAS_CARD not in standings:
        return Code.CARD_REQUIRED
    if asked.quantity > offer.left:
        return Code.SOLD_OUT
    if per_buyer is not None and bought + asked.quantity > per_buyer:
        return Code.PER_BUYER_REACHED
    return None


def change(offer: Offer, verb: Verb, cause: Cause, now: int, reason: PauseReason = "seller") -> Change | Refused:
    """What a seller asks for; `reason` is for `pause`. Ending it twice in the same way is one ending."""
    now = max(now, offer.clock)
    match verb:
        case "pause":
            return _pause(offer, reason, cause, now)
        case "resume":
            return _resume(offer, cause, now)
        case "close":
            return _end(offer, Status.CLOSED, cause, now)
        case "cancel":
            return _end(offer, Status.CANCELLED, cause, now)


def _pause(offer: Offer, reason: PauseReason, cause: Cause, now: int) -> Change | Refused:
    if offer.status is not Status.OPEN:
        return refuse(Code.OFFER_NOT_OPEN, offer)
    left_ms = None if offer.sale_ends_at is None else max(0, offer.sale_ends_at - now)
    paused = replace(offer, status=Status.PAUSED, clock=now, sale_ends_at=None, sale_remaining_ms=left_ms)
    return publish(paused, "paused", cause, {"reason": reason})


def _resume(offer: Offer, cause: Cause, now: int) -> Change | Refused:
    if offer.status is not Status.PAUSED:
        return refuse(Code.OFFER_NOT_PAUSED, offer)
    left_ms = offer.sale_remaining_ms
    sale_ends_at = None if left_ms is None else now + left_ms
    resumed = replace(offer, status=Status.OPEN, clock=now, sale_ends_at=sale_ends_at, sale_remaining_ms=None)
    return publish(resumed, "resumed", cause)


def _end(offer: Offer, status: Status, cause: Cause, now: int) -> Change | Refused:
    if offer.status is status:
        return Change(offer, ())
    if offer.status.is_final:
        return refuse(Code.OFFER_NOT_OPEN, offer)
    return publish(replace(offer, status=status, clock=now), status.value, cause)


def publish(offer: Offer, kind: str, cause: Cause, public: Any = None, private: Any = None) -> Change:
    """Number the change and describe it. Every event carries the whole changing part of the public state."""
    offer = replace(offer, seq=offer.seq + 1)
    event = Event(
        public={
            "seq": offer.seq,
            "kind": kind,
            "at": offer.clock,
            "offer_id": offer.listing.offer_id,
            **(public or {}),
            **_changing(offer),
        },
        private={"actor": cause.actor, "request_id": cause.request_id, **(private or {})},
    )
    return Change(offer, (event,))


def _changing(offer: Offer) -> dict[str, Any]:
    """The part of the public state that changes, in the order in which the scripts write it."""
    return {
        "status": offer.status.value,
        "left": offer.left,
        "opened_at": offer.opened_at,
        "sale_ends_at": offer.sale_ends_at,
        "sale_remaining_ms": offer.sale_remaining_ms,
    }


def refuse(code: Code, offer: Offer) -> Refused:
    return Refused(code, offer.seq, offer.left)


def view(offer: Offer) -> dict[str, Any]:
    """The public state, without `server_at`: what anybody may see of an offer."""
    listing = offer.listing
    return {
        "offer_id": listing.offer_id,
        "title": listing.title,
        "seq": offer.seq,
        **_changing(offer),
        "terms": listing.terms,
        "seller": {"id": listing.seller.id, "name": listing.seller.name},
    }
