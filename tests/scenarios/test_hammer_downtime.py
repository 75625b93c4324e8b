"""Only the hammers were down: bids were still decided, so no time was lost. And hammers killed during
compensation."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from blytz.auction.model import Receipt
from blytz.auction.redis.keys import keys_of
from tests.support.auctions import ANNA, CAUSE, bid
from tests.support.hammer_harness import HammerFleet, HammerHarness, fleet_with, harness_of, now_ms
from tests.support.outages import make_redis_unavailable, until_time
from tests.support.wait import until

LONG_MS = 600_000
AWAY_MS = 3_000
CROWD = 300
MANY = 2_500


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HammerFleet]:
    with fleet_with(hammers=1, folder=tmp_path_factory.mktemp("hammers")) as fleet:
        yield fleet


@pytest.fixture
async def harness(fleet: HammerFleet) -> AsyncIterator[HammerHarness]:
    async with harness_of(fleet) as harness:
        yield harness


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_when_only_the_hammers_were_down_no_time_is_added_and_late_auctions_are_closed_at_once(
    harness: HammerHarness, how: str
) -> None:
    (hammer,) = harness.hammers
    late = [await harness.open(2_000, ending="sudden_death") for _ in range(50)]
    unaffected, late_start = await harness.open(LONG_MS), await harness.open(LONG_MS, starts_at=now_ms() + 2_000)
    gone_at = now_ms()
    await asyncio.to_thread(hammer.kill if how == "killed" else hammer.freeze)
    answer = await harness.store.place_bid(late[0], bid(ANNA, 500), CAUSE)
    assert isinstance(answer, Receipt)
    await until_time(gone_at + AWAY_MS)
    assert not harness.sales()

    if how == "killed":
        hammer.start()
        await asyncio.to_thread(hammer.wait_until_ready)
    else:
        hammer.thaw()

    await harness.until_in_sales(late, 2.0)
    await until(lambda: harness.redis.ask("EXISTS", keys_of(late_start).events) == 1, "the late one opens", 2.0)
    assert harness.sales()[late[0]][0]["kind"] == "sold"
    for name in (*late, unaffected, late_start):
        assert await harness.restored(name) == []
    await harness.assert_each_ended_once(late)


async def test_after_a_hammer_is_killed_during_compensation_each_auction_gets_its_time_once(
    harness: HammerHarness,
) -> None:
    await harness.start_hammers(2)
    ids = [await harness.open(LONG_MS, extension_ms=1_000) for _ in range(CROWD)]
    short = [await harness.open(2_500, extension_ms=1_000) for _ in range(20)]

    def given_back() -> int:
        return sum(
            harness.redis.ask("HGET", keys_of(name).state, "compensated_until") != b"0" for name in ids[::10]
        )

    away_ms = await make_redis_unavailable(harness, "killed", 2_500)
    await until(lambda: given_back() > 0, "the first is compensated", 10)
    for hammer in harness.hammers[:2]:
        hammer.kill()
    harness.hammers[0].start()

    await harness.until_in_sales(short, 15)
    await until(lambda: given_back() == CROWD / 10, "all are compensated", 10)
    for name in (*ids, *short):
        (event,) = await harness.restored(name)
        assert event.public["by_ms"] >= away_ms
    await harness.assert_each_ended_once(short)


async def test_an_outage_writes_few_log_lines(harness: HammerHarness) -> None:
    (hammer,) = harness.hammers
    before = len(hammer.log())
    await make_redis_unavailable(harness, "killed", 2_000)
    await until(lambda: '"outage"' in hammer.log()[before:], "the hammer is back", 10)
    assert hammer.log()[before:].count("\n") <= 8


async def test_thousands_of_auctions_are_compensated_at_once(harness: HammerHarness) -> None:
    """Not only when each is due, because another outage may come first."""
    ids: list[str] = []
    while len(ids) < MANY:
        ids += await asyncio.gather(*(harness.open(LONG_MS + len(ids)) for _ in range(100)))
    await make_redis_unavailable(harness, "killed", 500)
    last = ids[-1]
    await until(lambda: harness.redis.ask("HGET", keys_of(last).state, "seq") == b"2", "the last one too", 20)
    states = [harness.redis.ask("HGET", keys_of(name).state, "compensated_until") for name in ids]
    await until(lambda: all(state != b"0" for state in states), "all of them")
    harness.assert_logs_replay()
