"""A preloaded library steps the clock of Redis while lots run: every lot keeps its remaining time."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from blytz.auction.hammer import Hammer
from blytz.auction.model import Auction, NotYet, Receipt, Refused
from blytz.auction.redis.schedule import RedisSchedule, read_clock
from blytz.auction.redis.store import RedisStore
from blytz.auction.store import Closed
from blytz.kit.clock import ServerClock
from blytz.kit.problems import StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics
from tests import support
from tests.support.auctions import ANNA, CAUSE, bid, listing
from tests.support.hammer_harness import HammerHarness, harness_in
from tests.support.redis import RedisServer
from tests.support.wait import until

HOUR_MS = 3_600_000
LASTS_S = 5.0
CORRECTED_WITHIN_S = 2.0
LATE_S = 1.0

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="a C compiler, for stepped_clock.c, is missing")


class SteppedRedis(RedisServer):
    """A Redis whose wall clock a test can step; its monotonic clock is the machine's."""

    def __init__(self, folder: Path) -> None:
        self._offset, library = folder / "offset", folder / "stepped_clock.so"
        self._offset.write_bytes(bytes(8))
        source = Path(support.__file__).with_name("stepped_clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        super().__init__(environment={"LD_PRELOAD": str(library), "STEPPED_CLOCK": str(self._offset)})

    def step_to(self, offset_ms: int) -> None:
        with self._offset.open("r+b") as file:
            file.write(offset_ms.to_bytes(8, sys.byteorder, signed=True))


class Deployment:
    """A Redis, a hammer, and a store that synchronises its clock as the services do."""

    def __init__(self, redis: SteppedRedis, harness: HammerHarness, store: RedisStore) -> None:
        self.redis, self.harness, self.store = redis, harness, store

    async def open(self, lasts_s: float = LASTS_S) -> str:
        made = listing("auc_stepped", duration_ms=int(lasts_s * 1000), extension_window_ms=500, extension_ms=500)
        return (await self.store.create(made, CAUSE)).listing.auction_id

    async def bid(self, auction_id: str, amount: int) -> Receipt:
        """Repeats the bid, as a client does, until it is decided. A refusal fails the test."""
        until_s = monotonic() + CORRECTED_WITHIN_S
        while True:
            try:
                receipt = await self.store.place_bid(auction_id, bid(ANNA, amount, "max"), CAUSE)
            except StoreUnavailable:
                assert monotonic() < until_s, "the bid is not decided in time"
                await asyncio.sleep(0.02)
            else:
                assert isinstance(receipt, Receipt), receipt
                return receipt

    async def steps_of(self, auction_id: str) -> list[int]:
        events = await self.harness.events(auction_id)
        return [event.public["by_ms"] for event in events if event.public.get("reason") == "clock_step"]

    def counted(self) -> dict[str, float]:
        """The counts of the hammer."""
        [hammer] = self.harness.hammers
        return {
            "steps": hammer.metric("blytz_clock_steps_total"),
            "outages": hammer.metric("blytz_outages_total"),
        }

    async def closed_after_s(self, began: float, auction_id: str) -> float:
        await self.harness.until_in_sales([auction_id], within_s=LASTS_S + 10)
        return monotonic() - began


class ClosesAtSecondAttempt(RedisStore):
    failed = 0

    async def close(self, *args: Any, **options: Any) -> Closed | NotYet | Refused:
        if not self.failed:
            self.failed += 1
            raise StoreUnavailable
        return await super().close(*args, **options)


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    with SteppedRedis(tmp_path) as redis:
        async with harness_in(redis, hammers=1) as harness:
            clock = ServerClock(partial(read_clock, harness.pipe))
            await clock.sync()
            following = asyncio.create_task(clock.follow())
            yield Deployment(redis, harness, RedisStore(harness.pipe, clock=clock))
            following.cancel()


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
async def test_a_lot_ends_when_it_would_have_without_the_step(deployment: Deployment, step_ms: int) -> None:
    began = monotonic()
    auction_id = await deployment.open()
    await deployment.bid(auction_id, 1_000)
    deployment.redis.step_to(step_ms)
    await deployment.bid(auction_id, 2_000)
    [moved_ms] = await deployment.steps_of(auction_id)
    assert abs(moved_ms - step_ms) < 100
    assert -0.1 < await deployment.closed_after_s(began, auction_id) - LASTS_S < LATE_S
    assert (await deployment.harness.closing(auction_id)).kind == "sold"
    deployment.harness.assert_logs_replay()
    assert deployment.counted() == {"steps": 1, "outages": 0}


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
async def test_a_paused_lot_keeps_its_remaining_time(deployment: Deployment, step_ms: int) -> None:
    auction_id = await deployment.open(60)
    paused = await deployment.store.change(auction_id, "pause", CAUSE)
    assert isinstance(paused, Auction)
    deployment.redis.step_to(step_ms)

    async def is_corrected() -> bool:
        return bool(await deployment.steps_of(auction_id))

    began = monotonic()
    while not await is_corrected():
        assert monotonic() - began < CORRECTED_WITHIN_S
        await asyncio.sleep(0.02)
    assert (await deployment.harness.auction(auction_id)).remaining_ms == paused.remaining_ms
    resumed = await deployment.store.change(auction_id, "resume", CAUSE)
    assert isinstance(resumed, Auction)
    assert resumed.ends_at is not None
    assert resumed.ends_at - resumed.clock == paused.remaining_ms


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
async def test_a_step_while_redis_is_down_takes_no_time_from_a_lot(deployment: Deployment, step_ms: int) -> None:
    began = monotonic()
    auction_id = await deployment.open()
    await deployment.bid(auction_id, 1_000)
    await asyncio.to_thread(deployment.redis.stop)
    deployment.redis.step_to(step_ms)
    await asyncio.to_thread(deployment.redis.start)
    await until(deployment.harness.pipe.up.is_set, "the connection is back")
    await deployment.bid(auction_id, 2_000)
    took_s = await deployment.closed_after_s(began, auction_id)
    assert -0.1 < took_s - LASTS_S < CORRECTED_WITHIN_S + LATE_S
    deployment.harness.assert_logs_replay()
    assert deployment.counted() == {"steps": 1, "outages": 1}


async def test_a_lot_whose_clock_step_correction_failed_is_corrected_soon(tmp_path: Path) -> None:
    """The clock is set back, so by the schedule the lot would be due an hour later."""
    with SteppedRedis(tmp_path) as redis:
        async with harness_in(redis) as harness:
            clock = ServerClock(partial(read_clock, harness.pipe))
            store = ClosesAtSecondAttempt(harness.pipe, clock=clock)
            hammer = Hammer(store, RedisSchedule(harness.pipe), clock, Metrics())
            running = asyncio.create_task(hammer.run())
            await until(lambda: clock.is_known, "the hammer has synchronised its clock")
            deployment = Deployment(redis, harness, store)
            auction_id = await deployment.open(60)
            redis.step_to(-HOUR_MS)
            await deployment.bid(auction_id, 1_000)
            assert store.failed == 1
            running.cancel()


async def test_a_new_process_opens_auctions_by_the_recorded_steps_and_corrects_nothing(
    deployment: Deployment,
) -> None:
    auction_id = await deployment.open(60)
    deployment.redis.step_to(HOUR_MS)
    await deployment.bid(auction_id, 1_000)
    new = RedisStore(deployment.harness.pipe, clock=ServerClock(partial(read_clock, deployment.harness.pipe)))
    assert isinstance(await new.close(auction_id, CAUSE, force=True), Closed)
    assert len(await deployment.steps_of(auction_id)) == 1
    opened = await new.create(listing("auc_other"), CAUSE)
    assert abs(opened.stepped_ms - HOUR_MS) < 100


async def test_two_hammers_record_a_step_once(deployment: Deployment) -> None:
    await deployment.harness.start_hammers(1)
    auction_id = await deployment.open()
    deployment.redis.step_to(HOUR_MS)
    await deployment.bid(auction_id, 1_000)
    await deployment.harness.until_in_sales([auction_id], within_s=LASTS_S + 5)
    assert len(await deployment.steps_of(auction_id)) == 1
