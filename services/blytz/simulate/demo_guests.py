"""Those who came to a demo show: they watch, bid and speak."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Any, Final

from blytz.client.http import ApiFault, HttpClient, Unreachable
from blytz.client.live import LiveClient
from blytz.simulate.bidders import PEOPLE, Mind, Person, cast
from blytz.simulate.demo_chat import MODERATOR
from blytz.simulate.demo_lots import WORTHS

ROUND: Final = 500
"""People think in round sums: minor units."""
UNKNOWN_WORTH: Final = 6
"""How many times its start price people would pay for a lot that they do not know."""
COMES_AFTER_S: Final = (1.5, 5.0)
THINKS_EVERY_S: Final = (0.15, 0.45)


class Guest:
    """One person at one show. Bids on the lots that this person has come for, as its temper says."""

    def __init__(self, http: HttpClient, person: Person, show_id: str, chance: random.Random) -> None:
        self.person = person
        self._http, self._show_id, self._chance = http, show_id, chance
        self._client: LiveClient | None = None
        self._auction_id = ""
        self._mind: Mind | None = None

    async def attend(self, is_over: Callable[[], bool]) -> None:
        """From coming in to the end; who cannot come in stays out of this one."""
        # Those who set the pace come first, so that the first lot has a bid at once.
        await asyncio.sleep(0 if self.person.temper == "steady" else self._chance.uniform(*COMES_AFTER_S))
        try:
            token = await self._http.sign_in(self.person.name, "bidder")
        except (Unreachable, ApiFault):
            return
        async with LiveClient(self._http.live_url, token) as client:
            self._client = client
            show = client.watch_show(self._show_id)
            while not is_over() and client.state != "closed":
                for lot in (show.state or {}).get("lots", ()):
                    if lot["status"] == "open":
                        await self._consider(client, lot)
                await asyncio.sleep(self._chance.uniform(*THINKS_EVERY_S))
        self._client = None

    async def say(self, text: str) -> None:
        """Nothing happens when this person is not here, or may not speak now."""
        if self._client is not None:
            with contextlib.suppress(ConnectionError):
                await self._client.say(self._show_id, text)

    async def _consider(self, client: LiveClient, lot: dict[str, Any]) -> None:
        auction = client.auction(lot["auction_id"])
        if lot["auction_id"] != self._auction_id:
            self._auction_id, self._mind = lot["auction_id"], self._mind_for(lot)
        if auction is None or auction.state is None or self._mind is None:
            return
        move = self._mind.think(auction.state, client.clock.now_ms())
        if move:
            with contextlib.suppress(ConnectionError):
                await client.place_bid(self._auction_id, move.amount, move.kind)

    def _mind_for(self, lot: dict[str, Any]) -> Mind | None:
        """None for a lot that this person does not want. The auction's id decides who wants it, so that all
        agree."""
        if self.person not in cast(random.Random(lot["auction_id"])):
            return None
        worth = WORTHS.get(lot["title"], lot["terms"]["start_price"] * UNKNOWN_WORTH)
        limit = max(ROUND, round(worth * self._chance.uniform(0.55, 1.25) / ROUND) * ROUND)
        return Mind(self.person.temper, self.person.name, limit, self._chance)


def guests(http: HttpClient, show_id: str, chance: random.Random) -> dict[str, Guest]:
    """All people of the demo, by name. The moderator is among them, and never bids."""
    people = (*PEOPLE, Person(MODERATOR, "chatterer"))
    return {person.name: Guest(http, person, show_id, chance) for person in people}
