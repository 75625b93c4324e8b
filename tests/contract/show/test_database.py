"""The database itself: its migrations, its constraints, and what happens when it is away."""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, inspect, text, update
from sqlalchemy.exc import IntegrityError

import blytz.show.following.sql.tables  # into METADATA
import blytz.show.images.sql.tables
import blytz.show.people.sql.tables  # into METADATA
import blytz.show.reports.sql.tables  # into METADATA
import blytz.show.templates.sql.tables  # noqa: F401 # into METADATA
from blytz.auction.sql.store import MIGRATIONS as OF_ARCHIVE
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.sql.database import MAX_CONNECTIONS, Database
from blytz.kit.sql.migrations import migrate
from blytz.kit.sql.revisions import check_revision
from blytz.kit.user_error import UserError
from blytz.show.sql.rows import row_of_show
from blytz.show.sql.store import MIGRATIONS, SqlCatalogue
from blytz.show.sql.tables import METADATA, SHOWS
from tests.support.postgresql import PostgreSQLServer
from tests.support.shows import act, lot, show


async def names(database: Database) -> set[str]:
    def read(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names(None if database.is_sqlite else database.name))

    async with database.reading() as connection:
        return await connection.run_sync(read)


async def test_the_tables_of_the_code_are_those_of_the_migrations(database: Database) -> None:
    await migrate(database, MIGRATIONS)

    def differences(connection: Connection) -> list[object]:
        if not database.is_sqlite:
            connection.execute(text(f"SET LOCAL search_path TO {database.name}"))
        options = {"compare_type": True, "include_name": _is_not_of_the_search}
        return compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)  # type: ignore[no-any-return]

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


def _is_not_of_the_search(name: str | None, kind: str, parents: object) -> bool:
    """The search index is written by hand, for each database."""
    return kind not in ("table", "index", "column") or not re.search("_words|words_vector", str(name))


async def test_every_migration_goes_up_and_down_on_data(database: Database) -> None:
    catalogue = SqlCatalogue(database)
    await migrate(database, MIGRATIONS)
    await catalogue.create_show(show())
    await catalogue.add_lot(lot(1))
    before = await names(database)

    await migrate(database, MIGRATIONS)
    assert await catalogue.show("shw_1") == show()

    await migrate(database, MIGRATIONS, "base")
    assert await names(database) <= {"alembic_version"}
    await migrate(database, MIGRATIONS)
    assert await names(database) == before


async def test_migrations_at_the_same_time_run_one_after_the_other(database: Database) -> None:
    await asyncio.gather(*(migrate(database, MIGRATIONS) for _ in range(3)))

    await check_revision(database, MIGRATIONS)


async def test_two_databases_migrated_at_once_by_one_process_get_their_own_tables(
    database: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """As in the hammer's process, which has both."""
    url = "" if database.is_sqlite else request.getfixturevalue("postgresql").url
    archive = Database(f"auction_of_{database.name}", url, tmp_path)
    try:
        await asyncio.gather(migrate(database, MIGRATIONS), migrate(archive, OF_ARCHIVE))

        await check_revision(database, MIGRATIONS)
        await check_revision(archive, OF_ARCHIVE)
        assert await names(database) & await names(archive) == {"alembic_version"}
    finally:
        await archive.close()


async def test_a_database_of_another_revision_is_refused_with_the_command_to_type(database: Database) -> None:
    with pytest.raises(UserError, match=r"is empty.*run `blytz migrate`"):
        await check_revision(database, MIGRATIONS)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE shows SET status = 'open'",
        "UPDATE shows SET version = 0",
        "UPDATE shows SET visibility = 'rehearsal'",
        "UPDATE shows SET status = 'live'",
        "UPDATE shows SET show_id = 'shw_2'",
        "UPDATE lots SET show_id = 'shw_9'",
        "UPDATE lots SET unit = 2",
        "UPDATE lots SET winner_id = 'usr_1'",
        "UPDATE lots SET status = 'open'",
        "UPDATE lots SET number = 1, position = 5 WHERE number = 2",
        "DELETE FROM shows WHERE show_id = 'shw_1'",
        "UPDATE acts SET detail = 'nothing happened'",
        "DELETE FROM acts",
    ],
)
async def test_the_database_refuses_by_itself_what_must_never_be(database: Database, change: str) -> None:
    await migrate(database, MIGRATIONS)
    catalogue = SqlCatalogue(database)
    await catalogue.create_show(show())
    await catalogue.create_show(show("shw_2"))
    await catalogue.add_lot(lot(1))
    await catalogue.add_lot(lot(2), act())

    async def make() -> None:
        async with database.writing() as connection:
            if not database.is_sqlite:
                await connection.execute(text(f"SET LOCAL search_path TO {database.name}"))
            await connection.execute(text(change))

    with pytest.raises(IntegrityError):
        await make()


