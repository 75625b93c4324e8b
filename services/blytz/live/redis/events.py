"""The events of auctions as a gateway reads them: past ones from the stream, new ones from the channel."""

from typing import Any, Protocol

from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.store import RedisStore
from blytz.kit.redis.feed import RedisFeed
from blytz.kit.redis.pipe import RedisPipe
from blytz.live.redis.presence import VIEWERS
from blytz.live.topics.source import Reading


class Listener(Protocol):
    """Called in the loop, for auctions that are subscribed to."""

    def on_event(self, auction_id: str, public: bytes) -> None:
        """An event's public JSON, in the order of the log. After a lost connection some may be missing."""

    def on_viewers(self, auction_id: str, count: int) -> None: ...

    def on_subscribed(self, auction_id: str) -> None:
        """The subscription is active. Earlier events are in the log."""


class RedisEvents:
    """The hub's `Source`. Every call that asks Redis raises `StoreUnavailable` and `Overloaded`."""

    def __init__(self, url: str, pipe: RedisPipe, store: RedisStore) -> None:
        """Set `listener` before the first subscription."""
        self.listener: Listener | None = None
        self._pipe = pipe
        self._store = store
        self._auction_of: dict[bytes, str] = {}
        self.feed = RedisFeed(url, "feed", self._on_message, self._on_subscribed)

    def subscribe(self, auction_id: str) -> None:
        channel = keys_of(auction_id).feed
        self._auction_of[channel] = auction_id
        self.feed.subscribe(channel)

    def unsubscribe(self, auction_id: str) -> None:
        channel = keys_of(auction_id).feed
        self._auction_of.pop(channel, None)
        self.feed.unsubscribe(channel)

    async def dataset(self) -> str:
        return _dataset(await self._pipe.call("INFO", "replication"))

    async def read(self, auction_id: str, after: int | None, limit: int) -> Reading:
        # All leave in one write, so the same server answers all.
        replication = self._pipe.call("INFO", "replication")
        key = keys_of(auction_id).events
        if after is None:
            log = self._pipe.call("XREVRANGE", key, "+", "-", "COUNT", limit, convert=_newest_last)
        else:
            log = self._pipe.call("XRANGE", key, f"({after}-0", "+", "COUNT", limit)
        auction = await self._store.get(auction_id)
        events = [(int(entry.partition(b"-")[0]), fields[1]) for entry, fields in await log]
        return Reading(auction, events, _dataset(await replication))

    def _on_message(self, channel: bytes, payload: bytes) -> None:
        auction_id = self._auction_of.get(channel)
        if auction_id is None or self.listener is None:
            return
        if payload.startswith(VIEWERS):
            self.listener.on_viewers(auction_id, int(payload[len(VIEWERS) :]))
        else:
            self.listener.on_event(auction_id, payload)

    def _on_subscribed(self, channel: bytes) -> None:
        auction_id = self._auction_of.get(channel)
        if auction_id is not None and self.listener is not None:
            self.listener.on_subscribed(auction_id)


def _newest_last(entries: list[Any]) -> list[Any]:
    return entries[::-1]


def _dataset(replication: bytes) -> str:
    """The start of the replication id, of which Redis takes a new one whenever its data may differ from before: at
    each start with an append-only file, after a full synchronisation, and when a replica is promoted."""
    _, _, rest = replication.partition(b"master_replid:")
    return rest[:8].decode()
