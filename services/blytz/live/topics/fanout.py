"""To everybody in a room, without holding up anybody else.

A quiet room adds no delay. While a room is busy its messages gather into batches, and a flush is done in slices
with a rest after each, a few times as long as the slice took and at most 50 ms over the flush, so that fan-out
never takes more than its share of the process and a bidder's own answer always finds a gap.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from blytz.live.protocol import batch

LONGEST_REST_S = 0.05
REST_PER_WORK = 3
"""A room rests three times as long as its last flush took: at most a quarter of the process is its own."""
SLICE = 64
"""Readers written to in one turn of the loop: about half a millisecond."""


class Reader(Protocol):
    """One connection, as fan-out sees it."""

    def send(self, frame: bytes) -> None:
        """Write or queue; never waits, never raises."""

    def forget(self, auction_id: str) -> None:
        """It is no longer watching this."""


class FanOut:
    """The readers of one room and what is due to them. `sent` is the seq up to which all of them were given."""

    def __init__(self, on_flushed: Callable[["FanOut", list[bytes]], None]) -> None:
        self.sent = 0
        self._on_flushed = on_flushed
        # Each reader with the number of the first flush that is meant for it.
        self._readers: dict[Reader, int] = {}
        self._due: list[bytes] = []
        self._due_seq = 0
        self._flush = 0
        self._messages: list[bytes] = []
        self._frame = b""
        self._to_write: list[Reader] = []
        self._worked_s = 0.0
        self._rest_s = 0.0
        self._longest_rest_s = 0.0
        self._rest_until = 0.0
        self._timer: asyncio.Handle | None = None

    @property
    def due(self) -> int:
        """Messages that wait for the next flush."""
        return len(self._due)

    def __len__(self) -> int:
        return len(self._readers)

    def join(self, reader: Reader) -> None:
        """From the next flush on; what lies before it, up to `sent`, the reader was given already."""
        self._readers[reader] = self._flush + 1

    def leave(self, reader: Reader) -> None:
        self._readers.pop(reader, None)

    def restart(self, seq: int) -> list[Reader]:
        """Drop what is due and let all readers go, who are returned: their history goes on elsewhere."""
        readers = list(self._readers)
        self._readers.clear()
        self._due.clear()
        self._to_write.clear()
        self.sent = self._due_seq = seq
        return readers

    def add(self, message: bytes, seq: int) -> None:
        """`seq` is that of the last event so far; a message that is no event repeats it."""
        self._due.append(message)
        self._due_seq = seq
        if self._timer is None:
            self._schedule()

    def flush_now(self) -> None:
        """All at once, for the rare reader that knows more than has been sent."""
        while self._to_write or self._due:
            if not self._to_write:
                self._begin()
            self._write(len(self._to_write))

    def _schedule(self) -> None:
        rest_s = self._rest_until - perf_counter()
        loop = asyncio.get_running_loop()
        # What came in with the same read of the socket is still gathered by call_soon.
        self._timer = loop.call_later(rest_s, self._turn) if rest_s > 0 else loop.call_soon(self._turn)

    def _turn(self) -> None:
        """One slice. Until the last slice of a flush is out no other flush begins, so order is kept."""
        self._timer = None
        if not self._to_write and self._due:
            self._begin()
        self._write(SLICE)
        if self._to_write:
            self._timer = asyncio.get_running_loop().call_later(self._rest_s, self._turn)
        elif self._due:
            self._schedule()

    def _begin(self) -> None:
        self._messages, self._due = self._due, []
        self._frame = batch(self._messages)
        self._to_write = list(self._readers)
        self._flush += 1
        self._worked_s = 0.0
        self.sent = self._due_seq
        # A busy room takes its rest between its slices: whoever is next in line, nginx above all, then has a
        # few messages to pass on at a time and not all of them before somebody's bid.
        is_busy = perf_counter() - self._rest_until < LONGEST_REST_S
        slices = -(-len(self._to_write) // SLICE)
        self._longest_rest_s = LONGEST_REST_S / slices if is_busy and slices else 0.0

    def _write(self, most: int) -> None:
        began = perf_counter()
        frame, flush, first_flush_of = self._frame, self._flush, self._readers.get
        turn, self._to_write = self._to_write[:most], self._to_write[most:]
        for reader in turn:
            if first_flush_of(reader, flush + 1) <= flush:
                reader.send(frame)
        now = perf_counter()
        self._worked_s += now - began
        self._rest_s = min(self._longest_rest_s, REST_PER_WORK * (now - began))
        if not self._to_write and self._messages:
            rest_s = self._rest_s or min(LONGEST_REST_S, REST_PER_WORK * self._worked_s)
            self._rest_until = now + rest_s
            self._on_flushed(self, self._messages)
            self._messages = []
