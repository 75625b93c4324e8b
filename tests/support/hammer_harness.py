"""A harness for tests of the hammer: a Redis, hammers as real processes, and access to all data."""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis

from blytz.auction.model import Auction, Event, Status
from blytz.auction.redis import audit
from blytz.auction.redis.keys import HEARTBEAT, SALES, SCHEDULE
from blytz.auction.redis.store import RedisStore
from blytz.kit.ids import new_id
from blytz.kit.problems import StoreUnavailable
from blytz.kit.redis.pipe import RedisPipe
from tests.support import auctions
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.services import Service
from tests.support.wait import until

PAGE = 1_000
CLOSINGS = ("sold", "unsold", "cancelled")


def now_ms() -> int:
    """Redis runs on this machine, so its clock is ours."""
    return time.time_ns() // 1_000_000


class HammerHarness:
    def __init__(self, redis: RedisServer, pipe: RedisPipe, folder: Path, stack: ExitStack) -> None:
        self.redis = redis
        self.pipe = pipe
        self.store = RedisStore(pipe)
        self.hammers: list[Service] = []
        self._folder = folder
        self._stack = stack

    async def start_hammers(self, count: int = 1) -> list[Service]:
        started = [Service("hammer", self.redis.url, self._folder) for _ in range(count)]
        for hammer in started:
            self._stack.enter_context(hammer)
        self.hammers += started
        for hammer in started:
            await asyncio.to_thread(hammer.wait_until_ready)
        await until(lambda: self.redis.ask("EXISTS", HEARTBEAT) == 1, "a hammer sends heartbeats")
        return started

    async def open(self, ends_in_ms: int = 60_000, *, starts_at: int | None = None, **terms: Any) -> str:
        """Opens an auction that ends in `ends_in_ms`, or that long after `starts_at`."""
        terms = {"duration_ms": ends_in_ms, **terms}
        listing = auctions.listing(new_id("auc"), starts_at=starts_at, **terms)
        while True:
            try:
                await self.store.create(listing, auctions.CAUSE)
            except StoreUnavailable:
                # The auction may exist already; creating it again is idempotent. A busy machine may answer late.
                await self.pipe.up.wait()
            else:
                return listing.auction_id

    async def auction(self, auction_id: str) -> Auction:
        auction = await self.store.get(auction_id)
        assert auction is not None
        return auction

    async def events(self, auction_id: str) -> list[Event]:
        events: list[Event] = []
        while page := await self.store.events(auction_id, len(events), PAGE):
            events += page
        return events

    async def kinds(self, auction_id: str) -> list[str]:
        return [event.kind for event in await self.events(auction_id)]

    async def closing(self, auction_id: str) -> Event:
        """Its only closing event, which is its last event."""
        events = await self.events(auction_id)
        closings = [event for event in events if event.kind in CLOSINGS]
        assert closings == events[-1:], f"{auction_id} has {[event.kind for event in events]}"
        return closings[0]

    async def restored(self, auction_id: str) -> list[Event]:
        """The events that compensated an outage."""
        return [event for event in await self.events(auction_id) if event.public.get("reason") == "outage"]

    def sales(self) -> dict[str, list[dict[str, Any]]]:
        """The entries of `sales` by auction: the closing event, and `passed_on_at`, the time of the entry."""
        found: dict[str, list[dict[str, Any]]] = {}
        for entry_id, (_, auction_id, _, event) in self.redis.ask("XRANGE", SALES, "-", "+"):
            passed_on_at = int(entry_id.partition(b"-")[0])
            sale = {**msgspec.json.decode(event), "passed_on_at": passed_on_at}
            found.setdefault(auction_id.decode(), []).append(sale)
        return found

    def scheduled(self) -> dict[str, int]:
        """The schedule: auctions, and the times of their next checks."""
        found = self.redis.ask("ZRANGE", SCHEDULE, 0, -1, "WITHSCORES")
        return {name.decode(): int(float(at)) for name, at in zip(found[::2], found[1::2], strict=True)}

    async def until_in_sales(self, auction_ids: Iterable[str], within_s: float) -> None:
        wanted = set(auction_ids)
        await until(lambda: wanted <= self.sales().keys(), "all in sales", within_s)

    async def until_so_many_sales(self, count: int, within_s: float) -> None:
        await until(lambda: len(self.sales()) >= count, f"{count} in sales", within_s)

    async def assert_each_ended_once(self, auction_ids: Iterable[str]) -> None:
        """Checks for each: one closing event, recorded once in sales, no schedule entry, a log that replays."""
        sales, left = self.sales(), self.scheduled()
        for auction_id in auction_ids:
            closing = await self.closing(auction_id)
            passed_on = [{**sale} for sale in sales[auction_id]]
            for sale in passed_on:
                del sale["passed_on_at"]
            assert passed_on == [closing.public]
            assert auction_id not in left
        self.assert_logs_replay()

    def assert_logs_replay(self) -> Counter[Status]:
        """Checks that the rules give the same events for every log, and the log gives the state."""
        found: Counter[Status] = Counter()
        with Redis.from_url(self.redis.url) as redis:
            for auction_id in audit.auction_ids(redis):
                if record := audit.read(redis, auction_id):
                    found[audit.verify(record).auction.status] += 1
        return found


@asynccontextmanager
async def harness_in(
    redis: RedisServer, hammers: int = 0, *, running: Sequence[Service] = ()
) -> AsyncIterator[HammerHarness]:
    """A harness that starts this many hammers and stops them at its end, besides those already running."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="blytz-"))
        async with connected(redis.url) as pipe:
            harness = HammerHarness(redis, pipe, Path(folder), stack)
            harness.hammers += running
            if hammers:
                await harness.start_hammers(hammers)
            yield harness


@dataclass(frozen=True)
class HammerFleet:
    """A Redis and hammers shared by tests that make outages."""

    redis: RedisServer
    hammers: list[Service]


@contextmanager
def fleet_with(hammers: int, folder: Path) -> Iterator[HammerFleet]:
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        running = [stack.enter_context(Service("hammer", redis.url, folder)) for _ in range(hammers)]
        yield HammerFleet(redis, running)


@asynccontextmanager
async def harness_of(fleet: HammerFleet) -> AsyncIterator[HammerHarness]:
    """The fleet in its initial state, whatever an earlier test left behind."""
    redis = fleet.redis
    try:
        redis.ask("FLUSHALL")
    except OSError:
        redis.restart()
        redis.ask("FLUSHALL")
    for hammer in fleet.hammers:
        if hammer.is_alive():
            hammer.thaw()
        else:
            hammer.start()
        await asyncio.to_thread(hammer.wait_until_ready)
    await until(lambda: redis.ask("EXISTS", HEARTBEAT) == 1, "a hammer sends heartbeats")
    async with harness_in(redis, running=fleet.hammers) as harness:
        yield harness
