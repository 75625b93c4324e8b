"""The audit trail: who did what in a show, when, and to whom. Entries are added and never changed or removed."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from blytz.auction.model import Party

MAX_DETAIL_LENGTH: Final = 200
"""Characters; more are cut."""


class Verb(StrEnum):
    SHOW_CREATED = "show_created"
    SHOW_CHANGED = "show_changed"
    LOT_ADDED = "lot_added"
    LOT_CHANGED = "lot_changed"
    LOT_REMOVED = "lot_removed"
    QUEUE_ORDERED = "queue_ordered"
    SHOW_STARTED = "show_started"
    SHOW_PAUSED = "show_paused"
    SHOW_RESUMED = "show_resumed"
    SHOW_ENDED = "show_ended"
    SHOW_CANCELLED = "show_cancelled"
    LOT_OPENED = "lot_opened"
    LOT_CLOSED = "lot_closed"
    MESSAGE_REMOVED = "message_removed"
    USER_MUTED = "user_muted"
    USER_UNMUTED = "user_unmuted"
    ANNOUNCED = "announced"
    CHAT_RULES_CHANGED = "chat_rules_changed"
    MODERATOR_NAMED = "moderator_named"
    MODERATOR_REMOVED = "moderator_removed"
    USER_BLOCKED = "user_blocked"
    USER_UNBLOCKED = "user_unblocked"
    BIDDER_APPROVED = "bidder_approved"
    APPROVAL_WITHDRAWN = "approval_withdrawn"
    REPORT_HANDLED = "report_handled"
    REMOVED_FROM_VIDEO = "removed_from_video"
    MUTED_IN_VIDEO = "muted_in_video"


class Act(Struct, frozen=True, kw_only=True):
    verb: str
    """A `Verb`; when read, perhaps one of a newer version."""
    by: Party
    at: int
    """Milliseconds since the Unix epoch, on the Redis clock."""
    seller_id: str
    show_id: str | None = None
    """None for what concerns all shows of the seller, such as a block."""
    on: str | None = None
    """The id of the lot, user, report or announcement that it was done to; of a message that of its speaker."""
    detail: str = ""
    """A few words, for people."""


class ActPage(Struct, frozen=True):
    acts: Sequence[Act]
    cursor: str | None
    """Pass it to get the next page; None at the end."""


class AuditTrail(Protocol):
    """Raises `StoreUnavailable` and `Overloaded`."""

    async def record(self, act: Act) -> None:
        """In a transaction of its own, for what is done outside the database. What is a transaction there records
        its act in the same one (`show/sql/acts.py`)."""

    async def acts(self, show_id: str, seller_id: str, cursor: str | None, limit: int) -> ActPage:
        """Those of the show, and those of its seller that concern all of his shows; the newest first."""
