"""Passes each purchase on to `sales`, once. Any number of processes may do so side by side; each may be killed at
any moment.

The log of an offer is what there is to pass on. How far that is done stands beside `sales` and moves on in the
step in which the purchases are appended: none is forgotten, none is passed on twice.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final, Protocol

import msgspec
import structlog
from msgspec import Struct

from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.telemetry.metrics import Metrics
from blytz.offer.model import Status

log = structlog.get_logger()

POLL_EVERY_S: Final = 0.25
MAX_EVENTS_AT_ONCE: Final = 200
"""Of one offer in one step, so that no bid waits for it."""
POSTPONED_S: Final = 60.0
ORPHAN_AFTER_S: Final = 60.0
"""An entry whose offer has not appeared this long belongs to a creation that failed."""
_object = msgspec.json.Decoder(dict[str, Any])


class LoggedEvent(Struct, frozen=True):
    seq: int
    public: bytes
    """JSON, as it stands in the log."""


class SalesOutbox(Protocol):
    """What is to be passed on, and how far that is done (adapter: `offer/redis/sales.py`)."""

    async def positions(self) -> dict[str, int]:
        """Of each offer that is not done: the `seq` up to which its events are passed on."""

    async def events(self, offer_id: str, after: int, limit: int) -> Sequence[LoggedEvent]:
        """Events with `after < seq`, oldest first, at most `limit`."""

    async def record(
        self, offer_id: str, after: int, up_to: int, purchases: Sequence[bytes], *, ended: bool
    ) -> bool:
        """Append the purchases and move the position from `after` to `up_to`; with `ended` the offer is done, and
        is deleted later. False when another process did it."""


class PurchaseFeed:
    """Run under a `TaskSupervisor`."""

    def __init__(self, outbox: SalesOutbox, metrics: Metrics, orphan_after_s: float = ORPHAN_AFTER_S) -> None:
        self._outbox = outbox
        self._orphan_after_s = orphan_after_s
        self._empty_since: dict[str, float] = {}
        """Offers without an event, by when this process saw that first."""
        self._not_before: dict[str, float] = {}
        """Offers that failed, by when they are tried again."""
        self._passed_on = metrics.counter("blytz_purchases_passed_on", "Purchases that this process gave to sales")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            # The connection says in the log that Redis is away.
            with contextlib.suppress(StoreUnavailable, Overloaded):
                await self.pass_on()
            await asyncio.sleep(POLL_EVERY_S)

    async def pass_on(self) -> None:
        """All that is there now. Raises `StoreUnavailable` and `Overloaded`."""
        positions = await self._outbox.positions()
        self._not_before = {key: at for key, at in self._not_before.items() if key in positions}
        self._empty_since = {key: since for key, since in self._empty_since.items() if key in positions}
        for offer_id, after in positions.items():
            if monotonic() < self._not_before.get(offer_id, 0.0):
                continue
            try:
                await self._pass_on(offer_id, after)
            except (StoreUnavailable, Overloaded):
                raise
            except Exception:
                # A person has to find out what stands there. It must not hold up the other offers.
                log.exception("purchases_not_passed_on", offer_id=offer_id)
                self._not_before[offer_id] = monotonic() + POSTPONED_S

    async def _pass_on(self, offer_id: str, after: int) -> None:
        while events := await self._outbox.events(offer_id, after, MAX_EVENTS_AT_ONCE):
            decoded = [_object.decode(event.public) for event in events]
            kinds = [public["kind"] for public in decoded]
            purchases = [event.public for event, kind in zip(events, kinds, strict=True) if kind == "purchase"]
            ended, up_to = Status(decoded[-1]["status"]).is_final, events[-1].seq
            if not await self._outbox.record(offer_id, after, up_to, purchases, ended=ended):
                return
            self._passed_on.add(by=len(purchases))
            if ended:
                return
            after = up_to
        if after == 0 and monotonic() - self._empty_since.setdefault(offer_id, monotonic()) > self._orphan_after_s:
            await self._outbox.record(offer_id, 0, 0, (), ended=True)
