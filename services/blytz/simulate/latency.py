"""Counts how long things took, in tenths of a millisecond: exact percentiles without keeping every sample."""

from collections import Counter

from msgspec import Struct

TENTHS = 10_000
"""In a second."""


class Percentiles(Struct, frozen=True):
    """Milliseconds; None without a sample."""

    samples: int
    p50: float | None
    p95: float | None
    p99: float | None
    longest: float | None


class Latency:
    def __init__(self) -> None:
        self._tenths: Counter[int] = Counter()

    def add(self, seconds: float, times: int = 1) -> None:
        """A time below zero, which only an error of the clock can give, counts as none."""
        self._tenths[max(0, round(seconds * TENTHS))] += times

    def percentiles(self) -> Percentiles:
        samples = self._tenths.total()
        if not samples:
            return Percentiles(0, None, None, None, None)
        wanted = [share * samples for share in (0.5, 0.95, 0.99, 1.0)]
        found: list[float] = []
        seen = 0
        for tenths in sorted(self._tenths):
            seen += self._tenths[tenths]
            while len(found) < len(wanted) and seen >= wanted[len(found)]:
                found.append(tenths / 10)
        return Percentiles(samples, *found)
