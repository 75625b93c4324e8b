"""Shows that run against a real catalogue and real auctions, and processes of them that die at any step."""

import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from blytz.apps.lot_auctions import LotAuctions
from blytz.apps.lot_offers import LotOffers
from blytz.apps.lot_sales import LotSales
from blytz.auction.model import Bid, Cause, Party, Receipt, Refused
from blytz.auction.redis.schedule import RedisSchedule
from blytz.auction.redis.store import RedisStore
from blytz.auction.store import Closed
from blytz.identity import Principal
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.sql.database import Database
from blytz.kit.telemetry.metrics import Metrics
from blytz.offer.model import Purchase, PurchaseReceipt
from blytz.offer.model import Refused as PurchaseRefused
from blytz.offer.redis.store import RedisOfferStore
from blytz.show.acts import Verb
from blytz.show.events.log import Announced, Announcement, ShowSnapshot
from blytz.show.model import AuctionTerms, Lot, LotTerms, Show
from blytz.show.people.service import OnChange, PeopleService
from blytz.show.people.sql.store import SqlPeople
from blytz.show.running import rules
from blytz.show.running.intents import IntentRunner
from blytz.show.running.purchases import PurchaseService
from blytz.show.running.service import ShowRunner
from blytz.show.running.standings import StandingChanges
from blytz.show.running.store import Intent
from blytz.show.running.worker import ShowWorker
from blytz.show.service import ShowService
from blytz.show.sql.run_store import SqlRuns
from blytz.show.sql.store import SqlCatalogue
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.shows import SELLER, lot, show

SAM: Final = Principal(SELLER.id, SELLER.name, ("seller",), 2**53)
ANNA: Final = Party("usr_anna", "Anna")


class MemoryLog:
    """A show's log as the port promises it."""

    def __init__(self) -> None:
        self.events: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.blocked: dict[str, set[str]] = {}
        self._changes: dict[str, int] = {}

    async def fill(self, show_id: str, snapshot: ShowSnapshot) -> None:
        self._changes.setdefault(show_id, snapshot.change)

    async def replace(self, show_id: str, snapshot: ShowSnapshot) -> None:
        self._changes[show_id] = snapshot.change
        self.events[show_id] = []

    async def announce(self, show_id: str, announcement: Announcement) -> Announced:
        known = self._changes.setdefault(show_id, 0)
        if announcement.change > known + 1:
            return Announced.GAP
        if announcement.change == known + 1:
            self._changes[show_id] = announcement.change
            self.events.setdefault(show_id, []).append((announcement.kind, announcement.public))
        return Announced.DONE

    async def set_blocked(self, show_id: str, user_ids: Collection[str], *, held: bool = True) -> None:
        known = self.blocked.setdefault(show_id, set())
        (known.update if held else known.difference_update)(user_ids)

    def forget(self, show_id: str, changes: int) -> None:
        """It is as it was then, so many changes of the show ago."""
        self._changes[show_id] -= changes

    def kinds(self, show_id: str) -> list[str]:
        return [kind for kind, _ in self.events.get(show_id, [])]


class Killed(BaseException):
    """The process is gone."""


class Life:
    """Of one process: before how many more steps it dies. The begin and the end of each call are steps."""

    def __init__(self, steps_left: int | None = None) -> None:
        self.left = steps_left
        self.steps: list[str] = []

    def step(self, name: str) -> None:
        if self.left is not None:
            if self.left == 0:
                raise Killed(name)
            self.left -= 1
        self.steps.append(name)


