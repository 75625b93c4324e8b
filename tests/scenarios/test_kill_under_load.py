"""kill -9 of Redis, the gateway, the hammer and the auction service under load loses no acknowledged bid."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from blytz.client.live import LiveClient
from blytz.identity.dev import DevIssuer
from tests.conftest import StartRedis
from tests.support.auctions import CAUSE
from tests.support.hammer_harness import HammerHarness, harness_in
from tests.support.redis import RedisServer
from tests.support.services import Service
from tests.support.steady_bidders import (
    ANSWER_WITHIN_S,
    BidChannel,
    Crowd,
    HttpChannel,
    LiveChannel,
    Way,
    assert_nothing_acknowledged_is_lost,
)
from tests.support.wait import until

CYCLES = 12
"""Three for each of the four processes; the soak test has hundreds."""
LONG_CYCLES = int(os.environ.get("BLYTZ_SOAK_CYCLES", "200"))
AUCTIONS = 4
LIVE_BIDDERS, HTTP_BIDDERS = 8, 4
LONG_MS = 24 * 3_600_000
MAX_PAUSE_S = 0.04
BACK_WITHIN_S = 20.0


class LoadTest:
    """The four processes, the tokens of the bidders, and the auctions opened during the test."""

    def __init__(
        self, harness: HammerHarness, folder: Path, auction: Service, live: Service, rng: random.Random
    ) -> None:
        self.harness = harness
        self.folder = folder
        self.auction = auction
        self.live = live
        self.rng = rng
        self.opened: list[str] = []
        self.hit: Counter[str] = Counter()
        self.token_of: dict[str, str] = {}
        self._bag: list[str] = []

    def process(self, name: str) -> Service | RedisServer:
        services = {"auction": self.auction, "live": self.live, "hammer": self.harness.hammers[0]}
        return services.get(name) or self.harness.redis

    def next_process(self) -> str:
        """Random order, each process equally often."""
        if not self._bag:
            self._bag = ["redis", "auction", "live", "hammer"]
            self.rng.shuffle(self._bag)
        return self._bag.pop()

    async def kill_or_freeze(self, *, freeze: bool) -> None:
        name = self.next_process()
        process = self.process(name)
        self.hit[f"{name} {'frozen' if freeze else 'killed'}"] += 1
        if freeze:
            process.freeze()
            await asyncio.sleep(self.rng.uniform(0.1, 4.0))
            process.thaw()
        else:
            process.kill()
            await asyncio.sleep(self.rng.uniform(0, 0.3))
            await asyncio.to_thread(process.start)


@asynccontextmanager
async def bidding(load: LoadTest, crowd: Crowd, issuer: DevIssuer) -> AsyncIterator[None]:
    """All bidders bid until the end of the block, and then wait for their last answers."""
    async with AsyncExitStack() as clients:
        tasks: list[asyncio.Task[None]] = []
        for number in range(LIVE_BIDDERS + HTTP_BIDDERS):
            name = f"bidder {number}"
            token = issuer.issue(name)
            way: Way = "live" if number < LIVE_BIDDERS else "http"
            channel: BidChannel
            if way == "live":
                url = f"ws://127.0.0.1:{load.live.port}/live/v1"
                channel = LiveChannel(await clients.enter_async_context(LiveClient(url, token)))
            else:
                channel = clients.enter_context(HttpChannel(load.auction.port, token))
            bidder_id = issuer.verify(token).id
            load.token_of[bidder_id] = token
            tasks.append(asyncio.create_task(crowd.bid_on(bidder_id, way, channel, MAX_PAUSE_S)))
        try:
            yield
            crowd.stopping = True
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


async def run_cycles(load: LoadTest, auction_ids: list[str], cycles: int, *, freezes: bool = False) -> Crowd:
    """Kills or freezes one process per cycle, each once bids are answered again both ways; then retries all bids
    without an answer."""
    crowd = Crowd(auction_ids, load.rng)
    async with bidding(load, crowd, DevIssuer(load.folder)):
        for _ in range(cycles):
            goals = {way: count + load.rng.randrange(10, 120) for way, count in crowd.answers.items()}
            await until(partial(crowd.has_answers, goals), "bids are answered again", BACK_WITHIN_S)
            await load.harness.pipe.up.wait()
            # Some auctions end during the test.
            ends = [load.rng.randrange(1_000, 4_000) for _ in range(3)]
            load.opened += [await load.harness.open(ends_in_ms, extension_ms=500) for ends_in_ms in ends]
            await load.kill_or_freeze(freeze=freezes and load.rng.random() < 0.3)
    await load.harness.pipe.up.wait()
    for service in (load.auction, *load.harness.hammers):
        await asyncio.to_thread(service.wait_until_ready)
    for bid in crowd.unknown:
        with HttpChannel(load.auction.port, load.token_of[bid.bidder_id]) as channel:
            await channel.ask(bid, ANSWER_WITHIN_S)
    return crowd


async def check_no_loss(
    redis: RedisServer, folder: Path, cycles: int, seed: int, *, freezes: bool = False
) -> None:
    print(f"seed {seed}")
    async with harness_in(redis, 1) as harness:
        with Service("auction", redis.url, folder) as auction, Service("live", redis.url, folder) as live:
            for service in (auction, live):
                await asyncio.to_thread(service.wait_until_ready)
            load = LoadTest(harness, folder, auction, live, random.Random(seed))
            lasting = [await harness.open(LONG_MS) for _ in range(AUCTIONS)]

            crowd = await run_cycles(load, lasting, cycles, freezes=freezes)

            logs = {auction_id: await harness.events(auction_id) for auction_id in lasting}
            outcomes = Counter(bid.outcome for bid in crowd.sent)
            replayed = sum(bool(bid.answer.get("replayed")) for bid in crowd.sent)
            print(f"kills and freezes {dict(load.hit)}; bids {dict(outcomes)}, {replayed} replayed")
            assert_nothing_acknowledged_is_lost(crowd.sent, logs)
            # The test proves something only if there was load and some bids were retried.
            assert outcomes["accepted"] + outcomes["outbid"] > 50 * cycles
            assert replayed > 0
            for auction_id in lasting:
                await harness.store.close(auction_id, CAUSE, force=True)
            await harness.until_in_sales([*lasting, *load.opened], 40)
            await harness.assert_each_ended_once([*lasting, *load.opened])


async def test_kills_under_load_lose_no_acknowledged_bid(start_redis: StartRedis, tmp_path: Path) -> None:
    await check_no_loss(start_redis(), tmp_path, CYCLES, seed=20)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_hundreds_of_kills_and_freezes_under_load_lose_no_acknowledged_bid(
    start_redis: StartRedis, tmp_path: Path
) -> None:
    """`make soak`; BLYTZ_SOAK_CYCLES and BLYTZ_SOAK_SEED choose how many and which."""
    seed = int(os.environ.get("BLYTZ_SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    await check_no_loss(start_redis(), tmp_path, LONG_CYCLES, seed, freezes=True)
