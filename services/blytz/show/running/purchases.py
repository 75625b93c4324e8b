"""What buyers do with lots at a fixed price: checks who may, then lets the offer decide."""

from typing import Final, Protocol

from blytz.auction.model import Cause, Party
from blytz.identity import Principal
from blytz.kit.problems import Conflict, Forbidden
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.offer.model import Code, OfferTerms, Purchase, PurchaseReceipt, Refused
from blytz.show.model import ShowCode, is_offer
from blytz.show.service import ShowService, refusal

BYTES_OF_PURCHASE: Final = 1_000
"""What a purchase takes up in Redis, at most: its event, its entry in `sales` and its receipt."""

_WHY: Final = {
    Code.PURCHASE_ID_REUSED: "this purchase_id was used for another quantity",
    Code.OFFER_NOT_OPEN: "the offer is not open",
    Code.BUYER_IS_SELLER: "sellers do not buy their own lots",
    Code.BIDDER_BLOCKED: "the seller does not sell to you",
    Code.BIDDER_NOT_APPROVED: "the seller has not approved you",
    Code.CARD_REQUIRED: "add a payment card before you buy here",
    Code.SOLD_OUT: "there are not so many left",
    Code.PER_BUYER_REACHED: "nobody gets more units than this",
}


class Offers(Protocol):
    """Raises `StoreUnavailable`, `Overloaded` and `CorruptRecord`."""

    async def purchase(self, offer_id: str, asked: Purchase, cause: Cause) -> PurchaseReceipt | Refused:
        """Decide one purchase. The result means it is durable."""


def purchase_refusal(refused: Refused) -> Conflict:
    """The problem that the buyer gets. Some tell how many units are left."""
    if refused.code is Code.OFFER_NOT_FOUND:
        # It is a moment away from being opened, or was deleted long after its end.
        return _lot_not_open()
    fields = {"left": refused.left} if refused.code in (Code.SOLD_OUT, Code.PER_BUYER_REACHED) else {}
    return Conflict(_WHY[refused.code], code=refused.code, **fields)


class PurchaseService:
    """Raises `Forbidden`, `NotFound`, `Conflict`, `RateLimited` and what the stores raise."""

    def __init__(
        self,
        shows: ShowService,
        offers: Offers,
        purchases_of_user: UserLimit | None = None,
        stored_bytes_of_user: UserLimit | None = None,
    ) -> None:
        self._shows = shows
        self._offers = offers
        self._purchases_of_user = purchases_of_user
        self._stored_bytes_of_user = stored_bytes_of_user

    async def purchase(
        self, buyer: Principal, lot_id: str, purchase_id: str, quantity: int, request_id: str
    ) -> PurchaseReceipt:
        """For anybody with a role, in a show that they may see. The same `purchase_id` again gets the first
        answer."""
        if not buyer.roles:
            raise Forbidden("only a bidder may buy")
        if self._purchases_of_user is not None:
            self._purchases_of_user.take(buyer.id)
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(buyer.id, BYTES_OF_PURCHASE)
        lot = await self._shows.lot(lot_id, buyer)
        if not isinstance(lot.terms, OfferTerms):
            raise refusal(ShowCode.LOT_NOT_FIXED_PRICE)
        show = await self._shows.get(lot.show_id, buyer)
        if show.visibility == "rehearsal":
            raise Forbidden("nothing is sold in a rehearsal")
        if lot.auction_id is None or not is_offer(lot.auction_id):
            raise _lot_not_open()
        asked = Purchase(Party(buyer.id, buyer.name), purchase_id, quantity)
        decided = await self._offers.purchase(lot.auction_id, asked, Cause(buyer.id, request_id))
        if isinstance(decided, Refused):
            raise purchase_refusal(decided)
        return decided


def _lot_not_open() -> Conflict:
    problem = refusal(ShowCode.LOT_NOT_OPEN)
    assert isinstance(problem, Conflict), "the lot is there"
    return problem