class Mortal:
    """A port of a process with this life."""

    def __init__(self, port: Any, name: str, life: Life) -> None:
        self._port, self._name, self._life = port, name, life

    def __getattr__(self, method: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        name = f"{self._name}.{method}"

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._life.step(f"before {name}")
            answer = await getattr(self._port, method)(*args, **kwargs)
            self._life.step(f"after {name}")
            return answer

        return call


def _told(standings: StandingChanges) -> tuple[OnChange, OnChange]:
    return standings.on_block, standings.on_approval


class Process:
    """What one process does with shows, until it dies."""

    def __init__(self, stage: "Stage", life: Life, ahead_ms: int = 0) -> None:
        """`ahead_ms`: it runs so much later."""

        def now() -> int:
            return time.time_ns() // 1_000_000 + ahead_ms

        self.now = now
        self.metrics = Metrics()
        self._runs = SqlRuns(stage.database, now)
        runs: Any = Mortal(self._runs, "catalogue", life)
        self.runs = runs
        self.sales = LotSales(LotAuctions(stage.pipe, stage.store), LotOffers(stage.offers))
        self.known = known = SqlPeople(stage.database)
        auctions: Any = Mortal(self.sales, "auctions", life)
        self.auctions = auctions
        log: Any = Mortal(stage.log, "log", life)
        self.intents = intents = IntentRunner(runs, auctions, log, known, self.metrics)
        self.shows = ShowService(SqlCatalogue(stage.database, now), known, now, None, intents.carry_out)
        self.people = PeopleService(known, self.shows, now, None, *_told(StandingChanges(runs, auctions, log)))
        self.runner = ShowRunner(self.shows, runs, auctions, intents)
        self.purchases = PurchaseService(self.shows, runs, stage.offers, now)
        self.worker = ShowWorker(runs, auctions, intents, now, self.metrics)

    async def intents_of(self, show_id: str) -> Sequence[Intent]:
        return await self._runs.intents(show_id)


class Stage:
    """A catalogue, a Redis, and a log of shows."""

    def __init__(self, database: Database, redis: RedisServer, pipe: RedisPipe) -> None:
        self.database = database
        self.redis = redis
        self.pipe = pipe
        self.store = RedisStore(pipe)
        self.offers = RedisOfferStore(pipe)
        self.log = MemoryLog()
        self.catalogue = SqlCatalogue(database)
        self.process = Process(self, Life())
        self.shows = 0
        self._purchases = 0

    def new_process(self, ahead_ms: int = 0) -> Process:
        return Process(self, Life(), ahead_ms)

    async def show(self, lots: int = 2, *, live: bool = True, terms: LotTerms | None = None, **fields: Any) -> str:
        """A new show of Sam's with so many lots that wait, each with these terms."""
        self.shows += 1
        show_id = f"shw_{self.shows}"
        await self.catalogue.create_show(show(show_id, **fields))
        for number in range(1, lots + 1):
            await self.process.shows.add_lot(SAM, show_id, lot(number, show_id).lot_id, _fields(number, terms))
        if live:
            await self.process.runner.turn(SAM, show_id, Verb.SHOW_STARTED, rules.start)
        return show_id

    async def read(self, show_id: str) -> Show:
        found = await self.catalogue.show(show_id)
        assert found is not None
        return found

    async def lots(self, show_id: str) -> list[Lot]:
        return list(await self.catalogue.lots(show_id))

    async def bid(self, lot_id: str, amount: int = 9_000, bidder: Party = ANNA) -> Receipt | Refused:
        found = await self.catalogue.lot(lot_id)
        assert found is not None
        assert found.auction_id is not None
        return await self.store.place_bid(found.auction_id, Bid(bidder, f"bid-{amount}", amount), Cause(bidder.id))

    async def hammer(self, lot_id: str) -> None:
        """The auction ends now, and is passed on; nobody has looked at the lot yet."""
        found = await self.catalogue.lot(lot_id)
        assert found is not None
        assert found.auction_id is not None
        closed = await self.store.close(found.auction_id, Cause("hammer"), force=True)
        assert isinstance(closed, Closed)
        await RedisSchedule(self.pipe).record_sale(found.auction_id, closed.event)

    async def buy(self, lot_id: str, quantity: int = 1, buyer: Party = ANNA) -> PurchaseReceipt | PurchaseRefused:
        """Each call is another purchase."""
        found = await self.catalogue.lot(lot_id)
        assert found is not None
        assert found.auction_id is not None
        self._purchases += 1
        asked = Purchase(buyer, f"buy-{self._purchases}", quantity)
        return await self.offers.purchase(found.auction_id, asked, Cause(buyer.id))

    @staticmethod
    def party(name: str) -> Party:
        return Party(f"usr_{name.lower()}", name)

    def auctions(self) -> list[str]:
        """All that were ever opened."""
        return [auction_id.decode() for auction_id in self.redis.ask("ZRANGE", "auctions", 0, -1)]

    async def end_of_a_lot(self, lot_id: str) -> None:
        """The hammer falls, and somebody looks."""
        await self.process.worker.close_ended()
        await self.hammer(lot_id)
        await self.process.worker.close_ended()


def _fields(number: int, terms: LotTerms | None) -> dict[str, Any]:
    return {"title": lot(number).title, "terms": terms or AuctionTerms()}


@asynccontextmanager
async def stage_of(database: Database, redis: RedisServer) -> AsyncIterator[Stage]:
    async with connected(redis.url) as pipe:
        yield Stage(database, redis, pipe)
