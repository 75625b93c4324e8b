"""What callers may do with shows and lots: checks who may, then asks the store."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from blytz.auction.model import Party
from blytz.identity import Principal
from blytz.kit.problems import Conflict, Forbidden, NotFound, Overloaded, StoreUnavailable
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.show import rules
from blytz.show.model import Lot, LotFacts, LotPreBid, LotStatus, Show, ShowCode, ShowStatus
from blytz.show.store import CatalogueStore, ShowFilter, ShowPage

BYTES_OF_ROW: Final = 1_000
"""What a row takes up besides its texts, with its indexes; at most."""

CarryOut = Callable[[str], Awaitable[None]]
"""What is left to be done for this show."""
Changed = TypeVar("Changed", Show, Lot)

_WHY: Final = {
    ShowCode.SHOW_NOT_FOUND: "there is no such show",
    ShowCode.LOT_NOT_FOUND: "there is no such lot",
    ShowCode.SHOW_STARTED: "a show that has started keeps its time and its visibility",
    ShowCode.SHOW_OVER: "the show is over",
    ShowCode.SHOW_NOT_LIVE: "the show is not live",
    ShowCode.LOT_NOT_QUEUED: "no lot waits in the queue for this",
    ShowCode.LOT_ALREADY_OPEN: "a lot is open already",
    ShowCode.BIDDER_IS_SELLER: "sellers do not bid on their own lots",
    ShowCode.BID_TOO_LOW: "the bid is below the minimum",
    ShowCode.VERSION_CONFLICT: "it was changed meanwhile: read it again",
    ShowCode.TOO_MANY: "there are as many as there may be",
}


def refusal(code: ShowCode) -> Conflict | NotFound:
    """The problem that the caller gets."""
    is_missing = code in (ShowCode.SHOW_NOT_FOUND, ShowCode.LOT_NOT_FOUND)
    return (NotFound if is_missing else Conflict)(_WHY[code], code=code)


class ShowService:
    """Raises `Forbidden`, `NotFound`, `Conflict`, `RateLimited` and what the store raises."""

    def __init__(
        self,
        store: CatalogueStore,
        stored_bytes_of_user: UserLimit | None = None,
        carry_out: CarryOut | None = None,
    ) -> None:
        """`carry_out` tells those who watch a show of a change."""
        self._store = store
        self._stored_bytes_of_user = stored_bytes_of_user
        self._carry_out = carry_out

    async def create(self, seller: Principal, show_id: str, fields: dict[str, Any]) -> Show:
        """For sellers. The same id again gives the show that is there."""
        if not seller.has("seller", "admin"):
            raise Forbidden("only a seller may make a show")
        show = rules.with_schedule(Show(show_id=show_id, seller=Party(seller.id, seller.name), **fields))
        self._take_bytes(seller, show)
        return await self._store.create_show(show)

    async def change(
        self, caller: Principal, show_id: str, fields: dict[str, Any], seen: int | None = None
    ) -> Show:
        """For its seller and admins; refused when `seen` is not the version that is stored."""
        show = await self.own_show(caller, show_id)
        self._take_bytes(caller, msgspec.structs.replace(show, **fields))
        return await self._told(show_id, await self._store.change_show(show_id, fields, seen))

    async def get(self, show_id: str, reader: Principal | None) -> Show:
        """For anybody; a draft or a rehearsal for its seller, moderators and admins."""
        show = await self._store.show(show_id)
        if show is None or not _may_see(show, reader):
            raise refusal(ShowCode.SHOW_NOT_FOUND)
        return show

    async def list(self, wanted: ShowFilter, reader: Principal | None, cursor: str | None, limit: int) -> ShowPage:
        """For anybody; sellers find their drafts, unlisted shows and rehearsals when they ask for their own."""
        is_own = reader is not None and (wanted.seller_id == reader.id or reader.has("admin"))
        wanted = msgspec.structs.replace(wanted, only_public=not is_own)
        return await self._store.shows(wanted, cursor, limit)

    async def lot_facts(self, shows: Sequence[Show]) -> dict[str, LotFacts]:
        """By show id."""
        return await self._store.lot_facts([show.show_id for show in shows])

    async def add_lot(self, caller: Principal, show_id: str, lot_id: str, fields: dict[str, Any]) -> Lot:
        """For the show's seller and admins. The same id again gives the lot that is there."""
        await self.own_show(caller, show_id)
        lot = Lot(lot_id=lot_id, show_id=show_id, **fields)
        self._take_bytes(caller, lot)
        return await self._told(show_id, await self._store.add_lot(lot))

    async def change_lot(self, caller: Principal, lot_id: str, fields: dict[str, Any]) -> Lot:
        """For its seller and admins, while it is queued."""
        lot = await self._own_lot(caller, lot_id)
        self._take_bytes(caller, msgspec.structs.replace(lot, **fields))
        return await self._told(lot.show_id, await self._store.change_lot(lot_id, fields))

    async def remove_lot(self, caller: Principal, lot_id: str) -> None:
        """For its seller and admins, while it is queued. Removing it twice is removing it once."""
        lot = await self._own_lot(caller, lot_id)
        if lot.status is not LotStatus.WITHDRAWN:
            removed = await self._store.change_lot(lot_id, {"status": LotStatus.WITHDRAWN})
            await self._told(lot.show_id, removed)

    async def place_pre_bid(self, bidder: Principal, lot_id: str, amount: int) -> Lot:
        """For anybody with a role, in a show that they may see."""
        if not bidder.roles:
            raise Forbidden("only a bidder may bid")
        lot = await self.lot(lot_id, bidder)
        pre_bid = LotPreBid(lot_id, Party(bidder.id, bidder.name), amount)
        self._take_bytes(bidder, pre_bid)
        placed = await self._store.place_pre_bid(pre_bid)
        if placed is ShowCode.BID_TOO_LOW:
            raise Conflict(_WHY[placed], code=placed, minimum=lot.terms.start_price)
        return await self._told(lot.show_id, placed)

    async def withdraw_pre_bid(self, bidder: Principal, lot_id: str) -> None:
        """While the lot is queued. Withdrawing it twice is withdrawing it once."""
        lot = await self.lot(lot_id, bidder)
        await self._told(lot.show_id, await self._store.withdraw_pre_bid(lot_id, bidder.id))

    async def lot(self, lot_id: str, reader: Principal | None) -> Lot:
        """For those who may see its show."""
        lot = await self._store.lot(lot_id)
        show = None if lot is None else await self._store.show(lot.show_id)
        if lot is None or show is None or not _may_see(show, reader):
            raise refusal(ShowCode.LOT_NOT_FOUND)
        return lot

    async def lots(
        self, show_id: str, reader: Principal | None, after: int, limit: int
    ) -> tuple[Sequence[Lot], int | None]:
        """A page in queue order, for those who may see the show, and after which position the next one begins."""
        await self.get(show_id, reader)
        lots = await self._store.lots(show_id, after, limit + 1)
        return lots[:limit], lots[limit - 1].position if len(lots) > limit else None

    async def order_queue(self, caller: Principal, show_id: str, lot_ids: Sequence[str]) -> Sequence[Lot]:
        """For the show's seller, moderators and admins. The lots in their new order."""
        await self.led_show(caller, show_id)
        if not await self._store.order_queue(show_id, lot_ids):
            raise Conflict("these are not the lots of the queue: read it again", code=ShowCode.VERSION_CONFLICT)
        await self._tell(show_id)
        return await self._store.lots(show_id)

    async def own_show(self, caller: Principal, show_id: str) -> Show:
        """Raises `Forbidden` unless it is the caller's, who may be an admin."""
        show = await self.get(show_id, caller)
        if show.seller.id != caller.id and not caller.has("admin"):
            raise Forbidden("only its seller may do this to a show")
        return show

    async def led_show(self, caller: Principal, show_id: str) -> Show:
        """Raises `Forbidden` for all but the show's seller, moderators and admins."""
        show = await self.get(show_id, caller)
        if show.seller.id != caller.id and not caller.has("moderator", "admin"):
            raise Forbidden("only its seller and moderators may do this to a show")
        return show

    async def show_of_led_lot(self, caller: Principal, lot_id: str) -> Show:
        """The same for the show of a lot."""
        return await self.led_show(caller, (await self.lot(lot_id, caller)).show_id)

    async def _own_lot(self, caller: Principal, lot_id: str) -> Lot:
        lot = await self.lot(lot_id, caller)
        await self.own_show(caller, lot.show_id)
        return lot

    async def _told(self, show_id: str, result: Changed | ShowCode) -> Changed:
        changed = _done(result)
        await self._tell(show_id)
        return changed

    async def _tell(self, show_id: str) -> None:
        """The change is made; who cannot be told now is told as soon as Redis answers."""
        if self._carry_out is not None:
            with contextlib.suppress(StoreUnavailable, Overloaded):
                await self._carry_out(show_id)

    def _take_bytes(self, user: Principal, stored: Show | Lot | LotPreBid) -> None:
        """Before anything is stored. Raises `RateLimited`."""
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(user.id, BYTES_OF_ROW + len(msgspec.json.encode(stored)))


def _may_see(show: Show, reader: Principal | None) -> bool:
    if show.status is not ShowStatus.DRAFT and show.visibility != "rehearsal":
        return True
    return reader is not None and (show.seller.id == reader.id or reader.has("moderator", "admin"))


def _done(result: Changed | ShowCode) -> Changed:
    if isinstance(result, ShowCode):
        raise refusal(result)
    return result
