"""`blytz watch`: a show or an auction as it happens, in the terminal."""

import asyncio
import contextlib
import time
from typing import Annotated, Any, Literal

import typer
from msgspec import Struct
from rich.console import Console

from blytz.cli.data_folder import DataOption
from blytz.cli.options import LATEST, JsonOption, UrlOption, platform_url
from blytz.cli.watch.output import Output, Shown, output
from blytz.cli.watch.scene import Scene
from blytz.cli.watch.show_scene import ShowScene
from blytz.client.http import ApiFault, HttpClient, Unreachable
from blytz.client.live import LiveClient
from blytz.kit.running import Interrupted, run
from blytz.kit.user_error import UserError

DRAW_EVERY_S = 0.1
LOOK_EVERY_S = 0.5
"""How often to ask for the next show or auction while none is followed."""
RESULT_SHOWS_S = 4.0
"""How long people see a result before the next one takes its place."""
BIDS_BEFORE = 20
MAX_QUEUED = 10_000
SHOW_IDS = "shw_"


def watch(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SHOW|AUCTION",
            help="Its id; 'latest' follows the newest live show, else the newest open auction, then the next.",
        ),
    ] = LATEST,
    url: UrlOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch a show or an auction live. Ends with it, or with Ctrl-C."""
    with contextlib.suppress(Interrupted):
        run(Watching(HttpClient(platform_url(url, data)), subject, output(as_json, Console())).run())


class Subject(Struct, frozen=True):
    """What is watched."""

    kind: Literal["show", "auction"]
    id: str


class Watching:
    """Follows one show or auction, or the newest one after the other, and shows it on `out`."""

    def __init__(self, http: HttpClient, wanted: str, out: Output) -> None:
        self._http, self._wanted, self._out = http, wanted, out
        self._scene: Shown = Scene()
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_QUEUED)
        self._over = asyncio.Event()
        self._loading: set[asyncio.Task[None]] = set()
        # Everything is written by `run`: a closed pipe must end the command, not the connection.
        self._client = LiveClient(http.live_url, on_message=self._received.put_nowait)

    async def run(self) -> None:
        first = await self._newest() if self._wanted == LATEST else await self._by_id()
        self._out.open()
        try:
            async with self._client:
                follower = asyncio.create_task(self._follow(first))
                try:
                    while not follower.done():
                        await self._receive_and_draw()
                    await follower
                finally:
                    for task in (follower, *self._loading):
                        task.cancel()
        finally:
            self._out.close(self._scene)

    async def _receive_and_draw(self) -> None:
        """Draw ten times a second; write what happens at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAW_EVERY_S):
                while True:
                    self._show(await self._received.get())
        self._scene.look(self._client, time.monotonic())
        self._out.draw(self._scene)

    def _show(self, message: dict[str, Any]) -> None:
        self._scene.look(self._client, time.monotonic())
        self._scene.on_message(message)
        self._out.on_message(self._scene, message)
        if message["type"] in {"snapshot", "event"} and self._scene.is_final:
            self._over.set()
        kind, _, auction_id = message.get("topic", "").partition(":")
        if message["type"] == "snapshot" and kind == "auction":
            task = asyncio.create_task(self._load_bids_before(auction_id, message["seq"]))
            self._loading.add(task)
            task.add_done_callback(self._loading.discard)

    async def _follow(self, first: Subject | None) -> None:
        subject = first or await self._next(None)
        while True:
            name = await self._until_over(subject)
            if self._wanted != LATEST:
                return
            subject = await self._next(subject)
            self._client.unwatch(name)

    async def _by_id(self) -> Subject:
        is_show = self._wanted.startswith(SHOW_IDS)
        try:
            await (self._http.show(self._wanted) if is_show else self._http.auction(self._wanted))
        except ApiFault as fault:
            if fault.status != 404:
                raise
            what = "show" if is_show else "auction"
            raise UserError(
                f"there is no {what} {self._wanted}; without an id, the newest live show or open auction is shown"
            ) from fault
        return Subject("show" if is_show else "auction", self._wanted)

    async def _newest(self) -> Subject | None:
        # The auction first: one that a show has just opened must not hide the show.
        auction, show = await self._http.newest("open"), None
        with contextlib.suppress(ApiFault):
            # Without the catalogue's database auctions still run.
            show = await self._http.live_show()
        if show:
            return Subject("show", show["show_id"])
        return Subject("auction", auction["auction_id"]) if auction else None

    async def _next(self, after: Subject | None) -> Subject:
        """The newest other than `after`, as soon as there is one. People first see how that ended."""
        if isinstance(self._scene, Scene):
            self._scene.notice = "no show is live and no auction open; waiting for the next"
        await asyncio.sleep(RESULT_SHOWS_S if after else 0)
        while True:
            with contextlib.suppress(Unreachable, ApiFault):
                found = await self._newest()
                if found and (after is None or found.id != after.id):
                    return found
            await asyncio.sleep(LOOK_EVERY_S)

    async def _until_over(self, subject: Subject) -> str:
        """Returns the name of its topic."""
        self._over.clear()
        if subject.kind == "show":
            show = self._client.watch_show(subject.id)
            self._scene = ShowScene(show)
            await self._over.wait()
            return show.name
        auction = self._client.watch(subject.id)
        if isinstance(self._scene, ShowScene):
            self._scene = Scene()
        self._scene.follow(auction)
        await self._over.wait()
        return auction.name

    async def _load_bids_before(self, auction_id: str, seq: int) -> None:
        """Those that were made before the watching began."""
        path = f"/auction/v1/auctions/{auction_id}/events"
        with contextlib.suppress(Unreachable, ApiFault):
            page = await self._http.get(path, after=max(0, seq - BIDS_BEFORE), limit=BIDS_BEFORE)
            # The first one says whether there is a reserve: its price is below any.
            first = await self._http.get(path, after=0, limit=1) if seq > BIDS_BEFORE else {"events": []}
            scene = self._scene.lot_scene if isinstance(self._scene, ShowScene) else self._scene
            if scene.topic and scene.topic.subject_id == auction_id:
                scene.past(first["events"] + page["events"])
