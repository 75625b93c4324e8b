"""What one hammer does with each kind of auction on its schedule."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from blytz.auction.model import Auction, Cause, Receipt
from blytz.auction.redis.keys import SALES, SCHEDULE, keys_of
from blytz.kit.ids import new_id
from tests.support.auctions import ANNA, BEN, CAUSE, bid
from tests.support.hammer_harness import HammerHarness, harness_in, now_ms
from tests.support.livekit import NONE_CONFIGURED
from tests.support.redis import RedisServer
from tests.support.services import Service
from tests.support.wait import until

SOON_MS = 50
"""How late the hammer may be."""
SECOND_S = 1.0
LONG_MS = 600_000


@pytest.fixture(scope="module")
def hammer(shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service("hammer", shared_redis.url, tmp_path_factory.mktemp("hammer")) as service:
        yield service.wait_until_ready()


@pytest.fixture
async def harness(redis: RedisServer, hammer: Service) -> AsyncIterator[HammerHarness]:
    async with harness_in(redis) as harness:
        yield harness


async def assert_on_time(harness: HammerHarness, auction_id: str, due_at: int) -> None:
    """Checks that it ended at this time, was closed at once, and recorded in sales once."""
    await harness.until_in_sales([auction_id], (due_at - now_ms()) / 1000 + 2)
    closing = (await harness.closing(auction_id)).public
    assert closing["ends_at"] == due_at
    assert due_at <= closing["at"] <= due_at + SOON_MS
    await harness.assert_each_ended_once([auction_id])


@pytest.mark.alone
async def test_a_sold_auction_is_recorded_in_sales_with_its_winner_and_price(harness: HammerHarness) -> None:
    auction_id = await harness.open(1_000, reserve_price=300, ending="sudden_death")
    await harness.store.place_bid(auction_id, bid(ANNA, 500), CAUSE)

    await harness.until_in_sales([auction_id], 3)

    (sale,) = harness.sales()[auction_id]
    assert (sale["kind"], sale["price"], sale["leader"]["id"]) == ("sold", 500, ANNA.id)
    assert (await harness.closing(auction_id)).private["actor"] == "hammer"
    await harness.assert_each_ended_once([auction_id])


@pytest.mark.alone
async def test_an_extension_just_before_the_end_is_honoured(harness: HammerHarness) -> None:
    auction_id = await harness.open(1_000, extension_window_ms=400, extension_ms=700)
    ends_at = (await harness.auction(auction_id)).ends_at or 0
    # By now the hammer is about to close it.
    await until(lambda: now_ms() > ends_at - 150, "it is about to end")
    receipt = await harness.store.place_bid(auction_id, bid(ANNA, 500), CAUSE)
    assert isinstance(receipt, Receipt)
    assert receipt.ends_at > ends_at

    await assert_on_time(harness, auction_id, receipt.ends_at)


@pytest.mark.alone
async def test_an_auction_extended_repeatedly_is_closed_at_its_last_end(harness: HammerHarness) -> None:
    auction_id = await harness.open(1_000, extension_window_ms=300, extension_ms=300)
    ends_at = (await harness.auction(auction_id)).ends_at or 0
    for number in range(8):
        moment = ends_at - 20
        await until(lambda moment=moment: now_ms() > moment, "the last moment")  # type: ignore[misc]
        answer = await harness.store.place_bid(
            auction_id, bid((ANNA, BEN)[number % 2], 500 + 1_000 * number), CAUSE
        )
        if not isinstance(answer, Receipt):
            break  # The extension may come too late; then that was the end.
        ends_at = answer.ends_at

    await assert_on_time(harness, auction_id, ends_at)


@pytest.mark.alone
async def test_a_paused_auction_is_not_closed_and_a_resumed_one_closes_on_time(harness: HammerHarness) -> None:
    auction_id = await harness.open(1_200)
    ended_at = (await harness.auction(auction_id)).ends_at or 0
    await harness.store.change(auction_id, "pause", CAUSE)
    await until(lambda: now_ms() > ended_at + 300, "its end would have passed")
    assert await harness.kinds(auction_id) == ["opened", "paused"]
    # A hammer that finds it paused postpones its next check; a resume must not wait for that.
    await until(lambda: harness.scheduled()[auction_id] > now_ms() + 2_000, "the hammer has postponed its check")

    resumed = await harness.store.change(auction_id, "resume", CAUSE)

    assert isinstance(resumed, Auction)
    await assert_on_time(harness, auction_id, resumed.ends_at or 0)


@pytest.mark.alone
async def test_a_scheduled_auction_opens_on_time_and_is_closed_on_time(harness: HammerHarness) -> None:
    starts_at = now_ms() + 1_500
    ids = [await harness.open(1_000, starts_at=starts_at) for _ in range(20)]
    assert all([await harness.kinds(auction_id) == [] for auction_id in ids])

    await harness.until_in_sales(ids, 6)

    for auction_id in ids:
        opened, closed = (event.public for event in await harness.events(auction_id))
        assert starts_at <= opened["at"] <= starts_at + SOON_MS
        assert closed["ends_at"] == opened["at"] + 1_000
        assert closed["at"] <= closed["ends_at"] + SOON_MS
    await harness.assert_each_ended_once(ids)


async def test_an_auction_cancelled_before_its_start_never_opens(harness: HammerHarness) -> None:
    auction_id = await harness.open(1_000, starts_at=now_ms() + LONG_MS)
    await harness.store.change(auction_id, "cancel", CAUSE)
    await harness.until_in_sales([auction_id], SECOND_S)
    assert await harness.kinds(auction_id) == ["cancelled"]
    await harness.assert_each_ended_once([auction_id])


@pytest.mark.alone
@pytest.mark.parametrize("how", ["buy_now", "close", "cancel", "cancel while paused", "close while paused"])
@pytest.mark.parametrize("left_ms", [LONG_MS, 1_000], ids=["long before its end", "in its last second"])
async def test_an_auction_that_ends_early_is_recorded_in_sales_within_a_second(
    harness: HammerHarness, how: str, left_ms: int
) -> None:
    auction_id = await harness.open(left_ms, buy_now_price=5_000)
    if "paused" in how:
        await harness.store.change(auction_id, "pause", CAUSE)
    if how == "buy_now":
        await harness.store.place_bid(auction_id, bid(ANNA, 5_000, "buy_now"), CAUSE)
    elif how.startswith("close"):
        await harness.store.close(auction_id, Cause("usr_sam"), force=True)
    else:
        await harness.store.change(auction_id, "cancel", CAUSE)

    await harness.until_in_sales([auction_id], SECOND_S + 0.2)

    await harness.assert_each_ended_once([auction_id])


async def test_a_schedule_entry_whose_auction_was_never_created_is_removed(harness: HammerHarness) -> None:
    """Removed a minute after it was due, which has passed already here."""
    orphan = new_id("auc")
    harness.redis.ask("ZADD", SCHEDULE, now_ms() - 61_000, orphan)
    await until(lambda: orphan not in harness.scheduled(), "the orphan is dropped")


async def test_a_schedule_entry_whose_auction_is_being_created_is_kept(harness: HammerHarness) -> None:
    """The entry is written before its auction; without it, the auction would never be closed."""
    early, orphan = new_id("auc"), new_id("auc")
    harness.redis.ask("ZADD", SCHEDULE, now_ms() - 30_000, early)
    harness.redis.ask("ZADD", SCHEDULE, now_ms() - 61_000, orphan)
    await until(lambda: orphan not in harness.scheduled(), "the hammer has checked it")
    assert early in harness.scheduled()


async def test_the_entry_of_a_new_auction_with_an_old_start_is_not_removed(redis: RedisServer) -> None:
    async with harness_in(redis) as harness:
        began = now_ms()
        auction_id = await harness.open(LONG_MS, starts_at=1)
        # The entry as written before the auction, without an attempt of a hammer.
        assert harness.scheduled()[auction_id] >= began


@pytest.mark.parametrize("harm", ["number", "type", "events"])
async def test_a_corrupt_auction_does_not_stop_the_others(harness: HammerHarness, harm: str) -> None:
    corrupt, sound = await harness.open(1_000), await harness.open(1_100)
    keys = keys_of(corrupt)
    if harm == "number":
        harness.redis.ask("HSET", keys.state, "ends_at", "0x10")
    else:
        key = keys.state if harm == "type" else keys.events
        harness.redis.ask("DEL", key)
        harness.redis.ask("SET", key, "something else")

    await harness.until_in_sales([sound], 3)

    assert corrupt not in harness.sales()
    await until(lambda: harness.scheduled()[corrupt] > now_ms() + 30_000, "the hammer has postponed its check")


async def test_a_result_that_cannot_be_recorded_is_kept_and_recorded_later(
    harness: HammerHarness, hammer: Service
) -> None:
    harness.redis.ask("SET", SALES, "not a stream")
    stuck = await harness.open(1_000)
    await until(lambda: stuck in hammer.log(), "the failure is logged")
    assert await harness.kinds(stuck) == ["opened", "unsold"]
    assert stuck in harness.scheduled()

    harness.redis.ask("DEL", SALES)
    harness.redis.ask("ZADD", SCHEDULE, "XX", 0, stuck)

    await harness.until_in_sales([stuck], 2)
    await harness.assert_each_ended_once([stuck])


async def test_the_hammer_reports_its_health_and_how_late_it_closed(
    harness: HammerHarness, hammer: Service
) -> None:
    ids = [await harness.open(1_000) for _ in range(10)]
    await harness.until_in_sales(ids, 3)

    assert hammer.page("/health")[0] == 200
    status, ready = hammer.page("/ready")
    up = {name: {"state": "up"} for name in ("redis", "clock", "tasks")}
    fine = {"state": "up", "optional": True}
    optional = {"archive": fine, "shows": fine, "video": NONE_CONFIGURED}
    assert (status, msgspec.json.decode(ready)) == (200, {"ready": True, "dependencies": up | optional})
    status, metrics = hammer.page("/metrics")
    assert status == 200
    assert 'blytz_auctions_closed_total{status="unsold"}' in metrics
    counts = [line for line in metrics.splitlines() if line.startswith("blytz_hammer_lag_seconds_count")]
    assert len(counts) == 1
    assert float(counts[0].split()[1]) >= 10
    assert hammer.page("/nothing")[0] == 404


async def test_sigterm_ends_a_busy_hammer_at_once(redis: RedisServer) -> None:
    async with harness_in(redis, 1) as harness:
        ids = [await harness.open(1_000) for _ in range(100)]
        (hammer,) = harness.hammers
        began = now_ms()
        code = await asyncio.to_thread(hammer.stop)
        assert (code, now_ms() - began < 1_000) == (0, True)
        hammer.start()
        await harness.until_in_sales(ids, 10)
        await harness.assert_each_ended_once(ids)


async def test_without_redis_the_hammer_is_alive_and_not_ready(redis: RedisServer) -> None:
    async with harness_in(redis) as harness:
        hammer = Service("hammer", "unix:///nowhere/redis.sock", harness._folder)
        with hammer:
            await until(lambda: hammer.page("/health")[0] == 200, "it is alive", 20)
            assert hammer.page("/ready")[0] == 503
            assert hammer.stop() == 0


async def test_an_auction_cancelled_before_it_opened_is_recorded_without_a_fault(
    harness: HammerHarness, hammer: Service
) -> None:
    auction_id = await harness.open(LONG_MS, starts_at=now_ms() + LONG_MS)

    await harness.store.change(auction_id, "cancel", CAUSE)

    await harness.until_in_sales([auction_id], 3)
    (sale,) = harness.sales()[auction_id]
    assert (sale["kind"], sale["ends_at"]) == ("cancelled", None)
    await until(lambda: auction_id in hammer.log(), "its line is in the log")
    assert auction_id not in hammer.faults()
