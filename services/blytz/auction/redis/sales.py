"""Reads from the stream `sales` which auctions have ended, in the order in which that was passed on."""

from collections.abc import Sequence
from typing import Any

import msgspec

from blytz.auction.redis.keys import SALES
from blytz.kit.redis.pipe import RedisPipe

_event = msgspec.json.Decoder(dict[str, Any])


async def last_position(pipe: RedisPipe) -> str:
    """Of the newest entry."""
    entries = await pipe.call("XREVRANGE", SALES, "+", "-", "COUNT", 1)
    return entries[0][0].decode() if entries else "0-0"


async def sales_after(pipe: RedisPipe, position: str, limit: int) -> tuple[Sequence[dict[str, Any]], str]:
    """The closing events of auctions among the next `limit` entries, and the position of the last entry."""
    entries = await pipe.call("XRANGE", SALES, f"({position}", "+", "COUNT", limit)
    events = [_event.decode(fields[3]) for _, fields in entries if fields[0] == b"auction_id"]
    return events, entries[-1][0].decode() if entries else position
