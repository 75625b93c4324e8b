"""What a body about a lot is read as, and which of its fields are named as wrong."""

from typing import Any

import msgspec
import pytest

from blytz.auction.model import Terms
from blytz.kit.problems import InvalidRequest
from blytz.offer.model import OfferTerms, Sale
from blytz.show.http.lot_schemas import given_of_lot, read_lot_change, read_new_lot, read_new_run
from blytz.show.http.terms_schemas import AuctionTermsChange, LotTermsChange
from blytz.show.model import AuctionTerms, TermsChange

FIXED = {"format": "fixed", "price": 1_000, "quantity": 10}


def paths(read: Any, body: Any) -> set[str]:
    with pytest.raises(InvalidRequest) as refused:
        read(msgspec.json.encode(body))
    errors: Any = refused.value.fields["errors"]
    return {error["path"] for error in errors}


@pytest.mark.parametrize(
    ("terms", "read"),
    [
        ({}, AuctionTerms()),
        ({"format": "auction", "start_price": 700}, AuctionTerms(start_price=700)),
        (FIXED, OfferTerms(price=1_000, quantity=10)),
        (
            FIXED | {"per_buyer": 2, "sale": {"price": 900, "for_ms": 60_000}},
            OfferTerms(price=1_000, quantity=10, per_buyer=2, sale=Sale(900, 60_000)),
        ),
    ],
)
def test_terms_are_read_by_their_format(terms: Any, read: Any) -> None:
    body = msgspec.json.encode({"title": "A cup", "terms": terms})
    assert given_of_lot(read_new_lot(body))["terms"] == read


def test_a_change_of_terms_has_what_was_named_and_its_terms_have_all_that_an_auction_or_an_offer_has() -> None:
    body = msgspec.json.encode({"terms": {"format": "fixed", "price": 700, "per_buyer": None}})
    assert given_of_lot(read_lot_change(body))["terms"] == TermsChange({"price": 700, "per_buyer": None}, "fixed")

    names = {*Terms.__struct_fields__, *OfferTerms.__struct_fields__, "format"}
    assert set(LotTermsChange.__struct_fields__) == names
    assert set(AuctionTermsChange.__struct_fields__) == set(Terms.__struct_fields__)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"terms": {"format": "fixed"}}, {"title", "terms.price", "terms.quantity"}),
        ({"title": "A cup", "terms": FIXED, "quantity": 3}, {"quantity"}),
        (
            {"title": "A cup", "terms": FIXED | {"price": 0, "start_price": 1, "sale": {"price": "1"}}},
            {"terms.price", "terms.start_price", "terms.sale.price", "terms.sale.for_ms"},
        ),
        (
            {"title": "A cup", "terms": FIXED | {"sale": {"price": 1_000, "for_ms": 60_000}}},
            {"terms.sale.price"},
        ),
        ({"title": "A cup", "terms": {"format": "raffle", "price": 1}}, {"terms.format", "terms.price"}),
        ({"title": "A cup", "terms": {"buy_now_price": 1}}, {"terms.buy_now_price"}),
        ({"title": "A cup", "terms": "fixed"}, {"terms"}),
        ({"title": "A cup"}, {"terms"}),
    ],
)
def test_each_wrong_field_is_named(body: Any, wrong: set[str]) -> None:
    assert paths(read_new_lot, body) == wrong


def test_a_rerun_needs_no_body_and_takes_terms_of_either_kind() -> None:
    assert given_of_lot(read_new_run(b"")) == {}
    assert given_of_lot(read_new_run(msgspec.json.encode({"terms": FIXED})))["terms"].fields["quantity"] == 10
    assert paths(read_new_run, {"terms": FIXED | {"quantity": 0}}) == {"terms.quantity"}
