"""The event log of auctions as gateways follow it: the stream for what was, the channel for what comes."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from blytz.auction.model import Auction
from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.state import corrupt
from blytz.auction.redis.store import RedisStore
from blytz.kit.redis.feed import RedisFeed
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.redis.scripts import load_script

VIEWERS: Final = b"viewers:"
"""A message on an auction's channel that is not an event: how many watch it, on all gateways together."""


class Listener(Protocol):
    """Hears of the auctions it subscribed to, in the loop."""

    def on_event(self, auction_id: str, public: bytes) -> None:
        """An event's public JSON, in the order of the log; after a loss some may be missing."""

    def on_viewers(self, auction_id: str, count: int) -> None: ...

    def on_subscribed(self, auction_id: str) -> None:
        """From here on nothing is missed; look in the log for what was before."""


class RedisEvents:
    """What the hub knows of Redis. Raises `StoreUnavailable` and `Overloaded` where it asks."""

    def __init__(self, url: str, pipe: RedisPipe, store: RedisStore, name: str = "feed") -> None:
        """Set `listener` before the first subscription."""
        self.listener: Listener | None = None
        self._pipe = pipe
        self._store = store
        self._auction_of: dict[bytes, str] = {}
        self._presence = load_script(__package__, "presence")
        self.feed = RedisFeed(url, name, self._heard, self._subscribed)

    def subscribe(self, auction_id: str) -> None:
        channel = keys_of(auction_id).feed
        self._auction_of[channel] = auction_id
        self.feed.subscribe(channel)

    def unsubscribe(self, auction_id: str) -> None:
        channel = keys_of(auction_id).feed
        self._auction_of.pop(channel, None)
        self.feed.unsubscribe(channel)

    async def state(self, auction_id: str) -> Auction | None:
        return await self._store.get(auction_id)

    async def since(self, auction_id: str, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """`(seq, public JSON)` of events with `after < seq`, oldest first, at most `limit`."""
        found: Any = await self._pipe.call(
            "XRANGE", keys_of(auction_id).events, f"({after}-0", "+", "COUNT", limit
        )
        return [(int(entry.partition(b"-")[0]), fields[1]) for entry, fields in found]

    async def report_viewers(self, auction_id: str, gateway: str, count: int) -> None:
        """Publish how many watch here: `on_viewers` gets the total on every gateway. Raises `CorruptAuction`."""
        keys = keys_of(auction_id)
        await self._pipe.run(self._presence, (keys.viewers, keys.feed), (gateway, count), fault=corrupt)

    def _heard(self, channel: bytes, payload: bytes) -> None:
        auction_id = self._auction_of.get(channel)
        if auction_id is None or self.listener is None:
            return
        if payload.startswith(VIEWERS):
            self.listener.on_viewers(auction_id, int(payload[len(VIEWERS) :]))
        else:
            self.listener.on_event(auction_id, payload)

    def _subscribed(self, channel: bytes) -> None:
        auction_id = self._auction_of.get(channel)
        if auction_id is not None and self.listener is not None:
            self.listener.on_subscribed(auction_id)
