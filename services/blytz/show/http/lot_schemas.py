"""What the HTTP calls of lots take and give (protocol, section 7)."""

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar.params import PathParameter, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from blytz.auction import rules
from blytz.auction.http.schemas import PartyView, TermsView
from blytz.auction.model import Terms
from blytz.kit.http.empty_body import OptionalBody
from blytz.kit.http.fields import ImageUrls, Line, Text
from blytz.kit.http.parse import Choice, Parser
from blytz.kit.money import Amount
from blytz.kit.text import LINE_OR_NOTHING, NAME
from blytz.offer import rules as offer_rules
from blytz.offer.model import OfferTerms
from blytz.show.http.schemas import given
from blytz.show.http.terms_schemas import LotTermsChange, terms_change
from blytz.show.model import MAX_LOTS, MAX_QUANTITY, AuctionTerms, Lot, LotStatus, LotTerms, TermsChange
from blytz.show.public import lot_view

LotId = Annotated[str, PathParameter(description="as given when the lot was added")]
LotCursor = Annotated[str | None, QueryParameter(pattern=r"^[0-9]{1,9}$(?!\n)", description="of the page before")]
Condition = Annotated[str, Meta(max_length=80, pattern=LINE_OR_NOTHING)]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
OneUnit = Literal[1]
LotIds = Annotated[tuple[Annotated[str, Meta(pattern=NAME)], ...], Meta(max_length=MAX_LOTS)]


class NewTerms(Terms, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Those of an auction, which is meant where `format` is left out."""

    # Who writes it wrong may have meant either.
    format: Annotated[Literal["auction"], Meta(extra={"values": ("auction", "fixed")})] = "auction"


class _NewLot(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    title: Line
    description: Text = ""
    condition: Condition = ""
    images: ImageUrls = ()


class NewLot(_NewLot, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Each of its units is an auction of its own."""

    terms: NewTerms
    quantity: Quantity = 1


class NewFixedLot(_NewLot, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sold at a fixed price: its terms say how many units there are."""

    terms: OfferTerms
    quantity: OneUnit = 1


class LotChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Only what is to change."""

    title: Line | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    condition: Condition | UnsetType = UNSET
    images: ImageUrls | UnsetType = UNSET
    terms: LotTermsChange | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET


class LotTermsView(TermsView, frozen=True, tag_field="format", tag="auction"):
    pass


class SaleView(Struct, frozen=True):
    price: int
    for_ms: int


class OfferTermsView(Struct, frozen=True, tag_field="format", tag="fixed"):
    currency: str
    price: int
    quantity: int
    per_buyer: int | None
    sale: SaleView | None


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
    terms: LotTermsView | OfferTermsView
    status: LotStatus
    run: int
    auction_id: str | None
    price: int
    winner: PartyView | None
    position: int
    pre_bids: int
    left: int | None
    """Units that are not sold, of a lot at a fixed price that was opened; up to a second behind."""


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


class NewRun(Struct, frozen=True, forbid_unknown_fields=True):
    terms: LotTermsChange | UnsetType = UNSET
    """What is left out, the lot keeps."""


def lot_state(lot: Lot) -> LotState:
    return msgspec.convert(lot_view(lot), LotState, from_attributes=True)


def given_of_lot(body: Struct) -> dict[str, Any]:
    """The fields that a request has, with terms as a lot has them."""
    found = given(body)
    return found | {"terms": lot_terms(found["terms"])} if "terms" in found else found


def lot_terms(terms: NewTerms | OfferTerms | LotTermsChange) -> LotTerms | TermsChange:
    if isinstance(terms, OfferTerms):
        return terms
    if isinstance(terms, LotTermsChange):
        return terms_change(terms)
    fields = msgspec.structs.asdict(terms)
    del fields["format"]
    return AuctionTerms(**fields)


class _Terms(Struct):
    format: Any = None


class _WithTerms(Struct):
    terms: _Terms


_read_format: Final = msgspec.json.Decoder(_WithTerms).decode


def _is_fixed(raw: bytes) -> bool:
    try:
        return bool(_read_format(raw).terms.format == "fixed")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


read_new_lot = Choice(
    _is_fixed,
    Parser(NewFixedLot, terms=offer_rules.faults_in),
    Parser(NewLot, terms=rules.faults_in),
)
read_lot_change = Parser(LotChange)
read_queue_order = Parser(QueueOrder)
read_new_pre_bid = Parser(NewPreBid)
read_new_run = OptionalBody(NewRun)
