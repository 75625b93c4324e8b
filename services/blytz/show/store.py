"""The port to the catalogue: what outlives every auction."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

from blytz.show.acts import Act
from blytz.show.model import MAX_LOTS, Lot, LotFacts, LotPreBid, Show, ShowCode, ShowStatus

CURSOR: Final = r"([0-9])_(-?[0-9]{1,18})_([0-9]{1,18})"
"""Rank, time and number of the last show of a page, by which the list is ordered."""

LISTS: Final = "lists"
"""The scope of all lists of shows. Every other scope is the id of a show or a lot: a write names those that it
changes, and what was read of them before is not used any more."""


class ShowFilter(Struct, frozen=True):
    """None and empty take all."""

    status: ShowStatus | None = None
    category: str | None = None
    seller_id: str | None = None
    words: tuple[str, ...] = ()
    """All of them, each as a word or its beginning, in the show or in one of its lots."""
    only_public: bool = True
    """Without drafts, unlisted shows and rehearsals."""


class ShowPage(Struct, frozen=True):
    shows: Sequence[Show]
    cursor: str | None
    """Pass it to get the next page; None at the end."""


class CatalogueStore(Protocol):
    """Every call is one transaction, in which its act is recorded when it changes anything. All raise
    `StoreUnavailable` and `Overloaded`. No permissions are checked here: that is the service's work."""

    async def create_show(self, show: Show, act: Act | None = None) -> Show:
        """The same id again changes nothing: the answer is what is stored."""

    async def show(self, show_id: str) -> Show | None: ...

    async def shows(self, wanted: ShowFilter, cursor: str | None, limit: int) -> ShowPage:
        """Live ones first, then the soonest. A search looks at the newest matches, some thousand."""

    async def change_show(
        self, show_id: str, fields: dict[str, Any], seen: int | None, act: Act | None = None
    ) -> Show | ShowCode:
        """By `rules.change_show`."""

    async def lot_facts(self, show_ids: Sequence[str]) -> dict[str, LotFacts]:
        """Of every show that has lots."""

    async def add_lot(self, lot: Lot, act: Act | None = None) -> Lot | ShowCode:
        """At the end of the queue, with the next number. The same id again changes nothing. Refuses `too_many` and
        `show_over`."""

    async def lot(self, lot_id: str) -> Lot | None: ...

    async def lots(self, show_id: str, after: int = -1, limit: int = MAX_LOTS) -> Sequence[Lot]:
        """In queue order, those whose position is above `after`, without those that were removed."""

    async def change_lot(self, lot_id: str, fields: dict[str, Any], act: Act | None = None) -> Lot | ShowCode:
        """By `rules.change_lot`, which may raise `InvalidRequest`; one that is withdrawn leaves the queue."""

    async def place_pre_bid(self, pre_bid: LotPreBid) -> Lot | ShowCode:
        """By `rules.place_pre_bid`; refuses `too_many` past `MAX_PRE_BIDS`. Another amount of the same bidder
        replaces the first one and comes after all others; the same amount again changes nothing."""

    async def withdraw_pre_bid(self, lot_id: str, bidder_id: str) -> Lot | ShowCode:
        """While the lot is queued. Nothing to withdraw is not refused."""

    async def order_queue(self, show_id: str, lot_ids: Sequence[str], act: Act | None = None) -> bool:
        """The queued lots take their places in this order. False, with nothing changed, unless `lot_ids` names
        each of them once."""


class Audience(Protocol):
    async def viewers(self, show_ids: Collection[str]) -> Mapping[str, int]:
        """How many watch each of these shows, by the gateways that report; one that is left out has none. What
        cannot be asked has none, too: never raises, and waits for 0.3 s at most. The commands are sent before the
        first wait."""


class People(Protocol):
    """Raises `StoreUnavailable` and `Overloaded`."""

    async def is_moderator(self, show_id: str, user_id: str) -> bool:
        """Whether the user was named for this show, and it is not over."""

    async def is_blocked(self, seller_id: str, user_id: str) -> bool: ...

    async def blocked(self, seller_id: str) -> Sequence[str]:
        """The ids of all users whom the seller has blocked."""

    async def approved(self, show_id: str) -> Sequence[str]:
        """The ids of all bidders who are approved for this show."""


class ReadAnswer(Struct, frozen=True):
    body: bytes
    scopes: frozenset[str] = frozenset()
    """All that it was made from; none when it is not for everybody, and must not be kept."""


class KeptAnswers(Protocol):
    """Answers to reads of the catalogue that are the same for everybody, kept as they were sent."""

    async def read(self, name: str, make: Callable[[], Awaitable[ReadAnswer]]) -> bytes:
        """The answer that is kept under this name while no scope of it was written to, else the one that `make`
        gives. `name` says all that the answer depends on besides the catalogue. Raises what `make` raises."""
