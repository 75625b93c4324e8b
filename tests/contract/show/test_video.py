"""Shows that pause and resume with the camera of their host: a real catalogue, real auctions, a stand-in for
LiveKit."""

import time
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from blytz.auction.model import Status
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.acts import Verb
from blytz.show.model import Show, ShowStatus
from blytz.show.running import rules
from blytz.show.running.rooms import VideoUnavailable
from blytz.show.sql.store import MIGRATIONS
from blytz.show.sql.video_store import SqlVideo
from blytz.show.video.livekit import LiveKitRooms
from blytz.show.video.rooms import VideoEvent
from blytz.show.video.worker import VideoWorker
from tests.support.livekit import KEY, SECRET, StandInLiveKit
from tests.support.metrics import value_of
from tests.support.redis import RedisServer
from tests.support.running_shows import SAM, Process, Stage, stage_of

AWAY_MS: Final = 5_000


class Scene:
    """A live show with one open lot, and the process that looks after its video."""

    def __init__(self, stage: Stage, video: StandInLiveKit, rooms: LiveKitRooms) -> None:
        self.stage, self.video, self.rooms = stage, video, rooms
        self.store = SqlVideo(stage.database)
        self.show_id = ""
        self._events = 0

    def process(self, ahead_ms: int = 0, metrics: Metrics | None = None) -> tuple[Process, VideoWorker]:
        """One that was just started, and runs so much later."""
        process = self.stage.new_process(ahead_ms)
        return process, VideoWorker(
            process.runs, self.store, self.rooms, process.intents, process.now, metrics or Metrics()
        )

    async def begin(self, **fields: Any) -> "Scene":
        self.show_id = await self.stage.show(1, **fields)
        await self.stage.process.runner.open_next(SAM, self.show_id)
        self.video.show_camera(self.show_id, "host_1", "TR_1")
        await self.told("camera_on", "host_1", "TR_1")
        return self

    async def told(self, change: Any, participant: str, track: str = "") -> None:
        """The webhook has brought this event, and a worker looks."""
        self._events += 1
        now = time.time_ns() // 1_000_000
        event = VideoEvent(f"EV_{self.show_id}_{self._events}", now, self.show_id, change, participant, track)
        await self.store.record(event, now)
        await self.process()[1].look_at_events()

    async def hang_up(self, participant: str = "host_1") -> None:
        del self.video.rooms[self.show_id][participant]
        await self.told("left", participant)

    async def after(self, ms: int) -> Show:
        """The show when a worker has looked at that later time."""
        await self.process(ms)[1].pause_shows()
        return await self.show()

    async def show(self) -> Show:
        return await self.stage.read(self.show_id)

    async def auction(self) -> tuple[Status, int]:
        """Its state, and how much time it has left."""
        lot = (await self.stage.lots(self.show_id))[0]
        assert lot.auction_id is not None
        auction = await self.stage.store.get(lot.auction_id)
        assert auction is not None
        return auction.status, auction.remaining_ms or 0

    def kinds(self) -> list[str]:
        """What viewers were told since the lot was opened."""
        kinds = self.stage.log.kinds(self.show_id)
        return kinds[kinds.index("lot_opened") + 1 :]


@pytest.fixture
async def scene(database: Database, redis: RedisServer) -> AsyncIterator[Scene]:
    await migrate(database, MIGRATIONS)
    with StandInLiveKit() as video:
        rooms = LiveKitRooms(video.url, KEY, SECRET)
        async with stage_of(database, redis) as stage:
            yield await Scene(stage, video, rooms).begin()
        await rooms.close()


async def test_open_lots_pause_without_the_host_and_go_on_with_the_time_they_had(scene: Scene) -> None:
    await scene.hang_up()
    assert (await scene.after(AWAY_MS - 2_000)).status is ShowStatus.LIVE

    paused = await scene.after(AWAY_MS + 100)

    assert (paused.status, paused.host.state, paused.pause_reason) == (ShowStatus.PAUSED, "away", "host_away")
    status, left_ms = await scene.auction()
    assert status is Status.PAUSED
    assert left_ms > 0

    scene.video.show_camera(scene.show_id, "host_2", "TR_2")
    await scene.told("camera_on", "host_2", "TR_2")

    assert ((await scene.show()).status, await scene.auction()) == (ShowStatus.LIVE, (Status.OPEN, 0))
    assert scene.kinds() == ["host_live", "host_away", "show_paused", "host_back", "show_resumed"]


