"""What callers may do with auctions: checks who may, then asks the store."""

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from blytz.auction import rules, rules_of_time
from blytz.auction.archive import AuctionArchive
from blytz.auction.model import (
    Auction,
    Bid,
    BidKind,
    Cause,
    Code,
    Event,
    Listing,
    Party,
    Receipt,
    Refused,
    Status,
    Terms,
    Verb,
    is_rehearsal,
)
from blytz.auction.reader import AuctionReader
from blytz.auction.rehearsals import ROLES, ModeratorsOf, no_moderators, readers_of
from blytz.auction.store import AuctionStore
from blytz.identity import Principal
from blytz.kit.answer import Answer
from blytz.kit.idempotency import EVERY_TIME, Operation
from blytz.kit.ids import age_ms, new_id
from blytz.kit.problems import Conflict, Forbidden, InvalidRequest, NotFound
from blytz.kit.ratelimit.user_limit import UserLimit

EPOCH_DIGITS = 8
BYTES_OF_BID: Final = 1_000
"""What a bid takes up in Redis, at most: its event and its receipt."""
BYTES_OF_CHANGE: Final = 1_500
"""Its event and, with an Idempotency-Key, the remembered answer."""
BYTES_OF_AUCTION: Final = 8_000
"""Besides its listing; without bids (decision 0015)."""
MIN_ARCHIVED_MS: Final = 1_000
"""No auction is archived and deleted sooner after its id was made."""
# An id becomes part of keys and channels, so a text that cannot be an id is refused before the store sees it.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


@lru_cache(maxsize=4_096)
def _party(bidder: Principal) -> Party:
    """The same object for all bids of one token, so that a store can cache what it makes of it."""
    return Party(bidder.id, bidder.name)


_WHY = {
    Code.AUCTION_NOT_FOUND: "there is no such auction",
    Code.BID_ID_REUSED: "this bid_id was used for another amount or kind",
    Code.AUCTION_NOT_OPEN: "the auction is not open",
    Code.AUCTION_ENDED: "the auction has ended",
    Code.BIDDER_IS_SELLER: "sellers do not bid on their own auctions",
    Code.BIDDER_BLOCKED: "the seller does not take bids from you",
    Code.BIDDER_NOT_APPROVED: "the seller has not approved you as a bidder",
    Code.CARD_REQUIRED: "add a payment card before you bid here",
    Code.BUY_NOW_UNAVAILABLE: "there is no buying now at this amount",
    Code.ALREADY_LEADING: "you lead already; only a higher maximum changes anything",
    Code.BID_TOO_LOW: "the bid is below the minimum",
    Code.AUCTION_NOT_PAUSED: "the auction is not paused",
    Code.HARD_STOP_REACHED: "the auction may not run any longer",
}


def refusal(refused: Refused) -> Conflict | NotFound:
    """The problem that the caller gets."""
    if refused.code is Code.AUCTION_NOT_FOUND:
        return _not_found()
    fields = {"minimum": refused.minimum} if refused.code is Code.BID_TOO_LOW else {}
    return Conflict(_WHY[refused.code], code=refused.code, **fields)


