"""A topic of each kind, to run the same failures for both."""

from typing import Final

from blytz.auction.redis.store import RedisStore
from blytz.kit.redis.pipe import RedisPipe
from blytz.show.events.log import Announced, Announcement
from blytz.show.redis.log import RedisShowLog
from tests.support.auctions import BIDDERS, CAUSE, bid, listing
from tests.support.show_json import lot_json, snapshot

AUCTION = "auc_recovery"
LONG_MS = 3_600_000


class AuctionTopic:
    """Grows by one event with each bid."""

    name = f"auction:{AUCTION}"
    first_seq = 1
    sent: Final[dict[str, object]] = {"type": "bid", "auction_id": AUCTION, "bid_id": "b1", "amount": 100}
    """A message that makes it grow."""
    answer, done = "bid_result", "accepted"

    def __init__(self, pipe: RedisPipe) -> None:
        self._store = RedisStore(pipe)

    async def create(self) -> None:
        await self._store.create(listing(AUCTION, duration_ms=LONG_MS), CAUSE)

    async def grow(self, number: int) -> None:
        await self._store.place_bid(AUCTION, bid(BIDDERS[number % 3], 1_000_000 + number * 10_000), CAUSE)


class ShowTopic:
    """Grows by one event with each change of the catalogue."""

    name = "show:shw_1"
    first_seq = 0
    sent: Final[dict[str, object]] = {"type": "say", "show_id": "shw_1", "message_id": "m1", "text": "Hello"}
    answer, done = "say_result", "said"

    def __init__(self, pipe: RedisPipe) -> None:
        self._log = RedisShowLog(pipe)

    async def create(self) -> None:
        await self._log.fill("shw_1", snapshot())

    async def grow(self, number: int) -> None:
        change = Announcement(number + 1, "lot_changed", {"lot": lot_json(1, title=str(number))})
        assert await self._log.announce("shw_1", change) is Announced.DONE
