"""Closed auctions go to the archive and then leave Redis, whole, once, and whatever is killed in between."""

import asyncio
import contextlib
from typing import Any

import pytest
from sqlalchemy import delete, update

from blytz.auction.archive import check_copy
from blytz.auction.archiver import AT_ONCE
from blytz.auction.model import Status, Terms
from blytz.auction.redis.closed import RETRY_MS, RedisClosed
from blytz.auction.redis.keys import ARCHIVED, CLOSED, INDEX, SALES, SCHEDULE, keys_of
from blytz.auction.service import AuctionService
from blytz.auction.sql.packing import packed
from blytz.auction.sql.tables import AUCTIONS, EVENTS
from blytz.identity import Principal
from blytz.kit.idempotency import Operation
from blytz.kit.problems import StoreUnavailable
from tests.support.auctions import ANNA, CAUSE, bid
from tests.support.closing import Closing


class Killed(BaseException):
    """The process ends here."""


class Killable:
    """Passes calls on to a port; the process ends before the call that has this number. Calls of all ports that
    share `steps` are numbered together."""

    def __init__(self, port: Any, steps: list[str], kill_before: int) -> None:
        self._port, self._steps, self._kill_before = port, steps, kill_before

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            if len(self._steps) == self._kill_before:
                raise Killed
            command = args[0] if name == "call" else ""
            self._steps.append(f"{name} {command}".strip())
            return getattr(self._port, name)(*args, **options)

        return call


STEPS = [
    # What is to be archived.
    *("now", "call ZCARD", "call ZCARD", "call ZRANGE", "now", "call ZRANGE"),
    # Read from Redis, added, read back, listed as archived.
    *("call HGETALL", "call XRANGE", "call XRANGE", "call HSCAN", "call EXISTS", "add", "copy", "run"),
    # What may leave Redis.
    *("call ZCARD", "now", "call ZRANGE"),
    # Read from both, deleted, taken off the lists.
    *("call HGETALL", "call XRANGE", "call XRANGE", "call HSCAN", "call EXISTS", "copy", "run"),
    *("call ZREM",) * 9,
]


async def test_the_steps_are_these(closing: Closing) -> None:
    await closing.closed("auc_1")
    steps = await steps_of(closing, kill_before=1_000)
    assert steps == STEPS
    assert closing.redis.ask("KEYS", "*auc*") == []


async def steps_of(closing: Closing, kill_before: int) -> list[str]:
    """What an archiver does that is killed before this step."""
    steps: list[str] = []
    pipe = Killable(closing.pipe, steps, kill_before)
    closed = RedisClosed(pipe, -1_000, 1_000)  # type: ignore[arg-type] # it has what is called
    archiver = closing.archiver(closed=closed, archive=Killable(closing.archive, steps, kill_before))
    with contextlib.suppress(Killed):
        await archiver.step()
    return steps


@pytest.mark.parametrize("kill_before", range(len(STEPS)), ids=[f"{n} {step}" for n, step in enumerate(STEPS)])
async def test_killed_before_any_step_nothing_is_lost_and_the_next_archiver_ends_it(
    kill_before: int, closing_on_sqlite: Closing
) -> None:
    closing = closing_on_sqlite
    await closing.closed("auc_1")
    state = await closing.store.get("auc_1")

    assert len(await steps_of(closing, kill_before)) == kill_before
    found = await closing.store.get("auc_1") or await closing.archive.get("auc_1")
    assert found == state

    await closing.archiver(keep_ms=-1_000).step()

    assert closing.redis.ask("KEYS", "*auc*") == []
    copy = await closing.archive.copy("auc_1")
    assert copy is not None
    assert copy.auction == state
    check_copy(copy)
    assert await closing.archive.ids() == ["auc_1"]


async def test_an_archived_auction_stays_in_redis_until_its_time_has_come(closing: Closing) -> None:
    await closing.closed("auc_1")
    alive = await closing.open("auc_2")
    held = closing.keys("auc_1")
    log = await closing.store.events("auc_1", 0, 100)

    await closing.archiver().step()
    assert closing.keys("auc_1") == held
    assert (closing.members(CLOSED), closing.members(ARCHIVED)) == ([], ["auc_1"])

    await closing.archiver(keep_ms=-1_000).step()
    assert closing.keys("auc_1") == set()
    assert closing.members(ARCHIVED) == []
    assert closing.members(INDEX) == closing.members("{auctions}:open") == closing.members(SCHEDULE) == [alive]
    assert await closing.archive.events("auc_1", 0, 100) == log
    assert closing.counted("blytz_auctions_deleted_total") == 1


