"""What buyers do with lots at a fixed price: checks who may, then lets the offer decide."""

from collections.abc import Callable
from typing import Final, Protocol

from blytz.auction.model import Cause, Party
from blytz.identity import Principal
from blytz.kit.problems import Conflict, Forbidden
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.offer.model import Code, OfferTerms, Purchase, PurchaseReceipt, Refused
from blytz.show.model import Lot, ShowCode, is_offer
from blytz.show.running.store import RunStore
from blytz.show.service import ShowService, refusal

BYTES_OF_PURCHASE: Final = 1_000
"""What a purchase takes up in Redis, at most: its event, its entry in `sales` and its receipt."""
REPEATED_MS: Final = 24 * 3_600_000
"""So long after the end of an offer a purchase may be repeated and gets its first answer."""

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

    async def recorded(self, offer_id: str, buyer_id: str, purchase_id: str) -> PurchaseReceipt | None:
        """The answer to a purchase of an offer that has ended; None without one."""


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
        runs: RunStore,
        offers: Offers,
        now: Callable[[], int],
        purchases_of_user: UserLimit | None = None,
        stored_bytes_of_user: UserLimit | None = None,
    ) -> None:
        """`now` is the time in ms since the Unix epoch."""
        self._shows = shows
        self._runs = runs
        self._offers = offers
        self._now = now
        self._purchases_of_user = purchases_of_user
        self._stored_bytes_of_user = stored_bytes_of_user

    async def purchase(
        self, buyer: Principal, lot_id: str, purchase_id: str, quantity: int, request_id: str
    ) -> PurchaseReceipt:
        """For anybody with a role, in a show that they may see. The same `purchase_id` again gets the first
        answer, also when the lot has come up again since."""
        if not buyer.roles:
            raise Forbidden("only a bidder may buy")
        if self._purchases_of_user is not None:
            self._purchases_of_user.take(buyer.id)
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(buyer.id, BYTES_OF_PURCHASE)
        lot = await self._shows.lot(lot_id, buyer)
        asked = Purchase(Party(buyer.id, buyer.name), purchase_id, quantity)
        if seen := await self._seen_in_earlier_runs(lot, asked):
            return seen
        if not isinstance(lot.terms, OfferTerms):
            raise refusal(ShowCode.LOT_NOT_FIXED_PRICE)
        show = await self._shows.get(lot.show_id, buyer)
        if show.visibility == "rehearsal":
            raise Forbidden("nothing is sold in a rehearsal")
        if lot.auction_id is None or not is_offer(lot.auction_id):
            raise _lot_not_open()
        decided = await self._offers.purchase(lot.auction_id, asked, Cause(buyer.id, request_id))
        if isinstance(decided, Refused):
            raise purchase_refusal(decided)
        return decided

    async def _seen_in_earlier_runs(self, lot: Lot, asked: Purchase) -> PurchaseReceipt | None:
        """The first answer to this purchase, where it was recorded before the lot came up again.

        No purchase can be recorded there after this has looked: a lot comes up again only once its offer has
        ended, and one that is still on its way to that offer is refused by it."""
        # The newest run is asked by the purchase itself.
        if lot.run <= 1:
            return None
        for offer_id in await self._runs.earlier_offers(lot.lot_id, lot.run, self._now() - REPEATED_MS):
            seen = await self._offers.recorded(offer_id, asked.buyer.id, asked.purchase_id)
            if seen is not None:
                if seen.quantity != asked.quantity:
                    raise purchase_refusal(Refused(Code.PURCHASE_ID_REUSED))
                return seen
        return None


def _lot_not_open() -> Conflict:
    problem = refusal(ShowCode.LOT_NOT_OPEN)
    assert isinstance(problem, Conflict), "the lot is there"
    return problem
