"""A report, and its bounds."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from blytz.auction.model import Party
from blytz.show.chat.service import SaidMessage

MAX_REPORTS: Final = 20
"""Of one user in one show."""
MESSAGES_BEFORE: Final = 5

Reason = Literal["spam", "abuse", "fraud", "illegal", "other"]


class ReportCode(StrEnum):
    """Why something was refused."""

    REPORT_NOT_FOUND = "report_not_found"
    TOO_MANY = "too_many"


class Report(Struct, frozen=True, kw_only=True):
    report_id: str
    show_id: str
    by: Party
    at: int
    """Milliseconds since the Unix epoch."""
    message_id: str | None = None
    user_id: str | None = None
    lot_id: str | None = None
    """Without any of the three it is about the show."""
    reason: Reason
    text: str = ""
    messages: Sequence[SaidMessage] = ()
    """The message that it is about and up to `MESSAGES_BEFORE` said before it, the oldest first, as they were when
    it was reported; none when it is about no message, or one that the chat no longer had."""
    handled_at: int | None = None
    handled_by: Party | None = None


class ReportPage(Struct, frozen=True):
    reports: Sequence[Report]
    lots: dict[str, str]
    """The titles of the lots that they are about."""
    cursor: str | None
    """Pass it to get the next page; None at the end."""
