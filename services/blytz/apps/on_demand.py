"""The databases of the live gateway. They have what Redis no longer holds, so each is loaded when it is first
needed: a gateway that needs none is 35 MB smaller."""

import asyncio
from collections.abc import Collection, Sequence
from types import ModuleType
from typing import Any

from msgspec.structs import replace

from blytz.auction.model import Auction
from blytz.kit.background_import import import_in_background
from blytz.kit.config.model import Settings
from blytz.show.events.log import ShowSnapshot


class _OnDemand:
    """One database, and the modules that read it."""

    def __init__(self, settings: Settings, noun: str, *modules: str) -> None:
        self._settings, self._noun, self._modules = settings, noun, modules
        self._loading: asyncio.Task[tuple[Any, Sequence[ModuleType]]] | None = None

    async def load(self) -> tuple[Any, Sequence[Any]]:
        """The database and the modules. Raises `StoreUnavailable` unless it is at the expected revision."""
        if self._loading is None or (self._loading.done() and self._loading.exception()):
            self._loading = asyncio.create_task(self._load(), name=f"load {self._noun}")
        noun_database, modules = await asyncio.shield(self._loading)
        await noun_database.prepare()
        return noun_database.database, modules

    async def _load(self) -> tuple[Any, Sequence[ModuleType]]:
        # In a thread, because importing takes long.
        databases = await import_in_background("blytz.apps.databases")
        modules = [await import_in_background(name) for name in self._modules]
        return databases.NounDatabase(self._noun, self._settings), modules

    async def close(self) -> None:
        if self._loading is not None and self._loading.done() and not self._loading.exception():
            noun_database, _ = self._loading.result()
            await noun_database.database.close()


class CatalogueOnDemand:
    """For shows that nobody has watched lately, and for rehearsals. Raises `StoreUnavailable` and `Overloaded`."""

    def __init__(self, settings: Settings) -> None:
        self._source = _OnDemand(settings, "show", "blytz.show.sql.run_store", "blytz.show.people.sql.store")
        self.close = self._source.close

    async def snapshot(self, show_id: str) -> ShowSnapshot | None:
        database, (runs, people) = await self._source.load()
        found: ShowSnapshot | None = await runs.SqlRuns(database, lambda: 0).snapshot(show_id)
        if found is None:
            return None
        return replace(found, blocked=await people.SqlPeople(database).blocked(found.show["seller"]["id"]))

    async def moderators_of(self, auction_id: str) -> Collection[str]:
        database, (_, people) = await self._source.load()
        found: Collection[str] = await people.SqlPeople(database).moderators_of_run(auction_id)
        return found


class ArchiveOnDemand:
    """For auctions that have left Redis. Raises `StoreUnavailable` and `Overloaded`."""

    def __init__(self, settings: Settings) -> None:
        self._source = _OnDemand(settings, "auction", "blytz.auction.sql.store")
        self.close = self._source.close

    async def get(self, auction_id: str) -> Auction | None:
        database, (store,) = await self._source.load()
        found: Auction | None = await store.SqlArchive(database).get(auction_id)
        return found
