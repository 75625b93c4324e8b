"""All topics of one gateway. Every method is called in the event loop; none blocks."""

import asyncio
import contextlib
from collections.abc import Iterator

from blytz.kit.clock import ServerClock
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics
from blytz.live.topics.context import TopicContext
from blytz.live.topics.fanout import Reader
from blytz.live.topics.following import Following
from blytz.live.topics.source import Source
from blytz.live.topics.topic import Topic
from blytz.live.topics.watch_request import WatchRequest

CHECK_DATASET_EVERY_S = 1.0
IDLE_FOR_S = 5.0
"""How long a topic without readers is kept: reading its log for each reader who comes and goes costs far more."""
MAX_IDLE_TOPICS = 64
"""Past it the one that has been idle for longest is given up."""


class Hub:
    """A topic exists while a connection watches it, and for a few seconds more."""

    def __init__(self, source: Source, clock: ServerClock, metrics: Metrics) -> None:
        self._source = source
        self._following = Following(self)
        self._context = TopicContext(source, clock, metrics, self._following)
        self._topics: dict[str, Topic] = {}
        self._idle: dict[str, asyncio.TimerHandle] = {}
        """By name, the topics without readers, those that are idle for longest first."""
        metrics.gauge("blytz_topics", "Topics that are watched here", lambda: len(self._topics))
        metrics.gauge(
            "blytz_fan_out_due",
            "Messages that wait for the next batch of their topic",
            lambda: sum(topic.fan_out.pending for topic in self._topics.values()),
        )

    def readers(self) -> Iterator[tuple[str, int]]:
        """`(name, subscribed readers)` of each topic that is not idle."""
        topics = [topic for topic in self._topics.values() if topic.name not in self._idle]
        return ((topic.name, len(topic.fan_out)) for topic in topics)

    def watch(self, name: str, request: WatchRequest) -> None:
        """Send the reader a snapshot or replay, then every event. A topic that does not exist is answered with
        an error."""
        if request.is_sent and not request.follow:
            self._following.remove(name, request.reader)
        if idle := self._idle.pop(name, None):
            idle.cancel()
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = Topic(name, self._context, self._on_idle, self._close)
            self._source.subscribe(name)
        topic.watch(request)

    def follow(self, name: str, reader: Reader) -> None:
        """As `watch`, for a reader who follows what has opened this topic."""
        self.watch(name, WatchRequest(reader, is_sent=False))

    def is_over(self, name: str) -> bool:
        """Whether every reader has the last event of this topic, or it has no readers."""
        topic = self._topics.get(name)
        return topic is None or topic.is_over

    def unwatch(self, name: str, reader: Reader) -> None:
        self._following.remove(name, reader)
        if topic := self._topics.get(name):
            topic.unwatch(reader)

    def on_subscribed(self, name: str) -> None:
        """The feed of this topic is active: from now on no published event is missed."""
        if topic := self._topics.get(name):
            topic.sync("subscribed")

    def on_event(self, name: str, public: bytes) -> None:
        if topic := self._topics.get(name):
            topic.on_event(public)

    def on_viewers(self, name: str, count: int) -> None:
        if topic := self._topics.get(name):
            topic.on_viewers(count)

    def send_viewers(self) -> None:
        """To be called each second: counts that came within a second of the last are sent then, and followers are
        unsubscribed from what has ended."""
        for topic in list(self._topics.values()):
            topic.send_viewers()
        self._following.sweep()

    async def check_dataset(self) -> None:
        """Ask each second whether recorded events may have been lost. Run under a `TaskSupervisor`."""
        while True:
            await asyncio.sleep(CHECK_DATASET_EVERY_S)
            with contextlib.suppress(StoreUnavailable, Overloaded):
                dataset = await self._source.dataset()
                for topic in list(self._topics.values()):
                    topic.on_dataset(dataset)

    def _on_idle(self, name: str) -> None:
        if name not in self._topics or name in self._idle:
            return
        if len(self._idle) >= MAX_IDLE_TOPICS:
            self._close(next(iter(self._idle)))
        self._idle[name] = asyncio.get_running_loop().call_later(IDLE_FOR_S, self._close, name)

    def _close(self, name: str) -> None:
        if idle := self._idle.pop(name, None):
            idle.cancel()
        if topic := self._topics.pop(name, None):
            topic.close()
            self._following.close(name)
            self._source.unsubscribe(name)
