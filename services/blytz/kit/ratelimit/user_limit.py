"""How often one user may do something: GCRA, decided here at once, and shared with other processes a moment later.

A bid is on disk before its bidder is answered, so asking Redis about a limit first would double what a bid costs.
Every process therefore decides by itself and tells the ledger what was spent, many users in one call; the ledger
answers with what each has spent everywhere. The decision on limits in `specs/decisions` says how exact that is.
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
"""What was spent is told no later than this, and at once when a user has spent half a burst."""
REPORTED_AT_ONCE: Final = 128
"""Users in one call, so that no single one holds Redis up."""
SWEEP_FROM: Final = 1_024
"""Users known before those who owe nothing any more are looked for."""


class Limit(Struct, frozen=True):
    """`per_s` in the long run, and `burst` at once for who has been quiet."""

    name: str
    per_s: float
    burst: int


class Spent(Struct, frozen=True):
    """What one user did here since it was last told."""

    user_id: str
    times: int
    since_us: int
    """How long ago that began."""
    owed_us: int
    """In how long all that this process knows of is paid back."""


class Ledger(Protocol):
    """What all processes have spent together."""

    def spend(self, limit: Limit, spent: Sequence[Spent]) -> Answer[list[int]]:
        """For each, in how many microseconds everything is paid back that was spent anywhere; not positive when it
        is. Raises `Overloaded` and `StoreUnavailable`, as does the future."""


class _Usage:
    __slots__ = ("since", "theoretical_arrival", "times", "user_id")

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.theoretical_arrival = 0.0
        """When all that was spent is paid back: GCRA's theoretical arrival time."""
        self.times = 0
        """Spent and not told."""
        self.since = 0.0


class UserLimit:
    """Costs about half a microsecond a call. Without a ledger, or while it is away, every process holds the limit
    by itself. With one, it must be used inside a running loop."""

    def __init__(self, limit: Limit, ledger: Ledger | None = None, now: Callable[[], float] = monotonic) -> None:
        self.limit = limit
        self._gcra = Gcra(limit.per_s, limit.burst)
        self._lease = max(1, limit.burst // 2)
        self._ledger = ledger
        self._now = now
        self._usages: dict[str, _Usage] = {}
        self._sweep_at = SWEEP_FROM
        self._unreported: list[_Usage] = []
        self._timer: asyncio.Handle | None = None

    def __len__(self) -> int:
        """Users remembered: those who owe something, and some who no longer do."""
        return len(self._usages)

    def take(self, user_id: str) -> None:
        """Once more for this user. Raises `RateLimited`, with the time after which once more would be allowed."""
        now = self._now()
        usage = self._usages.get(user_id)
        if usage is None:
            if len(self._usages) >= self._sweep_at:
                self._sweep(now)
            usage = self._usages[user_id] = _Usage(user_id)
        theoretical_arrival = self._gcra.take(usage.theoretical_arrival, now)
        if not theoretical_arrival:
            wait_s = self._gcra.wait_s(usage.theoretical_arrival, now)
            raise RateLimited(retry_after_ms=ceil(wait_s * 1_000))
        usage.theoretical_arrival = theoretical_arrival
        if self._ledger is None:
            return
        usage.times += 1
        if usage.times == 1:
            usage.since = now
            self._unreported.append(usage)
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(REPORT_EVERY_S, self._tell)
        elif usage.times == self._lease and self._timer is not None:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        assert self._ledger is not None, "without a ledger nothing is put aside"
        self._timer = None
        now = self._now()
        usages, self._unreported = self._unreported, []
        for first in range(0, len(usages), REPORTED_AT_ONCE):
            told = usages[first : first + REPORTED_AT_ONCE]
            spent = [_spent(usage, now) for usage in told]
            for usage in told:
                usage.times = 0
            try:
                answer = self._ledger.spend(self.limit, spent)
            except (Overloaded, StoreUnavailable):
                # It is forgotten elsewhere, not here; and what cannot be told was hardly decided either.
                continue
            answer.then(partial(self._told, told))

    def _told(self, told: list[_Usage], answer: Answer[list[int]]) -> None:
        if answer.exception() is not None:
            return
        now = self._now()
        for usage, owed_us in zip(told, answer.result(), strict=True):
            # What was spent while the answer was on its way is in nobody else's books yet.
            elsewhere = now + owed_us / 1e6 + usage.times * self._gcra.interval_s
            usage.theoretical_arrival = max(usage.theoretical_arrival, elsewhere)

    def _sweep(self, now: float) -> None:
        """Who owes nothing and has told everything is as good as new."""
        self._usages = {
            user_id: usage
            for user_id, usage in self._usages.items()
            if usage.theoretical_arrival > now or usage.times
        }
        self._sweep_at = max(SWEEP_FROM, 2 * len(self._usages))


def _spent(usage: _Usage, now: float) -> Spent:
    return Spent(
        usage.user_id,
        usage.times,
        max(0, int((now - usage.since) * 1e6)),
        max(0, int((usage.theoretical_arrival - now) * 1e6)),
    )
