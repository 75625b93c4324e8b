"""What runs in the process of the hammer besides the hammer: the archive, shows, purchases and video. It needs the
databases, which take a second to load, so the hammer does not wait for it."""

from collections.abc import Awaitable, Callable
from typing import Final

from blytz.apps import video
from blytz.apps.databases import NounDatabase
from blytz.apps.lot_offers import KEPT_MS
from blytz.apps.shows import Shows
from blytz.auction.archiver import Archiver
from blytz.auction.redis.closed import RedisClosed
from blytz.auction.redis.store import RedisStore
from blytz.auction.sql.store import SqlArchive
from blytz.kit.clock import ServerClock
from blytz.kit.config.model import Settings
from blytz.kit.http.pages import Dependency
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.tasks import TaskSupervisor
from blytz.kit.telemetry.metrics import Metrics
from blytz.offer.redis.sales import RedisSalesOutbox
from blytz.offer.sales import PurchaseFeed

STALLED_AFTER_S: Final = 10.0
"""Without a finished round for so long, the worker of shows is said to be away."""


class BesideHammer:
    def __init__(
        self, settings: Settings, pipe: RedisPipe, store: RedisStore, clock: ServerClock, metrics: Metrics
    ) -> None:
        self._databases = [NounDatabase("auction", settings), NounDatabase("show", settings)]
        of_archive, self._catalogue = self._databases
        closed = RedisClosed(pipe, settings.keep_closed_ms, settings.keep_closed)
        archive = SqlArchive(of_archive.database)
        self._archiver = Archiver(closed, archive, metrics, of_archive.prepare)
        self._purchases = PurchaseFeed(RedisSalesOutbox(pipe, KEPT_MS), metrics)
        self._rooms = video.rooms_of(settings)
        self._shows = Shows(self._catalogue.database, archive, pipe, store, clock, metrics, rooms=self._rooms)
        self._worker, self._show_archiver = self._shows.worker(), self._shows.archiver()
        self._video_worker = self._shows.video_worker()

    def states(self) -> dict[str, Dependency]:
        """For `/ready`."""
        archive = Dependency("away" if self._archiver.is_away else "up", optional=True)
        return {"archive": archive, "video": video.state_of(self._rooms), "shows": self._state_of_shows()}

    def start(self, tasks: TaskSupervisor) -> None:
        tasks.start("archive", self._archiver.run)
        tasks.start("purchases", self._purchases.run)
        tasks.start("shows", self._with_catalogue(self._worker.run))
        tasks.start("rehearsals", self._with_catalogue(self._shows.rehearsals.run))
        tasks.start("show_archive", self._with_catalogue(self._show_archiver.run))
        if self._video_worker:
            tasks.start("video", self._with_catalogue(self._video_worker.run))

    async def close(self) -> None:
        if self._rooms:
            await self._rooms.close()
        for one in self._databases:
            await one.database.close()

    def _state_of_shows(self) -> Dependency:
        stalled_s = self._worker.stalled_s()
        if stalled_s < STALLED_AFTER_S:
            return Dependency("up", optional=True)
        why = "lots of shows are neither opened nor closed; the log says why"
        return Dependency("away", "shows_stalled", why, int(stalled_s * 1_000), optional=True)

    def _with_catalogue(self, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def run_when_ready() -> None:
            # Without a database, auctions are closed all the same.
            await self._catalogue.until_ready()
            await run()

        return run_when_ready
