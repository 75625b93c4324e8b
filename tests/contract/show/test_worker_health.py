"""What an operator sees of the workers of shows, what they cost while nothing is on, and that they go on after the
catalogue was away."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from blytz.kit.problems import StoreUnavailable
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.acts import Verb
from blytz.show.model import ShowSettings
from blytz.show.running import rules
from blytz.show.running.store import Which
from blytz.show.running.worker import ShowWorker
from blytz.show.sql.store import MIGRATIONS
from blytz.show.sql.video_store import SqlVideo
from blytz.show.video.livekit import LiveKitRooms
from blytz.show.video.rooms import VideoEvent
from blytz.show.video.worker import VideoWorker
from tests.support.livekit import KEY, SECRET, StandInLiveKit
from tests.support.metrics import value_of
from tests.support.redis import RedisServer
from tests.support.running_shows import SAM, Life, Process, Stage, stage_of
from tests.support.wait import until


class Line:
    """To a port, as long as it is not cut."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.is_cut = False
        self.calls = 0
        self.called: set[str] = set()

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            self.called.add(method)
            if self.is_cut:
                raise StoreUnavailable
            return await getattr(self._port, method)(*args, **kwargs)

        return call


class RunningWorker:
    """One that runs, and its lines to the catalogue and to the intents."""

    def __init__(self, stage: Stage) -> None:
        process = stage.process
        self.catalogue, self.intents, self.metrics = Line(process.runs), Line(process.intents), Metrics()
        runs: Any = self.catalogue
        intents: Any = self.intents
        self.worker = ShowWorker(runs, process.auctions, intents, process.now, self.metrics)

    def value(self, name: str) -> float:
        return value_of(self.metrics, name)


@contextlib.asynccontextmanager
async def running_task(run: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(run)
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def stage(tmp_path: Path, redis: RedisServer) -> AsyncIterator[Stage]:
    database = Database("show", "", tmp_path)
    await migrate(database, MIGRATIONS)
    async with stage_of(database, redis) as stage:
        yield stage
    await database.close()


@pytest.fixture
async def running(stage: Stage) -> AsyncIterator[RunningWorker]:
    running = RunningWorker(stage)
    async with running_task(running.worker.run()):
        yield running


async def test_a_quiet_worker_goes_on_after_the_catalogue_was_away(stage: Stage, running: RunningWorker) -> None:
    await until(lambda: running.catalogue.calls > 0, "it has found that nothing is on")
    running.catalogue.is_cut = True
    asked = running.catalogue.calls
    await until(lambda: running.catalogue.calls > asked, "it has met a catalogue that is away")
    assert running.worker.stalled_s() > 0.5
    running.catalogue.is_cut = False

    show_id = await stage.show(1, settings=ShowSettings(auto_advance_ms=1_000))

    await until(lambda: running.value("blytz_lots_opened_total") == 1, f"the lot of {show_id} opens", 10)
    await until(lambda: running.worker.stalled_s() < 0.5, "it runs")


async def test_a_show_is_behind_until_what_was_left_is_done(stage: Stage, running: RunningWorker) -> None:
    show_id = await stage.show(0)
    running.intents.is_cut = True
    earlier = stage.new_process(ahead_ms=-5_000)
    await earlier.runs.act(show_id, rules.pause, Which.NONE)
    await until(lambda: running.value("blytz_shows_behind") == 1, "it is counted")
    running.intents.is_cut = False
    await stage.process.intents.carry_out(show_id)
    await stage.process.runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end)
    await until(lambda: running.value("blytz_shows_behind") == 0, "nothing is on any more")


async def test_how_late_a_lot_opens_and_closes_is_measured(stage: Stage) -> None:
    show_id = await stage.show(1, settings=ShowSettings(auto_advance_ms=60_000))
    late = Process(stage, Life(), ahead_ms=63_000)
    await late.worker.close_ended()
    await late.worker.open_due()
    assert [lot.status.value for lot in await stage.lots(show_id)] == ["open"]
    seconds = value_of(late.metrics, "blytz_show_lag_seconds_sum")
    assert 2.9 < seconds < 20

    await stage.hammer("lot_1_1")
    await late.worker.close_ended()

    assert [lot.status.value for lot in await stage.lots(show_id)] == ["unsold"]
    assert value_of(late.metrics, "blytz_show_lag_seconds_count") == 2
    # Its clock is ahead of that of the auction.
    assert value_of(late.metrics, "blytz_show_lag_seconds_sum") - seconds > 60


async def test_every_lot_that_is_closed_is_counted_once_whoever_closes_it(stage: Stage) -> None:
    show_id = await stage.show(3, settings=ShowSettings(mode="parallel"))
    process = stage.process
    for _ in range(3):
        await process.runner.open_next(SAM, show_id)
    await stage.bid("lot_1_1")

    for _ in range(2):
        await process.runner.close_lot(SAM, "lot_1_1")
    await stage.hammer("lot_1_2")
    await process.worker.reconcile()
    await process.runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end_now)
    await process.worker.reconcile()

    closed = {
        outcome: value_of(process.metrics, "blytz_lots_closed_total", outcome=outcome)
        for outcome in ("sold", "unsold", "cancelled")
    }
    assert closed == {"sold": 1, "unsold": 1, "cancelled": 1}


async def test_while_no_show_is_on_video_costs_one_look_a_second_and_a_camera_is_seen(stage: Stage) -> None:
    show_id = await stage.show(0, live=False)
    store, process = Line(SqlVideo(stage.database)), stage.process
    as_store: Any = store
    with StandInLiveKit() as livekit:
        rooms = LiveKitRooms(livekit.url, KEY, SECRET)
        worker = VideoWorker(process.runs, as_store, rooms, process.intents, process.now, Metrics())
        async with running_task(worker.run()):
            await until(lambda: "forget" in store.called, "it has looked after everything once")
            store.calls, began = 0, time.monotonic()
            await until(lambda: store.calls >= 3, "it has looked again", 10)
            assert time.monotonic() - began > 1
            assert store.called.isdisjoint({"new_events", "shows_to_pause"})

            livekit.show_camera(show_id, "host_1", "TR_1")
            await as_store.record(VideoEvent("EV_1", 0, show_id, "camera_on", "host_1", "TR_1"), process.now())
            await until(lambda: "host_live" in stage.log.kinds(show_id), "the host is seen", 10)
        await rooms.close()
