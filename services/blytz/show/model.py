"""The nouns of a show, as frozen values. Field names are those of the protocol.

`*_at` is milliseconds since the Unix epoch on the Redis clock; `*_ms` is a duration.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from blytz.auction.model import Party, Terms
from blytz.kit.text import NAME

MAX_LOTS: Final = 500
"""Of one show, removed ones included."""
MAX_QUANTITY: Final = 1_000

Visibility = Literal["public", "unlisted", "rehearsal"]
Pause = Annotated[int, Meta(ge=1_000, le=600_000)]


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
    SHOW_STARTED = "show_started"
    SHOW_OVER = "show_over"
    LOT_NOT_QUEUED = "lot_not_queued"
    VERSION_CONFLICT = "version_conflict"
    TOO_MANY = "too_many"


class BidderRequirements(Struct, frozen=True, forbid_unknown_fields=True):
    card: bool = False
    approval: bool = False


class ShowSettings(Struct, frozen=True, forbid_unknown_fields=True):
    mode: Literal["one_at_a_time", "parallel"] = "one_at_a_time"
    auto_advance_ms: Pause | None = None
    """None opens the next lot by hand only."""
    slow_mode_ms: Annotated[int, Meta(ge=0, le=600_000)] = 0
    host_away_pause_ms: Pause | None = 5_000
    """None never pauses because the host is away."""
    bidder_requirements: BidderRequirements = BidderRequirements()
    shipping_profile_id: Annotated[str, Meta(pattern=NAME)] | None = None


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
    terms: Terms
    status: LotStatus = LotStatus.QUEUED
    run: int = 0
    """How often it came up; each run is one auction."""
    auction_id: str | None = None
    """Of the newest run."""
    price: int = 0
    winner: Party | None = None


class LotCounts(Struct, frozen=True):
    total: int = 0
    sold: int = 0
