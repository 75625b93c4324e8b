"""All topics of one gateway. Every method is called in the event loop; none blocks."""

import asyncio
import contextlib
from collections.abc import Iterator

from blytz.kit.clock import ServerClock
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics
from blytz.live.topics.fanout import Reader
from blytz.live.topics.source import Source
from blytz.live.topics.topic import Topic, TopicContext, WatchRequest

CHECK_DATASET_EVERY_S = 1.0
IDLE_FOR_S = 5.0
"""How long a topic without readers is kept: reading its log for each reader who comes and goes costs far more."""
MAX_IDLE_TOPICS = 64
"""Past it the one that has been idle for longest is given up."""


class Hub:
    """A topic exists while a connection watches it, and for a few seconds more."""

    def __init__(self, source: Source, clock: ServerClock, metrics: Metrics) -> None:
        self._source = source
        self._context = TopicContext(source, clock, metrics)
        self._topics: dict[str, Topic] = {}
        self._idle: dict[str, asyncio.TimerHandle] = {}
        """By auction, the topics without readers, those that are idle for longest first."""
        metrics.gauge("blytz_topics", "Auctions that are watched here", lambda: len(self._topics))
        metrics.gauge(
            "blytz_fan_out_due",
            "Messages that wait for the next batch of their topic",
            lambda: sum(topic.fan_out.pending for topic in self._topics.values()),
        )

    def readers(self) -> Iterator[tuple[str, int]]:
        """`(auction_id, subscribed readers)` of each topic that is not idle."""
        topics = [topic for topic in self._topics.values() if topic.auction_id not in self._idle]
        return ((topic.auction_id, len(topic.fan_out)) for topic in topics)

    def watch(self, auction_id: str, request: WatchRequest) -> None:
        """Send the reader a snapshot or replay, then every event. An auction that does not exist is answered with
        an error."""
        if idle := self._idle.pop(auction_id, None):
            idle.cancel()
        topic = self._topics.get(auction_id)
        if topic is None:
            topic = self._topics[auction_id] = Topic(auction_id, self._context, self._on_idle, self._close)
            self._source.subscribe(auction_id)
        topic.watch(request)

    def unwatch(self, auction_id: str, reader: Reader) -> None:
        if topic := self._topics.get(auction_id):
            topic.unwatch(reader)

    def on_subscribed(self, auction_id: str) -> None:
        """The feed of this auction is active: from now on no published event is missed."""
        if topic := self._topics.get(auction_id):
            topic.sync("subscribed")

    def on_event(self, auction_id: str, public: bytes) -> None:
        if topic := self._topics.get(auction_id):
            topic.on_event(public)

    def on_viewers(self, auction_id: str, count: int) -> None:
        if topic := self._topics.get(auction_id):
            topic.on_viewers(count)

    def send_viewers(self) -> None:
        """To be called each second: counts that came within a second of the last are sent then."""
        for topic in list(self._topics.values()):
            topic.send_viewers()

    async def check_dataset(self) -> None:
        """Ask each second whether recorded events may have been lost. Run under a `TaskSupervisor`."""
        while True:
            await asyncio.sleep(CHECK_DATASET_EVERY_S)
            with contextlib.suppress(StoreUnavailable, Overloaded):
                dataset = await self._source.dataset()
                for topic in list(self._topics.values()):
                    topic.on_dataset(dataset)

    def _on_idle(self, auction_id: str) -> None:
        if auction_id not in self._topics or auction_id in self._idle:
            return
        if len(self._idle) >= MAX_IDLE_TOPICS:
            self._close(next(iter(self._idle)))
        self._idle[auction_id] = asyncio.get_running_loop().call_later(IDLE_FOR_S, self._close, auction_id)

    def _close(self, auction_id: str) -> None:
        if idle := self._idle.pop(auction_id, None):
            idle.cancel()
        if topic := self._topics.pop(auction_id, None):
            topic.close()
            self._source.unsubscribe(auction_id)
