"""Buyers who all want a lot at a fixed price at once, over HTTP on a whole platform."""

import asyncio
import json
import time
from collections import Counter
from typing import Any

import httpx
import redis

from blytz.auction.redis.keys import SALES
from tests.support.live_client import welcomed
from tests.support.platform import Platform
from tests.support.wait import until

BUYERS = 500
UNITS = 10
SALE_MS = 5_000


class Buying:
    """An open lot at a fixed price, and who buys of it."""

    def __init__(self, platform: Platform, http: httpx.AsyncClient) -> None:
        self.platform = platform
        self.http = http
        self.show_id = self.lot_id = self.offer_id = ""
        self.sam = {"authorization": f"Bearer {platform.token(f'Sam {time.time_ns()}', 'seller')}"}

    async def seller(self, path: str, body: Any = None) -> Any:
        answer = await self.http.post(path, json=body, headers=self.sam)
        assert answer.is_success, answer.text
        return answer.json()

    async def add(self, **terms: Any) -> None:
        """In a show that has not started."""
        at = int(time.time() * 1_000) + 600_000
        self.show_id = (await self.seller("/shows", {"title": "Cups", "scheduled_at": at}))["show_id"]
        lot = {"title": "A cup", "terms": {"format": "fixed", "price": 1_500, **terms}}
        self.lot_id = (await self.seller(f"/shows/{self.show_id}/lots", lot))["lot_id"]

    async def open(self) -> None:
        await self.seller(f"/shows/{self.show_id}/start")
        self.offer_id = (await self.seller(f"/shows/{self.show_id}/next"))["auction_id"]

    async def buy(self, token: str, purchase_id: str = "p1", quantity: int = 1) -> httpx.Response:
        body = {"purchase_id": purchase_id, "quantity": quantity}
        headers = {"authorization": f"Bearer {token}"}
        while True:
            answer = await self.http.post(f"/lots/{self.lot_id}/purchases", json=body, headers=headers)
            # Too many at once: the answer asks to repeat it, and the same purchase_id makes that safe.
            if answer.status_code != 503:
                return answer
            await asyncio.sleep(float(answer.headers.get("retry-after", 0.1)))

    def is_sold(self) -> bool:
        found = httpx.get(f"{self.http.base_url}lots/{self.lot_id}").json()
        return bool(found["status"] == "sold")

    def sales(self) -> list[Any]:
        with redis.Redis.from_url(self.platform.redis_url) as store:
            entries = store.xrange(SALES)
        events = [json.loads(fields[b"event"]) for _, fields in entries]
        return [event for event in events if event.get("offer_id") == self.offer_id]


def client(platform: Platform) -> httpx.AsyncClient:
    """To the service's own port: the gateway limits how much one address may send."""
    url = f"http://127.0.0.1:{platform.ports['auction']}/v1"
    limits = httpx.Limits(max_connections=50)
    return httpx.AsyncClient(base_url=url, timeout=30, limits=limits)


async def test_of_five_hundred_buyers_exactly_as_many_get_a_unit_as_there_are(platform: Platform) -> None:
    async with client(platform) as http:
        buying = Buying(platform, http)
        await buying.add(quantity=UNITS, per_buyer=1)
        await buying.open()
        tokens = [platform.token(f"Buyer {number} {time.time_ns()}", "bidder") for number in range(BUYERS)]
        # Everybody tries twice, by another purchase.
        answers = await asyncio.gather(
            *(buying.buy(token, purchase_id) for purchase_id in ("p1", "p2") for token in tokens)
        )

        outcomes = Counter(answer.json().get("code", answer.status_code) for answer in answers)
        assert outcomes[201] == UNITS
        assert set(outcomes) <= {201, "sold_out", "per_buyer_reached"}
        winners = [tokens[i % BUYERS] for i, answer in enumerate(answers) if answer.status_code == 201]
        assert len(set(winners)) == UNITS

        await until(lambda: len(buying.sales()) == UNITS, "all purchases are in sales", 10)
        assert sorted(sale["left"] for sale in buying.sales()) == list(range(UNITS))
        await until(buying.is_sold, "the lot is closed", 10)


async def test_a_viewer_is_told_what_is_left_and_the_lower_price_ends_on_time(platform: Platform) -> None:
    async with client(platform) as http:
        buying = Buying(platform, http)
        await buying.add(quantity=UNITS, sale={"price": 900, "for_ms": SALE_MS})
        anna = platform.token(f"Anna {time.time_ns()}", "bidder")
        topic = f"show:{buying.show_id}"
        async with welcomed(platform.ports["nginx"], anna) as viewer:
            await viewer.ask({"type": "watch", "topic": topic, "follow": True}, "snapshot")
            asked = time.monotonic()
            await buying.open()
            is_open = time.monotonic()
            first = (await buying.buy(anna, "p1", 2)).json()
            assert time.monotonic() - asked < SALE_MS / 1_000, "this machine is too slow for this test"
            await until(lambda: time.monotonic() > is_open + SALE_MS / 1_000, "the sale is over", 10)
            second = (await buying.buy(anna, "p2", 3)).json()
            told: dict[str, Any] = {}
            while told.get("left") != UNITS - 5:
                told = await viewer.receive("event", topic=topic)

        assert (first["price"], first["total"], first["left"]) == (900, 1_800, 8)
        assert (second["price"], second["total"]) == (1_500, 4_500)
        assert (told["kind"], told["lot_id"], told["lot"]["left"]) == ("purchase", buying.lot_id, 5)
