"""What changes the terms of a lot or a template: only what is to change (protocol, section 7)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from blytz.auction.model import Duration, Window
from blytz.kit.money import Amount, Currency
from blytz.offer.model import Quantity, Sale
from blytz.show.http.schemas import named
from blytz.show.model import Format, TermsChange

Increments = tuple[tuple[Annotated[int, Meta(ge=0)], Amount], ...]


class AuctionTermsChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Only what is to change: what it leaves out stays as it is, and null takes a term away. The terms that
    result must fit together."""

    currency: Currency | UnsetType = UNSET
    start_price: Amount | UnsetType = UNSET
    reserve_price: Amount | UnsetType | None = UNSET
    buy_now_price: Amount | UnsetType | None = UNSET
    increments: Increments | UnsetType = UNSET
    """All rows."""
    ending: Literal["extended", "sudden_death"] | UnsetType = UNSET
    duration_ms: Duration | UnsetType = UNSET
    extension_window_ms: Window | UnsetType = UNSET
    extension_ms: Window | UnsetType = UNSET
    max_total_ms: Duration | UnsetType | None = UNSET


class LotTermsChange(AuctionTermsChange, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Only what is to change: what it leaves out stays as it is, and null takes a term away. Another `format`
    starts from its defaults. The terms that result must be those of one format, and fit together."""

    format: Format | UnsetType = UNSET
    """Left out, that of the lot."""
    price: Amount | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET
    per_buyer: Quantity | UnsetType | None = UNSET
    sale: Sale | UnsetType | None = UNSET
    """As a whole."""


def terms_change(change: LotTermsChange) -> TermsChange:
    fields = named(change)
    return TermsChange(format=fields.pop("format", None), fields=fields)
