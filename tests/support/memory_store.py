"""Auctions in memory, decided by the pure rules, without persistence."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from blytz.auction import rules, rules_of_time
from blytz.auction.model import (
    Auction,
    Bid,
    Cause,
    Code,
    Event,
    Listing,
    NotYet,
    Outage,
    PauseReason,
    PreBid,
    Receipt,
    Refused,
    Standing,
    Status,
    Verb,
)
from blytz.auction.store import NO_STANDINGS, Closed, Page, check_pre_bids
from blytz.kit.answer import Answer


def wall_clock() -> int:
    return time.time_ns() // 1_000_000


class MemoryStore:
    """`AuctionStore` without Redis. `clock` is its only notion of time, in milliseconds."""

    def __init__(self, clock: Callable[[], int] = wall_clock) -> None:
        self._clock = clock
        self.stepped_ms = 0
        """Recorded steps of `clock`."""
        self._auctions: dict[str, Auction] = {}
        self._events: dict[str, list[Event]] = {}
        self._seen: dict[tuple[str, str, str], rules.Seen] = {}
        self._standings: defaultdict[tuple[str, str], set[Standing]] = defaultdict(set)
        self._done: dict[tuple[str, str], Auction] = {}

    async def create(
        self,
        listing: Listing,
        cause: Cause,
        operation_id: str = "",
        *,
        standings: Mapping[Standing, Collection[str]] = NO_STANDINGS,
        pre_bids: Sequence[PreBid] = (),
    ) -> Auction:
        check_pre_bids(listing, pre_bids)
        auction_id = listing.auction_id
        if (auction_id, operation_id) not in self._done:
            for standing, bidder_ids in standings.items() if auction_id not in self._auctions else ():
                await self.set_standing(auction_id, bidder_ids, standing)
            auction = self._auctions.setdefault(auction_id, rules.scheduled(listing))
            opened = rules_of_time.open_with_pre_bids(
                auction,
                pre_bids,
                lambda bidder_id: self._standings[auction_id, bidder_id],
                cause,
                self._clock(),
                self.stepped_ms,
            )
            if isinstance(opened, rules_of_time.Opened):
                self._keep(opened.auction, opened.events)
                self._seen.update({(auction_id, *key): seen for key, seen in opened.seen.items()})
        return self._first_answer(auction_id, operation_id, self._auctions[auction_id])

    async def open(self, auction_id: str, cause: Cause) -> Auction | NotYet | Refused:
        return self._apply(
            auction_id, lambda auction: rules_of_time.open_auction(auction, cause, self._clock(), self.stepped_ms)
        )

    def place_bid(self, auction_id: str, bid: Bid, cause: Cause) -> Answer[Receipt | Refused]:
        seen_as = (auction_id, bid.bidder.id, bid.bid_id)
        standings = self._standings[auction_id, bid.bidder.id]
        auction, seen = self._auctions.get(auction_id), self._seen.get(seen_as)
        decided = rules.place_bid(auction, bid, seen, standings, cause, self._clock())
        if isinstance(decided, rules.Recorded):
            self._keep(decided.auction, decided.events)
            self._seen[seen_as] = rules.Seen(bid.amount, bid.kind, decided.receipt)
            return Answer.of(decided.receipt)
        return Answer.of(decided)

    async def change(
        self,
        auction_id: str,
        verb: Verb,
        cause: Cause,
        by_ms: int = 0,
        operation_id: str = "",
        reason: PauseReason = "seller",
    ) -> Auction | Refused:
        if first := self._done.get((auction_id, operation_id)):
            return first
        after = self._apply(
            auction_id, lambda auction: rules_of_time.change(auction, verb, cause, self._clock(), by_ms, reason)
        )
        assert not isinstance(after, NotYet), "only open and close can be too early"
        return after if isinstance(after, Refused) else self._first_answer(auction_id, operation_id, after)

    async def close(
        self, auction_id: str, cause: Cause, *, force: bool = False, outage: Outage | None = None
    ) -> Closed | NotYet | Refused:
        now = self._clock()
        auction = self._auctions.get(auction_id)
        if auction and (step_ms := self.stepped_ms - auction.stepped_ms):
            corrected = rules_of_time.correct_clock(auction, step_ms, cause, now)
            if corrected:
                self._keep(corrected.auction, corrected.events)
        after = self._apply(
            auction_id,
            lambda auction: rules_of_time.close(auction, cause, now, force=force, outage=outage),
        )
        if not isinstance(after, Auction):
            return after
        if not after.status.is_final:
            return NotYet(None if after.ends_at is None else max(0, after.ends_at - max(now, after.clock)))
        return Closed(after.status, Event(self._events[auction_id][-1].public))

    async def set_standing(
        self, auction_id: str, bidder_ids: Collection[str], standing: Standing, *, held: bool = True
    ) -> None:
        for bidder_id in bidder_ids:
            standings = self._standings[auction_id, bidder_id]
            (standings.add if held else standings.discard)(standing)

    async def get(self, auction_id: str) -> Auction | None:
        return self._auctions.get(auction_id)

    async def list(self, status: Status | None, cursor: str | None, limit: int) -> Page:
        ids = sorted((key for key in self._auctions if cursor is None or key < cursor), reverse=True)
        fitting = [key for key in ids if status is None or self._auctions[key].status is status]
        found = [self._auctions[key] for key in fitting[:limit]]
        return Page(found, fitting[limit - 1] if len(fitting) > limit else None)

    async def events(self, auction_id: str, after: int, limit: int) -> Sequence[Event]:
        return self._events.get(auction_id, [])[after : after + limit]

    async def receipt(self, auction_id: str, bidder_id: str, bid_id: str) -> Receipt | None:
        seen = self._seen.get((auction_id, bidder_id, bid_id))
        return seen.receipt if seen else None

    async def now(self) -> int:
        return self._clock()

    def _first_answer(self, auction_id: str, operation_id: str, answer: Auction) -> Auction:
        return self._done.setdefault((auction_id, operation_id), answer) if operation_id else answer

    def _keep(self, auction: Auction, events: Sequence[Event]) -> None:
        self._auctions[auction.listing.auction_id] = auction
        self._events.setdefault(auction.listing.auction_id, []).extend(events)

    def _apply(
        self, auction_id: str, rule: Callable[[Auction], rules.Change | NotYet | Refused]
    ) -> Auction | NotYet | Refused:
        auction = self._auctions.get(auction_id)
        if auction is None:
            return Refused(Code.AUCTION_NOT_FOUND)
        decided = rule(auction)
        if not isinstance(decided, rules.Change):
            return decided
        self._keep(decided.auction, decided.events)
        return decided.auction
