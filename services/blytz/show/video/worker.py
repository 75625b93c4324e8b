"""Looks whether hosts are in the video of their shows, and pauses and resumes the shows.

An event of LiveKit only says where to look: what counts is what LiveKit answers then. So a lost event costs at
most `RECONCILE_EVERY_S`, and a LiveKit that does not answer pauses nothing. Any number of workers may run side by
side, and each may be killed at any moment.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.model import ShowCode
from blytz.show.running.intents import IntentRunner
from blytz.show.running.rooms import VideoUnavailable
from blytz.show.running.rules import Decide
from blytz.show.running.store import Acted, RunStore, Which
from blytz.show.video import presence as rules
from blytz.show.video.rooms import VideoEvent, VideoRooms, cameras_after
from blytz.show.video.store import VideoStore

log = structlog.get_logger()

POLL_EVERY_S: Final = 0.1
LOOK_EVERY: Final = 10
"""Polls from one look for whether there is anything to poll for to the next."""
IDLE_PAUSE_S: Final = 1.0
RETRY_AFTER_S: Final = 1.0
RECONCILE_EVERY_S: Final = 10.0
FORGET_EVERY_S: Final = 600.0
EVENT_KEPT_MS: Final = 3_600_000
"""Longer than the age at which an event is refused."""
EVENT_AHEAD_MS: Final = 3_000
"""A younger event may be ahead of what LiveKit answers; an older one is not."""
BATCH: Final = 200


class VideoWorker:
    def __init__(
        self,
        runs: RunStore,
        store: VideoStore,
        rooms: VideoRooms,
        intents: IntentRunner,
        now: Callable[[], int],
        metrics: Metrics,
        batch: int = BATCH,
    ) -> None:
        """`now` is the time in ms since the Unix epoch. `batch` bounds what one query of the catalogue answers."""
        self._batch = batch
        self._runs = runs
        self._store = store
        self._rooms = rooms
        self._intents = intents
        self._now = now
        self._paused = metrics.counter("blytz_shows_paused_without_host", "Shows paused because no camera is on")
        metrics.gauge("blytz_video_up", "0 once LiveKit did not answer", lambda: rooms.is_reachable is not False)

    async def run(self) -> None:
        """Run under a `TaskSupervisor`."""
        loop, reconcile_at, forget_at, waits = asyncio.get_running_loop(), 0.0, 0.0, ""
        polls = 0
        while True:
            is_quiet = False
            try:
                # While no show is on this is one query a second.
                is_quiet = polls % LOOK_EVERY == 0 and not await self._store.is_anything_on()
                if not is_quiet:
                    await self.look_at_events()
                    await self.pause_shows()
                if loop.time() >= reconcile_at:
                    await self.reconcile()
                    reconcile_at = loop.time() + RECONCILE_EVERY_S
                if loop.time() >= forget_at:
                    await self._store.forget(self._now() - EVENT_KEPT_MS)
                    forget_at = loop.time() + FORGET_EVERY_S
                waits = ""
            except (StoreUnavailable, Overloaded, VideoUnavailable) as problem:
                if waits != problem.code:
                    log.warning("video_worker_waits", code=problem.code, why=problem.detail)
                waits = problem.code
            polls = polls if is_quiet else polls + 1
            await asyncio.sleep(RETRY_AFTER_S if waits else IDLE_PAUSE_S if is_quiet else POLL_EVERY_S)

    async def look_at_events(self) -> None:
        """Raises `StoreUnavailable`, `Overloaded` and `VideoUnavailable`, and so do the others."""
        found = await self._store.new_events(self._batch)
        for show_id in dict.fromkeys(event.show_id for event, _ in found):
            recent = self._now() - EVENT_AHEAD_MS
            of_show = [(event, at) for event, at in found if event.show_id == show_id]
            await self._look(show_id, [event for event, at in of_show if at >= recent])
            await self._store.finish([event.event_id for event, _ in of_show])

    async def pause_shows(self) -> None:
        """Only after LiveKit has said again that no camera is there."""
        for show_id in await self._store.shows_to_pause(self._now(), self._batch):
            if await self._rooms.cameras(show_id):
                await self._act(show_id, rules.see_host(is_on_camera=True))
                continue
            acted = await self._act(show_id, rules.pause_without_host)
            # Its seller, or another process, may have paused it since.
            if acted and acted.changed and acted.show.pause_reason == "host_away":
                self._paused.add()

    async def reconcile(self) -> None:
        """Every running show has its room, no other show has one, and every host is seen."""
        running, rooms = await self._running(), set(await self._rooms.names())
        for show_id in running:
            if show_id in rooms:
                await self._look(show_id)
            else:
                await self._rooms.ensure(show_id)
                await self._act(show_id, rules.see_host(is_on_camera=False))
        others = sorted(name for name in rooms.difference(running) if name.startswith("shw_"))
        for first in range(0, len(others), self._batch):
            for show_id in await self._store.over(others[first : first + self._batch]):
                await self._rooms.delete(show_id)

    async def _running(self) -> Sequence[str]:
        running: list[str] = []
        is_last = False
        while not is_last:
            found = await self._store.running(self._batch, running[-1] if running else "")
            running += found
            is_last = len(found) < self._batch
        return running

    async def _look(self, show_id: str, events: Iterable[VideoEvent] = ()) -> None:
        cameras = cameras_after(await self._rooms.cameras(show_id), events)
        await self._act(show_id, rules.see_host(is_on_camera=bool(cameras)))

    async def _act(self, show_id: str, decide: Decide) -> Acted | None:
        """None when it was refused. A show of which the intents cannot be carried out must not hold up the
        others."""
        acted = await self._runs.act(show_id, decide, Which.NONE)
        if isinstance(acted, ShowCode):
            return None
        try:
            await self._intents.carry_out(show_id)
        except (StoreUnavailable, Overloaded):
            raise
        except Exception:
            log.exception("intents_failed", show_id=show_id)
        return acted
