"""What workers read of the catalogue in batches they do for every show and lot, however many there are."""

from collections.abc import AsyncIterator

import pytest

from blytz.kit.telemetry.metrics import Metrics
from blytz.offer.model import OfferTerms
from blytz.show.acts import Verb
from blytz.show.model import ShowSettings
from blytz.show.running import rules
from blytz.show.running.worker import ShowWorker
from blytz.show.sql.video_store import SqlVideo
from blytz.show.video.livekit import LiveKitRooms
from blytz.show.video.worker import VideoWorker
from tests.support.livekit import KEY, SECRET, StandInLiveKit
from tests.support.running_shows import SAM, Stage

LOTS = ["lot_1_1", "lot_1_2", "lot_1_3"]


def worker_of(stage: Stage, batch: int) -> ShowWorker:
    process = stage.new_process(ahead_ms=5_000)
    return ShowWorker(process.runs, process.auctions, process.intents, process.now, Metrics(), batch)


async def with_open_lots(stage: Stage, terms: OfferTerms | None = None) -> str:
    show_id = await stage.show(len(LOTS), terms=terms, settings=ShowSettings(mode="parallel"))
    for lot_id in LOTS:
        await stage.process.runner.open_lot(SAM, lot_id)
    return show_id


async def test_the_newest_of_many_open_offers_is_told_and_closed_too(stage: Stage) -> None:
    show_id = await with_open_lots(stage, OfferTerms(price=700, quantity=2))
    worker = worker_of(stage, batch=len(LOTS) - 1)
    for lot_id in LOTS:
        await stage.buy(lot_id)
    await worker.follow_offers()
    assert [public["lot_id"] for kind, public in stage.log.events[show_id] if kind == "purchase"] == LOTS

    for lot_id in LOTS:
        await stage.buy(lot_id)
    await worker.follow_offers()
    assert {lot.status for lot in await stage.lots(show_id)} == {"sold"}


async def test_the_newest_of_many_auctions_that_ended_unseen_is_closed_too(stage: Stage) -> None:
    show_id = await with_open_lots(stage)
    worker = worker_of(stage, batch=1)
    for lot_id in LOTS:
        await stage.hammer(lot_id)

    await worker.reconcile()

    assert {lot.status for lot in await stage.lots(show_id)} == {"unsold"}


@pytest.fixture
async def video() -> AsyncIterator[tuple[StandInLiveKit, LiveKitRooms]]:
    with StandInLiveKit() as video:
        rooms = LiveKitRooms(video.url, KEY, SECRET)
        yield video, rooms
        await rooms.close()


async def test_each_of_many_shows_has_its_room_and_its_host_is_seen(
    stage: Stage, video: tuple[StandInLiveKit, LiveKitRooms]
) -> None:
    livekit, rooms = video
    on, over = [await stage.show(0) for _ in range(3)], [await stage.show(0) for _ in range(3)]
    for show_id in over:
        await stage.process.runner.turn(SAM, show_id, Verb.SHOW_ENDED, rules.end)
    livekit.rooms = {show_id: {} for show_id in over}
    process = stage.new_process()
    store = SqlVideo(stage.database)
    worker = VideoWorker(process.runs, store, rooms, process.intents, process.now, Metrics(), batch=2)

    await worker.reconcile()
    assert sorted(livekit.rooms) == on

    for show_id in on:
        livekit.show_camera(show_id, "host_1", "TR_1")
    await worker.reconcile()
    assert {(await stage.read(show_id)).host.state for show_id in on} == {"live"}
