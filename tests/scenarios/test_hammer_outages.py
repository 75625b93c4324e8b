"""After an outage of Redis each affected auction is compensated once, and no other."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from blytz.auction.model import Auction, Code, Event, Receipt, Refused, Status
from blytz.auction.redis.keys import HEARTBEAT, SCHEDULE, keys_of
from blytz.auction.redis.schedule import read_clock
from blytz.auction.redis.store import UNCERTAINTY_MS, RedisStore
from blytz.kit.clock import ServerClock
from blytz.kit.ids import new_id
from blytz.kit.problems import StoreUnavailable
from tests.support.auctions import ANNA, CAUSE, bid
from tests.support.hammer_harness import HammerFleet, HammerHarness, fleet_with, harness_of, now_ms
from tests.support.outages import WAYS, How, come_back, leave, make_redis_unavailable, until_time
from tests.support.wait import until

SLACK_MS = 2_500
"""Between the last sign of life and the end, and between the return and the first one: a link that is lost tries
again within a second, and this machine may be busy."""
AWAY_MS = 2_000
SOON_MS = 100
LONG_MS = 600_000


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HammerFleet]:
    with fleet_with(hammers=2, folder=tmp_path_factory.mktemp("hammers")) as fleet:
        yield fleet


@pytest.fixture
async def harness(fleet: HammerFleet) -> AsyncIterator[HammerHarness]:
    async with harness_of(fleet) as harness:
        yield harness


async def compensation_of(harness: HammerHarness, auction_id: str) -> Event:
    """Waits for the only compensation event, and returns it."""
    await until(lambda: restored_on(harness, auction_id), "it gets its time back", 10)
    (event,) = await harness.restored(auction_id)
    return event


def restored_on(harness: HammerHarness, auction_id: str) -> bool:
    return int(harness.redis.ask("HGET", keys_of(auction_id).state, "compensated_until")) > 0


def seq_of(harness: HammerHarness, auction_id: str) -> int:
    return int(harness.redis.ask("HGET", keys_of(auction_id).state, "seq"))


async def is_not_compensated(harness: HammerHarness, auction_id: str) -> bool:
    return await harness.restored(auction_id) == []


@pytest.mark.parametrize("how", WAYS)
async def test_open_auctions_are_compensated_for_an_outage(harness: HammerHarness, how: How) -> None:
    plain = await harness.open(LONG_MS, extension_ms=1_000)
    long_extension = await harness.open(LONG_MS, extension_ms=30_000)
    limited = await harness.open(LONG_MS, extension_ms=1_000, max_total_ms=LONG_MS)
    sudden = await harness.open(LONG_MS, extension_ms=1_000, ending="sudden_death")
    before = {name: await harness.auction(name) for name in (plain, long_extension, limited, sudden)}

    away_ms = await make_redis_unavailable(harness, how, AWAY_MS)

    for name, auction in before.items():
        event = await compensation_of(harness, name)
        after = await harness.auction(name)
        by_ms = event.public["by_ms"]
        assert (event.kind, event.public["reason"]) == ("extended_by_seller", "outage")
        if name == long_extension:
            assert by_ms == 30_000
        else:
            assert away_ms <= by_ms <= away_ms + SLACK_MS
            lost_from = max(event.private["began_at"], auction.opened_at or 0)
            assert by_ms == event.private["ended_at"] - lost_from
        assert after.ends_at == event.public["ends_at"] == (auction.ends_at or 0) + by_ms
        assert after.hard_stop_at == (auction.hard_stop_at and auction.hard_stop_at + by_ms)
    harness.assert_logs_replay()


@pytest.mark.alone
@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_an_auction_due_to_end_during_an_outage_continues_after_it(harness: HammerHarness, how: How) -> None:
    ids = [await harness.open(1_500, extension_ms=1_500) for _ in range(30)]
    ends_at = {name: (await harness.auction(name)).ends_at or 0 for name in ids}

    await make_redis_unavailable(harness, how, AWAY_MS)

    for name in ids:
        event = await compensation_of(harness, name)
        # The auction has as much time left as when the outage began.
        assert event.public["ends_at"] > event.private["ended_at"]
    answer = await harness.store.place_bid(ids[0], bid(ANNA, 500), CAUSE)
    assert not hasattr(answer, "code"), answer
    await harness.until_in_sales(ids, 20)
    await harness.assert_each_ended_once(ids)
    for name in ids[1:]:
        closing = (await harness.closing(name)).public
        (event,) = await harness.restored(name)
        assert closing["ends_at"] == ends_at[name] + event.public["by_ms"]
        assert closing["at"] <= closing["ends_at"] + SOON_MS


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_an_auction_that_lost_no_time_is_not_compensated(harness: HammerHarness, how: How) -> None:
    ended = await harness.open(1_000)
    cancelled, paused = await harness.open(LONG_MS), await harness.open(2_000)
    await harness.until_in_sales([ended], 3)
    await harness.store.change(cancelled, "cancel", CAUSE)
    await harness.store.change(paused, "pause", CAUSE)
    scheduled = await harness.open(LONG_MS, starts_at=now_ms() + LONG_MS)
    late_start = await harness.open(LONG_MS, starts_at=now_ms() + 1_500)
    affected = await harness.open(LONG_MS)
    others = (ended, cancelled, paused, scheduled)
    await until(lambda: harness.scheduled().keys().isdisjoint({ended, cancelled}), "those are recorded in sales")
    before = {name: await harness.auction(name) for name in others}
    # The outage begins with the last heartbeat, and the pause comes before it.
    heartbeats = harness.redis.ask("HGET", HEARTBEAT, "at")
    await until(lambda: harness.redis.ask("HGET", HEARTBEAT, "at") > heartbeats, "a heartbeat after the pause")

    await make_redis_unavailable(harness, how, AWAY_MS)
    outage = (await compensation_of(harness, affected)).private
    opened_later = await harness.open(LONG_MS)

    await until(lambda: harness.redis.ask("EXISTS", keys_of(late_start).events) == 1, "it opens", 5)
    assert ((await harness.auction(late_start)).opened_at or 0) >= outage["ended_at"]
    assert before == {name: await harness.auction(name) for name in others}
    # This auction was paused during the outage.
    resumed = await harness.store.change(paused, "resume", CAUSE)
    assert isinstance(resumed, Auction)
    await harness.until_in_sales([paused], 5)
    assert (await harness.closing(paused)).public["ends_at"] == resumed.ends_at
    # A new hammer learns of the outage, and checks every auction once.
    (hammer,) = await harness.start_hammers()
    await harness.until_in_sales([await harness.open(1_000)], 5)
    # It was reported by the hammer that noticed it.
    assert '"outage"' not in hammer.log()
    for name in (*others, late_start, opened_later):
        assert await is_not_compensated(harness, name)
    harness.assert_logs_replay()


async def test_a_pause_right_after_an_outage_does_not_lose_its_time(harness: HammerHarness) -> None:
    """The seller acts before the hammer has compensated the auction."""
    name = await harness.open(LONG_MS, extension_ms=1_000)
    ends_at = (await harness.auction(name)).ends_at or 0
    away_ms = await make_redis_unavailable(harness, "killed", AWAY_MS)
    paused = await harness.store.change(name, "pause", CAUSE)
    resumed = await harness.store.change(name, "resume", CAUSE)
    assert isinstance(paused, Auction)
    assert isinstance(resumed, Auction)
    event = await compensation_of(harness, name)
    pause_ms = resumed.clock - paused.clock
    assert event.public["by_ms"] >= away_ms
    assert (await harness.auction(name)).ends_at == ends_at + pause_ms + event.public["by_ms"]


async def test_two_outages_are_both_compensated(harness: HammerHarness) -> None:
    name = await harness.open(LONG_MS, extension_ms=1_000)
    for number in (1, 2):
        away_ms = await make_redis_unavailable(harness, "killed", 1_500)
        seen = number + 1
        await until(lambda seen=seen: seq_of(harness, name) == seen, "it gets its time back")  # type: ignore[misc]
        event = (await harness.restored(name))[-1]
        assert away_ms <= event.public["by_ms"] <= away_ms + SLACK_MS
    harness.assert_logs_replay()


async def test_an_auction_that_is_being_created_during_an_outage_stays_scheduled(harness: HammerHarness) -> None:
    """Its schedule entry is written first. A hammer that compensates reads every entry and must keep this one."""
    affected, coming = await harness.open(LONG_MS), new_id("auc")
    harness.redis.ask("ZADD", SCHEDULE, now_ms() + LONG_MS, coming)
    await make_redis_unavailable(harness, "killed", 500)
    await compensation_of(harness, affected)
    await harness.until_in_sales([await harness.open(1_000)], 5)
    assert coming in harness.scheduled()


async def test_a_short_pause_of_redis_is_not_compensated(harness: HammerHarness) -> None:
    name, short = await harness.open(LONG_MS), await harness.open(1_000)
    await make_redis_unavailable(harness, "frozen", 700)
    await harness.until_in_sales([short], 5)
    assert await is_not_compensated(harness, name)


async def test_redis_and_all_hammers_down_together_is_an_outage(harness: HammerHarness) -> None:
    """As when a machine is switched off and on."""
    name = await harness.open(1_500, extension_ms=1_000)
    for hammer in harness.hammers:
        hammer.kill()
    await leave(harness, "killed")
    await until_time(now_ms() + AWAY_MS)
    await come_back(harness, "killed")
    assert (await harness.auction(name)).status is Status.OPEN
    for hammer in harness.hammers:
        hammer.start()

    event = await compensation_of(harness, name)

    assert event.public["by_ms"] >= AWAY_MS
    await harness.until_in_sales([name], 10)
    await harness.assert_each_ended_once([name])


async def test_a_bid_after_an_end_that_an_outage_covered_is_to_be_repeated(harness: HammerHarness) -> None:
    """No hammer has given the time back yet, so that nobody knows whether the auction has ended."""
    clock = ServerClock(partial(read_clock, harness.pipe))
    await clock.sync()
    store = RedisStore(harness.pipe, clock=clock)
    before = await harness.open(ends_in_ms=1_000)
    for hammer in harness.hammers:
        hammer.freeze()
    try:
        await until_time((await harness.auction(before)).ends_at or 0)
        assert is_ended(await store.place_bid(before, bid(ANNA, 900), CAUSE))
        # The end of the other one must be later than that by more than the doubt about when the outage began.
        covered = await harness.open(ends_in_ms=UNCERTAINTY_MS + 1_500)
        await until_time(((await harness.auction(covered)).ends_at or 0) - 300)
        # As the clock of a service does twice a second.
        await harness.pipe.now()
        await make_redis_unavailable(harness, "killed", 600)
        await until_time((await harness.auction(covered)).ends_at or 0)
        with pytest.raises(StoreUnavailable):
            await store.place_bid(covered, bid(ANNA, 900), CAUSE)
        with pytest.raises(StoreUnavailable):
            await store.change(covered, "extend", CAUSE, 1_000)
        assert is_ended(await store.place_bid(before, bid(ANNA, 900), CAUSE))
    finally:
        for hammer in harness.hammers:
            hammer.thaw()
    await compensation_of(harness, covered)
    assert isinstance(await store.place_bid(covered, bid(ANNA, 900), CAUSE), Receipt)


def is_ended(result: object) -> bool:
    return isinstance(result, Refused) and result.code is Code.AUCTION_ENDED
