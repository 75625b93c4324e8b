"""What the HTTP calls of shows and lots take and give (protocol, section 7)."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from litestar.params import PathParameter, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from blytz.auction.http.schemas import PartyView, plausible_start
from blytz.kit.http.empty_body import OptionalBody
from blytz.kit.http.fields import ImageUrl, Line, Moment, Text
from blytz.kit.http.parse import Fault, Parser
from blytz.kit.text import LINE, NAME, USER_ID
from blytz.show.model import (
    LotCounts,
    LotFacts,
    Mode,
    Pause,
    ShippingProfile,
    Show,
    ShowSettings,
    ShowStatus,
    SlowMode,
    Visibility,
)
from blytz.show.public import show_view
from blytz.show.store import CURSOR

ShowId = Annotated[str, PathParameter(description="as given when the show was made")]
ShowStatusFilter = Annotated[ShowStatus | None, QueryParameter(name="status", description="only these")]
CategoryFilter = Annotated[str | None, QueryParameter(pattern=NAME, description="only this one")]
SellerFilter = Annotated[str | None, QueryParameter(pattern=USER_ID, description="only the shows of this user")]
ShowCursor = Annotated[str | None, QueryParameter(pattern=rf"^{CURSOR}$(?!\n)", description="of the page before")]
RowCursor = Annotated[str | None, QueryParameter(pattern=r"^[0-9]{1,18}$(?!\n)", description="of the page before")]
Search = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=140, description="words of a show or its lots, without case"),
]

Category = Annotated[str, Meta(pattern=NAME)]
Tag = Annotated[str, Meta(min_length=1, max_length=40, pattern=LINE)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=10)]


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


class RequirementsChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is to change."""

    card: bool | UnsetType = UNSET
    approval: bool | UnsetType = UNSET


class SettingsChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is to change; null for none, where a setting may have none."""

    mode: Mode | UnsetType = UNSET
    auto_advance_ms: Pause | UnsetType | None = UNSET
    slow_mode_ms: SlowMode | UnsetType = UNSET
    host_away_pause_ms: Pause | UnsetType | None = UNSET
    bidder_requirements: RequirementsChange | UnsetType = UNSET
    shipping_profile_id: ShippingProfile | UnsetType | None = UNSET


class ShowChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is to change. With the `version` that was read it is refused when that is an old one."""

    title: Line | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    category: Category | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET
    cover: ImageUrl | UnsetType | None = UNSET
    visibility: Visibility | UnsetType = UNSET
    scheduled_at: Moment | UnsetType | None = UNSET
    settings: SettingsChange | UnsetType = UNSET
    """What it leaves out stays as it is, inside `bidder_requirements` too."""
    version: Annotated[int, Meta(ge=1)] | UnsetType = UNSET


class HostView(Struct, frozen=True):
    state: Literal["absent", "live", "away"]
    since: int | None


class BidderRequirementsView(Struct, frozen=True):
    card: bool
    approval: bool


class ShowSettingsView(Struct, frozen=True):
    mode: Mode
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
    viewers: Annotated[int, Meta(ge=0, description="who watch it now, as the gateway counts; 0 in a rehearsal")]
    lots: LotCounts
    settings: ShowSettingsView
    version: int
    is_ending: Annotated[bool, Meta(description="ends once its open lots have closed; opens no lot any more")]


class Shows(Struct, frozen=True):
    shows: list[ShowState]
    cursor: str | None


class Ending(Struct, frozen=True, forbid_unknown_fields=True):
    now: bool = False
    """Cancels the lots that are open; else the show ends once they have."""


def show_state(show: Show, facts: LotFacts, viewers: int) -> ShowState:
    return msgspec.convert({**show_view(show, facts), "viewers": viewers}, ShowState)


def given(body: Struct) -> dict[str, Any]:
    """The fields that a request has, `version` apart; those of the settings as a mapping of their own."""
    fields = named(body)
    fields.pop("version", None)
    if isinstance(settings := fields.get("settings"), SettingsChange):
        changed = fields["settings"] = named(settings)
        if "bidder_requirements" in changed:
            changed["bidder_requirements"] = named(changed["bidder_requirements"])
    return fields


def named(body: Struct) -> dict[str, Any]:
    """The fields that it has."""
    return {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}


def _plausible(scheduled_at: int | UnsetType | None) -> Iterator[Fault]:
    return plausible_start(None if scheduled_at is UNSET else scheduled_at)


read_new_show = Parser(NewShow, scheduled_at=_plausible)
read_show_change = Parser(ShowChange, scheduled_at=_plausible)
read_ending = OptionalBody(Ending)
