"""Offers in memory, decided by the pure rules, without persistence."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import replace

from blytz.auction.model import Cause, Event, PauseReason, Standing
from blytz.auction.store import NO_STANDINGS
from blytz.offer import rules
from blytz.offer.model import Code, Offer, OfferListing, Purchase, PurchaseReceipt, Refused, Verb


class MemoryOfferStore:
    """`OfferStore` without Redis. `clock` is its only notion of time, in milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._offers: dict[str, Offer] = {}
        self._events: dict[str, list[Event]] = defaultdict(list)
        self._seen: dict[tuple[str, str, str], PurchaseReceipt] = {}
        self._done: set[tuple[str, str]] = set()
        self._bought: dict[tuple[str, str], int] = defaultdict(int)
        self._standings: dict[tuple[str, str], set[Standing]] = defaultdict(set)

    async def create(
        self, listing: OfferListing, cause: Cause, *, standings: Mapping[Standing, Collection[str]] = NO_STANDINGS
    ) -> Offer:
        if listing.offer_id not in self._offers:
            for standing, buyer_ids in standings.items():
                await self.set_standing(listing.offer_id, buyer_ids, standing)
            self._keep(rules.open_offer(listing, cause, self._clock()))
        return self._offers[listing.offer_id]

    async def purchase(self, offer_id: str, asked: Purchase, cause: Cause) -> PurchaseReceipt | Refused:
        buyer, seen_as = (offer_id, asked.buyer.id), (offer_id, asked.buyer.id, asked.purchase_id)
        decided = rules.purchase(
            self._offers.get(offer_id),
            asked,
            self._seen.get(seen_as),
            self._bought[buyer],
            self._standings[buyer],
            cause,
            self._clock(),
        )
        if not isinstance(decided, rules.Recorded):
            return decided
        self._keep(decided)
        self._seen[seen_as] = decided.receipt
        self._bought[buyer] += asked.quantity
        return decided.receipt

    async def recorded(self, offer_id: str, buyer_id: str, purchase_id: str) -> PurchaseReceipt | None:
        seen = self._seen.get((offer_id, buyer_id, purchase_id))
        return seen and replace(seen, replayed=True)

    async def change(
        self, offer_id: str, verb: Verb, cause: Cause, reason: PauseReason = "seller", operation_id: str = ""
    ) -> Offer | Refused:
        if offer_id not in self._offers:
            return Refused(Code.OFFER_NOT_FOUND)
        if (offer_id, operation_id) in self._done:
            return self._offers[offer_id]
        decided = rules.change(self._offers[offer_id], verb, cause, self._clock(), reason)
        if isinstance(decided, rules.Change):
            self._keep(decided)
            if operation_id:
                self._done.add((offer_id, operation_id))
            return decided.offer
        return decided

    async def set_standing(
        self, offer_id: str, buyer_ids: Collection[str], standing: Standing, *, held: bool = True
    ) -> None:
        for buyer_id in buyer_ids:
            standings = self._standings[offer_id, buyer_id]
            (standings.add if held else standings.discard)(standing)

    async def get(self, offer_id: str) -> Offer | None:
        return self._offers.get(offer_id)

    async def events(self, offer_id: str, after: int, limit: int) -> Sequence[Event]:
        return self._events[offer_id][after : after + limit]

    def _keep(self, decided: rules.Change | rules.Recorded) -> None:
        offer_id = decided.offer.listing.offer_id
        self._offers[offer_id] = decided.offer
        self._events[offer_id] += decided.events
