"""How much one user may do: GCRA, decided in each process at once and shared with the others a moment later.

A bid is on disk before its bidder is answered, so asking Redis about a limit first would double what a bid costs.
Each process therefore decides by itself and reports what was spent to the ledger, many users in one call; the
ledger answers with what each of them has spent everywhere. How exact that is: decision 0014 in `specs/decisions`.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from time import monotonic
from typing import Final, Protocol

from msgspec import Struct

from blytz.kit.answer import Answer
from blytz.kit.problems import Overloaded, RateLimited, StoreUnavailable
from blytz.kit.ratelimit.gcra import Gcra

REPORT_EVERY_S: Final = 0.25
"""What was spent is reported no later than this, and at once when a user has spent half a burst."""
MAX_REPORTED_AT_ONCE: Final = 128
"""Users in one call, so that no call holds up Redis."""
SWEEP_FROM: Final = 1_024
"""With fewer users than this, those who owe nothing are not searched for."""


class Limit(Struct, frozen=True):
    """`per_s` units in the long run, and `burst` units at once after a pause. A unit is a call, or a byte."""

    name: str
    per_s: float
    burst: int


def daily_limit(name: str, units: int) -> Limit:
    """At most so many units in any 24 hours: a fifth at once, the others at a steady rate."""
    burst = units // 5
    return Limit(name, (units - burst) / 86_400, burst)


class Spent(Struct, frozen=True):
    """What one user spent in this process since the last report."""

    user_id: str
    units: int
    since_us: int
    """How long ago that began."""
    owed_us: int
    """In how long all that this process knows of is paid back."""


class Ledger(Protocol):
    """What all processes have spent together."""

    def spend(self, limit: Limit, spent: Sequence[Spent]) -> Answer[list[int]]:
        """For each user, in how many microseconds everything is paid back that was spent anywhere; not positive
        when it is. The call and its answer raise `Overloaded` and `StoreUnavailable`."""


class _Usage:
    __slots__ = ("since", "theoretical_arrival", "units", "user_id")

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.theoretical_arrival = 0.0
        """When everything spent is paid back, on the monotonic clock."""
        self.units = 0
        """Spent and not yet reported."""
        self.since = 0.0


class UserLimit:
    """A call costs about half a microsecond. Without a ledger, or while it is away, each process holds the limit
    by itself. With a ledger it must be used inside a running loop."""

    def __init__(self, limit: Limit, ledger: Ledger | None = None, now: Callable[[], float] = monotonic) -> None:
        self.limit = limit
        self._gcra = Gcra(limit.per_s, limit.burst)
        self._report_at = max(1, limit.burst // 2)
        self._ledger = ledger
        self._now = now
        self._usages: dict[str, _Usage] = {}
        self._sweep_at = SWEEP_FROM
        self._unreported: list[_Usage] = []
        self._timer: asyncio.Handle | None = None

    def __len__(self) -> int:
        """Users in memory: those who owe something, and some who no longer do."""
        return len(self._usages)

    def take(self, user_id: str, units: int = 1) -> None:
        """Spend so many units. Raises `RateLimited`, with the time after which they would be allowed; then nothing
        is spent."""
        now = self._now()
        usage = self._usages.get(user_id)
        if usage is None:
            if len(self._usages) >= self._sweep_at:
                self._sweep(now)
            usage = self._usages[user_id] = _Usage(user_id)
        theoretical_arrival = self._gcra.take(usage.theoretical_arrival, now, units)
        if not theoretical_arrival:
            wait_s = self._gcra.wait_s(usage.theoretical_arrival, now, units)
            raise RateLimited(retry_after_ms=ceil(wait_s * 1_000))
        usage.theoretical_arrival = theoretical_arrival
        if self._ledger is None:
            return
        if usage.units == 0:
            usage.since = now
            self._unreported.append(usage)
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(REPORT_EVERY_S, self._report)
        elif usage.units < self._report_at <= usage.units + units and self._timer is not None:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_soon(self._report)
        usage.units += units

    def _report(self) -> None:
        assert self._ledger is not None, "without a ledger nothing is put aside"
        self._timer = None
        now = self._now()
        usages, self._unreported = self._unreported, []
        for first in range(0, len(usages), MAX_REPORTED_AT_ONCE):
            reported = usages[first : first + MAX_REPORTED_AT_ONCE]
            spent = [_spent(usage, now) for usage in reported]
            for usage in reported:
                usage.units = 0
            try:
                answer = self._ledger.spend(self.limit, spent)
            except (Overloaded, StoreUnavailable):
                # Other processes never learn of it. While Redis is away hardly anything is decided anyway.
                continue
            answer.then(partial(self._reported, reported))

    def _reported(self, reported: list[_Usage], answer: Answer[list[int]]) -> None:
        if answer.exception() is not None:
            return
        now = self._now()
        for usage, owed_us in zip(reported, answer.result(), strict=True):
            # The answer does not include what was spent while it was on its way.
            everywhere = now + owed_us / 1e6 + usage.units * self._gcra.interval_s
            usage.theoretical_arrival = max(usage.theoretical_arrival, everywhere)

    def _sweep(self, now: float) -> None:
        """Forget users who owe nothing and whose spending was reported."""
        self._usages = {
            user_id: usage
            for user_id, usage in self._usages.items()
            if usage.theoretical_arrival > now or usage.units
        }
        self._sweep_at = max(SWEEP_FROM, 2 * len(self._usages))


def _spent(usage: _Usage, now: float) -> Spent:
    return Spent(
        usage.user_id,
        usage.units,
        max(0, int((now - usage.since) * 1e6)),
        max(0, int((usage.theoretical_arrival - now) * 1e6)),
    )
