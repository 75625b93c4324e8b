"""Offers and purchases for tests."""

from typing import Any

from blytz.auction.model import Party, Standing
from blytz.offer.model import OfferListing, OfferTerms, Purchase, Sale
from tests.support.auctions import SAM

SALE = Sale(price=700, for_ms=10_000)


def offered(offer_id: str = "ofr_1", requirements: tuple[Standing, ...] = (), **terms: Any) -> OfferListing:
    """Ten units at 1,000 each, unless the terms say otherwise."""
    given = OfferTerms(**{"price": 1_000, "quantity": 10, **terms})
    return OfferListing(
        offer_id=offer_id, title="A thing", seller=SAM, terms=given, epoch="e1", requirements=requirements
    )


def purchase(buyer: Party, purchase_id: str = "p1", quantity: int = 1) -> Purchase:
    return Purchase(buyer, purchase_id, quantity)