async def test_a_show_that_its_seller_has_paused_is_not_counted_as_paused_without_host(scene: Scene) -> None:
    metrics = Metrics()
    await scene.hang_up()
    _, worker = scene.process(AWAY_MS + 100, metrics)
    await scene.process()[0].runner.turn(SAM, scene.show_id, Verb.SHOW_PAUSED, rules.pause)
    await worker.pause_shows()
    assert value_of(metrics, "blytz_shows_paused_without_host_total") == 0

    scene.video.show_camera(scene.show_id, "host_2", "TR_2")
    await scene.told("camera_on", "host_2", "TR_2")
    await scene.process()[0].runner.turn(SAM, scene.show_id, Verb.SHOW_RESUMED, rules.resume)
    await scene.hang_up("host_2")
    for _ in range(2):
        await worker.pause_shows()
    assert value_of(metrics, "blytz_shows_paused_without_host_total") == 1


async def test_one_of_two_devices_is_enough(scene: Scene) -> None:
    scene.video.show_camera(scene.show_id, "host_2", "TR_2")
    await scene.told("camera_on", "host_2", "TR_2")
    await scene.hang_up()
    assert (await scene.after(60_000)).host.state == "live"
    assert scene.kinds() == ["host_live"]


async def test_a_lost_event_is_made_up_for_by_asking(scene: Scene) -> None:
    scene.video.rooms[scene.show_id].clear()
    await scene.process()[1].reconcile()
    assert (await scene.show()).host.state == "away"

    scene.video.show_camera(scene.show_id, "host_2", "TR_2")
    await scene.process()[1].reconcile()
    assert (await scene.show()).host.state == "live"


async def test_a_camera_that_is_switched_off_is_gone(scene: Scene) -> None:
    scene.video.show_camera(scene.show_id, "host_1", "TR_1", muted=True)
    await scene.process()[1].reconcile()
    assert (await scene.show()).host.state == "away"


async def test_what_livekit_still_lists_but_has_told_to_be_gone_is_gone(scene: Scene) -> None:
    await scene.told("camera_off", "host_1", "TR_1")
    assert (await scene.show()).host.state == "away"
    # It is asked once more before a show is paused.
    assert (await scene.after(AWAY_MS + 100)).status is ShowStatus.LIVE
    assert (await scene.show()).host.state == "live"


async def test_a_livekit_that_is_down_pauses_nothing(scene: Scene) -> None:
    await scene.hang_up()
    scene.video.stop()
    for act in (scene.process(60_000)[1].pause_shows, scene.process()[1].reconcile):
        with pytest.raises(VideoUnavailable):
            await act()
    assert (await scene.show()).status is ShowStatus.LIVE
    assert scene.rooms.is_reachable is False


async def test_a_livekit_that_refuses_our_key_is_as_good_as_down(scene: Scene) -> None:
    rooms = LiveKitRooms(scene.video.url, KEY, "not-the-secret-that-livekit-has-for-this-key")
    with pytest.raises(VideoUnavailable):
        await rooms.names()
    assert rooms.is_reachable is False
    await rooms.close()


async def test_a_show_that_is_resumed_by_hand_goes_on_without_a_camera(scene: Scene) -> None:
    await scene.hang_up()
    await scene.after(AWAY_MS + 100)

    await scene.process()[0].runner.turn(SAM, scene.show_id, Verb.SHOW_RESUMED, rules.resume)

    assert (await scene.after(3_600_000)).status is ShowStatus.LIVE
    assert (await scene.auction())[0] is Status.OPEN


async def test_every_running_show_has_its_room_and_no_other_show_has_one(scene: Scene) -> None:
    ended = await scene.stage.show(0)
    await scene.process()[0].runner.turn(SAM, ended, Verb.SHOW_ENDED, rules.end)
    scene.video.rooms = {ended: {}, "shw_of_another_platform": {}, "their-room": {}}

    await scene.process()[1].reconcile()

    assert set(scene.video.rooms) == {scene.show_id, "shw_of_another_platform", "their-room"}


async def test_an_event_is_recorded_once_and_forgotten_in_the_end(scene: Scene) -> None:
    event = VideoEvent("EV_1", 0, scene.show_id, "left", "host_9")
    assert [await scene.store.record(event, at) for at in (1, 2)] == [True, False]
    assert [(found.event_id, at) for found, at in await scene.store.new_events(10)] == [("EV_1", 1)]
    await scene.store.finish(["EV_1"])
    assert not await scene.store.new_events(10)
    await scene.store.forget(2)
    assert await scene.store.record(event, 3)
