"""The database of shows and lots: which adapter is used, and on which revision."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from blytz.kit.config.model import Settings
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import check_revision, migrate
from blytz.kit.user_error import UserError
from blytz.show.sql.store import MIGRATIONS

log = structlog.get_logger()

NAME: Final = "show"
CHECK_EVERY_S: Final = 2.0


def database_of(settings: Settings, folder: Path | None = None) -> Database:
    """A SQLite file is in `folder`, or else in the data folder of the settings."""
    return Database(NAME, settings.database_url, folder or settings.data)


def _on_failure(reason: str) -> None:
    log.warning("database_failed", database=NAME, reason=reason)


class Catalogue:
    """Outside production the database is brought to the revision that this version expects. In production somebody
    has to choose the moment for that, so another revision is refused."""

    def __init__(self, settings: Settings) -> None:
        self.database = database_of(settings)
        self.database.on_failure = _on_failure
        self._migrates = settings.env != "production"
        self._is_prepared = False

    async def open(self) -> None:
        """Raises `UserError` for another revision. A database that cannot be reached now does not keep the service
        from its auctions: `check` goes on trying."""
        try:
            with suppress(StoreUnavailable):
                await self._prepare()
        except UserError:
            await self.database.close()
            raise

    async def check(self) -> None:
        """For `/ready`. Raises `StoreUnavailable` unless the database answers and is at the expected revision."""
        if self._is_prepared:
            await self.database.check()
            return
        try:
            await self._prepare()
        except UserError as error:
            raise StoreUnavailable from error

    async def _prepare(self) -> None:
        if self._migrates:
            await migrate(self.database, MIGRATIONS)
        await check_revision(self.database, MIGRATIONS)
        self._is_prepared = True

    async def until_ready(self) -> None:
        """For a process that has other work: waits until `check` passes."""
        while True:
            with suppress(StoreUnavailable, Overloaded):
                await self.check()
                return
            await asyncio.sleep(CHECK_EVERY_S)
