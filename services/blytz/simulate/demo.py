"""Demo auctions that run one after another, with people who bid."""

import asyncio
import contextlib
import random
from collections.abc import Iterable
from typing import Any

import structlog

from blytz.client.http import ApiFault, HttpClient, Unreachable
from blytz.client.live import LiveClient
from blytz.client.topic import FINAL
from blytz.kit.money_text import money
from blytz.simulate.bidders import Mind, Person, cast
from blytz.simulate.demo_lots import Lot

SELLER = "Atelier Demo"
BETWEEN_S = 3.0
RETRY_S = (0.5, 5.0)
ROUND = 500
"""People think in round sums: minor units."""
THINKS_EVERY_S = (0.15, 0.45)
MAX_AUCTION_S = 15 * 60
"""After this long an auction is left alone, whatever has become of it."""

log = structlog.get_logger()


class Demo:
    def __init__(self, http: HttpClient, lots: Iterable[Lot]) -> None:
        self._http, self._lots = http, lots
        self._chance = random.Random()

    async def run(self) -> None:
        for number, lot in enumerate(self._lots):
            await asyncio.sleep(BETWEEN_S if number else 0)
            auction = await self._open(lot)
            log.info("demo_auction_opened", title=lot.title, auction_id=auction["auction_id"], for_s=lot.seconds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MAX_AUCTION_S):
                    await Room(self._http, auction["auction_id"], lot, self._chance).play()

    async def _open(self, lot: Lot) -> dict[str, Any]:
        """As soon as the platform lets us."""
        is_told = False
        while True:
            try:
                self._http.token = await self._http.sign_in(SELLER, "seller")
                terms = {**lot.terms, "duration_ms": lot.seconds * 1000}
                return await self._http.create(lot.title, terms)
            except (Unreachable, ApiFault) as fault:
                if isinstance(fault, ApiFault) and fault.status < 500:
                    raise
                if not is_told:
                    is_told = True
                    log.warning("demo_waits_for_platform", url=self._http.url, reason=str(fault))
                await asyncio.sleep(self._chance.uniform(*RETRY_S))


class Room:
    """One auction, and those who came."""

    def __init__(self, http: HttpClient, auction_id: str, lot: Lot, chance: random.Random) -> None:
        self._http, self._auction_id, self._lot, self._chance = http, auction_id, lot, chance
        self._gone = False
        self._was_closed = False

    async def play(self) -> None:
        async with asyncio.TaskGroup() as group:
            for person in cast(self._chance):
                group.create_task(self._attend(person))

    async def _attend(self, person: Person) -> None:
        """From coming in to the end; who cannot come in stays out of this one."""
        try:
            token = await self._http.sign_in(person.name, "bidder")
        except (Unreachable, ApiFault):
            return
        limit = max(ROUND, round(self._lot.worth * self._chance.uniform(0.55, 1.25) / ROUND) * ROUND)
        mind = Mind(person.temper, person.name, limit, self._chance)
        async with LiveClient(self._http.live_url, token, on_message=self._on_message) as client:
            topic = client.watch(self._auction_id)
            while not self._gone and client.state != "closed":
                if topic.is_final:
                    break
                state = topic.state
                move = mind.think(state, client.clock.now_ms()) if state else None
                if move:
                    with contextlib.suppress(ConnectionError):
                        await client.place_bid(self._auction_id, move.amount, move.kind)
                await asyncio.sleep(self._chance.uniform(*THINKS_EVERY_S))

    def _on_message(self, message: dict[str, Any]) -> None:
        if message["type"] == "error" and message["code"] == "auction_not_found":
            self._gone = True
        if message["type"] == "event" and message["kind"] in FINAL and not self._was_closed:
            self._was_closed = True
            price = money(message["price"], self._lot.terms.get("currency", "USD"))
            log.info("demo_auction_over", how=message["kind"], title=self._lot.title, price=price)
