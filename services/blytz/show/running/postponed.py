"""What only a person can repair, and when it is tried again."""

from collections.abc import Callable, Collection
from typing import Final

import structlog

log = structlog.get_logger()

POSTPONED_MS: Final = 60_000


class Postponed:
    """Bounded by `keep`."""

    def __init__(self, event: str, now: Callable[[], int]) -> None:
        """`event` is logged once for each that is postponed. `now` is the time in ms since the Unix epoch."""
        self._event = event
        self._now = now
        self._not_before: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._not_before)

    def is_postponed(self, name: str) -> bool:
        return self._now() < self._not_before.get(name, 0)

    def postpone(self, name: str, why: str) -> None:
        if name not in self._not_before:
            log.error(self._event, of=name, why=why)
        self._not_before[name] = self._now() + POSTPONED_MS

    def forget(self, name: str) -> None:
        """It could be done."""
        self._not_before.pop(name, None)

    def keep(self, names: Collection[str]) -> None:
        """Forget all but these."""
        for name in self._not_before.keys() - set(names):
            del self._not_before[name]
