"""How much one connection may ask for."""

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
        """Once more; False when it is refused."""
        theoretical_arrival = self._rate.take(self._theoretical_arrival, monotonic())
        if not theoretical_arrival:
            return False
        self._theoretical_arrival = theoretical_arrival
        return True


class ConnectionLimit:
    """How many of each kind are here at once, at most `limit`. Who is in must leave exactly once."""

    __slots__ = ("_here", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._here: dict[str, int] = {}

    def __len__(self) -> int:
        """Kinds of which there is any."""
        return len(self._here)

    def enter(self, kind: str) -> bool:
        """False when there are so many already; nothing was counted then."""
        here = self._here.get(kind, 0)
        if here >= self._limit:
            return False
        self._here[kind] = here + 1
        return True

    def leave(self, kind: str) -> None:
        left = self._here[kind] - 1
        if left:
            self._here[kind] = left
        else:
            del self._here[kind]


class ErrorLimit:
    """Ends with so many faults within a minute."""

    __slots__ = ("_faults",)

    def __init__(self, faults_a_minute: int) -> None:
        self._faults: deque[float] = deque(maxlen=faults_a_minute)

    def ends(self) -> bool:
        """One more fault: was it one too many?"""
        faults, now = self._faults, monotonic()
        faults.append(now)
        return len(faults) == faults.maxlen and now - faults[0] < MINUTE_S
