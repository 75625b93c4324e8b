"""How many viewers each auction has at all gateways together (port: `ReportViewers` in `live/server.py`)."""

from typing import Final

from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.state import corrupt
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.redis.scripts import load_script

VIEWERS: Final = b"viewers:"
"""Begins a message with the total on an auction's channel, beside the events."""


class RedisPresence:
    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe
        self._script = load_script(__package__, "presence")

    async def report(self, auction_id: str, gateway: str, count: int) -> None:
        """Set the viewers at this gateway and publish the total. Raises `StoreUnavailable`, `Overloaded`, and
        `CorruptAuction` for a key of another type."""
        keys = keys_of(auction_id)
        await self._pipe.run(self._script, (keys.viewers, keys.feed), (gateway, count), fault=corrupt)
