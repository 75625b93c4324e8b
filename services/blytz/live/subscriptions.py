"""What one connection is subscribed to: the topics that its client watches, and the auctions of followed shows."""

from blytz.live.protocol import Unwatch, Watch
from blytz.live.topics.fanout import Reader
from blytz.live.topics.hub import Hub
from blytz.live.topics.watch_request import WatchRequest


class Subscriptions:
    __slots__ = ("_followed", "_hub", "_reader", "_watched")

    def __init__(self, hub: Hub, reader: Reader) -> None:
        self._hub = hub
        self._reader = reader
        self._watched: set[str] = set()
        """By the client itself; only these count against the limit."""
        self._followed: set[str] | None = None
        """Auctions of followed shows. None until there is one: most connections follow nothing."""

    def watch(self, message: Watch, limit: int) -> bool:
        """False when the client watches `limit` other topics already."""
        topic = message.topic
        if topic not in self._watched and len(self._watched) >= limit:
            return False
        self._watched.add(topic)
        follow = message.follow and topic.startswith("show:")
        self._hub.watch(topic, WatchRequest(self._reader, message.after, message.epoch, message.ref, follow))
        return True

    def unwatch(self, message: Unwatch) -> None:
        topic = message.topic
        if topic in self._watched:
            self._watched.discard(topic)
            if not self._followed or topic not in self._followed:
                self._hub.unwatch(topic, self._reader)

    def follow(self, topic: str) -> bool:
        """False when the connection is subscribed to it already."""
        self._followed = self._followed if self._followed is not None else set()
        is_new = topic not in self._followed and topic not in self._watched
        self._followed.add(topic)
        return is_new

    def unfollow(self, topic: str) -> bool:
        """False when it stays subscribed, or was not."""
        if not self._followed or topic not in self._followed:
            return False
        self._followed.discard(topic)
        return topic not in self._watched

    def ended(self, topic: str) -> None:
        """The topic has ended for this connection."""
        self._watched.discard(topic)
        if self._followed:
            self._followed.discard(topic)

    def end_all(self) -> None:
        topics = self._watched | (self._followed or set())
        self._watched, self._followed = set(), None
        for topic in topics:
            self._hub.unwatch(topic, self._reader)
