"""At which revision a database is, and at which this version of the code expects it."""

from importlib.resources import files
from typing import Final

from sqlalchemy import Connection, column, inspect, select, table

from blytz.kit.sql.database import Database
from blytz.kit.user_error import UserError

_VERSION: Final = "alembic_version"
"""The table in which Alembic writes the revision."""


async def current_revision(database: Database) -> str | None:
    """None where nothing has been migrated. Raises `StoreUnavailable`."""
    async with database.reading() as connection:
        return await connection.run_sync(_current, None if database.is_sqlite else database.name)


def newest_revision(package: str) -> str:
    """Of the revisions that stand in `package`, whose files are named `r0001_what.py`."""
    names = (found.name for found in (files(package) / "versions").iterdir())
    return max(name[1:].partition("_")[0] for name in names if name.startswith("r") and name.endswith(".py"))


async def check_revision(database: Database, package: str) -> None:
    """Raises `UserError` with the command to type unless the database is at the newest revision, and
    `StoreUnavailable`."""
    current, expected = await current_revision(database), newest_revision(package)
    if current != expected:
        found = f"is at revision {current}" if current else "is empty"
        raise UserError(
            f"the database `{database.name}` ({database.where}) {found}, "
            f"and this version expects revision {expected}: run `blytz migrate`"
        )


def _current(connection: Connection, schema: str | None) -> str | None:
    if not inspect(connection).has_table(_VERSION, schema=schema):
        return None
    return connection.scalar(select(column("version_num")).select_from(table(_VERSION, schema=schema)))
