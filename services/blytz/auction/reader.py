"""Reads auctions from wherever they are: first from the store, then from the archive."""

from collections.abc import Sequence

from blytz.auction import rules
from blytz.auction.archive import AuctionArchive
from blytz.auction.model import Auction, Bid, Cause, Event, Receipt, Refused, Status
from blytz.auction.store import AuctionStore, Page


class AuctionReader:
    """Raises what the store raises, and `StoreUnavailable` while only the archive could answer and is away. An
    auction is in both for some minutes; then both have the same."""

    def __init__(self, store: AuctionStore, archive: AuctionArchive | None = None) -> None:
        self._store = store
        self._archive = archive

    async def get(self, auction_id: str) -> Auction | None:
        return await self._store.get(auction_id) or await self.archived(auction_id)

    async def archived(self, auction_id: str) -> Auction | None:
        return await self._archive.get(auction_id) if self._archive else None

    async def list(self, status: Status | None, cursor: str | None, limit: int) -> Page:
        """Newest first. A page may be short, even empty, while its cursor says there is more."""
        page = await self._store.list(status, cursor, limit)
        if self._archive is None or (status is not None and not status.is_final):
            return page
        # After the store: what has left it since is in the archive.
        return merged(page, await self._archive.page(status, cursor, limit), limit)

    async def events(self, auction_id: str, after: int, limit: int) -> Sequence[Event]:
        events = await self._store.events(auction_id, after, limit)
        if events or self._archive is None or await self._store.get(auction_id):
            return events
        return await self._archive.events(auction_id, after, limit)

    async def place_bid(self, auction_id: str, bid: Bid, cause: Cause) -> Receipt | Refused:
        """The answer to a bid on an auction that the store does not have: a repeated one gets its first answer."""
        auction = await self.archived(auction_id)
        seen = None
        if auction and self._archive:
            seen = await self._archive.seen(auction_id, bid.bidder.id, bid.bid_id)
        decided = rules.place_bid(auction, bid, seen, (), cause, auction.clock if auction else 0)
        assert not isinstance(decided, rules.Recorded), "only an open auction records a bid"
        return decided


def merged(page: Page, archived: Sequence[Auction], limit: int) -> Page:
    """One page of both, in the order of ids. Neither is known further than to its last id."""
    is_whole = len(archived) < limit
    known_to = max(page.cursor or "", "" if is_whole else archived[-1].listing.auction_id)
    by_id = {auction.listing.auction_id: auction for auction in (*archived, *page.auctions)}
    ids = sorted((auction_id for auction_id in by_id if auction_id >= known_to), reverse=True)
    cursor = ids[limit - 1] if len(ids) > limit else known_to or None
    return Page([by_id[auction_id] for auction_id in ids[:limit]], cursor)
