"""One topic that is watched at this gateway: its history, its readers, and how both recover from a loss.

The stream in Redis is authoritative, a published message only notifies: an event that does not follow the one
before it makes the topic read the log.
"""

import asyncio
import random
from collections.abc import Callable
from itertools import islice
from time import monotonic

import structlog

from blytz.kit.problems import NotFound, Overloaded, Problem, RateLimited, StoreUnavailable
from blytz.kit.topics import Entry
from blytz.live import protocol
from blytz.live.topics.context import TopicContext
from blytz.live.topics.fanout import SLICE, FanOut, Reader
from blytz.live.topics.history import MAX_REPLAYED_EVENTS, Gap, History
from blytz.live.topics.watch_request import WatchRequest

log = structlog.get_logger()

FIRST_RETRY_S = 0.02
MAX_RETRY_S = 1.0
VIEWERS_EVERY_S = 1.0
MAX_EARLY_EVENTS = 10_000
"""Events kept while the log is being read; any more are read from there again."""


class Topic:
    """`history` is None until the log was read for the first time. While it is read, events wait in `_early` and
    requests in `_waiting`."""

    def __init__(
        self,
        name: str,
        context: TopicContext,
        on_idle: Callable[[str], None],
        on_end: Callable[[str], None],
    ) -> None:
        """`on_idle` is called with the topic's name when no connection is subscribed or waiting any more, `on_end`
        when the topic cannot be read."""
        self.name = name
        self.history: History | None = None
        self.fan_out = FanOut(self._on_flushed)
        self._context = context
        self._on_idle = on_idle
        self._on_end = on_end
        self._dataset = ""
        self._waiting: dict[Reader, WatchRequest] = {}
        """Readers whose request is not answered yet: one each."""
        self._answering: asyncio.Handle | None = None
        self._early: list[Entry] = []
        self._syncing: asyncio.Task[None] | None = None
        self._sync_again = False
        self._viewers: int | None = None
        self._viewers_sent: int | None = None
        self._viewers_sent_at = float("-inf")

    def watch(self, request: WatchRequest) -> None:
        """Answer with a snapshot or a replay, followed by every event after it. Until then the reader gets no
        event, so that none comes twice."""
        replaced = self._waiting.get(request.reader)
        self.fan_out.unsubscribe(request.reader)
        self._waiting[request.reader] = request
        if replaced and replaced.is_sent:
            replaced.refuse(RateLimited("watched again before this was answered"))
        history, has_left = self.history, request.reader not in self._waiting
        if history is None or self._syncing or has_left:
            return
        if request.epoch == history.epoch and (request.after or 0) > history.received:
            # It has seen more at another gateway than was received here.
            self.sync("behind")
        elif self._can_answer(request):
            self._answer(request)

    def unwatch(self, reader: Reader) -> None:
        self.fan_out.unsubscribe(reader)
        self._waiting.pop(reader, None)
        if not len(self.fan_out) and not self._waiting:
            self._on_idle(self.name)

    def close(self) -> None:
        """Stop all work."""
        for work in (self._syncing, self._answering):
            if work:
                work.cancel()

    def on_event(self, public: bytes) -> None:
        seq = protocol.seq_of(public)
        if self.history is None or self._syncing:
            if len(self._early) < MAX_EARLY_EVENTS:
                self._early.append((seq, public))
            else:
                self._sync_again = True
            return
        try:
            self._take(self.history, seq, public)
        except Gap:
            self._early.append((seq, public))
            self.sync("gap")

    @property
    def is_over(self) -> bool:
        """Whether every reader has the last event that there will be."""
        history, sent = self.history, self.fan_out.sent
        if history is None or self._syncing or self._waiting or not self.fan_out.is_idle:
            return False
        return history.has_state_at(sent) and history.state_at(sent).is_final

    def on_viewers(self, count: int) -> None:
        self._viewers = count
        self.send_viewers()

    def send_viewers(self) -> None:
        """Send the number of viewers if it has changed, at most once a second."""
        now, count = monotonic(), self._viewers
        if self.history is None or self._syncing or now - self._viewers_sent_at < VIEWERS_EVERY_S:
            return
        if count is not None and count != self._viewers_sent:
            self._viewers_sent, self._viewers_sent_at = count, now
            message = protocol.encode(protocol.Viewers(self.history.name, count))
            self.fan_out.add(message, self.history.received)

    def on_dataset(self, dataset: str) -> None:
        """Check the history if it was read from another dataset."""
        if self.history and not self._syncing and dataset != self._dataset:
            self.sync("dataset")

    def sync(self, why: str) -> None:
        """Read from the log what is missing. Called again while it runs, it runs once more."""
        self._context.syncs.add(why)
        if self._syncing:
            self._sync_again = True
        else:
            self._syncing = asyncio.create_task(self._sync(), name=f"sync {self.name}")

    def _take(self, history: History, seq: int, public: bytes) -> None:
        message = history.take(seq, public)
        if message is not None:
            self.fan_out.add(message, seq)

    def _on_flushed(self, messages: list[bytes]) -> None:
        context = self._context
        context.delivered.add(by=len(messages) * len(self.fan_out))
        at = protocol.at_of(messages[-1])
        if at:
            context.fan_out_s.add(max(0, context.clock.now() - at) / 1000)
        self._tell_following()
        self._answer_soon()

    def _tell_following(self) -> None:
        history, sent = self.history, self.fan_out.sent
        if self.name in self._context.following and history is not None and history.has_state_at(sent):
            self._context.following.update(self.name, history.state_at(sent))

    def _can_answer(self, request: WatchRequest) -> bool:
        """Not while the answer needs events that are pending. They leave with the next regular flush, because to
        flush for one reader is to write to all of them."""
        history, sent = self.history, self.fan_out.sent
        if history is None or not history.has_state_at(sent):
            return False
        return request.epoch != history.epoch or not sent < (request.after or 0) <= history.received

    def _answer_soon(self) -> None:
        if self._waiting and self._answering is None:
            self._answering = asyncio.get_running_loop().call_soon(self._answer_waiting)

    def _answer_waiting(self) -> None:
        """One slice of those who can be answered now."""
        self._answering = None
        if self._syncing:
            return
        ready = list(islice(filter(self._can_answer, self._waiting.values()), SLICE))
        for request in ready:
            # A reader may have left since, and have made others leave.
            if self._waiting.get(request.reader) is request:
                self._answer(request)
        if len(ready) == SLICE:
            self._answer_soon()

    def _answer(self, request: WatchRequest) -> None:
        history, sent, reader = self.history, self.fan_out.sent, request.reader
        assert history is not None, "answered only once there is a history"
        readers = history.readers_at(sent)
        if readers is not None and not reader.may_read(readers):
            self._turn_away(request)
            return
        frame = b""
        if request.after is not None and request.epoch is not None:
            events = history.since(request.after, request.epoch, sent)
            if events is not None:
                frame = protocol.replay(history.name, history.epoch, sent, events, request.ref)
        # A replay that does not fit into the send queue would end the connection, at each new attempt too.
        if not frame or not reader.can_queue(len(frame)):
            state, now = history.state_json(sent), self._context.clock.now()
            frame = protocol.snapshot(history.name, history.epoch, sent, state, now, request.ref)
        # Subscribed first, because the reader may unwatch within `send`.
        self.fan_out.subscribe(reader)
        del self._waiting[reader]
        # This reader has not been sent the number of viewers yet.
        self._viewers_sent = None
        reader.send(frame)
        if request.follow and reader in self.fan_out:
            self._context.following.add(self.name, reader, history.state_at(sent))

    def _turn_away(self, request: WatchRequest) -> None:
        """As if there were no such topic, for one who may not know of it."""
        request.refuse(_not_found(self.name))
        request.reader.unsubscribed(self.name)
        self.unwatch(request.reader)

    async def _sync(self) -> None:
        try:
            await self._catch_up()
        except Problem as problem:
            self._end(problem)
        except Exception:
            log.exception("sync_failed", topic=self.name)
            self._end(Problem())
        else:
            self._syncing = None
            self._tell_following()
            self._answer_waiting()

    async def _catch_up(self) -> None:
        """Read the log until nothing is missing. Raises `Problem` when the topic cannot be read."""
        retry_s = FIRST_RETRY_S
        while True:
            self._sync_again = False
            received = self.history.received if self.history else None
            try:
                is_complete = await self._read_log()
            except (StoreUnavailable, Overloaded):
                await asyncio.sleep(random.uniform(0, retry_s))
                retry_s = min(MAX_RETRY_S, retry_s * 2)
                continue
            if is_complete and not self._sync_again:
                return
            if not is_complete and self.history and self.history.received == received:
                # An event is missing from the log itself: go on from a snapshot after it.
                self.history = None

    async def _read_log(self) -> bool:
        """Read it once. False when it must be read again at once."""
        history = self.history
        after = max(0, history.received - 1) if history else None
        reading = await self._context.source.read(self.name, after, 2 * MAX_REPLAYED_EVENTS)
        state, past, self._dataset = reading.state, reading.events, reading.dataset
        if state is None:
            raise _not_found(self.name)
        if history and not history.is_continued_by(past, state.seq):
            self.history = None
            return False
        epoch = f"{state.epoch}-{self._dataset}"
        early, self._early = sorted(self._early), []
        if history is None:
            history = self.history = History(self.name, state, epoch, past)
            self._restart(history)
            # Early events may belong to the history that has ended; those that do not are in the log.
            early, is_complete = [], not early
        else:
            history.epoch, is_complete = epoch, True
        try:
            for seq, public in (*past, *early):
                self._take(history, seq, public)
        except Gap:
            return False
        return is_complete and history.received >= state.seq

    def _restart(self, history: History) -> None:
        """The readers' history has no continuation: they get a fresh snapshot instead of what was pending."""
        for reader in self.fan_out.restart(history.received):
            self._waiting[reader] = WatchRequest(reader, is_sent=False)

    def _end(self, why: Problem) -> None:
        self._syncing = None
        requests = [*(WatchRequest(reader) for reader in self.fan_out.restart(0)), *self._waiting.values()]
        self._waiting.clear()
        for request in requests:
            request.refuse(why)
            request.reader.unsubscribed(self.name)
        self._on_end(self.name)


def _not_found(name: str) -> NotFound:
    kind = protocol.split_topic(name)[0]
    return NotFound(f"there is no such {kind}", code=f"{kind}_not_found")
