"""The demo: a seller with one show that is live and one to come, people who bid and talk, show after show."""

import asyncio
import contextlib
import random
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from blytz.client.http import HttpClient
from blytz.client.live import LiveClient
from blytz.client.show_topic import SHOW_OVER, ShowTopic
from blytz.kit.money_text import money
from blytz.simulate.demo_chat import HOST, Line, Talk
from blytz.simulate.demo_guests import Guest, guests
from blytz.simulate.demo_lots import SECONDS
from blytz.simulate.demo_programme import LOTS_OF_A_SHOW, NEXT_LOT_AFTER_MS, Programmes
from blytz.simulate.demo_stage import Stage

BETWEEN_S: Final = 6.0
FILLED_AFTER_S: Final = 3.0
"""Meanwhile people come in and bid on the first lot."""
LOOKS_EVERY_S: Final = 0.25
RERUN_AFTER_S: Final = 3.0
"""After the last lot of the queue."""
MAX_RERUNS: Final = 2
"""Of one show."""
GOODBYE_S: Final = 4.0
TOLD_WITHIN_S: Final = 5.0
MAX_SHOW_S: Final = 40 * 60
"""After this long a show is left alone, whatever has become of it."""

log = structlog.get_logger()


class Demo:
    def __init__(
        self, http: HttpClient, shows: int | None = None, lots: int = LOTS_OF_A_SHOW, lot_s: int = SECONDS
    ) -> None:
        """Ends after so many `shows`, each with so many `lots`, which take `lot_s` seconds without extensions."""
        self._http, self._shows, self._duration_ms = http, shows, lot_s * 1_000
        self._chance = random.Random()
        self._programmes = Programmes(self._chance, lots)
        self._show_ms = lots * (self._duration_ms + 2 * NEXT_LOT_AFTER_MS)
        self._stage = Stage(http, self._chance)

    async def run(self) -> None:
        await self._stage.sign_in()
        to_come = [show for show in await self._stage.own_shows() if show["status"] not in SHOW_OVER]
        waiting = [str(show["show_id"]) for show in to_come if show["status"] != "draft"]
        number = 0
        while self._shows is None or number < self._shows:
            if number:
                await asyncio.sleep(BETWEEN_S)
                await self._stage.sign_in()
            await self._one_show(waiting)
            number += 1

    async def _one_show(self, waiting: list[str]) -> None:
        """The first that waits, or else a new one, whose first lot opens before the others are added."""
        programme = None if waiting else self._programmes.next()
        show_id = await self._stage.make(programme, 0, self._duration_ms) if programme else waiting.pop(0)
        await self._stage.begin(show_id)
        filled = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._give(show_id, filled))
            await asyncio.sleep(FILLED_AFTER_S)
            if programme:
                await self._stage.fill(show_id, programme, self._duration_ms)
            filled.set()
            if not waiting:
                programme = self._programmes.next()
                waiting.append(await self._stage.make(programme, self._show_ms, self._duration_ms))
                await self._stage.fill(waiting[0], programme, self._duration_ms)

    async def _give(self, show_id: str, filled: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(MAX_SHOW_S):
                await Evening(self._http, self._stage, show_id, filled, self._chance).give()
        except TimeoutError:
            log.warning("demo_show_left", show_id=show_id)


class Evening:
    """One show, from its start to its end."""

    def __init__(
        self, http: HttpClient, stage: Stage, show_id: str, filled: asyncio.Event, chance: random.Random
    ) -> None:
        self._http, self._stage, self._show_id, self._filled = http, stage, show_id, filled
        self._talk = Talk(chance)
        self._guests: dict[str, Guest] = guests(http, show_id, chance)
        self._client: LiveClient
        self._show: ShowTopic
        self._speaking: set[asyncio.Task[None]] = set()
        self._reruns = 0
        self._told = asyncio.Event()
        self._has_greeted = self._is_over = False

    async def give(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for guest in self._guests.values():
                    group.create_task(guest.attend(lambda: self._is_over))
                group.create_task(self._host())
        finally:
            for task in self._speaking:
                task.cancel()

    async def _host(self) -> None:
        async with LiveClient(self._http.live_url, self._http.token, on_message=self._on_message) as self._client:
            self._show = self._client.watch_show(self._show_id)
            while not self._is_over and self._client.state != "closed":
                if self._show.state is not None:
                    await self._direct(self._show.state)
                await asyncio.sleep(LOOKS_EVERY_S)
        self._is_over = True

    async def _direct(self, state: dict[str, Any]) -> None:
        """Do what the show needs now; mostly nothing: its lots open by themselves."""
        lots, status = state["lots"], state["show"]["status"]
        self._told.clear()
        if not self._has_greeted:
            self._has_greeted = True
            self._greet(state)
        if status in SHOW_OVER:
            self._is_over = True
        elif status in {"draft", "scheduled"}:
            await self._stage.begin(self._show_id)
            await self._until_told()
        elif (
            status == "live"
            and self._filled.is_set()
            and not any(lot["status"] in {"queued", "open"} for lot in lots)
        ):
            await asyncio.sleep(RERUN_AFTER_S)
            unsold = [lot for lot in lots if lot["status"] == "unsold" and lot["run"] == 1]
            if unsold and self._reruns < MAX_RERUNS:
                self._reruns += 1
                await self._stage.rerun(unsold[0])
            else:
                self._speak(self._talk.goodbye())
                await asyncio.sleep(GOODBYE_S)
                await self._stage.turn(self._show_id, "end")
            await self._until_told()

    def _greet(self, state: dict[str, Any]) -> None:
        """Unless the demo comes back to a show that has begun before."""
        if not state["messages"]:
            self._speak(self._talk.welcome())
            for lot in state["lots"]:
                if lot["status"] == "open":
                    self._speak(self._talk.about({"kind": "lot_opened", "lot": lot}, state["lots"]))

    async def _until_told(self) -> None:
        """Until there is an event, or there should have been one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOLD_WITHIN_S):
                await self._told.wait()

    def _on_message(self, message: dict[str, Any]) -> None:
        if message["type"] == "error" and message["code"] == "show_not_found":
            self._is_over = True
        if message["type"] == "event":
            self._told.set()
            self._speak(self._talk.about(message, (self._show.state or {}).get("lots", [])))
            if message["kind"] == "lot_closed":
                lot = message["lot"]
                price = money(message["price"], lot["terms"]["currency"])
                log.info("demo_lot_over", how=message["outcome"], title=lot["title"], price=price)

    def _speak(self, lines: list[Line]) -> None:
        for line in lines:
            task = asyncio.create_task(self._say(line))
            self._speaking.add(task)
            task.add_done_callback(self._speaking.discard)

    async def _say(self, line: Line) -> None:
        await asyncio.sleep(line.after_s)
        if line.is_announcement and await self._stage.announce(self._show_id, line.text):
            return
        speaks: Coroutine[Any, Any, Any]
        if line.speaker == HOST:
            speaks = self._client.say(self._show_id, line.text)
        else:
            speaks = self._guests[line.speaker].say(line.text)
        with contextlib.suppress(ConnectionError):
            await speaks
