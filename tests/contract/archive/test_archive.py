"""What the archive keeps, and how it is read: on both databases."""

import asyncio

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from msgspec.structs import replace
from sqlalchemy import Connection, insert, text, update
from sqlalchemy.exc import IntegrityError

from blytz.auction import rules, rules_of_time
from blytz.auction.archive import Copy
from blytz.auction.model import Auction, Status
from blytz.auction.reader import AuctionReader, merged
from blytz.auction.replay import Difference, Entry
from blytz.auction.sql.packing import EVENTS_IN_CHUNK
from blytz.auction.sql.store import MIGRATIONS, SqlArchive
from blytz.auction.sql.tables import AUCTIONS, EVENTS, METADATA
from blytz.auction.store import Page
from blytz.kit.problems import StoreUnavailable
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from tests.support.auctions import ANNA, BEN, CAUSE, T0, bid, listing
from tests.support.closing import Closing


def a_copy(auction_id: str = "auc_1", bids: int = 3, *, sold: bool = True) -> Copy:
    """Of an auction that was played by the rules."""
    opened = rules_of_time.open_auction(rules.scheduled(listing(auction_id)), CAUSE, T0)
    assert isinstance(opened, rules.Change)
    auction, events, seen = opened.auction, list(opened.events), {}
    for number in range(bids):
        bidder, amount = (ANNA, BEN)[number % 2], 500 + 100_000 * number
        placed = bid(bidder, amount, bid_id=f"b{number}")
        recorded = rules.place_bid(auction, placed, None, (), CAUSE, T0 + 1)
        assert isinstance(recorded, rules.Recorded)
        auction, seen[bidder.id, f"b{number}"] = recorded.auction, rules.Seen(amount, "exact", recorded.receipt)
        events += recorded.events
    closed = rules_of_time.close(auction, CAUSE, T0 + 2, force=True)
    if not sold:
        closed = rules_of_time.change(auction, "cancel", CAUSE, T0 + 2)
    assert isinstance(closed, rules.Change)
    log = [
        Entry(f"{event.seq}-0", msgspec.json.encode(event.public), msgspec.json.encode(event.private))
        for event in (*events, *closed.events)
    ]
    return Copy(closed.auction, log, seen)


@pytest.fixture
def archive(database: Database) -> SqlArchive:
    return SqlArchive(database)


@pytest.mark.parametrize("bids", [0, 3, EVENTS_IN_CHUNK - 2, EVENTS_IN_CHUNK, 2 * EVENTS_IN_CHUNK])
async def test_a_copy_is_read_as_it_was_added(bids: int, archive: SqlArchive) -> None:
    copy = a_copy(bids=bids)
    await archive.add(copy)
    assert await archive.copy("auc_1") == copy
    assert await archive.get("auc_1") == copy.auction
    assert await archive.copy("auc_2") is None
    assert await archive.get("auc_2") is None


async def test_added_again_or_by_several_at_once_a_copy_stays_as_it_was(archive: SqlArchive) -> None:
    first = a_copy()
    await asyncio.gather(*(archive.add(first) for _ in range(4)))
    await archive.add(a_copy(bids=1))
    assert await archive.copy("auc_1") == first


async def test_events_are_read_in_pages_across_chunks(archive: SqlArchive) -> None:
    await archive.add(a_copy(bids=2 * EVENTS_IN_CHUNK))
    last = 2 * EVENTS_IN_CHUNK + 2
    for after, limit in ((0, 1), (0, 500), (EVENTS_IN_CHUNK - 1, 3), (EVENTS_IN_CHUNK, 500), (last - 2, 500)):
        events = await archive.events("auc_1", after, limit)
        assert [event.seq for event in events] == list(range(after + 1, min(after + limit, last) + 1))
        assert all("actor" in event.private for event in events)
    for after in (last, 2**53):
        assert await archive.events("auc_1", after, 500) == []
    assert await archive.events("auc_2", 0, 500) == []


async def test_pages_list_the_newest_first_by_status(archive: SqlArchive) -> None:
    # Capitals come before small letters, as in Redis and whatever the locale of the database.
    for number, auction_id in enumerate(("auc_B", "auc_a", "auc_C", "auc_d")):
        await archive.add(a_copy(auction_id, sold=number % 2 == 0))

    async def ids(status: Status | None, before: str | None, limit: int = 10) -> list[str]:
        return [each.listing.auction_id for each in await archive.page(status, before, limit)]

    assert await ids(None, None) == ["auc_d", "auc_a", "auc_C", "auc_B"]
    assert await ids(None, "auc_a") == ["auc_C", "auc_B"]
    assert await ids(None, None, 2) == ["auc_d", "auc_a"]
    assert await ids(Status.SOLD, None) == ["auc_C", "auc_B"]
    assert await ids(Status.CANCELLED, "auc_d") == ["auc_a"]
    assert await archive.ids("auc_B", 2) == ["auc_C", "auc_a"]


@pytest.mark.parametrize("damage", ["hash", "a chunk", "a chunk is lost", "state"])
async def test_a_damaged_copy_is_noticed(damage: str, archive: SqlArchive) -> None:
    await archive.add(a_copy(bids=EVENTS_IN_CHUNK))
    async with archive._database.writing() as connection:
        match damage:
            case "hash":
                await connection.execute(update(AUCTIONS).values(log_sha256="0"))
            case "a chunk":
                await connection.execute(update(EVENTS).values(lines=b"damaged"))
            case "a chunk is lost":
                await connection.execute(EVENTS.delete().where(EVENTS.c.first_seq > 1))
            case "state":
                await connection.execute(update(AUCTIONS).values(state=b"damaged"))
    with pytest.raises(Difference):
        await archive.copy("auc_1")


