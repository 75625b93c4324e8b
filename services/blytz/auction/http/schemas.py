"""What the HTTP calls of an auction take and give (protocol, section 3)."""

import time
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from litestar.params import PathParameter, QueryParameter
from msgspec import UNSET, Struct, UnsetType

from blytz.auction import rules
from blytz.auction.model import DAY_MS, BidId, BidKind, Duration, Status, Terms
from blytz.kit.http.fields import ImageUrls, Line, Moment, Text
from blytz.kit.http.parse import Fault, Parser
from blytz.kit.money import Amount

MAX_START_AHEAD_MS: Final = 366 * DAY_MS
"""An auction may be scheduled a year ahead, whatever year that is."""
MAX_EVENTS: Final = 500

AuctionId = Annotated[str, PathParameter(description="as given when the auction was created")]
StatusFilter = Annotated[Status | None, QueryParameter(description="only these")]
After = Annotated[int, QueryParameter(ge=0, le=2**53 - 1, description="the last `seq` that is known")]
EventLimit = Annotated[int, QueryParameter(ge=1, le=MAX_EVENTS)]


class NewAuction(Struct, frozen=True, forbid_unknown_fields=True):
    """What is sold and on which terms. Without `starts_at`, or with one that has passed, it opens at once."""

    title: Line
    terms: Terms
    starts_at: Moment | None = None
    description: Text = ""
    image_urls: ImageUrls = ()


class NewBid(Struct, frozen=True, forbid_unknown_fields=True):
    """`exact` bids this much, `max` bids for you up to this much and keeps it hidden, `buy_now` takes the lot at
    its buy-now price. The same `bid_id` sent again gets the first answer again."""

    bid_id: BidId
    amount: Amount
    kind: BidKind = "exact"


class Extension(Struct, frozen=True, forbid_unknown_fields=True):
    by_ms: Duration


class PartyView(Struct, frozen=True):
    id: str
    name: str


class TermsView(Struct, frozen=True, forbid_unknown_fields=True):
    """The terms, without the hidden reserve."""

    currency: str
    start_price: int
    buy_now_price: int | None
    increments: list[tuple[int, int]]
    ending: str
    duration_ms: int
    extension_window_ms: int
    extension_ms: int
    max_total_ms: int | None


class AuctionState(Struct, frozen=True, forbid_unknown_fields=True):
    """All that the reader may know of an auction. `*_at` is on the server's clock, as is `server_at`."""

    auction_id: str
    title: str
    description: str
    image_urls: list[str]
    status: Status
    seq: int
    price: int
    minimum: int
    leader: PartyView | None
    bid_count: int
    reserve_met: bool
    buy_now_price: int | None
    starts_at: int | None
    opened_at: int | None
    ends_at: int | None
    remaining_ms: int | None
    terms: TermsView
    seller: PartyView
    server_at: int
    your_ceiling: int | UnsetType = UNSET
    """Only for the leader: how far the platform bids on its behalf."""


class AuctionPage(Struct, frozen=True):
    """Newest first. A page may be short, even empty, while `cursor` says that there is more."""

    auctions: list[AuctionState]
    cursor: str | None


EventKind = Literal[
    "opened",
    "bid",
    "ceiling_raised",
    "paused",
    "resumed",
    "extended_by_seller",
    "sold",
    "unsold",
    "cancelled",
]


class EventView(Struct, frozen=True):
    """The public part of one change, with the whole changing part of the state after it."""

    seq: int
    kind: EventKind
    at: int
    auction_id: str
    status: Status
    price: int
    minimum: int
    leader: PartyView | None
    bid_count: int
    reserve_met: bool
    opened_at: int | None
    ends_at: int | None
    remaining_ms: int | None
    bidder: PartyView | UnsetType = UNSET
    """Of a `bid`: who made it, whether or not it leads."""
    extended: bool | UnsetType = UNSET
    """Whether a bid put the end off."""
    by_ms: int | UnsetType = UNSET
    """Of `extended_by_seller`: how far."""
    reason: Literal["seller", "host_away", "outage", "clock_step"] | UnsetType = UNSET
    """Of `paused` and `extended_by_seller`: who or what did it."""


class Events(Struct, frozen=True):
    """Oldest first. `seq` is the number of the auction's last event: below it there is more to fetch."""

    events: list[EventView]
    seq: int


def plausible_start(starts_at: int | None) -> Iterator[Fault]:
    """For `Parser`: what is wrong with the moment at which something is to start."""
    # A day and a year are coarse enough for this machine's own clock.
    if starts_at is None:
        return
    ahead_ms = starts_at - time.time() * 1000
    if ahead_ms > MAX_START_AHEAD_MS:
        yield "", "must not be more than a year ahead"
    elif ahead_ms < -DAY_MS:
        yield "", "must not be more than a day in the past, in milliseconds since the Unix epoch"


read_new_auction = Parser(NewAuction, terms=rules.faults_in, starts_at=plausible_start)
read_new_bid = Parser(NewBid)
read_extension = Parser(Extension)
