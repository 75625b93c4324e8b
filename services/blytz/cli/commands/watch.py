"""`blytz watch`: an auction as it happens, in the terminal."""

import asyncio
import contextlib
import time
from typing import Annotated, Any

import typer
from rich.console import Console

from blytz.cli.data_folder import DataOption
from blytz.cli.options import LATEST, JsonOption, UrlOption, platform_url
from blytz.cli.watch.output import Output, output
from blytz.cli.watch.scene import Scene
from blytz.client.http import ApiFault, HttpClient, Unreachable
from blytz.client.live import LiveClient
from blytz.client.topic import FINAL
from blytz.kit.running import Interrupted, run
from blytz.kit.user_error import UserError

DRAW_EVERY_S = 0.1
LOOK_EVERY_S = 0.5
"""How often to ask for the next auction while none is followed."""
RESULT_SHOWS_S = 4.0
"""How long people see a result before the next auction takes its place."""
BIDS_BEFORE = 20
MAX_QUEUED = 10_000


def watch(
    auction: Annotated[
        str,
        typer.Argument(
            metavar="AUCTION", help="Its id; 'latest' follows the newest open one, and on to the next."
        ),
    ] = LATEST,
    url: UrlOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch an auction live. Ends with the auction, or with Ctrl-C."""
    with contextlib.suppress(Interrupted):
        run(Watching(HttpClient(platform_url(url, data)), auction, output(as_json, Console())).run())


class Watching:
    """Follows one auction, or the newest one after the other, and shows it on `out`."""

    def __init__(self, http: HttpClient, wanted: str, out: Output) -> None:
        self._http, self._wanted, self._out = http, wanted, out
        self._scene = Scene()
        self._found: dict[str, Any] = {}
        """The followed auction, as HTTP had it when following began."""
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_QUEUED)
        self._known, self._over = asyncio.Event(), asyncio.Event()
        # Everything is written by `run`: a closed pipe must end the command, not the connection.
        self._client = LiveClient(http.live_url, on_message=self._received.put_nowait)

    async def run(self) -> None:
        first = await self._http.newest("open") if self._wanted == LATEST else await self._by_id()
        self._out.open()
        try:
            async with self._client:
                follower = asyncio.create_task(self._follow(first))
                try:
                    while not follower.done():
                        await self._receive_and_draw()
                    await follower
                finally:
                    follower.cancel()
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
        message = self._archived(message) or message
        self._scene.look(self._client, time.monotonic())
        self._scene.on_message(message)
        self._out.on_message(self._scene, message)
        if message["type"] in {"snapshot", "event"}:
            self._known.set()
            if self._scene.is_final:
                self._over.set()

    def _archived(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """The snapshot of an archived auction, which the gateway does not know: HTTP has it."""
        topic, found = self._scene.topic, self._found
        is_unknown = message["type"] == "error" and message["code"] == "auction_not_found"
        if not is_unknown or topic is None or message.get("ref") != topic.name or found["status"] not in FINAL:
            return None
        about = {"topic": topic.name, "epoch": "", "seq": found["seq"], "server_at": found["server_at"]}
        snapshot = {"type": "snapshot", **about, "state": found}
        topic.take(snapshot)
        return snapshot

    async def _follow(self, first: dict[str, Any] | None) -> None:
        auction = first or await self._next(None)
        while True:
            await self._until_over(auction)
            if self._wanted != LATEST:
                return
            ended, auction = auction, await self._next(auction["auction_id"])
            self._client.unwatch(ended["auction_id"])

    async def _by_id(self) -> dict[str, Any]:
        try:
            return await self._http.auction(self._wanted)
        except ApiFault as fault:
            if fault.status != 404:
                raise
            raise UserError(
                f"there is no auction {self._wanted}; without an id, the newest open one is shown"
            ) from fault

    async def _next(self, after: str | None) -> dict[str, Any]:
        """The newest open auction other than `after`, as soon as there is one. People first see how it ended."""
        self._scene.notice = "no auction is open; waiting for the next"
        await asyncio.sleep(RESULT_SHOWS_S if after else 0)
        while True:
            with contextlib.suppress(Unreachable, ApiFault):
                found = await self._http.newest("open")
                if found and found["auction_id"] != after:
                    return found
            await asyncio.sleep(LOOK_EVERY_S)

    async def _until_over(self, auction: dict[str, Any]) -> None:
        self._known.clear()
        self._over.clear()
        self._found = auction
        self._scene.follow(self._client.watch(auction["auction_id"]))
        await self._known.wait()
        with contextlib.suppress(Unreachable, ApiFault):
            self._scene.past(await self._events_before(auction["auction_id"]))
        await self._over.wait()

    async def _events_before(self, auction_id: str) -> list[dict[str, Any]]:
        seq = (self._scene.state or {}).get("seq", 0)
        path = f"/auction/v1/auctions/{auction_id}/events"
        page = await self._http.get(path, after=max(0, seq - BIDS_BEFORE), limit=BIDS_BEFORE)
        events: list[dict[str, Any]] = page["events"]
        return events
