"""What a round needs before it begins: open auctions, and people who may bid."""

import asyncio
import contextlib
from pathlib import Path

from blytz.auction.model import Cause, Listing, Party, Terms
from blytz.auction.redis.store import RedisStore
from blytz.identity.dev import DevIssuer
from blytz.kit.ids import new_id
from blytz.kit.problems import NotDurable
from blytz.kit.redis.pipe import RedisPipe

ONE_DAY_MS = 24 * 60 * 60 * 1000
SELLER = Party("usr_seller", "Selma")


def open_auctions(redis_url: str, count: int) -> list[str]:
    """Open `count` auctions on the default increments, without an end in sight; returns their ids."""
    ids = [new_id("auc") for _ in range(count)]
    asyncio.run(_open(redis_url, ids))
    return ids


async def _open(redis_url: str, ids: list[str]) -> None:
    pipe = RedisPipe(redis_url, "bench-setup")
    await pipe.start(timeout_s=10)
    try:
        store, terms = RedisStore(pipe), Terms(duration_ms=ONE_DAY_MS)
        for auction_id in ids:
            listing = Listing(auction_id=auction_id, title="Bench", seller=SELLER, terms=terms, epoch="bench")
            # The same listing again changes nothing, so a slow disk is no reason to give up.
            while True:
                with contextlib.suppress(NotDurable):
                    await store.create(listing, Cause(SELLER.id))
                    break
    finally:
        await pipe.close()


def bidder_tokens(data: Path, count: int) -> list[str]:
    issuer = DevIssuer(data)
    return [issuer.issue(f"bidder-{number}") for number in range(count)]
