"""Limits of one connection, and of how many connections there may be."""

from collections import deque
from time import monotonic

from blytz.kit.ratelimit.gcra import Gcra

MINUTE_S = 60.0


class RateLimiter:
    """How often one connection may do something. `rate` is shared by all connections."""

    __slots__ = ("_rate", "_theoretical_arrival")

    def __init__(self, rate: Gcra) -> None:
        self._rate = rate
        self._theoretical_arrival = 0.0

    def take(self) -> bool:
        """Count one more; False when it is past the rate."""
        theoretical_arrival = self._rate.take(self._theoretical_arrival, monotonic())
        if not theoretical_arrival:
            return False
        self._theoretical_arrival = theoretical_arrival
        return True


class ConnectionLimit:
    """How many connections each address has, at most `limit`. Each `enter` that was allowed needs one `leave`."""

    __slots__ = ("_limit", "_open")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[str, int] = {}

    def __len__(self) -> int:
        """Addresses with a connection."""
        return len(self._open)

    def enter(self, address: str) -> bool:
        """False when the address has `limit` connections already; then nothing is counted."""
        count = self._open.get(address, 0)
        if count >= self._limit:
            return False
        self._open[address] = count + 1
        return True

    def leave(self, address: str) -> None:
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


class ErrorLimit:
    """Counts the malformed messages of one connection."""

    __slots__ = ("_faults",)

    def __init__(self, faults_a_minute: int) -> None:
        self._faults: deque[float] = deque(maxlen=faults_a_minute)

    def add(self) -> bool:
        """Count one more fault. True when there were `faults_a_minute` within a minute."""
        faults, now = self._faults, monotonic()
        faults.append(now)
        return len(faults) == faults.maxlen and now - faults[0] < MINUTE_S
