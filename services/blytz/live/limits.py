"""How much one connection may ask for."""

from collections import deque
from time import monotonic

MINUTE_S = 60.0
BURST_S = 2.0
"""So many seconds' worth may be taken at once."""


class RateLimiter:
    """So many a second, twice as many at once, for one connection: GCRA, which needs one number."""

    __slots__ = ("_ahead_s", "_interval_s", "_theoretical_arrival")

    def __init__(self, per_s: float) -> None:
        self._interval_s = 1 / per_s
        # Sums of intervals are not exact; the last of a burst must not fall to that.
        self._ahead_s = BURST_S - self._interval_s + 1e-7
        self._theoretical_arrival = 0.0
        """When all that was taken is paid back."""

    def take(self) -> bool:
        """False when it is used up."""
        now, theoretical_arrival = monotonic(), self._theoretical_arrival
        if theoretical_arrival < now:
            theoretical_arrival = now
        elif theoretical_arrival - now > self._ahead_s:
            return False
        self._theoretical_arrival = theoretical_arrival + self._interval_s
        return True


class ConnectionLimit:
    """How many of each kind are here at once, at most `most`. Who is in must leave exactly once."""

    __slots__ = ("_here", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._here: dict[str, int] = {}

    def __len__(self) -> int:
        """Kinds of which there is any."""
        return len(self._here)

    def enter(self, kind: str) -> bool:
        """False when there are so many already; nobody has entered then."""
        here = self._here.get(kind, 0)
        if here >= self._most:
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
