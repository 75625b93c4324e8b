"""What callers may do with shows and lots: checks who may, then asks the store."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from blytz.auction.model import Party
from blytz.identity import Principal
from blytz.kit.problems import Conflict, Forbidden, NotFound, Overloaded, StoreUnavailable
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.show import rules
from blytz.show.acts import Act, Verb
from blytz.show.model import AuctionTerms, Figures, Lot, LotFacts, LotPreBid, LotStatus, Show, ShowCode
from blytz.show.store import Audience, CatalogueStore, People, ShowFilter, ShowPage

BYTES_OF_ROW: Final = 1_000
"""What a row takes up besides its texts, with its indexes; at most."""

CarryOut = Callable[[str], Awaitable[object]]
"""What is left to be done for this show."""
Changed = TypeVar("Changed", Show, Lot)

_WHY: Final = {
    ShowCode.SHOW_NOT_FOUND: "there is no such show",
    ShowCode.LOT_NOT_FOUND: "there is no such lot",
    ShowCode.SHOW_SCHEDULED: "a scheduled show is no draft again, and it stays a rehearsal or stays none",
    ShowCode.SHOW_STARTED: "a show that has started keeps its time and its visibility",
    ShowCode.SHOW_OVER: "the show is over",
    ShowCode.SHOW_NOT_LIVE: "the show is not live",
    ShowCode.LOT_NOT_QUEUED: "no lot waits in the queue for this",
    ShowCode.LOT_ALREADY_OPEN: "a lot is open already",
    ShowCode.LOT_NOT_OPEN: "the lot is not open",
    ShowCode.LOT_DAMAGED: "what is stored of an open lot is not valid: all else was done, that lot follows once "
    "an operator has repaired it",
    ShowCode.LOT_NOT_AUCTIONED: "the lot is sold at a fixed price: buy it once it is open",
    ShowCode.LOT_NOT_FIXED_PRICE: "the lot is auctioned: bid on it",
    ShowCode.QUANTITY_NOT_ONE: "at a fixed price the terms have the units, and the quantity of the lot is 1",
    ShowCode.BIDDER_BLOCKED: "the seller does not take bids from you",
    ShowCode.OWN_FOLLOW: "nobody follows themselves",
    ShowCode.BLOCKED: "the seller has blocked you",
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
        people: People,
        now: Callable[[], int],
        stored_bytes_of_user: UserLimit | None = None,
        carry_out: CarryOut | None = None,
        audience: Audience | None = None,
    ) -> None:
        """`now` is in milliseconds since the Unix epoch, on the Redis clock. `carry_out` tells those who watch a
        show of a change. Without an `audience` nobody watches."""
        self._store = store
        self._people = people
        self._now = now
        self._stored_bytes_of_user = stored_bytes_of_user
        self._carry_out = carry_out
        self._audience = audience

    async def create(self, seller: Principal, show_id: str, fields: dict[str, Any]) -> Show:
        """For sellers. The same id again gives the show that is there."""
        if not seller.has("seller", "admin"):
            raise Forbidden("only a seller may make a show")
        show = rules.with_schedule(Show(show_id=show_id, seller=Party(seller.id, seller.name), **fields))
        self._take_bytes(seller, show)
        return await self._store.create_show(show, self.act(Verb.SHOW_CREATED, seller, show))

    async def change(
        self, caller: Principal, show_id: str, fields: dict[str, Any], seen: int | None = None
    ) -> Show:
        """For its seller and admins; refused when `seen` is not the version that is stored."""
        show = await self.own_show(caller, show_id)
        self._take_bytes(caller, rules.laid_over(show, fields))
        act = self.act(Verb.SHOW_CHANGED, caller, show, detail=", ".join(fields))
        return await self._told(show_id, await self._store.change_show(show_id, fields, seen, act))

    async def get(self, show_id: str, reader: Principal | None) -> Show:
        """For anybody; a draft or a rehearsal for its seller, moderators and admins."""
        show = await self._store.show(show_id)
        if show is None or not await self._may_see(show, reader):
            raise refusal(ShowCode.SHOW_NOT_FOUND)
        return show

    async def list(self, wanted: ShowFilter, reader: Principal | None, cursor: str | None, limit: int) -> ShowPage:
        """For anybody; sellers find their drafts, unlisted shows and rehearsals when they ask for their own."""
        is_own = reader is not None and (wanted.seller_id == reader.id or reader.has("admin"))
        wanted = msgspec.structs.replace(wanted, only_public=not is_own)
        return await self._store.shows(wanted, cursor, limit)

    async def figures(self, shows: Sequence[Show]) -> Sequence[Figures]:
        """In the order of the shows."""
        if not shows:
            return []
        # At once, so that asking for viewers adds no round trip to that of the cache.
        facts, viewers = await asyncio.gather(
            self._store.lot_facts([show.show_id for show in shows]), self._viewers(shows)
        )
        return [Figures(facts.get(one.show_id, LotFacts()), viewers.get(one.show_id, 0)) for one in shows]

    async def viewers(self, show: Show) -> int:
        """How many watch it now. A rehearsal, and what is over or not announced, has no audience."""
        return (await self._viewers([show])).get(show.show_id, 0)

    async def _viewers(self, shows: Sequence[Show]) -> Mapping[str, int]:
        watched = [show.show_id for show in shows if rules.has_audience(show)]
        return await self._audience.viewers(watched) if self._audience and watched else {}

    async def add_lot(self, caller: Principal, show_id: str, lot_id: str, fields: dict[str, Any]) -> Lot:
        """For the show's seller and admins. The same id again gives the lot that is there."""
        show = await self.own_show(caller, show_id)
        lot = Lot(lot_id=lot_id, show_id=show_id, **fields)
        self._take_bytes(caller, lot)
        act = self.act(Verb.LOT_ADDED, caller, show, lot_id)
        return await self._told(show_id, await self._store.add_lot(lot, act))

    async def change_lot(self, caller: Principal, lot_id: str, fields: dict[str, Any]) -> Lot:
        """For its seller and admins, while it is queued. Raises `InvalidRequest` for terms that do not fit to
        those that are kept."""
        lot, show = await self._own_lot(caller, lot_id)
        # While it is queued, which the store knows better.
        if lot.status is LotStatus.QUEUED:
            self._take_bytes(caller, rules.with_fields(lot, fields))
        act = self.act(Verb.LOT_CHANGED, caller, show, lot_id, ", ".join(fields))
        return await self._told(lot.show_id, await self._store.change_lot(lot_id, fields, act))

    async def remove_lot(self, caller: Principal, lot_id: str) -> None:
        """For its seller and admins, while it is queued. Removing it twice is removing it once."""
        lot, show = await self._own_lot(caller, lot_id)
        if lot.status is not LotStatus.WITHDRAWN:
            act = self.act(Verb.LOT_REMOVED, caller, show, lot_id)
            removed = await self._store.change_lot(lot_id, {"status": LotStatus.WITHDRAWN}, act)
            await self._told(lot.show_id, removed)

    async def place_pre_bid(self, bidder: Principal, lot_id: str, amount: int) -> Lot:
        """For anybody with a role, in a show that they may see."""
        if not bidder.roles:
            raise Forbidden("only a bidder may bid")
        lot = await self.lot(lot_id, bidder)
        show = await self.get(lot.show_id, bidder)
        if await self._people.is_blocked(show.seller.id, bidder.id):
            raise refusal(ShowCode.BIDDER_BLOCKED)
        pre_bid = LotPreBid(lot_id, Party(bidder.id, bidder.name), amount)
        self._take_bytes(bidder, pre_bid)
        placed = await self._store.place_pre_bid(pre_bid)
        if placed is ShowCode.BID_TOO_LOW and isinstance(lot.terms, AuctionTerms):
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
        if lot is None or show is None or not await self._may_see(show, reader):
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
        show = await self.moderated_show(caller, show_id)
        act = self.act(Verb.QUEUE_ORDERED, caller, show, detail=f"lots: {len(lot_ids)}")
        if not await self._store.order_queue(show_id, lot_ids, act):
            raise Conflict("these are not the lots of the queue: read it again", code=ShowCode.VERSION_CONFLICT)
        await self.tell(show_id)
        return await self._store.lots(show_id)

    async def own_show(self, caller: Principal, show_id: str) -> Show:
        """The show, for its seller and admins."""
        show = await self.get(show_id, caller)
        if show.seller.id != caller.id and not caller.has("admin"):
            raise Forbidden("only its seller may do this to a show")
        return show

    async def moderated_show(self, caller: Principal, show_id: str) -> Show:
        """The show, for its seller, those named to moderate it, and everybody's moderators and admins."""
        show = await self.get(show_id, caller)
        if not await self._moderates(show, caller):
            raise Forbidden("only its seller and moderators may do this in a show")
        return show

    async def show_of_moderated_lot(self, caller: Principal, lot_id: str) -> Show:
        """The same for the show of a lot."""
        return await self.moderated_show(caller, (await self.lot(lot_id, caller)).show_id)

    async def _own_lot(self, caller: Principal, lot_id: str) -> tuple[Lot, Show]:
        lot = await self.lot(lot_id, caller)
        return lot, await self.own_show(caller, lot.show_id)

    async def _may_see(self, show: Show, reader: Principal | None) -> bool:
        if rules.is_for_everybody(show):
            return True
        return reader is not None and await self._moderates(show, reader)

    async def _moderates(self, show: Show, user: Principal) -> bool:
        if show.seller.id == user.id or user.has("moderator", "admin"):
            return True
        return await self._people.is_moderator(show.show_id, user.id)

    def act(self, verb: Verb, by: Principal, show: Show, on: str | None = None, detail: str = "") -> Act:
        """The entry of the audit trail for what is done now."""
        return Act(
            verb=verb,
            by=Party(by.id, by.name),
            at=self._now(),
            seller_id=show.seller.id,
            show_id=show.show_id,
            on=on,
            detail=detail,
        )

    async def _told(self, show_id: str, result: Changed | ShowCode) -> Changed:
        changed = _done(result)
        await self.tell(show_id)
        return changed

    async def tell(self, show_id: str) -> None:
        """Those who watch the show of a change that is made; who cannot be told now is told once Redis answers."""
        if self._carry_out is not None:
            with contextlib.suppress(StoreUnavailable, Overloaded):
                await self._carry_out(show_id)

    def _take_bytes(self, user: Principal, stored: Show | Lot | LotPreBid) -> None:
        """Before anything is stored. Raises `RateLimited`."""
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(user.id, BYTES_OF_ROW + len(msgspec.json.encode(stored)))


def _done(result: Changed | ShowCode) -> Changed:
    if isinstance(result, ShowCode):
        raise refusal(result)
    return result
