"""The port to what everybody who watches a show is told (adapter: `show/redis/`).

A show that is watched has a log of events with a dense `seq`, and beside it the state that they lead to. The
catalogue numbers its own changes of each show too; by that number a change that is announced twice is one event,
and a state that was read from the catalogue later than a change already holds it.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct

from blytz.kit.problems import CorruptRecord
from blytz.show.chat.rules import NO_RULES, ChatRules


class Announcement(Struct, frozen=True):
    """One change that the catalogue made to a show."""

    change: int
    """From 1, dense for each show, in the order of the transactions."""
    kind: str
    public: dict[str, Any]
    """What the event carries besides `seq`, `kind`, `at` and `show_id`. Of these, `show`, `lot`, `lot_id` (of one
    that was removed), `positions`, `open_lots`, `lots` (counts), `host` and `moderators` change the state."""
    chat_rules: ChatRules | None = None
    """Those of the seller, which nobody who watches is told; None for no change."""


class ShowSnapshot(Struct, frozen=True):
    """A show as the catalogue has it after `change`."""

    change: int
    show: dict[str, Any]
    lots: Sequence[dict[str, Any]]
    moderators: Sequence[dict[str, Any]] = ()
    readers: Sequence[str] | None = None
    """The users who may watch a rehearsal; None for everybody."""
    blocked: Sequence[str] = ()
    """The users who may not speak."""
    chat_rules: ChatRules = NO_RULES


class Announced(StrEnum):
    DONE = "done"
    """Now or before."""
    ABSENT = "absent"
    """Nobody has watched the show lately: it has no state here. Whoever watches it next gets a new snapshot."""
    GAP = "gap"
    """The change before this one is not announced yet. Nothing was done."""


class CorruptShow(CorruptRecord):
    """What is stored of the show is not valid. Nothing was written."""

    status, code, title = 500, "corrupt_show", "What is stored of the show is not valid; nothing was changed"


class ShowLog(Protocol):
    """Every call is atomic. All raise `StoreUnavailable`, `Overloaded` and `CorruptShow`."""

    async def fill(self, show_id: str, snapshot: ShowSnapshot) -> None:
        """Give the show a state and an empty log, unless it has one."""

    async def replace(self, show_id: str, snapshot: ShowSnapshot) -> None:
        """The same, and what it had is gone: whoever watches it starts again from a snapshot."""

    async def set_blocked(self, show_id: str, user_ids: Collection[str], *, held: bool = True) -> None:
        """Who may not speak in this show."""

    async def announce(self, show_id: str, announcement: Announcement) -> Announced: ...
