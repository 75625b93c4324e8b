"""GCRA (generic cell rate algorithm), the arithmetic of every rate limit in this package. `lua/spend.lua` does the
same for what processes share."""


class Gcra:
    """`burst` times at once after a pause, `per_s` times a second in the long run.

    What was taken is one number, the theoretical arrival time: when all of it is paid back, in seconds on a
    monotonic clock, 0 at first. The caller keeps that number, so one object serves any number of users.
    """

    __slots__ = ("_max_debt_s", "interval_s")

    def __init__(self, per_s: float, burst: float) -> None:
        self.interval_s = 1 / per_s
        # Sums of intervals are not exact: rounding must not refuse the last of a burst.
        self._max_debt_s = (burst - 1) * self.interval_s + 1e-7

    def take(self, theoretical_arrival: float, now: float) -> float:
        """Once more: the new theoretical arrival time, or 0.0 when it is refused."""
        if theoretical_arrival < now:
            theoretical_arrival = now
        elif theoretical_arrival - now > self._max_debt_s:
            return 0.0
        return theoretical_arrival + self.interval_s

    def wait_s(self, theoretical_arrival: float, now: float) -> float:
        """How long after `now` the next one is allowed, not positive when it is allowed now."""
        return theoretical_arrival - now - self._max_debt_s