class AuctionService:
    """Raises `Forbidden`, `NotFound`, `InvalidRequest`, `Conflict`, `RateLimited` and what the store raises."""

    def __init__(
        self,
        store: AuctionStore,
        bids_of_user: UserLimit | None = None,
        stored_bytes_of_user: UserLimit | None = None,
        archive: AuctionArchive | None = None,
        moderators_of: ModeratorsOf = no_moderators,
    ) -> None:
        """Without an `archive`, an auction that has left the store does not exist. `moderators_of` is asked for
        auctions of rehearsals only."""
        self._store = store
        self._reader = AuctionReader(store, archive)
        self._bids_of_user = bids_of_user
        self._stored_bytes_of_user = stored_bytes_of_user
        self._moderators_of = moderators_of
        self._refusing: set[asyncio.Task[None]] = set()
        """Bids in rehearsals; the limits of users bound how many."""

    async def open(
        self,
        seller: Principal,
        title: str,
        terms: Terms,
        request_id: str,
        *,
        starts_at: int | None = None,
        description: str = "",
        image_urls: tuple[str, ...] = (),
        operation: Operation = EVERY_TIME,
    ) -> Auction:
        """For sellers. Opens at once unless `starts_at` (ms since the Unix epoch) is ahead. With an `operation`,
        whose subject is the auction, a repetition gets the first answer."""
        if not seller.has("seller", "admin"):
            raise Forbidden("only a seller may open an auction")
        faults = rules.faults_in(terms)
        if faults:
            errors = [{"path": f"terms.{field}", "detail": why} for field, why in faults]
            raise InvalidRequest("the terms do not hold together", errors=errors)
        # Created again, an auction that has been archived since would be sold twice.
        is_old = operation.subject_id and age_ms(operation.subject_id) >= MIN_ARCHIVED_MS
        if is_old and (archived := await self._reader.archived(operation.subject_id)):
            return archived
        listing = Listing(
            auction_id=operation.subject_id or new_id("auc"),
            title=title,
            seller=Party(seller.id, seller.name),
            terms=terms,
            epoch=new_id("e")[-EPOCH_DIGITS:],
            starts_at=starts_at,
            description=description,
            image_urls=image_urls,
        )
        # Half as much again for what Redis allots.
        self._take_bytes(seller, BYTES_OF_AUCTION + len(msgspec.json.encode(listing)) * 3 // 2)
        return await self._store.create(listing, Cause(seller.id, request_id), operation.id)

    def bid(
        self,
        bidder: Principal,
        auction_id: str,
        bid_id: str,
        amount: int,
        kind: BidKind,
        request_id: str,
    ) -> Answer[Receipt | Refused]:
        """For anybody signed in with a role. A refusal by the rules is a value, not an exception, because most
        bids on a busy auction are refused."""
        if not bidder.roles:
            raise Forbidden("only a bidder may bid")
        if self._bids_of_user is not None:
            self._bids_of_user.take(bidder.id)
        self._take_bytes(bidder, BYTES_OF_BID)
        if not _ID.match(auction_id):
            raise _not_found()
        if is_rehearsal(auction_id):
            return self._refuse_in_rehearsal(bidder, auction_id)
        bid = Bid(_party(bidder), bid_id, amount, kind)
        return self._store.place_bid(auction_id, bid, Cause(bidder.id, request_id))

    def _refuse_in_rehearsal(self, bidder: Principal, auction_id: str) -> Answer[Receipt | Refused]:
        """Fails with `NotFound` for those who may not know of it."""
        answer: Answer[Receipt | Refused] = Answer()

        async def refuse() -> None:
            try:
                await self.get(auction_id, bidder)
            except Exception as error:  # noqa: BLE001 - whoever awaits the answer raises it
                answer.fail(error)
            else:
                answer.fail(Forbidden("only simulated bidders bid in a rehearsal"))

        task = asyncio.create_task(refuse(), name="bid in a rehearsal")
        self._refusing.add(task)
        task.add_done_callback(self._refusing.discard)
        return answer

    async def bid_late(
        self, bidder: Principal, auction_id: str, bid_id: str, amount: int, kind: BidKind, request_id: str
    ) -> Receipt | Refused:
        """The answer to a bid that `bid` has refused with `auction_not_found`: the auction may be archived."""
        bid = Bid(_party(bidder), bid_id, amount, kind)
        return await self._reader.place_bid(auction_id, bid, Cause(bidder.id, request_id))

    async def change(
        self,
        caller: Principal,
        auction_id: str,
        verb: Verb,
        request_id: str,
        by_ms: int = 0,
        operation: Operation = EVERY_TIME,
    ) -> Auction:
        """For its seller and admins; `by_ms` is for `extend`. With an `operation`, a repetition gets the first
        answer."""
        auction, cause = await self._of_owner(caller, auction_id, request_id)
        changed = await self._store.change(auction_id, verb, cause, by_ms, operation.id)
        if isinstance(changed, Auction):
            return changed
        if changed.code is not Code.AUCTION_NOT_FOUND or not auction.status.is_final:
            raise refusal(changed)
        # It is archived: cancelling what was cancelled changes nothing, all else is refused.
        late = rules_of_time.change(auction, verb, cause, auction.clock, by_ms)
        if isinstance(late, Refused):
            raise refusal(late)
        return late.auction

    async def close(self, caller: Principal, auction_id: str, request_id: str) -> Auction:
        """The seller's own hammer: now, whatever the clock says."""
        auction, cause = await self._of_owner(caller, auction_id, request_id)
        closed = await self._store.close(auction_id, cause, force=True)
        if isinstance(closed, Refused):
            if closed.code is Code.AUCTION_NOT_FOUND and auction.status.is_final:
                return auction  # It is archived, and stays as it is.
            raise refusal(closed)
        return await self.get(auction_id, caller)

    async def get(self, auction_id: str, reader: Principal | None) -> Auction:
        """For anybody; an auction of a rehearsal for its seller, the moderators of its show, and those of the
        platform and admins."""
        auction = await self._reader.get(auction_id) if _ID.match(auction_id) else None
        if auction is None or not await self._may_see(auction, reader):
            raise _not_found()
        return auction

    async def _may_see(self, auction: Auction, reader: Principal | None) -> bool:
        if not is_rehearsal(auction.listing.auction_id):
            return True
        if reader is None:
            return False
        if reader.id == auction.listing.seller.id or reader.has(*ROLES):
            return True
        readers = await readers_of(auction, self._moderators_of)
        return readers is None or reader.id in readers

    async def list(
        self, status: Status | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[Auction], str | None]:
        """For anybody; newest first, with the cursor of the next page."""
        page = await self._reader.list(status, cursor, limit)
        return page.auctions, page.cursor

    async def events(
        self, auction_id: str, reader: Principal | None, after: int, limit: int
    ) -> tuple[Auction, Sequence[Event]]:
        """For those who may `get` it, and who may see only their public parts."""
        auction = await self.get(auction_id, reader)
        return auction, await self._reader.events(auction_id, after, limit)

    def _take_bytes(self, user: Principal, count: int) -> None:
        """Before anything is stored. Raises `RateLimited`."""
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(user.id, count)

    async def _of_owner(self, caller: Principal, auction_id: str, request_id: str) -> tuple[Auction, Cause]:
        auction = await self.get(auction_id, caller)
        if caller.id != auction.listing.seller.id and not caller.has("admin"):
            raise Forbidden("only its seller may do this to an auction")
        self._take_bytes(caller, BYTES_OF_CHANGE)
        return auction, Cause(caller.id, request_id)


def _not_found() -> NotFound:
    return NotFound(_WHY[Code.AUCTION_NOT_FOUND], code=Code.AUCTION_NOT_FOUND)


def state_for(auction: Auction, server_at: int, reader: Principal | None = None) -> dict[str, Any]:
    """The state as this reader may see it: only the leader sees `your_ceiling`."""
    state = {**rules.view(auction), "server_at": server_at}
    if reader and auction.leader and auction.leader.id == reader.id:
        state["your_ceiling"] = auction.ceiling
    return state