async def test_archivers_side_by_side_archive_each_auction_once(closing: Closing) -> None:
    ids = [await closing.closed(f"auc_{number}") for number in range(6)]
    archivers = [closing.archiver(keep_ms=-1_000) for _ in range(3)]

    await asyncio.gather(*(archiver.step() for archiver in archivers))
    await archivers[0].step()

    assert await closing.archive.ids() == ids
    assert closing.redis.ask("KEYS", "*auc*") == []


async def test_a_log_that_does_not_replay_is_neither_archived_nor_deleted(closing: Closing) -> None:
    bad, good = await closing.closed("auc_1"), await closing.closed("auc_2")
    closing.redis.ask("HSET", keys_of(bad).state, "price", "999999")
    held = closing.keys(bad)

    await closing.archiver(keep_ms=-1_000).step()

    assert closing.counted("blytz_archive_refusals_total") == 1
    assert closing.keys(bad) == held
    assert await closing.archive.ids() == [good]
    # Tried again in an hour.
    again_at = float(closing.redis.ask("ZSCORE", CLOSED, bad))
    assert 0 < again_at - await closing.pipe.now() <= RETRY_MS
    assert closing.members(CLOSED) == [bad]


@pytest.mark.parametrize("where", ["redis", "archive", "log of the archive"])
async def test_what_differs_after_it_was_archived_is_not_deleted(where: str, closing: Closing) -> None:
    await closing.closed("auc_1")
    await closing.archiver().step()
    if where == "redis":
        closing.redis.ask("HSET", keys_of("auc_1").bids, "b9:usr_anna", "1 exact accepted 1 1 1 1 1")
    else:
        copy = await closing.archive.copy("auc_1")
        assert copy
        async with closing.archive._database.writing() as connection:
            if where == "archive":
                other = (await _stored_of(closing, "auc_2"))["state"]
                await connection.execute(update(AUCTIONS).values(state=other))
            else:
                await connection.execute(update(AUCTIONS).values(log_sha256="0"))
    held = closing.keys("auc_1")

    await closing.archiver(keep_ms=-1_000).step()

    assert closing.keys("auc_1") == held
    assert closing.counted("blytz_archive_refusals_total") == 1
    assert (closing.members(CLOSED), closing.members(ARCHIVED)) == (["auc_1"], [])
    # It is compared again in an hour, whatever the bounds.
    await closing.archiver(keep_ms=-1_000, keep=1).step()
    assert closing.counted("blytz_archive_refusals_total") == 0


async def test_an_auction_that_the_archive_has_lost_is_archived_again(closing: Closing) -> None:
    """As after the return of an older backup of the database."""
    await closing.closed("auc_1")
    await closing.archiver().step()
    async with closing.archive._database.writing() as connection:
        await connection.execute(delete(EVENTS))
        await connection.execute(delete(AUCTIONS))

    await closing.archiver(keep_ms=-1_000).step()
    assert closing.members(CLOSED) == ["auc_1"]
    assert await closing.store.get("auc_1")

    await closing.archiver(keep_ms=-1_000).step()
    assert closing.keys("auc_1") == set()
    assert await closing.archive.ids() == ["auc_1"]


async def test_while_the_archive_is_away_redis_keeps_everything(closing_on_sqlite: Closing) -> None:
    closing = closing_on_sqlite
    await closing.closed("auc_1")
    held = closing.keys("auc_1")

    async def is_away() -> None:
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await closing.archiver(keep_ms=-1_000, keep=1, prepare=is_away).step()

    assert closing.keys("auc_1") == held
    assert closing.members(CLOSED) == ["auc_1"]


async def test_of_many_archived_auctions_the_newest_stay_in_redis(closing_on_sqlite: Closing) -> None:
    closing = closing_on_sqlite
    ids = [await closing.closed(f"auc_{number}") for number in range(5)]
    for number, auction_id in enumerate(ids):
        closing.redis.ask("ZADD", CLOSED, 1_000 + number, auction_id)
    archiver = closing.archiver(keep=2)
    await archiver.step()
    # A creation that is repeated finds what it has made: one so young is not looked for in the archive.
    assert closing.members(INDEX) == ids
    await closing.step_until_kept(archiver, 2)
    assert closing.members(INDEX) == ids[3:]
    assert await closing.archive.ids() == ids


async def test_one_step_archives_a_bounded_number(closing_on_sqlite: Closing) -> None:
    closing = closing_on_sqlite
    for number in range(AT_ONCE + 1):
        closing.redis.ask("ZADD", CLOSED, 1, f"auc_{number}")
    await closing.archiver().step()
    assert len(closing.members(CLOSED)) == 1


