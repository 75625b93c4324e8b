"""The database of shows and lots: which adapter is used, and on which revision."""

from pathlib import Path
from typing import Final

import structlog

from blytz.kit.config.model import Settings
from blytz.kit.problems import StoreUnavailable
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import check_revision, migrate
from blytz.kit.user_error import UserError
from blytz.show.service import ShowService
from blytz.show.sql.store import MIGRATIONS, SqlCatalogue

log = structlog.get_logger()

NAME: Final = "show"


def database_of(settings: Settings, folder: Path | None = None) -> Database:
    """A SQLite file is in `folder`, or else in the data folder of the settings."""
    return Database(NAME, settings.database_url, folder or settings.data)


async def opened(settings: Settings) -> Database:
    """Outside production it is brought to the revision that this version expects. In production another revision
    raises `UserError`, because somebody has to choose the moment. One that cannot be reached now is used when it
    can be."""
    database = database_of(settings)
    try:
        if settings.env != "production":
            await migrate(database, MIGRATIONS)
        await check_revision(database, MIGRATIONS)
    except StoreUnavailable as error:
        log.warning("database_unavailable", database=database.name, reason=str(error.__cause__))
    except UserError:
        await database.close()
        raise
    return database


def show_service(database: Database, stored_bytes: UserLimit) -> ShowService:
    return ShowService(SqlCatalogue(database), stored_bytes)
