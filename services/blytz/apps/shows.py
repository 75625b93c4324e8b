"""Wiring of shows: the catalogue, the auctions and offers of its lots, and the log that viewers follow."""

from msgspec.structs import replace

from blytz.apps.lot_auctions import LotAuctions
from blytz.apps.lot_offers import LotOffers
from blytz.apps.lot_sales import LotSales
from blytz.auction.archive import AuctionArchive
from blytz.auction.store import AuctionStore
from blytz.kit.clock import ServerClock
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.sql.database import Database
from blytz.kit.telemetry.metrics import Metrics
from blytz.offer.redis.store import RedisOfferStore
from blytz.show.events.archiver import ShowArchiver
from blytz.show.events.log import ShowSnapshot
from blytz.show.people.sql.store import SqlPeople
from blytz.show.redis.answers import AnswersInMemory
from blytz.show.redis.archive import RedisEventLog
from blytz.show.redis.audience import RedisAudience
from blytz.show.redis.cache import CatalogueCache
from blytz.show.redis.cached import CachedCatalogue, CachedRuns
from blytz.show.redis.chat import RedisChat
from blytz.show.redis.log import RedisShowLog, ShowTopics
from blytz.show.running.intents import IntentRunner
from blytz.show.running.purchases import PurchaseService
from blytz.show.running.rehearsal import RehearsalBidders
from blytz.show.running.service import ShowRunner
from blytz.show.running.standings import StandingChanges
from blytz.show.running.worker import ShowWorker
from blytz.show.service import ShowService
from blytz.show.sql.event_archive import SqlEventArchive
from blytz.show.sql.run_store import SqlRuns
from blytz.show.sql.store import SqlCatalogue
from blytz.show.sql.video_store import SqlVideo
from blytz.show.video.rooms import VideoRooms
from blytz.show.video.service import VideoService
from blytz.show.video.worker import VideoWorker


class Shows:
    """What one process does with shows."""

    def __init__(
        self,
        database: Database,
        archive: AuctionArchive,
        pipe: RedisPipe,
        store: AuctionStore,
        clock: ServerClock,
        metrics: Metrics,
        stored_bytes: UserLimit | None = None,
        rooms: VideoRooms | None = None,
        purchases: UserLimit | None = None,
    ) -> None:
        """Without `rooms` shows have no video."""
        self._clock = clock
        self._rooms = rooms
        self._video_store = SqlVideo(database)
        offers = RedisOfferStore(pipe)
        self._auctions = LotSales(LotAuctions(pipe, store, archive), LotOffers(offers))
        self._metrics = metrics
        cache = CatalogueCache(pipe, metrics)
        people, shows_log = SqlPeople(database), RedisShowLog(pipe)
        self.runs = CachedRuns(SqlRuns(database, clock.now), cache)
        self.answers = AnswersInMemory(cache)
        self.topics = ShowTopics(shows_log, self._snapshot)
        self.chat = RedisChat(pipe)
        self._people = people
        self.moderators_of = people.moderators_of_run
        self._intents = IntentRunner(self.runs, self._auctions, shows_log, people, metrics, rooms)
        catalogue = CachedCatalogue(SqlCatalogue(database, clock.now), cache)
        self.service = ShowService(
            catalogue, people, clock.now, stored_bytes, self._intents.carry_out, RedisAudience(pipe)
        )
        self.purchases = PurchaseService(self.service, self.runs, offers, clock.now, purchases, stored_bytes)
        self.standings = StandingChanges(self.runs, self._auctions, shows_log)
        self.rehearsals = RehearsalBidders(self.runs, self._auctions)
        self._events, self._event_archive = RedisEventLog(pipe), SqlEventArchive(database)
        self.runner = ShowRunner(self.service, self.runs, self._auctions, self._intents)
        self.video = VideoService(self.service, self._video_store, rooms, clock.now)

    async def _snapshot(self, show_id: str) -> ShowSnapshot | None:
        """With those who may not speak."""
        found = await self.runs.snapshot(show_id)
        if found is None:
            return None
        return replace(found, blocked=await self._people.blocked(found.show["seller"]["id"]))

    def worker(self) -> ShowWorker:
        return ShowWorker(self.runs, self._auctions, self._intents, self._clock.now, self._metrics)

    def archiver(self) -> ShowArchiver:
        return ShowArchiver(self._events, self._event_archive, self._clock.now, self._metrics)

    def video_worker(self) -> VideoWorker | None:
        """None without video."""
        if self._rooms is None:
            return None
        return VideoWorker(
            self.runs, self._video_store, self._rooms, self._intents, self._clock.now, self._metrics
        )
