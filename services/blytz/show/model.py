"""The nouns of a show, as frozen values. Field names are those of the protocol.

`*_at` is milliseconds since the Unix epoch on the Redis clock; `*_ms` is a duration.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from blytz.auction.model import REHEARSAL_PREFIX, Party, PauseReason, Terms
from blytz.kit.text import NAME
from blytz.offer.model import OfferTerms

MAX_LOTS: Final = 500
"""Of one show, removed ones included."""
MAX_QUANTITY: Final = 1_000
MAX_OPEN_LOTS: Final = 50
"""Of one show that runs its lots in parallel, at the same time."""
MAX_RUNS: Final = 2_000
"""Of one lot: each of its units, and as often again."""

Visibility = Literal["public", "unlisted", "rehearsal"]
Mode = Literal["one_at_a_time", "parallel"]
Pause = Annotated[int, Meta(ge=1_000, le=600_000)]
SlowMode = Annotated[int, Meta(ge=0, le=600_000)]
ShippingProfile = Annotated[str, Meta(pattern=NAME)]


class ShowStatus(StrEnum):
    """`draft -> scheduled -> live <-> paused -> ended`; `cancelled` from the first two."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (ShowStatus.ENDED, ShowStatus.CANCELLED)


class LotStatus(StrEnum):
    QUEUED = "queued"
    OPEN = "open"
    SOLD = "sold"
    UNSOLD = "unsold"
    PASSED = "passed"
    WITHDRAWN = "withdrawn"


class ShowCode(StrEnum):
    """Why something was refused."""

    SHOW_NOT_FOUND = "show_not_found"
    LOT_NOT_FOUND = "lot_not_found"
    SHOW_SCHEDULED = "show_scheduled"
    SHOW_STARTED = "show_started"
    SHOW_OVER = "show_over"
    SHOW_NOT_LIVE = "show_not_live"
    LOT_NOT_QUEUED = "lot_not_queued"
    LOT_ALREADY_OPEN = "lot_already_open"
    LOT_NOT_OPEN = "lot_not_open"
    LOT_DAMAGED = "lot_damaged"
    """Its auction or offer is not valid in Redis. What was asked for is decided, and is done once it is valid."""
    LOT_NOT_AUCTIONED = "lot_not_auctioned"
    LOT_NOT_FIXED_PRICE = "lot_not_fixed_price"
    QUANTITY_NOT_ONE = "quantity_not_one"
    BIDDER_IS_SELLER = "bidder_is_seller"
    BIDDER_BLOCKED = "bidder_blocked"
    OWN_FOLLOW = "own_follow"
    BLOCKED = "blocked"
    BID_TOO_LOW = "bid_too_low"
    VERSION_CONFLICT = "version_conflict"
    TOO_MANY = "too_many"


class BidderRequirements(Struct, frozen=True, forbid_unknown_fields=True):
    card: bool = False
    approval: bool = False


class ShowSettings(Struct, frozen=True, forbid_unknown_fields=True):
    mode: Mode = "one_at_a_time"
    auto_advance_ms: Pause | None = None
    """None opens the next lot by hand only."""
    slow_mode_ms: SlowMode = 0
    host_away_pause_ms: Pause | None = 5_000
    """None never pauses because the host is away."""
    bidder_requirements: BidderRequirements = BidderRequirements()
    shipping_profile_id: ShippingProfile | None = None


class Host(Struct, frozen=True):
    """Whether a camera of the show's host or of a cohost is in its video."""

    state: Literal["absent", "live", "away"] = "absent"
    """`absent` until the first camera; `away` when the last one is gone."""
    since: int | None = None