async def test_a_transaction_that_fails_leaves_nothing_behind(database: Database) -> None:
    await migrate(database, MIGRATIONS)
    catalogue = SqlCatalogue(database)

    async def fail() -> None:
        async with database.writing() as connection:
            await connection.execute(insert(SHOWS).values(row_of_show(show())))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await catalogue.show("shw_1") is None


async def test_more_calls_than_connections_wait_and_then_are_refused(database: Database) -> None:
    await migrate(database, MIGRATIONS)
    held = [database.reading() for _ in range(MAX_CONNECTIONS)]
    for one in held:
        await one.__aenter__()
    try:
        with pytest.raises(Overloaded):
            await SqlCatalogue(database).show("shw_1")
    finally:
        for one in held:
            await one.__aexit__(None, None, None)


async def test_readers_find_a_connection_while_writers_wait_for_each_other(database: Database) -> None:
    await migrate(database, MIGRATIONS)
    catalogue = SqlCatalogue(database)
    await catalogue.create_show(show())
    async with database.writing() as connection:
        await connection.execute(update(SHOWS).values(version=9))
        waiting = [asyncio.ensure_future(catalogue.change_show("shw_1", {"title": "B"}, None)) for _ in range(6)]
        await asyncio.sleep(0)
        assert (await catalogue.show("shw_1")) == show()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(not isinstance(result, BaseException) or isinstance(result, Overloaded) for result in results)


async def test_postgresql_that_takes_no_writes_is_not_ready_and_used_again_when_it_does(tmp_path: Path) -> None:
    with PostgreSQLServer() as server:
        database = Database("show", server.url, tmp_path)
        catalogue = SqlCatalogue(database)
        await migrate(database, MIGRATIONS)
        for is_read_only in (True, False):
            server.set_read_only(on=is_read_only)
            await database.close()
            with contextlib.ExitStack() as stack:
                if is_read_only:
                    stack.enter_context(pytest.raises(StoreUnavailable))
                await database.check()
        assert await catalogue.create_show(show()) == show()
        await database.close()


async def test_a_second_writer_of_sqlite_waits_two_seconds_at_most(tmp_path: Path) -> None:
    database, other = Database("show", "", tmp_path), Database("show", "", tmp_path)
    await migrate(database, MIGRATIONS)
    try:
        async with database.writing():
            assert await SqlCatalogue(other).show("shw_1") is None
            with pytest.raises(StoreUnavailable):
                await SqlCatalogue(other).create_show(show())
        assert await SqlCatalogue(other).create_show(show()) == show()
    finally:
        await database.close()
        await other.close()


async def test_postgresql_that_was_away_is_used_again_when_it_is_back(tmp_path: Path) -> None:
    with PostgreSQLServer() as server:
        database = Database("show", server.url, tmp_path)
        catalogue = SqlCatalogue(database)
        await migrate(database, MIGRATIONS)
        await catalogue.create_show(show())

        server.stop()
        with pytest.raises(StoreUnavailable):
            await catalogue.show("shw_1")
        server.start()

        assert await catalogue.show("shw_1") == show()
        await database.close()
