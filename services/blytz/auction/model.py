"""The nouns of an auction, as frozen values. Field names are those of the protocol.

Money is integer minor units of the auction's currency. `*_at` is milliseconds since the Unix epoch on the
Redis clock; `*_ms` is a duration.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from blytz.kit.money import Amount, Currency
from blytz.kit.text import NAME

DAY_MS = 24 * 60 * 60 * 1000
MAX_DURATION_MS = 30 * DAY_MS
MAX_INCREMENT_ROWS = 64
MAX_PRE_BIDS = 1_000
"""For one auction: all are decided in the step that opens it, in which Redis does nothing else."""
MAX_PAUSES = 4
"""Pauses an auction remembers. Compensation follows an outage within seconds, so it meets no more than that."""

DEFAULT_INCREMENTS = (
    (0, 100),
    (3_000, 200),
    (5_000, 300),
    (10_000, 500),
    (30_000, 1_000),
    (100_000, 2_000),
    (200_000, 5_000),
)

BidKind = Literal["exact", "max", "buy_now"]
Verb = Literal["pause", "resume", "extend", "cancel"]
"""What a seller may do to an auction, besides closing it early."""
PauseReason = Literal["seller", "host_away"]
"""Who stopped the clock: the seller, or the platform because the host's camera is gone."""
# The scripts write this into JSON as it is.
BidId = Annotated[str, Meta(pattern=NAME, description="chosen by the client")]
Duration = Annotated[int, Meta(ge=1_000, le=MAX_DURATION_MS)]
Window = Annotated[int, Meta(ge=0, le=MAX_DURATION_MS)]


REHEARSAL_PREFIX = "reh_"
"""Of the ids of auctions in which nothing is sold: they are in no list and do not reach `sales`, and only
simulated bidders bid in them."""


def is_rehearsal(auction_id: str) -> bool:
    return auction_id.startswith(REHEARSAL_PREFIX)


class Status(StrEnum):
    """`scheduled -> open <-> paused`, then one of the last three for good."""

    SCHEDULED = "scheduled"
    OPEN = "open"
    PAUSED = "paused"
    SOLD = "sold"
    UNSOLD = "unsold"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (Status.SOLD, Status.UNSOLD, Status.CANCELLED)


class Standing(StrEnum):
    """What a seller or the platform says of a bidder on one auction. The first refuses every bid; of the others
    an auction may require some."""

    BLOCKED = "blocked"
    APPROVED = "approved"
    HAS_CARD = "has_card"


REQUIREMENTS = (Standing.APPROVED, Standing.HAS_CARD)


class Code(StrEnum):
    """Why something was refused. For a bid, in order of precedence: the first that holds wins."""

    AUCTION_NOT_FOUND = "auction_not_found"
    BID_ID_REUSED = "bid_id_reused"
    AUCTION_NOT_OPEN = "auction_not_open"
    AUCTION_ENDED = "auction_ended"
    BIDDER_IS_SELLER = "bidder_is_seller"
    BIDDER_BLOCKED = "bidder_blocked"
    BIDDER_NOT_APPROVED = "bidder_not_approved"
    CARD_REQUIRED = "card_required"
    BUY_NOW_UNAVAILABLE = "buy_now_unavailable"
    ALREADY_LEADING = "already_leading"
    BID_TOO_LOW = "bid_too_low"
    # For the seller's verbs:
    AUCTION_NOT_PAUSED = "auction_not_paused"
    HARD_STOP_REACHED = "hard_stop_reached"


class Party(Struct, frozen=True, cache_hash=True):
    """Somebody as the public sees them."""

    id: str
    name: str


class Terms(Struct, frozen=True, forbid_unknown_fields=True):
    """What is agreed before the first bid and never changes after it (protocol, section 2)."""

    currency: Currency = "USD"
    start_price: Amount = 100
    reserve_price: Amount | None = None
    buy_now_price: Amount | None = None
    increments: tuple[tuple[Annotated[int, Meta(ge=0)], Amount], ...] = DEFAULT_INCREMENTS
    ending: Literal["extended", "sudden_death"] = "extended"
    duration_ms: Duration = 60_000
    extension_window_ms: Window = 10_000
    extension_ms: Window = 10_000
    max_total_ms: Duration | None = None


class Listing(Struct, frozen=True, kw_only=True):
    """What is sold, by whom, from when and on which terms: all that is known before an auction opens."""

    auction_id: str
    title: str
    seller: Party
    terms: Terms
    epoch: str
    """Names this history of the auction: a client that saw another one must start again from a snapshot."""
    starts_at: int | None = None
    """None opens at once."""
    description: str = ""
    image_urls: tuple[str, ...] = ()
    requirements: tuple[Standing, ...] = ()
    """What a bidder must have, of `REQUIREMENTS` and in that order."""


class Auction(Struct, frozen=True, kw_only=True):
    """The whole state of one auction, hidden parts included. `rules.view` gives the public part."""

    listing: Listing
    status: Status = Status.SCHEDULED
    seq: int = 0
    """Number of the last event; events are dense from 1."""
    clock: int = 0
    """The latest `now` this auction has acted on. Only a step of the clock makes time run backwards."""
    price: int = 0
    """0 before the first bid."""
    leader: Party | None = None
    ceiling: int = 0
    """The leader's hidden maximum, or the amount of its exact bid."""
    bid_count: int = 0
    opened_at: int | None = None
    ends_at: int | None = None
    hard_stop_at: int | None = None
    """`opened_at + max_total_ms`, moved on by every pause."""
    paused_at: int | None = None
    remaining_ms: int | None = None
    pauses: tuple[tuple[int, int], ...] = ()
    """`(paused_at, resumed_at)` of the last `MAX_PAUSES` pauses that have ended: no outage took that time from the
    auction."""
    compensated_until: int = 0
    """Outages until then are compensated, or were before a pause that is no longer in `pauses`. Makes compensation
    idempotent."""
    stepped_ms: int = 0
    """The recorded steps of the Redis clock that its times include."""


class Bid(Struct, frozen=True):
    bidder: Party
    bid_id: str
    amount: int
    kind: BidKind = "exact"


class PreBid(Struct, frozen=True):
    """A hidden maximum that was left before the auction opened; decided as a `max` bid when it opens."""

    bidder: Party
    amount: int
    bid_id: str


class Receipt(Struct, frozen=True):
    """The answer to a recorded bid, kept under (bidder, bid_id). A retry gets the same answer."""

    bid_id: str
    outcome: Literal["accepted", "outbid"]
    seq: int
    price: int
    minimum: int
    leading: bool
    ends_at: int
    replayed: bool = False


class Refused(Struct, frozen=True):
    """A named refusal: nothing changed. Prices and times are those it was judged by; 0 when unknown."""

    code: Code
    seq: int = 0
    price: int = 0
    minimum: int = 0
    ends_at: int | None = None


class NotYet(Struct, frozen=True):
    """The hammer came too early. `remaining_ms` is None while the auction is paused: its end is not known."""

    remaining_ms: int | None


class Event(Struct, frozen=True):
    """One change of one auction: what every viewer sees, and what only a replay, its owner or an auditor may."""

    public: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        return int(self.public["seq"])

    @property
    def kind(self) -> str:
        return str(self.public["kind"])


class Outage(Struct, frozen=True):
    """A stretch of Redis time in which no bid could be decided."""

    began_at: int
    ended_at: int


class Cause(Struct, frozen=True):
    """Who or what asked for a change; it goes to the private part of the event."""

    actor: str
    request_id: str = ""
