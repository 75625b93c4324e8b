"""The port to shows that run: decisions about them, and the intents that these leave to be carried out."""

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Final, Protocol

from msgspec import Struct

from blytz.show.acts import Act
from blytz.show.events.log import Announcement, ShowSnapshot
from blytz.show.model import Closing, Lot, LotFacts, Show, ShowCode
from blytz.show.running.auctions import Opening
from blytz.show.running.decision import Order
from blytz.show.running.rules import Decide

MAX_INTENTS: Final = 500
"""Of one show, read at once."""


class Which(Enum):
    NONE = 0
    NEXT = 1
    """The first of the queue."""


class Intent(Struct, frozen=True):
    """What a decision left to be done: an order, with its opening if it opens an auction, or an announcement."""

    intent_id: int
    order: Order | None = None
    opening: Opening | None = None
    announcement: Announcement | None = None


class Acted(Struct, frozen=True):
    """A show, and the lot that the act was about, just after it."""

    show: Show
    facts: LotFacts
    lot: Lot | None = None
    changed: bool = True
    """Whether the act has changed the show or a lot of it. Of the answer to a repetition: whether the first one
    has."""
    voided: tuple[str, ...] = ()
    """The lots whose pre-bids are void because the show is over."""


class OpenRun(Struct, frozen=True):
    """An auction or offer whose end is not written yet."""

    number: int
    """By which runs are counted, from 1."""
    auction_id: str
    opened_at: int


class RunStore(Protocol):
    """Every call is one transaction. All raise `StoreUnavailable` and `Overloaded`."""

    async def act(
        self, show_id: str, decide: Decide, lot: str | Which, operation_id: str = "", act: Act | None = None
    ) -> Acted | ShowCode:
        """Write what `decide` says, with its intents and, where it changes anything, with `act`. With an
        `operation_id` a repetition within 24 hours of what was not refused gets the first answer. The act of an
        opening names the lot and the auction."""

    async def read(self, show_id: str, lot_id: str | None = None) -> Acted | None:
        """The show and the lot as they stand, as after an act that changed nothing. None without such a show."""

    async def close(self, closing: Closing) -> Acted | None:
        """Close the run of this auction. None for an auction that is no run, or closed already."""

    async def record_left(self, offer_id: str, left: int) -> Acted | None:
        """Write what the offer of a run has left. None for one that is closed."""

    async def open_runs(self, limit: int, *, prefix: str = "", after: int = 0) -> Sequence[OpenRun]:
        """Those with ids that begin so, the oldest first, after the run of this number. Those that an intent of
        their show names are left out."""

    async def is_anything_on(self) -> bool:
        """Whether there is a show that is live or paused, a run that is open, or an intent."""

    async def open_among(self, auction_ids: Sequence[str]) -> Collection[str]:
        """Those of them that are runs whose end is not written yet."""

    async def earlier_offers(self, lot_id: str, run: int, closed_after: int) -> Sequence[str]:
        """Ids of the offers that this lot was sold in before this run of it and that were closed after then (ms
        since the Unix epoch), the newest first."""

    async def open_auctions(self, *, show_id: str | None = None, seller_id: str | None = None) -> Sequence[str]:
        """Of the lots of this show, or of all shows of this seller."""

    async def shows_on(self, seller_id: str) -> Sequence[str]:
        """Those of the seller that are live or paused."""

    async def intents(self, show_id: str) -> Sequence[Intent]:
        """The oldest ones, at most `MAX_INTENTS`."""

    async def finish(self, intent_ids: Sequence[int]) -> None: ...

    async def shows_with_intents(self, before: int, limit: int) -> Sequence[str]:
        """Those with an intent that was written before then (ms since the Unix epoch)."""

    async def shows_due(self, now: int, limit: int) -> Sequence[tuple[str, int]]:
        """Those whose next lot is to be opened by now, with the time at which it was due."""

    async def snapshot(self, show_id: str) -> ShowSnapshot | None:
        """None for a draft, which nobody can watch, and without such a show."""

    async def forget_operations(self, before: int) -> None: ...
