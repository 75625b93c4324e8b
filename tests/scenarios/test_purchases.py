"""Purchases reach `sales` through real hammers, of which one after the other is killed."""

import asyncio
import json
from pathlib import Path

from blytz.auction.redis.keys import SALES
from blytz.offer.model import PurchaseReceipt
from blytz.offer.redis.keys import OPEN_OFFERS
from blytz.offer.redis.store import RedisOfferStore
from tests.support.auctions import ANNA, CAUSE
from tests.support.offers import offered, purchase
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.services import Service
from tests.support.wait import until

ID = "ofr_1"
PURCHASES = 300


async def test_every_purchase_is_in_sales_once_though_hammers_are_killed(
    redis: RedisServer, tmp_path: Path
) -> None:
    with Service("hammer", redis.url, tmp_path) as one, Service("hammer", redis.url, tmp_path) as other:
        for hammer in (one, other):
            await asyncio.to_thread(hammer.wait_until_ready)
        async with connected(redis.url) as pipe:
            store, recorded = RedisOfferStore(pipe), []
            await store.create(offered(ID, quantity=PURCHASES), CAUSE)
            for number in range(PURCHASES):
                answer = await store.purchase(ID, purchase(ANNA, f"p{number}"), CAUSE)
                assert isinstance(answer, PurchaseReceipt)
                recorded.append(answer.seq)
                if number in {100, 200}:
                    await until(lambda: redis.ask("XLEN", SALES) > 0, "some are passed on", 10)
                    (one if number == 100 else other).kill()
                    (one if number == 100 else other).start()
            await until(lambda: redis.ask("HLEN", OPEN_OFFERS) == 0, "the offer is sold out and passed on", 20)

        found = [json.loads(fields[3])["seq"] for _, fields in redis.ask("XRANGE", SALES, "-", "+")]
        assert found == recorded
        assert not one.faults()
        assert not other.faults()