class Show(Struct, frozen=True, kw_only=True):
    show_id: str
    seller: Party
    title: str
    description: str = ""
    category: str | None = None
    tags: tuple[str, ...] = ()
    cover: str | None = None
    status: ShowStatus = ShowStatus.DRAFT
    visibility: Visibility = "public"
    scheduled_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    settings: ShowSettings = ShowSettings()
    version: int = 1
    """Grows by one with each change."""
    is_ending: bool = False
    """It ends as soon as no lot is open; no lot is opened any more."""
    next_lot_at: int | None = None
    """When the next lot opens by itself; None when one is open, or lots open by hand."""
    host: Host = Host()
    host_pause_at: int | None = None
    """When the show pauses because the host is away; None when that is not due."""
    pause_reason: PauseReason | None = None
    """None while it is not paused."""


class AuctionTerms(Terms, frozen=True, forbid_unknown_fields=True, tag_field="format", tag="auction"):
    """Those of an auction, as a lot has them."""


LotTerms = AuctionTerms | OfferTerms
"""What a lot is sold by: an auction, or an offer at a fixed price. JSON has the kind as `format`."""
Format = Literal["auction", "fixed"]
OFFER_PREFIX: Final = "ofr"


class TermsChange(Struct, frozen=True):
    """What a change names of the terms of a lot, checked one by one."""

    fields: dict[str, Any]
    format: Format | None = None
    """None is that of the lot."""


def sale_id(auction_id: str, terms: LotTerms, visibility: Visibility) -> str:
    """The id of what a run of a lot with these terms opens, from one that was made before they were known: an
    auction's, an offer's, or that of an auction in a rehearsal."""
    _, _, rest = auction_id.partition("_")
    if isinstance(terms, OfferTerms):
        return f"{OFFER_PREFIX}_{rest}"
    return f"{REHEARSAL_PREFIX}{rest}" if visibility == "rehearsal" else auction_id


def is_offer(auction_id: str) -> bool:
    return auction_id.startswith(f"{OFFER_PREFIX}_")


class Lot(Struct, frozen=True, kw_only=True):
    lot_id: str
    show_id: str
    number: int = 0
    """From 1 in the order in which lots were added; given by the store."""
    position: int = 0
    """Where it stands in the queue; given by the store. Only the order of positions counts."""
    title: str
    description: str = ""
    condition: str = ""
    images: tuple[str, ...] = ()
    quantity: int = 1
    unit: int = 1
    """Which of the `quantity` units comes up next."""
    terms: LotTerms
    status: LotStatus = LotStatus.QUEUED
    run: int = 0
    """How often it came up; each run is one auction, or one offer at a fixed price."""
    auction_id: str | None = None
    """Of the newest run; that of its offer when it is sold at a fixed price."""
    price: int = 0
    winner: Party | None = None
    pre_bids: int = 0
    """How many hidden ceilings wait for it to open."""
    left: int | None = None
    """Units that are not sold, of the newest run at a fixed price; a second behind the offer while it is open."""


class LotPreBid(Struct, frozen=True):
    """A hidden ceiling for a lot that waits in the queue; binding when it opens."""

    lot_id: str
    bidder: Party
    amount: int


class LotCounts(Struct, frozen=True):
    """Without those that were removed."""

    total: int = 0
    sold: int = 0


class LotFacts(Struct, frozen=True):
    """What the lots of a show come to, removed ones left out."""

    counts: LotCounts = LotCounts()
    queued: int = 0
    open_lots: tuple[str, ...] = ()


class Figures(Struct, frozen=True):
    """What a list says of a show besides the show itself."""

    facts: LotFacts
    viewers: int
    """How many watch it now."""


class Run(Struct, frozen=True, kw_only=True):
    """One auction of a lot, or one offer."""

    auction_id: str
    show_id: str
    lot_id: str
    run: int
    unit: int
    terms: LotTerms
    opened_at: int


class Closing(Struct, frozen=True):
    """How an auction or an offer ended. An offer has no winner; its price is the regular one."""

    auction_id: str
    outcome: Literal["sold", "unsold", "cancelled"]
    price: int
    """0 without a bid; of an auction that was not sold, that of its last bid."""
    winner: Party | None
    closed_at: int
    left: int | None = None
    """Units of an offer that were not sold."""
