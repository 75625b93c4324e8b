"""The catalogue behind its cache: the same ports, so that nothing else knows of it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from blytz.kit.problems import Overloaded
from blytz.kit.redis.pipe import RedisError
from blytz.show.acts import Act
from blytz.show.model import MAX_LOTS, Closing, Lot, LotFacts, LotPreBid, Show, ShowCode
from blytz.show.redis.cache import CatalogueCache
from blytz.show.running.rules import Decide
from blytz.show.running.store import Acted, RunStore, Which
from blytz.show.store import LISTS, CatalogueStore, ShowFilter, ShowPage

T = TypeVar("T")

_write: Final = msgspec.json.Encoder().encode
_show: Final[Callable[[bytes], Show | None]] = msgspec.json.Decoder(Show | None).decode
_lot: Final[Callable[[bytes], Lot | None]] = msgspec.json.Decoder(Lot | None).decode
_lots: Final = msgspec.json.Decoder(list[Lot]).decode
_facts: Final = msgspec.json.Decoder(LotFacts).decode
_page: Final = msgspec.json.Decoder(ShowPage).decode


async def _sent(cache: CatalogueCache, write: Awaitable[T], *scopes: str) -> T:
    """The answer to this write. Without one it may be committed all the same, so that what these scopes have is
    invalid then; without scopes, everything."""
    try:
        return await write
    except Overloaded:
        # It was never sent.
        raise
    except BaseException:
        with contextlib.suppress(RedisError):
            await cache.invalidate(*scopes)
        raise


class CachedCatalogue:
    """`CatalogueStore`. Cached are shows, lots, and the first page of lists without a search: what most readers
    ask for."""

    def __init__(self, store: CatalogueStore, cache: CatalogueCache) -> None:
        self._store = store
        self._cache = cache

    async def create_show(self, show: Show, act: Act | None = None) -> Show:
        created = await _sent(self._cache, self._store.create_show(show, act), show.show_id, LISTS)
        await self._cache.invalidate(show.show_id, LISTS)
        return created

    async def show(self, show_id: str) -> Show | None:
        async def fill() -> bytes:
            return _write(await self._store.show(show_id))

        return _show(await self._cache.read(f"show:{show_id}", show_id, fill))

    async def shows(self, wanted: ShowFilter, cursor: str | None, limit: int) -> ShowPage:
        is_common = wanted.only_public and not wanted.words and wanted.seller_id is None and cursor is None
        if not is_common:
            return await self._store.shows(wanted, cursor, limit)

        async def fill() -> bytes:
            return _write(await self._store.shows(wanted, cursor, limit))

        name = f"list:{wanted.status or ''}:{wanted.category or ''}:{limit}"
        return _page(await self._cache.read(name, LISTS, fill))

    async def change_show(
        self, show_id: str, fields: dict[str, Any], seen: int | None, act: Act | None = None
    ) -> Show | ShowCode:
        write = self._store.change_show(show_id, fields, seen, act)
        changed = await _sent(self._cache, write, show_id, LISTS)
        await self._cache.invalidate(show_id, LISTS)
        return changed

    async def lot_facts(self, show_ids: Sequence[str]) -> dict[str, LotFacts]:
        async def facts(show_id: str) -> LotFacts:
            async def fill() -> bytes:
                return _write((await self._store.lot_facts([show_id])).get(show_id, LotFacts()))

            return _facts(await self._cache.read(f"facts:{show_id}", show_id, fill))

        return dict(zip(show_ids, await asyncio.gather(*map(facts, show_ids)), strict=True))

    async def add_lot(self, lot: Lot, act: Act | None = None) -> Lot | ShowCode:
        added = await _sent(self._cache, self._store.add_lot(lot, act), lot.show_id)
        await self._cache.invalidate(lot.show_id)
        return added

    async def lot(self, lot_id: str) -> Lot | None:
        async def fill() -> bytes:
            return _write(await self._store.lot(lot_id))

        return _lot(await self._cache.read(f"lot:{lot_id}", lot_id, fill))

    async def lots(self, show_id: str, after: int = -1, limit: int = MAX_LOTS) -> Sequence[Lot]:
        async def fill() -> bytes:
            return _write(await self._store.lots(show_id, after, limit))

        return _lots(await self._cache.read(f"lots:{show_id}:{after}:{limit}", show_id, fill))

    async def change_lot(self, lot_id: str, fields: dict[str, Any], act: Act | None = None) -> Lot | ShowCode:
        return await self._changed(self._store.change_lot(lot_id, fields, act))

    async def place_pre_bid(self, pre_bid: LotPreBid) -> Lot | ShowCode:
        return await self._changed(self._store.place_pre_bid(pre_bid))

    async def withdraw_pre_bid(self, lot_id: str, bidder_id: str) -> Lot | ShowCode:
        return await self._changed(self._store.withdraw_pre_bid(lot_id, bidder_id))

    async def _changed(self, write: Awaitable[Lot | ShowCode]) -> Lot | ShowCode:
        lot = await _sent(self._cache, write)
        if isinstance(lot, Lot):
            await self._cache.invalidate(lot.show_id, lot.lot_id)
        return lot

    async def order_queue(self, show_id: str, lot_ids: Sequence[str], act: Act | None = None) -> bool:
        is_done = await _sent(self._cache, self._store.order_queue(show_id, lot_ids, act), show_id, *lot_ids)
        await self._cache.invalidate(show_id, *lot_ids)
        return is_done


class CachedRuns:
    """`RunStore`; its writes make the cache invalid."""

    def __init__(self, runs: RunStore, cache: CatalogueCache) -> None:
        self._runs = runs
        self._cache = cache
        self.read = runs.read
        self.open_runs = runs.open_runs
        self.is_anything_on = runs.is_anything_on
        self.open_among = runs.open_among
        self.earlier_offers = runs.earlier_offers
        self.open_auctions = runs.open_auctions
        self.shows_on = runs.shows_on
        self.intents = runs.intents
        self.finish = runs.finish
        self.shows_with_intents = runs.shows_with_intents
        self.shows_due = runs.shows_due
        self.snapshot = runs.snapshot
        self.forget_operations = runs.forget_operations

    async def act(
        self, show_id: str, decide: Decide, lot: str | Which, operation_id: str = "", act: Act | None = None
    ) -> Acted | ShowCode:
        # Which lot is the next one, only the answer tells.
        scopes = () if lot is Which.NEXT else (show_id, LISTS, *([lot] if isinstance(lot, str) else ()))
        acted = await _sent(self._cache, self._runs.act(show_id, decide, lot, operation_id, act), *scopes)
        if isinstance(acted, Acted):
            await self._invalidate(acted)
        return acted

    async def close(self, closing: Closing) -> Acted | None:
        acted = await _sent(self._cache, self._runs.close(closing))
        if acted is not None:
            await self._invalidate(acted)
        return acted

    async def record_left(self, offer_id: str, left: int) -> Acted | None:
        acted = await _sent(self._cache, self._runs.record_left(offer_id, left))
        if acted is not None:
            await self._invalidate(acted)
        return acted

    async def _invalidate(self, acted: Acted) -> None:
        if acted.changed:
            lot = (acted.lot.lot_id,) if acted.lot else ()
            await self._cache.invalidate(acted.show.show_id, LISTS, *lot, *acted.voided)