async def test_a_bid_that_is_repeated_after_the_archive_gets_its_first_answer(closing: Closing) -> None:
    await closing.closed("auc_1", bids=1)
    await closing.store.create(listing("auc_2"), CAUSE)
    first = await closing.store.place_bid("auc_2", bid(ANNA, 500, bid_id="b1"), CAUSE)
    await closing.close("auc_2")
    placed = (bid(ANNA, 500, bid_id="b1"), bid(ANNA, 501, bid_id="b1"), bid(BEN, 900, bid_id="b1"))
    before = [await closing.store.place_bid("auc_2", each, CAUSE) for each in placed]

    await closing.archiver(keep_ms=-1_000).step()

    reader = AuctionReader(closing.store, closing.archive)
    after = [await reader.place_bid("auc_2", each, CAUSE) for each in placed]
    assert after == before
    assert after[0] == replace(first, replayed=True)
    assert [getattr(each, "code", None) for each in after] == [None, "bid_id_reused", "auction_not_open"]
    assert getattr(await reader.place_bid("auc_3", placed[0], CAUSE), "code", None) == "auction_not_found"


async def test_lists_go_on_from_redis_into_the_archive_without_gap_or_repeat(closing: Closing) -> None:
    """Whatever is where: in Redis only, in both, or in the archive only."""
    ids = [f"auc_{number}" for number in range(9)]
    for auction_id in ids[:6]:
        await closing.closed(auction_id)
    await closing.step_until_kept(closing.archiver(keep=2), 2)
    for auction_id in ids[6:]:
        await closing.open(auction_id)
    await closing.close("auc_7")
    reader = AuctionReader(closing.store, closing.archive)
    for limit in range(1, 11):
        for status in (None, Status.SOLD, Status.UNSOLD, Status.OPEN):
            found: list[Auction] = []
            cursor = None
            for _ in range(20):
                page = await reader.list(status, cursor, limit)
                assert len(page.auctions) <= limit
                found += page.auctions
                if (cursor := page.cursor) is None:
                    break
            of_status = {
                None: ids,
                Status.SOLD: ids[:6],
                Status.UNSOLD: ["auc_7"],
                Status.OPEN: ["auc_6", "auc_8"],
            }
            assert [each.listing.auction_id for each in found] == of_status[status][::-1]


def test_a_page_of_redis_that_is_short_hides_nothing_of_the_archive() -> None:
    """Redis may skip auctions that it has just let go of, and say that there is more."""
    archived = [a_copy(f"auc_{number}").auction for number in (9, 5, 2)]
    assert merged(Page([], "auc_4"), archived, 3) == Page(archived[:2], "auc_4")
    assert merged(Page([], None), archived, 4) == Page(archived, None)
    assert merged(Page([], None), archived, 3) == Page(archived, "auc_2")


async def test_an_auction_that_only_the_archive_could_have_is_not_denied_while_it_is_away(
    closing_on_sqlite: Closing,
) -> None:
    closing = closing_on_sqlite
    await closing.closed("auc_1")
    await closing.archiver(keep_ms=-1_000).step()
    await closing.closed("auc_2")
    database = closing.archive._database
    await database.close()
    reader = AuctionReader(closing.store, SqlArchive(Database("auction", "", closing.redis.folder / "gone")))
    assert await reader.get("auc_2")
    assert (await reader.list(Status.OPEN, None, 5)).auctions == []
    for call in (reader.get("auc_1"), reader.list(None, None, 5), reader.events("auc_1", 0, 5)):
        with pytest.raises(StoreUnavailable):
            await call


async def test_the_tables_of_the_code_are_those_of_the_migrations(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        if not database.is_sqlite:
            connection.execute(text(f"SET LOCAL search_path TO {database.name}"))
        options = {"compare_type": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)  # type: ignore[no-any-return]

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_migration_goes_up_and_down_on_data(database: Database, archive: SqlArchive) -> None:
    await archive.add(a_copy())
    await migrate(database, MIGRATIONS)
    assert await archive.get("auc_1")
    await migrate(database, MIGRATIONS, "base")
    await migrate(database, MIGRATIONS)
    assert await archive.ids() == []


@pytest.mark.parametrize("change", [{"status": "open"}, {"price": -1}, {"events": 0}, {"leader_id": None}])
async def test_the_database_refuses_by_itself_what_must_never_be(
    change: dict[str, object], database: Database, archive: SqlArchive
) -> None:
    await archive.add(a_copy())

    async def make() -> None:
        async with database.writing() as connection:
            await connection.execute(update(AUCTIONS).values(change))

    with pytest.raises(IntegrityError):
        await make()


async def test_the_database_refuses_events_without_an_auction(database: Database) -> None:
    async def make() -> None:
        async with database.writing() as connection:
            row = {"auction_id": "auc_9", "first_seq": 1, "last_seq": 1, "lines": b""}
            await connection.execute(insert(EVENTS).values(row))

    with pytest.raises(IntegrityError):
        await make()
