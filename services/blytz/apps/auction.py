"""The auction service: HTTP on `BLYTZ_AUCTION_PORT`."""

from typing import Any

from blytz.apps import images, signing_in, video, wiring
from blytz.apps.around_shows import chat_routes, described_routes_around_shows, routes_around_shows
from blytz.apps.databases import NounDatabase
from blytz.apps.shows import Shows
from blytz.auction.http.routes import application, auction_routes, litestar_app
from blytz.auction.service import AuctionService
from blytz.auction.sql.store import SqlArchive
from blytz.identity.http.callers import Access
from blytz.identity.http.routes import identity_routes
from blytz.identity.redis.bans import RedisBans
from blytz.identity.service import BanService
from blytz.kit.config.model import Settings
from blytz.kit.http.openapi import schema_of
from blytz.kit.http.operator import operator_routes
from blytz.kit.http.origins import Origins
from blytz.kit.http.pages import task_state
from blytz.kit.http.server import listen, serve
from blytz.kit.redis.key_record import RedisKeyRecord
from blytz.kit.tasks import TaskSupervisor
from blytz.kit.telemetry.logs import lines
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.http.routes import show_routes
from blytz.show.images.folder import ImageFolder


async def main(settings: Settings) -> None:
    """Serves until cancelled, and starts whether Redis is there or not. Raises OSError when the port is taken."""
    listener = listen(settings.host, settings.auction_port)
    pipe = wiring.auction_pipe(settings, "auction")
    issuers = signing_in.issuers(settings)
    clock = wiring.server_clock(pipe)
    store, bans = wiring.auction_store(pipe, clock), RedisBans(pipe)
    stored_bytes, bids = wiring.stored_bytes_of_user(settings, pipe), wiring.bids_of_user(settings, pipe)
    metrics = Metrics()
    archive, catalogue = NounDatabase("auction", settings), NounDatabase("show", settings)
    await archive.open()
    await catalogue.open()
    archived = SqlArchive(archive.database)
    rooms, bucket = video.rooms_of(settings), images.bucket_of(settings)
    shows = Shows(catalogue.database, archived, pipe, store, clock, metrics, stored_bytes, rooms, bids)
    lines.register_metrics(metrics)
    pipe.register_metrics(metrics)
    store.register_metrics(metrics)

    tasks = TaskSupervisor(metrics)
    app = application(
        service=AuctionService(store, bids, stored_bytes, archived, shows.moderators_of),
        access=Access(
            signing_in.identity(issuers, bans.bans, pipe, settings),
            wiring.dev_issuer(settings),
            wiring.writes_of_user(settings, pipe),
            stored_bytes,
            BanService(bans),
            RedisKeyRecord(pipe),
        ),
        clock=clock,
        metrics=metrics,
        dependencies={
            "redis": lambda: pipe.call("PING"),
            "database": catalogue.check,
            "archive": archive.check,
            "clock": lambda: clock.is_steady,
            "tasks": task_state(tasks),
            "video": lambda: video.state_of(rooms),
            **({"images": lambda: images.state_of(bucket)} if bucket else {}),
            **signing_in.states(issuers),
        },
        origins=Origins(settings.origins, loopback=settings.env == "dev"),
        others=[
            show_routes(shows.service, shows.runner, shows.video, shows.purchases, shows.answers),
            *routes_around_shows(
                catalogue.database, bucket or ImageFolder(settings.data), shows, clock.now, metrics, stored_bytes
            ),
            chat_routes(catalogue.database, shows, clock.now, wiring.chat_of_user(settings, pipe), stored_bytes),
        ],
    )
    await pipe.start(tasks)
    tasks.start("clock", clock.follow)
    tasks.start("bans", bans.follow)
    if bucket:
        tasks.start("images", bucket.follow)
    try:
        await serve(app, listener, settings.most_connections)
    finally:
        await tasks.stop()
        await pipe.close()
        if rooms:
            await rooms.close()
        await catalogue.database.close()
        await archive.database.close()


def openapi() -> dict[str, Any]:
    """What the service's file in `specs/` is made from. It includes the sign-in of dev platforms."""
    groups = [
        auction_routes(),
        show_routes(),
        *described_routes_around_shows(),
        identity_routes(dev=True),
        operator_routes(Metrics(), {}),
    ]
    return schema_of(litestar_app(groups))
