"""The events of topics as a gateway reads them: past ones from the stream, new ones from the channel."""

from collections.abc import Mapping
from typing import Any, Protocol

from blytz.kit.redis.feed import RedisFeed
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.topics import TopicLog
from blytz.live.protocol import split_topic
from blytz.live.redis.presence import VIEWERS
from blytz.live.topics.source import Reading


class Listener(Protocol):
    """Called in the loop, for topics that are subscribed to."""

    def on_event(self, topic: str, public: bytes) -> None:
        """An event's public JSON, in the order of the log. After a lost connection some may be missing."""

    def on_viewers(self, topic: str, count: int) -> None: ...

    def on_subscribed(self, topic: str) -> None:
        """The subscription is active. Earlier events are in the log."""


class RedisEvents:
    """The hub's `Source`. Every call that asks Redis raises `StoreUnavailable` and `Overloaded`."""

    def __init__(self, url: str, pipe: RedisPipe, logs: Mapping[str, TopicLog]) -> None:
        """`logs` by the kind of topic. Set `listener` before the first subscription."""
        self.listener: Listener | None = None
        self._pipe = pipe
        self._logs = logs
        self._topic_of: dict[bytes, str] = {}
        self.feed = RedisFeed(url, "feed", self._on_message, self._on_subscribed)

    def subscribe(self, topic: str) -> None:
        channel = self._channel_of(topic)
        self._topic_of[channel] = topic
        self.feed.subscribe(channel)

    def unsubscribe(self, topic: str) -> None:
        channel = self._channel_of(topic)
        self._topic_of.pop(channel, None)
        self.feed.unsubscribe(channel)

    async def dataset(self) -> str:
        return _dataset(await self._pipe.call("INFO", "replication"))

    async def read(self, topic: str, after: int | None, limit: int) -> Reading:
        # All leave in one write, so the same server answers all.
        replication = self._pipe.call("INFO", "replication")
        kind, subject_id = split_topic(topic)
        log = self._logs[kind]
        key = log.events_of(subject_id)
        if after is None:
            past = self._pipe.call("XREVRANGE", key, "+", "-", "COUNT", limit, convert=_newest_last)
        else:
            past = self._pipe.call("XRANGE", key, f"({after}-0", "+", "COUNT", limit)
        state = await log.state(subject_id)
        events = [(int(entry.partition(b"-")[0]), fields[1]) for entry, fields in await past]
        return Reading(state, events, _dataset(await replication))

    def _channel_of(self, topic: str) -> bytes:
        kind, subject_id = split_topic(topic)
        return self._logs[kind].channel_of(subject_id)

    def _on_message(self, channel: bytes, payload: bytes) -> None:
        topic = self._topic_of.get(channel)
        if topic is None or self.listener is None:
            return
        if payload.startswith(VIEWERS):
            self.listener.on_viewers(topic, int(payload[len(VIEWERS) :]))
        else:
            self.listener.on_event(topic, payload)

    def _on_subscribed(self, channel: bytes) -> None:
        topic = self._topic_of.get(channel)
        if topic is not None and self.listener is not None:
            self.listener.on_subscribed(topic)


def _newest_last(entries: list[Any]) -> list[Any]:
    return entries[::-1]


def _dataset(replication: bytes) -> str:
    """The start of the replication id, of which Redis takes a new one whenever its data may differ from before: at
    each start with an append-only file, after a full synchronisation, and when a replica is promoted."""
    _, _, rest = replication.partition(b"master_replid:")
    return rest[:8].decode()
