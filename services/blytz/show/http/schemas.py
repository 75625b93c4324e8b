"""What the HTTP calls of shows and lots take and give (protocol, section 7)."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from litestar.params import PathParameter, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from blytz.auction import rules
from blytz.auction.http.schemas import PartyView, TermsView, plausible_start
from blytz.auction.model import Terms
from blytz.kit.http.empty_body import OptionalBody
from blytz.kit.http.fields import ImageUrl, ImageUrls, Line, Moment, Text
from blytz.kit.http.parse import Fault, Parser
from blytz.kit.money import Amount
from blytz.kit.text import LINE, LINE_OR_NOTHING, NAME, USER_ID
from blytz.show.model import (
    MAX_LOTS,
    MAX_QUANTITY,
    Lot,
    LotCounts,
    LotFacts,
    LotStatus,
    Show,
    ShowSettings,
    ShowStatus,
    Visibility,
)
from blytz.show.public import lot_view, show_view
from blytz.show.store import CURSOR

ShowId = Annotated[str, PathParameter(description="as given when the show was made")]
LotId = Annotated[str, PathParameter(description="as given when the lot was added")]
ShowStatusFilter = Annotated[ShowStatus | None, QueryParameter(name="status", description="only these")]
CategoryFilter = Annotated[str | None, QueryParameter(pattern=NAME, description="only this one")]
SellerFilter = Annotated[str | None, QueryParameter(pattern=USER_ID, description="only the shows of this user")]
ShowCursor = Annotated[str | None, QueryParameter(pattern=rf"^{CURSOR}$(?!\n)", description="of the page before")]
LotCursor = Annotated[str | None, QueryParameter(pattern=r"^[0-9]{1,9}$(?!\n)", description="of the page before")]
RowCursor = Annotated[str | None, QueryParameter(pattern=r"^[0-9]{1,18}$(?!\n)", description="of the page before")]
Search = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=140, description="words of a show or its lots, without case"),
]

Category = Annotated[str, Meta(pattern=NAME)]
Tag = Annotated[str, Meta(min_length=1, max_length=40, pattern=LINE)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=10)]
Condition = Annotated[str, Meta(max_length=80, pattern=LINE_OR_NOTHING)]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
LotIds = Annotated[tuple[Annotated[str, Meta(pattern=NAME)], ...], Meta(max_length=MAX_LOTS)]


class NewShow(Struct, frozen=True, forbid_unknown_fields=True):
    """With a `scheduled_at` it is scheduled, else a draft, which only its seller sees."""

    title: Line
    description: Text = ""
    category: Category | None = None
    tags: Tags = ()
    cover: ImageUrl | None = None
    visibility: Visibility = "public"
    scheduled_at: Moment | None = None
    settings: ShowSettings = ShowSettings()


class ShowChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is to change. With the `version` that was read it is refused when that is an old one."""

    title: Line | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    category: Category | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET
    cover: ImageUrl | UnsetType | None = UNSET
    visibility: Visibility | UnsetType = UNSET
    scheduled_at: Moment | UnsetType | None = UNSET
    settings: ShowSettings | UnsetType = UNSET
    """Whole: what it leaves out gets its default."""
    version: Annotated[int, Meta(ge=1)] | UnsetType = UNSET


class HostView(Struct, frozen=True):
    state: Literal["absent", "live", "away"]
    since: int | None


class BidderRequirementsView(Struct, frozen=True):
    card: bool
    approval: bool


class ShowSettingsView(Struct, frozen=True):
    mode: Literal["one_at_a_time", "parallel"]
    auto_advance_ms: int | None
    slow_mode_ms: int
    host_away_pause_ms: int | None
    bidder_requirements: BidderRequirementsView
    shipping_profile_id: str | None


class ShowState(Struct, frozen=True):
    show_id: str
    title: str
    description: str
    category: str | None
    tags: tuple[str, ...]
    cover: str | None
    status: ShowStatus
    visibility: Visibility
    scheduled_at: int | None
    started_at: int | None
    ended_at: int | None
    seller: PartyView
    host: HostView
    open_lots: list[str]
    viewers: int
    lots: LotCounts
    settings: ShowSettingsView
    version: int


class Shows(Struct, frozen=True):
    shows: list[ShowState]
    cursor: str | None


class NewLot(Struct, frozen=True, forbid_unknown_fields=True):
    title: Line
    terms: Terms
    description: Text = ""
    condition: Condition = ""
    images: ImageUrls = ()
    quantity: Quantity = 1


class LotChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is to change."""

    title: Line | UnsetType = UNSET
    terms: Terms | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    condition: Condition | UnsetType = UNSET
    images: ImageUrls | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET


class LotState(Struct, frozen=True):
    """Its terms without the hidden reserve."""

    lot_id: str
    show_id: str
    number: int
    title: str
    description: str
    condition: str
    images: tuple[str, ...]
    quantity: int
    unit: int
    terms: TermsView
    status: LotStatus
    run: int
    auction_id: str | None
    price: int
    winner: PartyView | None
    position: int
    pre_bids: int


class Lots(Struct, frozen=True):
    """In queue order."""

    lots: list[LotState]
    cursor: str | None = None


class QueueOrder(Struct, frozen=True, forbid_unknown_fields=True):
    lot_ids: LotIds


class NewPreBid(Struct, frozen=True, forbid_unknown_fields=True):
    amount: Amount
    """The most that the bidder would pay; hidden from everybody else."""


class PreBidState(Struct, frozen=True):
    lot_id: str
    amount: int


class Ending(Struct, frozen=True, forbid_unknown_fields=True):
    now: bool = False
    """Cancels the lots that are open; else the show ends once they have."""


class NewRun(Struct, frozen=True, forbid_unknown_fields=True):
    terms: Terms | UnsetType = UNSET
    """Left out, the lot keeps those that it has."""


def show_state(show: Show, facts: LotFacts) -> ShowState:
    return msgspec.convert({**show_view(show, facts), "viewers": 0}, ShowState)


def lot_state(lot: Lot) -> LotState:
    return msgspec.convert(lot_view(lot), LotState)


def given(change: ShowChange | LotChange) -> dict[str, Any]:
    """The fields that a request has, `version` apart."""
    fields = msgspec.structs.asdict(change)
    return {name: value for name, value in fields.items() if value is not UNSET and name != "version"}


def _faults_in_terms(terms: Terms | UnsetType) -> list[Fault]:
    return [] if terms is UNSET else rules.faults_in(terms)


def _plausible(scheduled_at: int | UnsetType | None) -> Iterator[Fault]:
    return plausible_start(None if scheduled_at is UNSET else scheduled_at)


read_new_show = Parser(NewShow, scheduled_at=_plausible)
read_show_change = Parser(ShowChange, scheduled_at=_plausible)
read_new_lot = Parser(NewLot, terms=_faults_in_terms)
read_lot_change = Parser(LotChange, terms=_faults_in_terms)
read_queue_order = Parser(QueueOrder)
read_new_pre_bid = Parser(NewPreBid)
read_ending = OptionalBody(Ending)
read_new_run = OptionalBody(NewRun, terms=_faults_in_terms)
