"""Viewers: sockets that watch one auction and check that no event is missing.

The delay of an event is the time from its `at`, the decision by the Redis clock, to its arrival at the viewer.
Both clocks are of this machine, and `at` is cut to whole milliseconds, so a delay may be up to 1 ms too long.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec

from bench.jobs import FanoutJob, IdleJob, Result
from bench.machine import rss_bytes
from bench.tally import Tally
from bench.wire import Socket, connect_all, messages_in
from blytz.auction.model import Bid, Cause, Party, Terms
from blytz.auction.redis.store import RedisStore
from blytz.auction.rules import increment
from blytz.kit.redis.pipe import RedisPipe

SOURCE_PORTS = 5_000
"""Connections from one source address; the others come from the next addresses of 127.0.0.0/8."""
TIMED_SHARE = 20
"""One viewer in this many records the delay of each event."""
FRAMES_KEPT = 1_024
RIVALS = (Party("usr_anna", "Anna"), Party("usr_ben", "Ben"))
WARM_UP_S = 1.0
IDLE_S = 3.0


def source_of(number: int, clients_of_an_address: int = SOURCE_PORTS) -> str:
    return f"127.0.0.{2 + number // clients_of_an_address}"


class FrameEvents(NamedTuple):
    """The first and last seq of a frame, and the `at` of each event; `first` is 0 when it holds no event."""

    first: int
    last: int
    at: list[int]


NO_EVENTS = FrameEvents(0, 0, [])


class Topic:
    """State shared by the viewers of one topic. A frame arrives a thousand times and is decoded once."""

    def __init__(self, name: str, tally: Tally) -> None:
        self.name = name
        self.tally = tally
        self.gaps = 0
        self._frames: dict[bytes, FrameEvents] = {}

    def events_in(self, frame: bytes) -> FrameEvents:
        seen = self._frames.get(frame)
        if seen is None:
            if len(self._frames) >= FRAMES_KEPT:
                self._frames.clear()
            seen = self._frames[frame] = self.read(messages_in(frame))
        return seen

    def read(self, messages: list[dict[str, Any]]) -> FrameEvents:
        """Counts each gap in the frame, and each snapshot: no viewer should need a second one here."""
        events = [message for message in messages if message["type"] == "event"]
        self.gaps += sum(message["type"] == "snapshot" for message in messages)
        if not events:
            return NO_EVENTS
        seqs = [event["seq"] for event in events]
        self.gaps += seqs != list(range(seqs[0], seqs[-1] + 1))
        return FrameEvents(seqs[0], seqs[-1], [event["at"] for event in events])


class Viewer(Socket):
    def __init__(self, number: int, topic: Topic) -> None:
        super().__init__()
        self._topic = topic
        self._timed = number % TIMED_SHARE == 0
        self._seq = 0

    def on_text(self, frame: bytes) -> None:
        if not self.ready.done():
            self._subscribe(frame)
            return
        self._record(self._topic.events_in(frame))

    def _record(self, seen: FrameEvents) -> None:
        if not seen.first:
            return
        topic = self._topic
        if seen.first != self._seq + 1:
            topic.gaps += 1
        self._seq = seen.last
        tally = topic.tally
        if tally.counting:
            tally.delivered += len(seen.at)
            if self._timed:
                now = time.time()
                tally.fanouts_s.extend(now - at / 1000 for at in seen.at)

    def _subscribe(self, frame: bytes) -> None:
        for message in messages_in(frame):
            if message["type"] == "welcome":
                self.send_text(msgspec.json.encode({"type": "watch", "topic": self._topic.name}))
            elif message["type"] == "snapshot":
                self._seq = message["seq"]
                self.ready.set_result(None)
            elif message["type"] == "event":
                self._seq = message["seq"]
            elif message["type"] == "error":
                self.ready.set_exception(RuntimeError(f"cannot watch: {message}"))


async def connect_viewers(topic: Topic, count: int, port: int) -> list[Viewer]:
    viewers = [Viewer(number, topic) for number in range(count)]
    await connect_all(
        viewer.connect("127.0.0.1", port, source=source_of(number)) for number, viewer in enumerate(viewers)
    )
    return viewers


async def rising_bids(rate: int) -> AsyncIterator[tuple[int, int, float]]:
    """Number, amount and due time of each bid, when it is due. Every bid is acceptable after the one before."""
    began_at, terms = time.perf_counter(), Terms()
    amount = terms.start_price
    for number in itertools.count():
        due_at = began_at + number / rate
        await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
        yield number, amount, due_at
        amount += increment(terms, amount)


async def _bid(store: RedisStore, job: FanoutJob) -> None:
    """Directly in Redis, so that the measured gateway only fans out."""
    async for number, amount, _ in rising_bids(job.rate):
        bidder = RIVALS[number % 2]
        store.place_bid(job.auction, Bid(bidder, f"p{number}", amount), Cause(bidder.id))


async def run_fanout(job: FanoutJob) -> Result:
    tally = Tally(job.target)
    topic = Topic(f"auction:{job.auction}", tally)
    viewers = await connect_viewers(topic, job.viewers, job.target.port)
    pipe = RedisPipe(job.redis_url, "bench-bids")
    await pipe.start(timeout_s=10)
    bidding = asyncio.create_task(_bid(RedisStore(pipe), job))
    result = await tally.measure(WARM_UP_S, job.seconds)
    bidding.cancel()
    await pipe.close()
    result.gaps = topic.gaps
    result.closed = sum(viewer.closed for viewer in viewers)
    for viewer in viewers:
        viewer.disconnect()
    return result


async def run_idle(job: IdleJob) -> Result:
    topic = Topic(f"auction:{job.auction}", Tally())
    before = rss_bytes(job.target.pid)
    viewers = await connect_viewers(topic, job.viewers, job.target.port)
    await asyncio.sleep(IDLE_S)
    result = Result(rss_before=before, rss_after=rss_bytes(job.target.pid), closed=sum(v.closed for v in viewers))
    for viewer in viewers:
        viewer.disconnect()
    return result
