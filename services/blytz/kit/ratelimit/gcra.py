"""GCRA (generic cell rate algorithm), the arithmetic of every rate limit in this package. `lua/spend.lua` does the
same for what processes share."""


class Gcra:
    """`burst` units at once after a pause, `per_s` units a second in the long run. A unit is a call, or a byte.

    What was taken is one number, the theoretical arrival time: when all of it is paid back, in seconds on a
    monotonic clock, 0 at first. The caller keeps that number, so one object serves any number of users.
    """

    __slots__ = ("_max_debt_s", "interval_s")

    def __init__(self, per_s: float, burst: float) -> None:
        self.interval_s = 1 / per_s
        # Sums of intervals are not exact: rounding must not refuse the last of a burst.
        self._max_debt_s = burst * self.interval_s + 1e-7

    def take(self, theoretical_arrival: float, now: float, units: int = 1) -> float:
        """The new theoretical arrival time, or 0.0 when it is refused. A user who owes nothing may always take,
        even more than a burst."""
        cost_s = units * self.interval_s
        if theoretical_arrival <= now:
            theoretical_arrival = now
        elif theoretical_arrival - now > self._max_debt_s - cost_s:
            return 0.0
        return theoretical_arrival + cost_s

    def wait_s(self, theoretical_arrival: float, now: float, units: int = 1) -> float:
        """How long after `now` so many units are allowed, not positive when they are allowed now."""
        allowed_at = theoretical_arrival - max(0.0, self._max_debt_s - units * self.interval_s)
        return allowed_at - now
