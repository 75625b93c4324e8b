"""How much one connection may ask for."""

from time import monotonic


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
