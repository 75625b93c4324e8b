"""The auctions of lots, as shows use them: the one place that knows both sides (offers: `lot_offers.py`)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from msgspec.structs import asdict

from blytz.auction.archive import AuctionArchive
from blytz.auction.model import Bid, Cause, Code, Listing, Party, PauseReason, Standing, Status, Terms, Verb
from blytz.auction.reader import AuctionReader
from blytz.auction.redis.sales import last_position, sales_after
from blytz.auction.rules import minimum
from blytz.auction.service import EPOCH_DIGITS, MIN_ARCHIVED_MS
from blytz.auction.store import AuctionStore
from blytz.kit.ids import age_ms, new_id
from blytz.kit.problems import NotFound
from blytz.kit.redis.pipe import RedisError, RedisPipe
from blytz.show.model import Closing
from blytz.show.running.auctions import Opening

log = structlog.get_logger()

MAX_CLOSINGS: Final = 200
"""Read at once."""
CAUSE: Final = Cause("show")
MOST_OF_START_PRICE: Final = 20
"""Simulated bidders go no higher than this many times the start price."""


class LotAuctions:
    """`show.auctions.Auctions` by the store of auctions."""

    def __init__(self, pipe: RedisPipe, store: AuctionStore, archive: AuctionArchive | None = None) -> None:
        self._pipe = pipe
        self._store = store
        self._reader = AuctionReader(store, archive)
        self._is_unreadable = False

    async def check(self) -> None:
        await self._pipe.call("PING")

    async def open(self, opening: Opening, standings: Mapping[Standing, Collection[str]]) -> None:
        # Opened again by a process that comes late, an auction that has been archived since would be sold twice.
        if age_ms(opening.auction_id) >= MIN_ARCHIVED_MS and await self._reader.archived(opening.auction_id):
            return
        listing = Listing(
            auction_id=opening.auction_id,
            title=opening.title,
            seller=opening.seller,
            terms=Terms(**asdict(opening.terms)),
            epoch=new_id("e")[-EPOCH_DIGITS:],
            description=opening.description,
            image_urls=opening.images,
            requirements=opening.requirements,
        )
        cause = Cause(opening.seller.id)
        await self._store.create(listing, cause, standings=standings, pre_bids=opening.pre_bids)

    async def set_standing(
        self, auction_id: str, user_ids: Collection[str], standing: Standing, *, held: bool
    ) -> None:
        await self._store.set_standing(auction_id, user_ids, standing, held=held)

    async def pause(self, auction_id: str, reason: PauseReason, operation_id: str) -> None:
        await self._store.change(auction_id, "pause", CAUSE, operation_id=operation_id, reason=reason)

    async def resume(self, auction_id: str, operation_id: str) -> None:
        await self._change(auction_id, "resume", operation_id)

    async def close(self, auction_id: str) -> None:
        await self._store.close(auction_id, CAUSE, force=True)

    async def cancel(self, auction_id: str) -> None:
        await self._change(auction_id, "cancel", "")

    async def bid_in_rehearsal(self, auction_id: str, bidder: Party) -> None:
        auction = await self._store.get(auction_id)
        if auction is None or auction.status is not Status.OPEN or auction.leader == bidder:
            return
        least = minimum(auction)
        if least <= auction.listing.terms.start_price * MOST_OF_START_PRICE:
            await self._store.place_bid(auction_id, Bid(bidder, new_id("b"), least), CAUSE)

    async def closing(self, auction_id: str) -> Closing | None:
        auction = await self._reader.get(auction_id)
        if auction is None:
            raise NotFound("there is no such auction", code=Code.AUCTION_NOT_FOUND)
        if not auction.status.is_final:
            return None
        return _closing(auction_id, auction.status.value, auction.price, auction.leader, auction.clock)

    async def closings(self, after: str) -> tuple[Sequence[Closing], str]:
        try:
            if not after:
                return (), await last_position(self._pipe)
            events, position = await sales_after(self._pipe, after, MAX_CLOSINGS)
            self._is_unreadable = False
            return [_closing_of(event) for event in events], position
        except (RedisError, msgspec.MsgspecError, KeyError, ValueError) as error:
            # A key of another type, or an entry of somebody else. Whoever asks for each auction misses nothing.
            if not self._is_unreadable:
                log.error("sales_unreadable", error=repr(error))  # noqa: TRY400 - no fault of this code
            self._is_unreadable = True
            return (), ""

    async def _change(self, auction_id: str, verb: Verb, operation_id: str) -> None:
        # A refusal means that it is so already, or that it has ended; how, is asked for by itself.
        await self._store.change(auction_id, verb, CAUSE, operation_id=operation_id)


def _closing_of(event: dict[str, Any]) -> Closing:
    leader = event["leader"]
    party = Party(leader["id"], leader["name"]) if leader else None
    return _closing(event["auction_id"], event["status"], event["price"], party, event["at"])


def _closing(auction_id: str, status: str, price: int, leader: Party | None, at: int) -> Closing:
    outcome: Any = {Status.SOLD: "sold", Status.UNSOLD: "unsold", Status.CANCELLED: "cancelled"}[Status(status)]
    return Closing(auction_id, outcome, price, leader if outcome == "sold" else None, at)
