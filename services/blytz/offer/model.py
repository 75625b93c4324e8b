"""The nouns of an offer at a fixed price, as frozen values. Field names are those of the protocol.

Money is integer minor units of the offer's currency. `*_at` is milliseconds since the Unix epoch on the Redis
clock; `*_ms` is a duration.
"""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from blytz.auction.model import Duration, Party, Standing
from blytz.kit.money import Amount, Currency
from blytz.kit.text import NAME

MAX_QUANTITY = 100_000
"""Units of one offer."""

Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
PurchaseId = Annotated[str, Meta(pattern=NAME, description="chosen by the client")]
Verb = Literal["pause", "resume", "close", "cancel"]
"""What a seller may do to an offer. Purchases stand, however it ends."""


class Status(StrEnum):
    """`open <-> paused`, then one of the last three for good."""

    OPEN = "open"
    PAUSED = "paused"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (Status.SOLD_OUT, Status.CLOSED, Status.CANCELLED)


class Code(StrEnum):
    """Why something was refused. For a purchase, in order of precedence: the first that holds wins."""

    OFFER_NOT_FOUND = "offer_not_found"
    PURCHASE_ID_REUSED = "purchase_id_reused"
    OFFER_NOT_OPEN = "offer_not_open"
    BUYER_IS_SELLER = "buyer_is_seller"
    BIDDER_BLOCKED = "bidder_blocked"
    BIDDER_NOT_APPROVED = "bidder_not_approved"
    CARD_REQUIRED = "card_required"
    SOLD_OUT = "sold_out"
    """Fewer units are left than were asked for; the refusal says how many."""
    PER_BUYER_REACHED = "per_buyer_reached"
    # For the seller's verbs:
    OFFER_NOT_PAUSED = "offer_not_paused"


class Sale(Struct, frozen=True, forbid_unknown_fields=True):
    """A lower price for some time from the opening, pauses left out."""

    price: Amount
    for_ms: Duration


class OfferTerms(Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", tag="fixed"):
    """What is agreed before the first purchase and never changes after it."""

    price: Amount
    quantity: Quantity
    currency: Currency = "USD"
    per_buyer: Quantity | None = None
    """The most units that one buyer gets, over all purchases; None for no such limit."""
    sale: Sale | None = None


class OfferListing(Struct, frozen=True, kw_only=True):
    """What is sold, by whom and on which terms: all that is known before an offer opens."""

    offer_id: str
    title: str
    seller: Party
    terms: OfferTerms
    epoch: str
    """Names this history of the offer, as that of an auction does."""
    requirements: tuple[Standing, ...] = ()
    """What a buyer must have, of `auction.model.REQUIREMENTS` and in that order."""


class Offer(Struct, frozen=True, kw_only=True):
    """The whole state of one offer, but for who bought how much."""

    listing: OfferListing
    status: Status = Status.OPEN
    seq: int = 0
    """Number of the last event; events are dense from 1."""
    clock: int = 0
    """The latest `now` this offer has acted on."""
    left: int = 0
    """Units that are not sold."""
    opened_at: int = 0
    sale_ends_at: int | None = None
    """When the lower price ends or has ended; None without a sale and while the offer is paused."""
    sale_remaining_ms: int | None = None
    """What is left of the sale while the offer is paused."""


class Purchase(Struct, frozen=True):
    buyer: Party
    purchase_id: str
    quantity: int


class PurchaseReceipt(Struct, frozen=True):
    """The answer to a recorded purchase, kept under (buyer, purchase_id). A retry gets the same answer."""

    purchase_id: str
    seq: int
    quantity: int
    unit_price: int
    sale: bool
    """Whether it was made at the lower price."""
    left: int
    replayed: bool = False


class Refused(Struct, frozen=True):
    """A named refusal: nothing changed. `left` is what it was decided by; 0 when unknown."""

    code: Code
    seq: int = 0
    left: int = 0
