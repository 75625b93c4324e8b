"""How much one connection may ask for."""

from collections import deque
from time import monotonic

MINUTE_S = 60.0


class Allowance:
    """A token bucket: so many a second, twice as many at once."""

    __slots__ = ("_at", "_left", "_per_s")

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = 2 * per_s
        self._at = monotonic()

    def take(self) -> bool:
        """False when it is used up."""
        now = monotonic()
        self._left = min(2 * self._per_s, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Headcount:
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


class Patience:
    """Ends with so many faults within a minute."""

    __slots__ = ("_faults",)

    def __init__(self, faults_a_minute: int) -> None:
        self._faults: deque[float] = deque(maxlen=faults_a_minute)

    def ends(self) -> bool:
        """One more fault: was it one too many?"""
        faults, now = self._faults, monotonic()
        faults.append(now)
        return len(faults) == faults.maxlen and now - faults[0] < MINUTE_S
