"""The HTTP calls by which the demo makes and runs its shows. Each is repeated as long as the platform is away."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog

from blytz.client.http import ApiFault, HttpClient, Unreachable, lot_path, show_path
from blytz.client.live import LiveClient
from blytz.simulate.demo_chat import HOST, MODERATOR
from blytz.simulate.demo_lots import Lot
from blytz.simulate.demo_programme import Programme, lot_body, second_chance

RETRY_S: Final = (0.5, 5.0)
Json = dict[str, Any]
Answer = TypeVar("Answer")
log = structlog.get_logger()


class Stage:
    """Signed in as the seller and as the moderator of the demo."""

    def __init__(self, http: HttpClient, chance: random.Random) -> None:
        self.host = http
        self._moderator = HttpClient(http.url)
        self._chance = chance
        self._is_told = False
        self._has_images = True
        self._images: dict[str, str] = {}
        """Addresses, by the title of the lot."""

    async def sign_in(self) -> None:
        """Tokens last for hours: before each show again."""
        self.host.token = await self._patiently(lambda: self.host.sign_in(HOST, "seller"))
        self._moderator.token = await self._patiently(lambda: self._moderator.sign_in(MODERATOR, "moderator"))

    async def own_shows(self) -> list[Json]:
        """Those of the seller, from this start of the demo or an earlier one."""
        seller = await self._user_id(self.host)
        return await self._patiently(lambda: self.host.shows(seller=seller, limit=100))

    async def _user_id(self, http: HttpClient) -> str:
        """Only the live gateway says who a token is."""
        while True:
            async with LiveClient(http.live_url, http.token) as client:
                with contextlib.suppress(TimeoutError):
                    await client.until_signed_in()
                    return str(client.user["id"])

    async def make(self, programme: Programme, begins_in_ms: int, duration_ms: int) -> str:
        """A scheduled show with its first lot. Returns its id."""
        scheduled_at = round(time.time() * 1_000) + begins_in_ms
        image = await self._upload(programme.lots[0])
        show_id = str((await self._post("/auction/v1/shows", programme.show(scheduled_at, image)))["show_id"])
        await self._post(show_path(show_id, "lots"), lot_body(programme.lots[0], duration_ms, image))
        log.info("demo_show_made", title=programme.title, show_id=show_id)
        return show_id

    async def fill(self, show_id: str, programme: Programme, duration_ms: int) -> None:
        """With a moderator and the other lots, unless somebody has ended the show meanwhile."""
        moderator = {"user_id": await self._user_id(self._moderator), "name": MODERATOR}
        with contextlib.suppress(ApiFault):
            await self._post(show_path(show_id, "moderators"), moderator)
            for lot in programme.lots[1:]:
                image = await self._upload(lot)
                await self._post(show_path(show_id, "lots"), lot_body(lot, duration_ms, image))

    async def begin(self, show_id: str) -> None:
        """Its first lot opens at once; the others open by themselves."""
        await self.turn(show_id, "start")
        await self.turn(show_id, "next")

    async def turn(self, show_id: str, verb: str) -> None:
        """`start`, `next` or `end`. A show that somebody else has turned meanwhile stays as it is."""
        with contextlib.suppress(ApiFault):
            await self._post(show_path(show_id, verb))

    async def rerun(self, lot: Json) -> None:
        """On easier terms, unless another lot is open by now."""
        with contextlib.suppress(ApiFault):
            await self._post(lot_path(lot["lot_id"], "rerun"), {"terms": second_chance(lot["terms"])})

    async def announce(self, show_id: str, text: str) -> bool:
        """False when the platform did not take it."""
        try:
            await self._moderator.post(show_path(show_id, "announcements"), {"text": text})
        except (ApiFault, Unreachable):
            return False
        return True

    async def _upload(self, lot: Lot) -> str | None:
        """None where the platform keeps no images."""
        if self._has_images and lot.title not in self._images:
            try:
                self._images[lot.title] = await self._patiently(
                    lambda: self.host.upload(lot.picture(), "image/png")
                )
            except ApiFault as fault:
                log.warning("demo_without_pictures", reason=str(fault))
                self._has_images = False
        return self._images.get(lot.title)

    async def _post(self, path: str, body: Json | None = None) -> Json:
        return await self._patiently(lambda: self.host.post(path, body))

    async def _patiently(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """As soon as the platform lets us. Raises `ApiFault` when it refuses."""
        while True:
            try:
                return await call()
            except (Unreachable, ApiFault) as fault:
                if isinstance(fault, ApiFault) and fault.status < 500 and fault.code != "rate_limited":
                    raise
                if not self._is_told:
                    self._is_told = True
                    log.warning("demo_waits_for_platform", url=self.host.url, reason=str(fault))
                await asyncio.sleep(self._chance.uniform(*RETRY_S))
