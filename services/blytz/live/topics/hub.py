"""Topics, fan-out and recovery: every event of an auction to everyone who watches it, in order, none missing.

One encoded frame goes to all readers of an event, and nobody waits for a socket. Published messages only wake:
a message that does not follow the one before it sends the hub to the log in Redis.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Protocol

import structlog
from msgspec import UNSET, Struct, UnsetType

from blytz.auction.model import Auction
from blytz.kit.clock import ServerClock
from blytz.kit.problems import NotFound, Overloaded, Problem, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics
from blytz.live import protocol
from blytz.live.topics.fanout import FanOut, Reader
from blytz.live.topics.topic import DEPTH, Gap, Topic

log = structlog.get_logger()

RETRY_MOST_S = 1.0
VIEWERS_EVERY_S = 1.0
EARLY_MOST = 10_000
"""Messages kept while a topic is being read from the log; past it they are read from there again."""


class Source(Protocol):
    """Where events come from (auction/redis/events.py)."""

    def subscribe(self, auction_id: str) -> None: ...

    def unsubscribe(self, auction_id: str) -> None: ...

    async def state(self, auction_id: str) -> Auction | None: ...

    async def since(self, auction_id: str, after: int, limit: int) -> Sequence[tuple[int, bytes]]: ...


class Wanted(Struct, frozen=True):
    """What a reader asked for when it began to watch."""

    reader: Reader
    after: int | None = None
    epoch: str | None = None
    ref: str | UnsetType = UNSET


class Room:
    """A topic with its readers. While `syncing` runs, what comes in waits in `early` and who comes in waits in
    `wanted`."""

    def __init__(self, auction_id: str, fan_out: FanOut) -> None:
        self.auction_id = auction_id
        self.topic: Topic | None = None
        self.fan_out = fan_out
        self.wanted: list[Wanted] = []
        self.early: list[tuple[int, bytes]] = []
        self.syncing: asyncio.Task[None] | None = None
        self.again = False
        self.viewers: int | None = None
        self.viewers_said: int | None = None
        self.viewers_said_at = float("-inf")


class Hub:
    """All rooms of one gateway. Every method is called in the loop; none blocks."""

    def __init__(self, source: Source, clock: ServerClock, metrics: Metrics) -> None:
        self._source = source
        self._clock = clock
        self._rooms: dict[str, Room] = {}
        self._fan_out_s = metrics.histogram(
            "blytz_fan_out_seconds", "From the event's time in Redis until its last reader was written to"
        )
        self._delivered = metrics.counter("blytz_events_delivered", "Events times the readers they were sent to")
        self._resyncs = metrics.counter("blytz_topic_syncs", "Topics read from the log", "why")
        metrics.gauge("blytz_topics", "Auctions followed", lambda: len(self._rooms))
        metrics.gauge(
            "blytz_fan_out_due", "Messages that wait for the next batch of their room", lambda: sum(self._due())
        )

    def _due(self) -> Iterator[int]:
        return (room.fan_out.due for room in list(self._rooms.values()))

    def rooms(self) -> Iterator[tuple[str, int]]:
        """`(auction_id, readers)` of each."""
        return ((room.auction_id, len(room.fan_out)) for room in list(self._rooms.values()))

    def watch(self, auction_id: str, wanted: Wanted) -> None:
        """Give the reader its snapshot or replay, then every event. An auction that does not exist answers
        with an error."""
        room = self._rooms.get(auction_id)
        if room is None:
            room = self._rooms[auction_id] = Room(auction_id, FanOut(self._flushed))
            room.wanted.append(wanted)
            self._source.subscribe(auction_id)
            return
        room.wanted.append(wanted)
        if room.topic is None or room.syncing:
            return
        if wanted.after is not None and wanted.epoch == room.topic.epoch and wanted.after > room.topic.heard:
            # It has seen more, on another gateway, than has reached us: the log knows.
            self._sync(room, "behind")
        else:
            self._admit(room, room.topic)

    def unwatch(self, auction_id: str, reader: Reader) -> None:
        room = self._rooms.get(auction_id)
        if room is None:
            return
        room.fan_out.leave(reader)
        room.wanted = [wanted for wanted in room.wanted if wanted.reader is not reader]
        if not len(room.fan_out) and not room.wanted:
            self._leave(room)

    def on_subscribed(self, auction_id: str) -> None:
        """From here on nothing published is missed; what was before is in the log."""
        room = self._rooms.get(auction_id)
        if room:
            self._sync(room, "subscribed")

    def on_event(self, auction_id: str, public: bytes) -> None:
        room = self._rooms.get(auction_id)
        if room is None:
            return
        seq = protocol.seq_of(public)
        if room.topic is None or room.syncing:
            if len(room.early) < EARLY_MOST:
                room.early.append((seq, public))
            else:
                room.again = True
            return
        try:
            self._take(room, room.topic, seq, public)
        except Gap:
            room.early.append((seq, public))
            self._sync(room, "gap")

    def on_viewers(self, auction_id: str, count: int) -> None:
        room = self._rooms.get(auction_id)
        if room:
            room.viewers = count
            self._say_viewers(room)

    def say_viewers(self) -> None:
        """To be called each second: several gateways may have counted within one, and a room is told once."""
        for room in list(self._rooms.values()):
            self._say_viewers(room)

    def _say_viewers(self, room: Room) -> None:
        now, count = monotonic(), room.viewers
        if room.topic is None or room.syncing or now - room.viewers_said_at < VIEWERS_EVERY_S:
            return
        if count is not None and count != room.viewers_said:
            room.viewers_said, room.viewers_said_at = count, now
            room.fan_out.add(protocol.encode(protocol.Viewers(room.topic.name, count)), room.topic.heard)

    def _take(self, room: Room, topic: Topic, seq: int, public: bytes) -> None:
        message = topic.take(seq, public)
        if message is not None:
            room.fan_out.add(message, seq)

    def _flushed(self, fan_out: FanOut, messages: list[bytes]) -> None:
        self._delivered.add(by=len(messages) * len(fan_out))
        at = protocol.at_of(messages[-1])
        if at:
            self._fan_out_s.add(max(0, self._clock.now() - at) / 1000)

    def _admit(self, room: Room, topic: Topic) -> None:
        """All who wait. Any frame may be more than a reader's queue holds and make it leave: those who wait stay
        in `wanted` meanwhile, so that the room does not seem empty."""
        while room.wanted:
            wanted = room.wanted[0]
            if not topic.reaches(room.fan_out.sent) or (wanted.after or 0) > room.fan_out.sent:
                # What this flush holds is part of its answer.
                room.fan_out.leave(wanted.reader)
                room.fan_out.flush_now()
            room.wanted.pop(0)
            self._join(room, topic, wanted)

    def _join(self, room: Room, topic: Topic, wanted: Wanted) -> None:
        sent, events = room.fan_out.sent, None
        if wanted.after is not None and wanted.epoch is not None:
            events = topic.since(wanted.after, wanted.epoch, sent)
        if events is None:
            state, now = topic.state_json(sent), self._clock.now()
            frame = protocol.snapshot(topic.name, topic.epoch, sent, state, now, wanted.ref)
        else:
            frame = protocol.replay(topic.name, topic.epoch, sent, events, wanted.ref)
        # Joined first, as it may leave with this frame.
        room.fan_out.join(wanted.reader)
        # It was not told yet, even when as many watch as before.
        room.viewers_said = None
        wanted.reader.send(frame)

    def _leave(self, room: Room) -> None:
        self._rooms.pop(room.auction_id, None)
        self._source.unsubscribe(room.auction_id)
        if room.syncing:
            room.syncing.cancel()

    def _sync(self, room: Room, why: str) -> None:
        """Read what was missed from the log. Asked again while it runs, it runs again."""
        self._resyncs.add(why)
        if room.syncing:
            room.again = True
            return
        room.syncing = asyncio.create_task(self._catch_up(room), name=f"sync {room.auction_id}")
        room.syncing.add_done_callback(_report)

    async def _catch_up(self, room: Room) -> None:
        retry_s = 0.02
        while True:
            room.again = False
            heard = room.topic.heard if room.topic else None
            try:
                complete = await self._read(room)
            except (StoreUnavailable, Overloaded):
                await asyncio.sleep(random.uniform(0, retry_s))
                retry_s = min(RETRY_MOST_S, retry_s * 2)
                continue
            except Problem as problem:
                self._refuse(room, problem)
                return
            except Exception:
                log.exception("sync_failed", auction_id=room.auction_id)
                self._refuse(room, Problem())
                return
            if complete and not room.again:
                break
            if not complete and room.topic and room.topic.heard == heard:
                # The log has a hole: whoever reads goes on from a snapshot behind it.
                room.topic = None
        if room.topic is None:
            self._refuse(room, NotFound("there is no such auction", code="auction_not_found"))
            return
        room.syncing = None
        self._admit(room, room.topic)

    async def _read(self, room: Room) -> bool:
        """One look at the log. False when another is needed at once."""
        auction = await self._source.state(room.auction_id)
        topic = room.topic
        if auction is None:
            room.topic = None
            return True
        resumes = (
            topic is not None
            and topic.epoch == auction.listing.epoch
            and topic.heard <= auction.seq <= topic.heard + DEPTH
        )
        after = topic.heard if topic and resumes else max(0, auction.seq - DEPTH)
        past = await self._source.since(room.auction_id, after, 2 * DEPTH)
        early, room.early = room.early, []
        complete = True
        if topic is None or not resumes:
            topic = room.topic = Topic(auction, past)
            self._start_over(room, topic)
            # What came in early may belong to a history that has ended; what does not is in the log.
            early, complete = [], not early
        try:
            for seq, public in sorted([*past, *early]):
                self._take(room, topic, seq, public)
        except Gap:
            return False
        return complete and topic.heard >= auction.seq

    def _start_over(self, room: Room, topic: Topic) -> None:
        """Readers whose history cannot be continued get a fresh snapshot in place of what was due."""
        readers = room.fan_out.restart(topic.heard)
        room.wanted = [Wanted(reader) for reader in readers] + room.wanted

    def _refuse(self, room: Room, why: Problem) -> None:
        room.syncing = None
        gone = [Wanted(reader) for reader in room.fan_out.restart(0)]
        for wanted in [*gone, *room.wanted]:
            wanted.reader.send(protocol.encode(protocol.Error(why.code, why.detail, wanted.ref)))
            wanted.reader.forget(room.auction_id)
        self._leave(room)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception():
        log.error("sync_failed", task=task.get_name(), exc_info=task.exception())
