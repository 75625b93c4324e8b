"""A show of two hours in a few minutes: many lots, many bidders, reruns, pauses, a moderator, and each process of
the platform killed once. `make soak` runs it whole, the everyday suite a part of it."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import pytest

from tests.support.platform import StartPlatform
from tests.support.show_records import ShowRecords
from tests.support.show_viewer import ShowViewer
from tests.support.steady_bidders import assert_nothing_acknowledged_is_lost
from tests.support.wait import until
from tests.support.whole_show import OVER, WholeShow

PROCESSES: Final = ("auction", "live", "hammer", "redis", "nginx")
OUTCOMES: Final = {"sold": "sold", "unsold": "unsold", "passed": "cancelled"}
ARCHIVED_WITHIN_S: Final = 60.0
S_PER_LOT: Final = 10
HIGH_LIMITS: Final = {
    "BLYTZ_CONNECTIONS_PER_USER": "100",
    "BLYTZ_WRITES_PER_S": "1000",
    "BLYTZ_WRITES_BURST": "10000",
    "BLYTZ_STORED_BYTES_PER_DAY": "10000000000",
}


async def play(show: WholeShow, *, lots: int, bidders: int, at_once: int, kills: tuple[str, ...]) -> None:
    """Until the end of the show; each kill is followed by a pause and a rerun."""
    await show.make(lots)
    async with AsyncExitStack() as stack:
        await show.enter(stack, bidders)
        await show.turn("start", "live")
        async with show.crowded(at_once):
            for number, name in enumerate(kills, 1):
                await show.until_over(lots * number // (len(kills) + 1), lots * S_PER_LOT)
                await show.kill(name)
                await show.turn("pause", "paused")
                await show.turn("resume", "live")
                await show.rerun(1)
            await show.until_over(lots, lots * S_PER_LOT)
        await show.turn("end", "ended")
        with suppress(TimeoutError):
            await until(lambda: all(one.show.is_final for one in show.viewers), "all have seen the end", 30)
        late = [one.where() for one in show.viewers if not one.show.is_final]
        assert not late, f"{len(late)} have not seen the end: {late[:5]}"


def assert_histories_are_whole(viewers: list[ShowViewer], log: list[dict[str, Any]], epochs: int) -> None:
    """Everybody saw every event of the show from their first snapshot on, but for those that the first snapshot of
    another epoch stands for, and the events of each auction in order."""
    kinds = {event["seq"]: event["kind"] for event in log}
    assert list(kinds) == list(range(1, len(log) + 1)), "the log has a gap"
    for viewer in viewers:
        faults = [(name, each.faults) for name, each in viewer.histories.items() if each.faults]
        assert not faults, f"{viewer.user_id}: {faults}"
        assert viewer.gaps == 0, f"{viewer.user_id} had to ask for events"
        seen = viewer.history
        assert len(seen.epochs) == len(set(seen.epochs)) == epochs, f"{viewer.user_id}: {seen.epochs}"
        wanted = {seq: kind for seq, kind in kinds.items() if seq > seen.first and seq not in seen.skipped}
        assert seen.events == wanted, viewer.user_id


def assert_messages_are_said_once(viewers: list[ShowViewer], log: list[dict[str, Any]]) -> None:
    said = Counter(message_id for viewer in viewers for message_id in viewer.said)
    assert said == Counter(event["message_id"] for event in log if event["kind"] == "message")
    assert {code for viewer in viewers for code in viewer.not_said} <= {"muted"}


async def assert_lots_are_as_their_auctions(show: WholeShow, records: ShowRecords) -> Counter[str]:
    """Each lot ran once and once more for each rerun, no auction is of no lot, and SQL, Redis, `sales`, the
    archive and a replay say the same of each. Gives the number of lots by outcome."""
    lots, runs = await show.lots(), records.runs()
    for lot in lots:
        assert lot["status"] in OVER, lot
        numbers = [run["run"] for run in runs if run["lot_id"] == lot["lot_id"]]
        assert numbers == list(range(1, 2 + show.reruns[lot["lot_id"]])), lot
        assert lot["run"] == numbers[-1], lot
    by_auction = {run["auction_id"]: run for run in runs}
    in_redis, in_archive = await asyncio.to_thread(records.verified)
    assert in_redis.keys() == by_auction.keys()
    assert in_archive == in_redis
    assert records.sales() == Counter((run["auction_id"], run["outcome"]) for run in runs)
    for auction_id, run in by_auction.items():
        auction = await show.seller.must("GET", f"/auctions/{auction_id}")
        leader = auction["leader"] if run["outcome"] == "sold" else None
        assert (run["outcome"], run["price"]) == (auction["status"], auction["price"]), (run, auction)
        assert run["winner_id"] == (leader and leader["id"]), (run, auction)
    for lot in lots:
        run = by_auction[lot["auction_id"]]
        assert (OUTCOMES[lot["status"]], lot["price"]) == (run["outcome"], run["price"]), (lot, run)
        assert (lot["winner"] and lot["winner"]["id"]) == run["winner_id"], (lot, run)
    return Counter(lot["status"] for lot in lots)


def assert_lots_are_told_once(records: ShowRecords, log: list[dict[str, Any]]) -> None:
    runs = records.runs()
    opened = [event["auction_id"] for event in log if event["kind"] == "lot_opened"]
    assert opened == [run["auction_id"] for run in runs]
    closed = [(one["auction_id"], one["outcome"], one["price"]) for one in log if one["kind"] == "lot_closed"]
    assert sorted(closed) == sorted((run["auction_id"], run["outcome"], run["price"]) for run in runs)


async def assert_it_is_as_told(show: WholeShow) -> None:
    """The lots that everybody sees in the end are those of the catalogue."""
    lots = {lot["lot_id"]: {**lot, "description": ""} for lot in await show.lots()}
    for viewer in show.viewers:
        state = viewer.show.state or {}
        assert {lot["lot_id"]: lot for lot in state["lots"]} == lots, viewer.user_id


async def assert_acts_are_on_record(show: WholeShow) -> None:
    acts: Counter[str] = Counter()
    path: str | None = f"/shows/{show.show_id}/audit?limit=100"
    while path:
        page = await show.seller.must("GET", path)
        path = page["cursor"] and f"/shows/{show.show_id}/audit?limit=100&cursor={page['cursor']}"
        acts.update(act["act"] for act in page["acts"] if act["by"]["id"] == show.moderator.user_id)
    wanted = {"message_removed", "user_muted", "announced", "queue_ordered", "lot_opened"}
    assert show.acts.keys() == wanted, "the moderator did not do everything"
    # A call whose answer was lost is repeated; what has no key is an act of its own then.
    assert all(acts[verb] >= count for verb, count in show.acts.items()), (acts, show.acts)
    assert acts["lot_opened"] == show.acts["lot_opened"]


async def check_whole_show(start_platform: StartPlatform, seed: int = 7, **scenario: Any) -> None:
    async with WholeShow(start_platform(env=HIGH_LIMITS), seed) as show:
        await play(show, **scenario)
        await check_records(show, **scenario)


async def check_records(show: WholeShow, *, lots: int, kills: tuple[str, ...], **_: Any) -> None:
    records = ShowRecords(show.platform, show.show_id)
    await until(lambda: not records.undone(), "everything decided is carried out", ARCHIVED_WITHIN_S)
    await until(lambda: not records.archived_events_differ(), "the show is archived", ARCHIVED_WITHIN_S)
    await until(lambda: records.archived() == len(records.runs()), "the auctions are archived", ARCHIVED_WITHIN_S)
    log = records.events()
    bids = [bid for viewer in show.viewers for bid in viewer.bids]
    outcomes = Counter(bid.outcome for bid in bids)
    skipped = sum(len(viewer.history.skipped) for viewer in show.viewers)
    reconnects = sum(viewer.client.reconnects for viewer in show.viewers)
    print(f"{len(records.runs())} runs, {len(log)} events of the show, bids {dict(outcomes)}")
    print(f"{reconnects} reconnects, {skipped} events in snapshots instead, acts {dict(show.acts)}")

    # Another start of Redis is another epoch, of which a viewer learns with the next connection; all else is
    # caught up with by a replay.
    assert_histories_are_whole(show.viewers, log, 1 + kills.count("redis"))
    assert_messages_are_said_once(show.viewers, log)
    assert_lots_are_told_once(records, log)
    found = await assert_lots_are_as_their_auctions(show, records)
    assert_nothing_acknowledged_is_lost(bids, records.logs())
    await assert_it_is_as_told(show)
    await assert_acts_are_on_record(show)
    assert not show.platform.faults()
    # It proves something only if all of this happened.
    kinds = Counter(event["kind"] for event in log)
    assert kinds["show_paused"] == kinds["show_resumed"] == len(kills)
    assert sum(show.reruns.values()) == len(kills)
    assert sum(found.values()) == lots
    assert found["sold"] > 0
    assert found["unsold"] > 0
    assert all(viewer.bids for viewer in show.viewers), "some did not bid"


async def test_a_short_show_with_a_killed_hammer_loses_no_lot(start_platform: StartPlatform) -> None:
    await check_whole_show(start_platform, lots=6, bidders=12, at_once=3, kills=("hammer",))


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_show_of_two_hours_in_compressed_time(start_platform: StartPlatform) -> None:
    await check_whole_show(start_platform, lots=120, bidders=300, at_once=6, kills=PROCESSES)
