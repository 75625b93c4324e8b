"""Sends the messages of one topic to all its readers without delaying other work of the process.

A quiet topic adds no delay. While a topic is busy its messages are collected into batches. A flush is written in
slices with a pause after each, three times as long as the slice took and at most 50 ms over the whole flush. So
fan-out takes at most a quarter of the process, and a bidder's own answer always finds a pause.
"""

import asyncio
from collections.abc import Callable, Collection
from time import perf_counter
from typing import Protocol

from blytz.live.protocol import batch

MAX_PAUSE_S = 0.05
PAUSE_PER_WORK = 3
SLICE = 64
"""Readers written to in one turn of the loop: about half a millisecond."""


class Reader(Protocol):
    """One connection, as topics use it."""

    def send(self, frame: bytes) -> None:
        """Write or queue; never waits, never raises. The reader may unwatch within the call."""

    def can_queue(self, size: int) -> bool:
        """Whether `size` more bytes fit into its send queue."""

    def unsubscribed(self, topic: str) -> None:
        """The topic has ended for this reader."""

    def follow(self, topic: str) -> bool:
        """It follows another topic that has opened this one. False when it is subscribed to this one already."""

    def unfollow(self, topic: str) -> bool:
        """The reverse. False when it stays subscribed, or was not."""

    def may_read(self, readers: Collection[str]) -> bool:
        """Whether this is a connection of one of these users, or of somebody who may read everything."""


class FanOut:
    """The subscribed readers of one topic and the messages that are pending for them. `sent` is the `seq` up to
    which all of them were written to, or will be by the flush that is under way."""

    def __init__(self, on_flushed: Callable[[list[bytes]], None]) -> None:
        """`on_flushed` gets the messages of each flush after its last slice."""
        self.sent = 0
        self._on_flushed = on_flushed
        # Each reader with the number of the first flush that is meant for it.
        self._readers: dict[Reader, int] = {}
        self._pending: list[bytes] = []
        self._pending_seq = 0
        self._flush = 0
        self._messages: list[bytes] = []
        self._frame = b""
        self._to_write: list[Reader] = []
        self._worked_s = 0.0
        self._pause_s = 0.0
        self._max_pause_s = 0.0
        self._pause_until = 0.0
        self._timer: asyncio.Handle | None = None

    @property
    def pending(self) -> int:
        """Messages that wait for the next flush."""
        return len(self._pending)

    @property
    def is_idle(self) -> bool:
        """Whether every reader has everything so far."""
        return self._timer is None

    def __len__(self) -> int:
        return len(self._readers)

    def __contains__(self, reader: Reader) -> bool:
        return reader in self._readers

    def subscribe(self, reader: Reader) -> None:
        """From the next flush on. The reader has been sent everything up to `sent`."""
        self._readers[reader] = self._flush + 1

    def unsubscribe(self, reader: Reader) -> None:
        self._readers.pop(reader, None)

    def restart(self, seq: int) -> list[Reader]:
        """Drop what is pending and unsubscribe all readers, who are returned. `seq` may be of another history."""
        readers = list(self._readers)
        self._readers.clear()
        self._pending.clear()
        self._to_write.clear()
        self.sent = self._pending_seq = seq
        return readers

    def add(self, message: bytes, seq: int) -> None:
        """`seq` is that of the last event so far; a message that is no event repeats it."""
        self._pending.append(message)
        self._pending_seq = seq
        if self._timer is None:
            self._schedule()

    def _schedule(self) -> None:
        pause_s = self._pause_until - perf_counter()
        loop = asyncio.get_running_loop()
        # call_soon still collects what arrived with the same read of the socket.
        self._timer = loop.call_later(pause_s, self._turn) if pause_s > 0 else loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Write one slice. No other flush begins before the last slice of this one, which keeps the order."""
        self._timer = None
        if not self._to_write and self._pending:
            self._begin()
        self._write_slice()
        if self._to_write:
            self._timer = asyncio.get_running_loop().call_later(self._pause_s, self._turn)
        elif self._pending:
            self._schedule()

    def _begin(self) -> None:
        self._messages, self._pending = self._pending, []
        self._frame = batch(self._messages)
        self._to_write = list(self._readers)
        self._flush += 1
        self._worked_s = 0.0
        self.sent = self._pending_seq
        # A busy topic pauses between its slices, so that the next process in the path, nginx above all, forwards a
        # few messages at a time and does not delay a bid behind all of them.
        is_busy = perf_counter() - self._pause_until < MAX_PAUSE_S
        slices = -(-len(self._to_write) // SLICE)
        self._max_pause_s = MAX_PAUSE_S / slices if is_busy and slices else 0.0

    def _write_slice(self) -> None:
        began = perf_counter()
        frame, flush, first_flush_of = self._frame, self._flush, self._readers.get
        readers, self._to_write = self._to_write[:SLICE], self._to_write[SLICE:]
        for reader in readers:
            if first_flush_of(reader, flush + 1) <= flush:
                reader.send(frame)
        now = perf_counter()
        self._worked_s += now - began
        self._pause_s = min(self._max_pause_s, PAUSE_PER_WORK * (now - began))
        if not self._to_write and self._messages:
            pause_s = self._pause_s or min(MAX_PAUSE_S, PAUSE_PER_WORK * self._worked_s)
            self._pause_until = now + pause_s
            flushed, self._messages = self._messages, []
            self._on_flushed(flushed)
