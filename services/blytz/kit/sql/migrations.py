"""Brings a database to the revision that this version of the code expects (Alembic).

The revisions of a noun stand in `<noun>/sql/migrations/versions`; its `env.py` calls `run_here`. All revisions of
one call are one transaction, so a database is at the old revision or at the new one, never between. Importing
Alembic takes 10 MB, so what every start needs stands in `kit/sql/revisions.py`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.resources import as_file, files
from threading import Lock
from typing import Final

from alembic import command, context
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from blytz.kit.problems import Overloaded
from blytz.kit.sql.database import Database
from blytz.kit.user_error import UserError

WAIT_S: Final = 30.0
_TRY_EVERY_S: Final = 0.01
_alembic: Final = Lock()
"""Alembic has one current migration for a whole process: of two databases that are migrated at once, one would get
the tables of the other."""
_LOCK: Final = 0x626C79747A
"""PostgreSQL's advisory lock, so that two migrations at once run one after the other; any number that nobody else
uses."""


async def migrate(database: Database, package: str, revision: str = "heads") -> None:
    """Up to `revision`, or down when the database is past it; `package` holds `env.py` and `versions`. Raises
    `UserError` for a revision that does not exist, `StoreUnavailable` and `Overloaded`."""
    try:
        # Others may be migrating it just now: they take longer than a writer usually waits.
        async with asyncio.timeout(WAIT_S):
            while True:
                with contextlib.suppress(Overloaded):
                    async with database.writing() as connection, _alone():
                        await connection.run_sync(_migrate, database, package, revision)
                    return
    except TimeoutError:
        raise Overloaded from None
    except CommandError as error:
        raise UserError(f"the database `{database.name}` ({database.where}): {error}") from error


@contextlib.asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Any loop of this process may wait, which one lock of asyncio would not allow."""
    while not _alembic.acquire(blocking=False):  # noqa: ASYNC110 - an Event would belong to one loop
        await asyncio.sleep(_TRY_EVERY_S)
    try:
        yield
    finally:
        _alembic.release()


def _migrate(connection: Connection, database: Database, package: str, revision: str) -> None:
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{database.name}"'))
        connection.execute(text(f'SET LOCAL search_path TO "{database.name}"'))
    with as_file(files(package)) as folder:
        config = _config(str(folder))
        config.attributes["connection"] = connection
        script = ScriptDirectory.from_config(config)
        current = MigrationContext.configure(connection).get_current_revision()
        behind = {found.revision for found in script.iterate_revisions(current, "base")} if current else set()
        (command.downgrade if revision == "base" or revision in behind else command.upgrade)(config, revision)


def _config(folder: str) -> Config:
    config = Config()
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return config


def run_here() -> None:
    """The whole of an `env.py`: on the connection, and in the transaction, that `migrate` has opened."""
    context.configure(connection=context.config.attributes["connection"])
    context.run_migrations()
