"""The port through which everything reaches an offer. Two adapters keep the same promises: `RedisOfferStore`
(offer/redis/store.py), and one in memory for tests (tests/support/memory_offers.py)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from blytz.auction.model import Cause, Event, PauseReason, Standing
from blytz.auction.store import NO_STANDINGS
from blytz.kit.problems import CorruptRecord
from blytz.offer.model import Offer, OfferListing, Purchase, PurchaseReceipt, Refused, Verb


class CorruptOffer(CorruptRecord):
    """The stored offer is not valid (wrong type, number out of range). Nothing was written."""

    status, code, title = 500, "corrupt_offer", "The stored offer is not valid; nothing was changed"


class OfferStore(Protocol):
    """Every verb is atomic: it decides, records and announces in one step, or does nothing.

    All raise `StoreUnavailable`, `Overloaded` and `CorruptOffer`. No permissions are checked here.
    """

    async def create(
        self, listing: OfferListing, cause: Cause, *, standings: Mapping[Standing, Collection[str]] = NO_STANDINGS
    ) -> Offer:
        """Record the offer and open it. The same id again changes nothing. `standings` gives the ids of the buyers
        who have each from the start."""

    async def purchase(self, offer_id: str, asked: Purchase, cause: Cause) -> PurchaseReceipt | Refused:
        """Decide one purchase. The result means it is durable (protocol, section 5); else `NotDurable`."""

    async def recorded(self, offer_id: str, buyer_id: str, purchase_id: str) -> PurchaseReceipt | None:
        """The answer to a purchase that was recorded, with `replayed`; None without one, or once the offer has
        been deleted. For offers that have ended, of which a record cannot change any more."""

    async def change(
        self, offer_id: str, verb: Verb, cause: Cause, reason: PauseReason = "seller", operation_id: str = ""
    ) -> Offer | Refused:
        """Do what a seller asks for; `reason` is for `pause`. With an `operation_id`, a repetition within 24 hours
        of one that was not refused changes nothing and gets the offer as it is."""

    async def set_standing(
        self, offer_id: str, buyer_ids: Collection[str], standing: Standing, *, held: bool = True
    ) -> None:
        """As for an auction: it decides every later purchase."""

    async def get(self, offer_id: str) -> Offer | None: ...

    async def events(self, offer_id: str, after: int, limit: int) -> Sequence[Event]:
        """Events with `after < seq`, oldest first, at most `limit`."""
