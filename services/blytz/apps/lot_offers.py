"""The offers of lots that are sold at a fixed price, as shows use them."""

from collections.abc import Collection, Mapping
from typing import Final, Literal

from blytz.auction.model import Cause, PauseReason, Standing
from blytz.auction.service import EPOCH_DIGITS
from blytz.kit.ids import age_ms, new_id
from blytz.kit.problems import NotFound
from blytz.offer.model import Code, Offer, OfferListing, OfferTerms, Status, Verb
from blytz.offer.store import OfferStore
from blytz.show.model import Closing
from blytz.show.running.auctions import Opening

KEPT_MS: Final = 24 * 3_600_000
"""An offer that has ended is deleted after so long. Nothing archives it: `sales` and the catalogue have what is
needed later."""
CAUSE: Final = Cause("show")


class LotOffers:
    """What `show.auctions.Auctions` asks of one auction, for one offer."""

    def __init__(self, store: OfferStore) -> None:
        self._store = store

    async def open(self, opening: Opening, standings: Mapping[Standing, Collection[str]]) -> None:
        assert isinstance(opening.terms, OfferTerms), "the id was made for an offer"
        # Opened again by a process that comes late, an offer that has been deleted since would be sold twice.
        if age_ms(opening.auction_id) >= KEPT_MS:
            return
        listing = OfferListing(
            offer_id=opening.auction_id,
            title=opening.title,
            seller=opening.seller,
            terms=opening.terms,
            epoch=new_id("e")[-EPOCH_DIGITS:],
            requirements=opening.requirements,
        )
        await self._store.create(listing, Cause(opening.seller.id), standings=standings)

    async def set_standing(
        self, offer_id: str, user_ids: Collection[str], standing: Standing, *, held: bool
    ) -> None:
        await self._store.set_standing(offer_id, user_ids, standing, held=held)

    async def pause(self, offer_id: str, reason: PauseReason, operation_id: str) -> None:
        await self._change(offer_id, "pause", operation_id, reason)

    async def resume(self, offer_id: str, operation_id: str) -> None:
        await self._change(offer_id, "resume", operation_id)

    async def close(self, offer_id: str) -> None:
        await self._change(offer_id, "close", "")

    async def cancel(self, offer_id: str) -> None:
        await self._change(offer_id, "cancel", "")

    async def closing(self, offer_id: str) -> Closing | None:
        offer = await self._store.get(offer_id)
        if offer is None:
            raise NotFound("there is no such offer", code=Code.OFFER_NOT_FOUND)
        return _closing(offer) if offer.status.is_final else None

    async def left(self, offer_id: str) -> int | None:
        offer = await self._store.get(offer_id)
        return None if offer is None or offer.status.is_final else offer.left

    async def _change(self, offer_id: str, verb: Verb, operation_id: str, reason: PauseReason = "seller") -> None:
        # A refusal means that it is so already, or that it has ended; how, is asked for by itself.
        await self._store.change(offer_id, verb, CAUSE, reason, operation_id)


def _closing(offer: Offer) -> Closing:
    terms = offer.listing.terms
    is_sold = offer.left < terms.quantity
    price = terms.price if is_sold else 0
    outcome: Literal["sold", "unsold", "cancelled"] = "sold" if is_sold else "unsold"
    if offer.status is Status.CANCELLED:
        outcome = "cancelled"
    return Closing(offer.listing.offer_id, outcome, price, None, offer.clock, offer.left)
