"""Viewers: sockets that watch one auction and check that nothing is missing from what they are shown.

An event's delay is counted from its `at`, the moment of its decision on the Redis clock, to the viewer's socket:
both clocks are this machine's, and `at` is cut to whole milliseconds, so a delay may be up to 1 ms too long.
"""

import asyncio
import time
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
"""Connections from one source address; the next ones come from the next address of 127.0.0.0/8."""
TIMED_SHARE = 20
"""One viewer in so many notes how long each event took."""
FRAMES_KEPT = 1_024


def source_of(number: int) -> str:
    return f"127.0.0.{2 + number // SOURCE_PORTS}"


class Seen(NamedTuple):
    """What a frame holds: its first and last event, and when each of them was decided. No event: first is 0."""

    first: int
    last: int
    at: list[int]


NOTHING = Seen(0, 0, [])


class Room:
    """What the viewers of one auction share. Each frame is decoded once: it arrives a thousand times."""

    def __init__(self, topic: str, tally: Tally) -> None:
        self.topic = topic
        self.tally = tally
        self.gaps = 0
        self._frames: dict[bytes, Seen] = {}

    def look(self, frame: bytes) -> Seen:
        seen = self._frames.get(frame)
        if seen is None:
            if len(self._frames) >= FRAMES_KEPT:
                self._frames.clear()
            seen = self._frames[frame] = self.read(messages_in(frame))
        return seen

    def read(self, messages: list[dict[str, Any]]) -> Seen:
        """Counts a gap within the frame, and a snapshot in the middle of things, which none should need here."""
        events = [message for message in messages if message["type"] == "event"]
        self.gaps += sum(message["type"] == "snapshot" for message in messages)
        if not events:
            return NOTHING
        seqs = [event["seq"] for event in events]
        self.gaps += seqs != list(range(seqs[0], seqs[-1] + 1))
        return Seen(seqs[0], seqs[-1], [event["at"] for event in events])


class Viewer(Socket):
    def __init__(self, number: int, room: Room) -> None:
        super().__init__()
        self._room = room
        self._timed = number % TIMED_SHARE == 0
        self._seq = 0

    def heard(self, frame: bytes) -> None:
        if not self.ready.done():
            self._greeted(frame)
            return
        self.shown(self._room.look(frame))

    def shown(self, seen: Seen) -> None:
        if not seen.first:
            return
        room = self._room
        if seen.first != self._seq + 1:
            room.gaps += 1
        self._seq = seen.last
        tally = room.tally
        if tally.counting:
            tally.delivered += len(seen.at)
            if self._timed:
                now = time.time()
                tally.fanouts_s.extend(now - at / 1000 for at in seen.at)

    def _greeted(self, frame: bytes) -> None:
        for message in messages_in(frame):
            if message["type"] == "welcome":
                self.say(msgspec.json.encode({"type": "watch", "topic": self._room.topic}))
            elif message["type"] == "snapshot":
                self._seq = message["seq"]
                self.ready.set_result(None)
            elif message["type"] == "event":
                self._seq = message["seq"]
            elif message["type"] == "error":
                self.ready.set_exception(RuntimeError(f"cannot watch: {message}"))


async def gather_viewers(room: Room, count: int, port: int) -> list[Viewer]:
    viewers = [Viewer(number, room) for number in range(count)]
    await connect_all(
        viewer.connect("127.0.0.1", port, source=source_of(number)) for number, viewer in enumerate(viewers)
    )
    return viewers


class Pacer:
    """Puts ever-higher bids of two bidders straight into Redis, so that the gateway under test only fans out."""

    RIVALS = (Party("usr_anna", "Anna"), Party("usr_ben", "Ben"))

    def __init__(self, redis_url: str, auction: str, rate: int) -> None:
        self._pipe = RedisPipe(redis_url, "bench-pacer")
        self._store = RedisStore(self._pipe)
        self._auction, self._rate = auction, rate
        self._task: asyncio.Task[None] | None = None
        self._terms = Terms()

    async def start(self) -> None:
        await self._pipe.start(timeout_s=10)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        began_at, amount, turn = time.perf_counter(), self._terms.start_price, 0
        while True:
            due_at = began_at + turn / self._rate
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            bidder = self.RIVALS[turn % 2]
            self._store.place_bid(self._auction, Bid(bidder, f"p{turn}", amount), Cause(bidder.id))
            amount += increment(self._terms, amount)
            turn += 1

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
        await self._pipe.close()


async def run_fanout(job: FanoutJob) -> Result:
    tally = Tally(job.target)
    room = Room(f"auction:{job.auction}", tally)
    viewers = await gather_viewers(room, job.viewers, job.target.port)
    pacer = Pacer(job.redis_url, job.auction, job.rate)
    await pacer.start()
    await asyncio.sleep(job.warm_up_s)
    tally.begin()
    await asyncio.sleep(job.seconds)
    result = tally.end()
    await pacer.stop()
    result.gaps = room.gaps
    result.closed = sum(viewer.closed for viewer in viewers)
    for viewer in viewers:
        viewer.leave()
    return result


async def run_idle(job: IdleJob) -> Result:
    room = Room(f"auction:{job.auction}", Tally())
    before = rss_bytes(job.target.pid)
    viewers = await gather_viewers(room, job.viewers, job.target.port)
    await asyncio.sleep(job.settle_s)
    result = Result(rss_before=before, rss_after=rss_bytes(job.target.pid), closed=sum(v.closed for v in viewers))
    for viewer in viewers:
        viewer.leave()
    return result
