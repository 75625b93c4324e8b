"""The auctions and offers of lots behind one port: each id goes to the side that it is of."""

from collections.abc import Collection, Mapping, Sequence

from blytz.apps.lot_auctions import LotAuctions
from blytz.apps.lot_offers import LotOffers
from blytz.auction.model import Party, PauseReason, Standing
from blytz.show.model import Closing, is_offer
from blytz.show.running.auctions import Opening


class LotSales:
    """`show.auctions.Auctions`."""

    def __init__(self, auctions: LotAuctions, offers: LotOffers) -> None:
        self._auctions = auctions
        self._offers = offers
        self.check = auctions.check
        self.left = offers.left

    async def open(self, opening: Opening, standings: Mapping[Standing, Collection[str]]) -> None:
        await self._of(opening.auction_id).open(opening, standings)

    async def set_standing(
        self, auction_id: str, user_ids: Collection[str], standing: Standing, *, held: bool
    ) -> None:
        await self._of(auction_id).set_standing(auction_id, user_ids, standing, held=held)

    async def pause(self, auction_id: str, reason: PauseReason, operation_id: str) -> None:
        await self._of(auction_id).pause(auction_id, reason, operation_id)

    async def resume(self, auction_id: str, operation_id: str) -> None:
        await self._of(auction_id).resume(auction_id, operation_id)

    async def close(self, auction_id: str) -> None:
        await self._of(auction_id).close(auction_id)

    async def cancel(self, auction_id: str) -> None:
        await self._of(auction_id).cancel(auction_id)

    async def bid_in_rehearsal(self, auction_id: str, bidder: Party) -> None:
        await self._auctions.bid_in_rehearsal(auction_id, bidder)

    async def closing(self, auction_id: str) -> Closing | None:
        return await self._of(auction_id).closing(auction_id)

    async def closings(self, after: str) -> tuple[Sequence[Closing], str]:
        """Of auctions: offers are looked at one by one, because they tell more than their end."""
        return await self._auctions.closings(after)

    def _of(self, auction_id: str) -> LotAuctions | LotOffers:
        return self._offers if is_offer(auction_id) else self._auctions
