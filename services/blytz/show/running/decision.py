"""What the rules of a show see and what they decide: values that are read and written in one transaction."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from blytz.auction.model import Party, PauseReason
from blytz.show.chat.rules import ChatRules
from blytz.show.model import Closing, Lot, LotFacts, LotTerms, Run, Show, TermsChange


class UnitSale(Struct, frozen=True):
    """How one unit of a lot was sold."""

    price: int
    winner: Party | None


class Scene(Struct, frozen=True):
    """A show as a decision needs to see it, locked until the decision is written."""

    show: Show
    facts: LotFacts = LotFacts()
    lot: Lot | None = None
    """The one that the decision is about; for `next` the first of the queue."""
    open_runs: Sequence[str] = ()
    """The auctions and offers of the lots that are open."""
    last_sale: UnitSale | None = None
    """Of the units that came before the one that comes up, None when none of them was sold."""


class Order(Struct, frozen=True):
    """Something to be done to an auction or offer, by its id, or to the show's video room; doing it twice is doing
    it once."""

    verb: Literal["open", "pause", "resume", "close", "cancel", "open_room", "close_room"]
    auction_id: str = ""
    reason: PauseReason = "seller"
    """Of a pause."""


class Notice(Struct, frozen=True):
    """What everybody who watches the show is told of the change: one event of its log (protocol, section 8)."""

    kind: str
    lot: Lot | None = None
    fields: dict[str, Any] = {}
    chat_rules: ChatRules | None = None
    """Of the seller, once they have changed; the event does not have them."""


class Decision(Struct, frozen=True):
    """All of it is written in one transaction. The orders and notices are intents: carried out after it, in this
    order, by whoever comes first, until they are done."""

    show: Show
    lots: Sequence[Lot] = ()
    """Those that changed."""
    opened: Run | None = None
    closed: Closing | None = None
    orders: Sequence[Order] = ()
    notices: Sequence[Notice] = ()


class Reopening(Struct, frozen=True):
    """For a lot that comes up again."""

    terms: LotTerms | TermsChange | None = None
    """None keeps those it has."""
