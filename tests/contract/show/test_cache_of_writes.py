"""Which writes make the cache of the catalogue invalid: those that change something, and those that may have."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from blytz.auction.model import Party
from blytz.kit.problems import Problem, StoreUnavailable
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.kit.telemetry.metrics import Metrics
from blytz.offer.model import OfferTerms
from blytz.show.model import AuctionTerms, Closing, LotPreBid, LotTerms, ShowSettings
from blytz.show.redis.cache import CatalogueCache
from blytz.show.redis.cached import CachedCatalogue, CachedRuns
from blytz.show.running import rules
from blytz.show.running.store import Acted, Which
from blytz.show.sql.run_store import SqlRuns
from blytz.show.sql.store import MIGRATIONS, SqlCatalogue
from blytz.show.store import LISTS, ShowFilter
from blytz.show.video.presence import see_host
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.running_shows import ANNA
from tests.support.shows import lot, show

SHOW, LOTS = "shw_1", ("lot_1_1", "lot_1_2", "lot_1_3", "lot_1_4")
AUCTIONED, AT_A_PRICE, OTHER, LAST = LOTS
BEN = Party("usr_ben", "Ben")


class Line:
    """To a port of which the answers may get lost."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.breaks_with: Problem | None = None

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            answer = await getattr(self._port, method)(*args, **kwargs)
            if self.breaks_with:
                raise self.breaks_with
            return answer

        return call


class CachingProcess:
    """With a live show, of which two lots are open, one of them an offer, and two wait."""

    def __init__(self, database: Database, cache: CatalogueCache) -> None:
        self.stored = SqlCatalogue(database)
        self.to_shows, self.to_runs = Line(self.stored), Line(SqlRuns(database, lambda: 1_000))
        to_shows: Any = self.to_shows
        to_runs: Any = self.to_runs
        self.cache = cache
        self.shows, self.runs = CachedCatalogue(to_shows, cache), CachedRuns(to_runs, cache)

    async def begin(self) -> None:
        await self.shows.create_show(show(settings=ShowSettings(mode="parallel")))
        for number in (1, 2, 3, 4):
            terms: LotTerms = OfferTerms(price=700, quantity=5) if number == 2 else AuctionTerms()
            await self.shows.add_lot(lot(number, terms=terms))
        await self.runs.act(SHOW, rules.start, Which.NONE)
        for lot_id in (AUCTIONED, AT_A_PRICE):
            await self.runs.act(SHOW, rules.open_lot(f"auc_{lot_id}"), lot_id)
        await self.shows.place_pre_bid(LotPreBid(LAST, BEN, 8_000))

    async def seen(self) -> list[Any]:
        """All that is cached of them."""
        return await self._read(self.shows)

    async def written(self) -> list[Any]:
        return await self._read(self.stored)

    async def _read(self, of: CachedCatalogue | SqlCatalogue) -> list[Any]:
        lots = [await of.lot(lot_id) for lot_id in LOTS]
        listed = (await of.shows(ShowFilter(), None, 20)).shows
        return [*lots, await of.show(SHOW), *await of.lots(SHOW), *listed, await of.lot_facts([SHOW])]


Write = Callable[[CachingProcess], Awaitable[object]]
WRITES: dict[str, Write] = {
    "create_show": lambda of: of.shows.create_show(show("shw_2")),
    "change_show": lambda of: of.shows.change_show(SHOW, {"title": "New"}, None),
    "add_lot": lambda of: of.shows.add_lot(lot(5)),
    "change_lot": lambda of: of.shows.change_lot(OTHER, {"title": "New"}),
    "place_pre_bid": lambda of: of.shows.place_pre_bid(LotPreBid(OTHER, ANNA, 9_000)),
    "withdraw_pre_bid": lambda of: of.shows.withdraw_pre_bid(LAST, BEN.id),
    "order_queue": lambda of: of.shows.order_queue(SHOW, [LAST, OTHER]),
    "close": lambda of: of.runs.close(Closing("auc_lot_1_1", "unsold", 0, None, 2_000)),
    "record_left": lambda of: of.runs.record_left("ofr_lot_1_2", 3),
    "act": lambda of: of.runs.act(SHOW, rules.pause, Which.NONE),
    "act on a lot": lambda of: of.runs.act(SHOW, rules.open_lot("auc_3"), OTHER),
    "act on the next lot": lambda of: of.runs.act(SHOW, rules.open_lot("auc_3"), Which.NEXT),
}


@pytest.fixture
async def process(tmp_path: Path, own_redis: RedisServer) -> AsyncIterator[CachingProcess]:
    database = Database("show", "", tmp_path)
    await migrate(database, MIGRATIONS)
    async with connected(own_redis.url) as pipe:
        process = CachingProcess(database, CatalogueCache(pipe, Metrics()))
        await process.begin()
        yield process
    await database.close()


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_write_whose_answer_is_lost_is_seen_all_the_same(process: CachingProcess, write: Write) -> None:
    before = await process.seen()
    lost = StoreUnavailable()
    process.to_shows.breaks_with = process.to_runs.breaks_with = lost
    with pytest.raises(StoreUnavailable) as failure:
        await write(process)
    process.to_shows.breaks_with = process.to_runs.breaks_with = None

    assert failure.value is lost
    written = await process.written()
    assert written != before
    assert await process.seen() == written


NOTHING: dict[str, Write] = {
    "a host who is still away": lambda of: of.runs.act(SHOW, see_host(is_on_camera=False), Which.NONE),
    "a show that is live already": lambda of: of.runs.act(SHOW, rules.start, Which.NONE),
    "what is left as before": lambda of: of.runs.record_left("ofr_lot_1_2", 5),
}


@pytest.mark.parametrize("act", NOTHING.values(), ids=NOTHING)
async def test_what_changes_nothing_leaves_the_cache_as_it_is(process: CachingProcess, act: Write) -> None:
    scopes = [SHOW, LISTS, *LOTS]
    before = await process.cache.versions(scopes)

    acted = await act(process)

    assert isinstance(acted, Acted)
    assert await process.cache.versions(scopes) == before