@pytest.mark.parametrize("fault", ["open", "wrong type"])
async def test_an_auction_that_is_not_closed_is_never_deleted(fault: str, closing_on_sqlite: Closing) -> None:
    closing = closing_on_sqlite
    await closing.open("auc_1")
    state = keys_of("auc_1").state
    if fault == "wrong type":
        closing.redis.ask("SET", state, "x")
    closing.redis.ask("ZADD", CLOSED, 1, "auc_1")
    old = await closing.closed("auc_2")

    await closing.archiver(keep_ms=-1_000).step()

    assert closing.keys("auc_1") >= {state, keys_of("auc_1").events}
    assert closing.keys(old) == set()
    assert closing.counted("blytz_archive_refusals_total") == 1


async def test_a_log_without_a_state_is_not_deleted(closing_on_sqlite: Closing) -> None:
    closing = closing_on_sqlite
    await closing.closed("auc_1")
    closing.redis.ask("DEL", keys_of("auc_1").state)
    await closing.archiver(keep_ms=-1_000).step()
    assert closing.redis.ask("EXISTS", keys_of("auc_1").events) == 1


async def test_the_remains_of_an_interrupted_creation_are_removed(closing_on_sqlite: Closing) -> None:
    closing = closing_on_sqlite
    closing.redis.ask("ZADD", INDEX, 0, "auc_1")
    closing.redis.ask("ZADD", SCHEDULE, 1, "auc_1")
    await closing.schedule.drop("auc_1")
    await closing.archiver().step()
    assert closing.redis.ask("KEYS", "*") == []


async def test_how_long_the_oldest_waits_is_known(closing_on_sqlite: Closing) -> None:
    closing = closing_on_sqlite
    await closing.closed("auc_1")
    closing.redis.ask("ZADD", CLOSED, await closing.pipe.now() - 60_000, "auc_1")
    archiver = closing.archiver()
    await archiver.step()
    assert 60 <= closing.counted("blytz_archive_lag_seconds") < 90
    await archiver.step()
    assert closing.counted("blytz_archive_lag_seconds") == 0


@pytest.mark.parametrize("status", [Status.SOLD, Status.UNSOLD, Status.CANCELLED])
async def test_each_final_status_is_archived(status: Status, closing: Closing) -> None:
    await closing.open("auc_1")
    if status is Status.CANCELLED:
        await closing.store.change("auc_1", "cancel", CAUSE)
    elif status is Status.SOLD:
        await closing.store.place_bid("auc_1", bid(ANNA, 500), CAUSE)
    await closing.close("auc_1")
    await closing.archiver(keep_ms=-1_000).step()
    assert [each.status for each in await closing.archive.page(status, None, 10)] == [status]


async def test_ten_thousand_closed_auctions_take_less_than_5_mb_of_redis(closing_on_sqlite: Closing) -> None:
    """Measured with two hundred; each was sold, and is in the stream of sales."""
    closing, count = closing_on_sqlite, 200
    closing.schedule._max_sales = 50_000
    for number in range(count):
        await closing.closed(f"auc_{number:026}", bids=2)
    archiver = closing.archiver(keep_ms=-1_000)
    while await archiver.step():
        pass

    assert closing.redis.ask("KEYS", "*") == [SALES.encode()]
    assert closing.redis.ask("XLEN", SALES) == count
    taken = closing.redis.ask("MEMORY", "USAGE", SALES, "SAMPLES", 0)
    assert taken * 10_000 / count < 5_000_000


async def _stored_of(closing: Closing, auction_id: str) -> dict[str, Any]:
    """The row that this auction would have."""
    await closing.closed(auction_id)
    held = await RedisClosed(closing.pipe, 1_000, 1_000).read(auction_id)
    assert held
    closing.redis.ask("ZREM", CLOSED, auction_id)
    return {"state": packed(held.replayed())[0].state}


@pytest.mark.parametrize("auction_id", ["auc_1", "auc_01m8atq6xptjyda5rq82v5p47f"])
async def test_a_create_that_is_repeated_after_the_archive_opens_nothing(
    auction_id: str, closing_on_sqlite: Closing
) -> None:
    """It would be sold twice. Whatever made the id."""
    closing = closing_on_sqlite
    service = AuctionService(closing.store, archive=closing.archive)
    sam = Principal("usr_sam", "Sam", ("seller",), 0)
    operation = Operation("o1", auction_id)
    created = await service.open(sam, "A lamp", Terms(), "r1", operation=operation)
    await closing.close(created.listing.auction_id)
    await closing.archiver(keep_ms=-1_000).step()

    again = await service.open(sam, "A lamp", Terms(), "r2", operation=operation)

    assert again == await closing.archive.get(auction_id)
    assert closing.members(SCHEDULE) == closing.members(INDEX) == []
