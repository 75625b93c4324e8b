"""The server's clock as a client can know it: from `server_at` in answers, and how long each took to come."""

import time
from collections import deque

MAX_SAMPLES = 16
STEP_S = 1.0
"""A sample that is further off than this, beyond its round trip, means that the server's clock was set."""


class RemoteClock:
    """Uses the sample with the shortest round trip of the last few: the less time an answer took, the less
    it can be wrong (by at most half of that)."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=MAX_SAMPLES)
        self.ahead_s = 0.0
        """Server time minus this machine's `time.monotonic()`, in seconds; means nothing until `known`."""
        self.round_trip_ms: float | None = None

    def sample(self, sent_at: float, received_at: float, server_at: int) -> None:
        """`sent_at` and `received_at` are this machine's `time.monotonic()`, `server_at` the answer's."""
        round_trip = received_at - sent_at
        self.round_trip_ms = round_trip * 1000
        # `server_at` has lost its fraction of a millisecond: half of one on average.
        ahead = (server_at + 0.5) / 1000 - (sent_at + received_at) / 2
        if self._samples and abs(ahead - self.ahead_s) > STEP_S + round_trip:
            self._samples.clear()
        self._samples.append((round_trip, ahead))
        self.ahead_s = min(self._samples)[1]

    @property
    def known(self) -> bool:
        return bool(self._samples)

    def now_ms(self) -> float:
        """Milliseconds since the Unix epoch on the server; this machine's own clock until it is known."""
        return (time.monotonic() + self.ahead_s) * 1000 if self._samples else time.time() * 1000

    @property
    def offset_ms(self) -> float:
        """How far the server's clock is ahead of this machine's."""
        return self.now_ms() - time.time() * 1000
