"""Two stores that must never differ: every command goes to both, and answers, states and events are compared."""

from collections.abc import Callable
from typing import Any, get_args

import msgspec

from blytz.auction.model import Auction, Bid, Listing, PreBid, Receipt, Refused, Standing, Verb
from blytz.auction.redis.store import RedisStore
from blytz.kit.redis.pipe import RedisPipe
from tests.support.auctions import CAUSE
from tests.support.clock import Clock, scripts_on_test_clock
from tests.support.memory_store import MemoryStore

PAGE = 1_000
_json = msgspec.json.Encoder(order="sorted")


class Difference(AssertionError):
    """The two stores do not agree."""


class Pair:
    """One auction in memory and in Redis, on one clock."""

    def __init__(self, pipe: RedisPipe, edit: Callable[[str], str] = lambda source: source) -> None:
        self.clock = Clock(pipe)
        self.memory = MemoryStore(self.clock)
        self.redis = RedisStore(pipe, scripts_on_test_clock(edit), self.clock)  # type: ignore[arg-type]
        self.auction_id = ""
        self.seen: set[str] = set()
        """What happened so far: outcomes, refusals, kinds of events."""
        self._seen = 0

    @property
    def auction(self) -> Auction:
        return self.memory._auctions[self.auction_id]

    async def create(self, listing: Listing, **options: Any) -> Any:
        """`options` are those of `AuctionStore.create`."""
        if self.auction_id != listing.auction_id:
            self.auction_id, self._seen = listing.auction_id, 0
        created = await self._both("create", listing, CAUSE, **options)
        for pre_bid in options.get("pre_bids", ()):
            await self._compare_receipts(pre_bid)
        return created

    async def bid(self, bid: Bid) -> Receipt | Refused:
        result: Receipt | Refused = await self._both("place_bid", self.auction_id, bid, CAUSE)
        await self._compare_receipts(bid)
        return result

    async def _compare_receipts(self, bid: Bid | PreBid) -> None:
        asked = (self.auction_id, bid.bidder.id, bid.bid_id)
        _same(f"the receipt of {bid}", await self.memory.receipt(*asked), await self.redis.receipt(*asked))

    async def verb(self, verb: str, *args: Any, **options: Any) -> Any:
        """A seller's or the hammer's verb."""
        if verb in get_args(Verb):
            return await self._both("change", self.auction_id, verb, CAUSE, *args, **options)
        return await self._both(verb, self.auction_id, CAUSE, **options)

    def step_clock(self, by_ms: int) -> None:
        """Steps the clock of Redis and records the step."""
        self.clock.stepped_ms += by_ms
        self.memory.stepped_ms = self.clock.stepped_ms
        self.clock.advance(by_ms)

    async def set_standing(self, bidder_id: str, standing: Standing, held: bool) -> None:
        for store in (self.memory, self.redis):
            await store.set_standing(self.auction_id, [bidder_id], standing, held=held)

    async def _both(self, verb: str, *args: Any, **options: Any) -> Any:
        """Raises `Difference` when the answer, the state or a new event differs."""
        expected = await getattr(self.memory, verb)(*args, **options)
        actual = await getattr(self.redis, verb)(*args, **options)
        what = f"{verb}{args} {options or ''} at {self.clock.now}"
        _same(what, expected, actual)
        _same(
            f"the state after {what}",
            await self.memory.get(self.auction_id),
            await self.redis.get(self.auction_id),
        )
        events = await self.memory.events(self.auction_id, self._seen, PAGE)
        _same(f"the events after {what}", events, await self.redis.events(self.auction_id, self._seen, PAGE))
        self._seen += len(events)
        self.seen.update(event.kind for event in events)
        self.seen.add(_name(expected))
        return expected


def _name(result: Any) -> str:
    match result:
        case Receipt(replayed=True):
            return "replayed"
        case Receipt(outcome=outcome):
            return str(outcome)
        case Refused(code=code):
            return code.value
    return type(result).__name__


def _same(what: str, expected: Any, actual: Any) -> None:
    # As text, because 1 and true are equal in Python but not in JSON.
    texts = [f"{type(side).__name__} {_json.encode(side).decode()}" for side in (expected, actual)]
    if texts[0] != texts[1]:
        raise Difference(f"{what}:\n  rules say {texts[0]}\n  Redis says {texts[1]}")
