"""The databases: which nouns have one, and how a service brings its own to the revision that it expects."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from blytz.auction.sql.store import MIGRATIONS as OF_AUCTION
from blytz.kit.config.model import Settings
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.sql.database import Database
from blytz.kit.sql.revisions import check_revision, current_revision, newest_revision
from blytz.kit.user_error import UserError
from blytz.show.sql.store import MIGRATIONS as OF_SHOW

log = structlog.get_logger()

NAME_OF_ARCHIVE: Final = "auction"
MIGRATIONS: Final[Mapping[str, str]] = {NAME_OF_ARCHIVE: OF_AUCTION, "show": OF_SHOW}
"""By noun, which is also the name of the SQLite file or the schema: the package of its revisions."""
CHECK_EVERY_S: Final = 2.0


def database_of(noun: str, settings: Settings, folder: Path | None = None) -> Database:
    """A SQLite file is in `folder`, or else in the data folder of the settings."""
    return Database(noun, settings.database_url, folder or settings.data)


class NounDatabase:
    """Outside production the database is brought to the revision that this version expects. In production somebody
    has to choose the moment for that, so another revision is refused."""

    def __init__(self, noun: str, settings: Settings) -> None:
        self.database = database_of(noun, settings)
        self.database.on_failure = self._on_failure
        self._migrations = MIGRATIONS[noun]
        self._migrates = settings.env != "production"
        self._is_prepared = False
        self._reason = ""
        """Why it could not be prepared, logged once."""

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
        await self.prepare()
        await self.database.check()

    async def prepare(self) -> None:
        """Raises `StoreUnavailable` unless it is, or was before, at the expected revision."""
        if self._is_prepared:
            return
        try:
            await self._prepare()
        except UserError as error:
            if str(error) != self._reason:
                self._reason = str(error)
                self._on_failure(self._reason)
            raise StoreUnavailable from error

    async def _prepare(self) -> None:
        if self._migrates and await current_revision(self.database) != newest_revision(self._migrations):
            from blytz.kit.sql.migrations import migrate

            await migrate(self.database, self._migrations)
        await check_revision(self.database, self._migrations)
        self._is_prepared = True

    async def until_ready(self) -> None:
        """For a process that has other work: waits until `check` passes."""
        while True:
            with suppress(StoreUnavailable, Overloaded):
                await self.check()
                return
            await asyncio.sleep(CHECK_EVERY_S)

    def _on_failure(self, reason: str) -> None:
        log.warning("database_failed", database=self.database.name, reason=reason)
