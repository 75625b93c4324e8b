"""What the HTTP calls of reports take and give (protocol, section 8)."""

from typing import Annotated

from litestar.params import PathParameter
from msgspec import Meta, Struct

from blytz.auction.http.schemas import PartyView
from blytz.auction.model import Party
from blytz.kit.http.parse import Parser
from blytz.kit.text import NAME, TEXT, USER_ID
from blytz.show.reports.model import Reason, Report

ReportId = Annotated[str, PathParameter(description="as given when it was made")]
Id = Annotated[str, Meta(pattern=NAME)]


class NewReport(Struct, frozen=True, forbid_unknown_fields=True):
    """About a message, a user or a lot; without any of them about the show."""

    reason: Reason
    message_id: Id | None = None
    user_id: Annotated[str, Meta(pattern=USER_ID)] | None = None
    lot_id: Id | None = None
    text: Annotated[str, Meta(max_length=1_000, pattern=TEXT)] = ""


class ReportedMessage(Struct, frozen=True):
    message_id: str
    user: PartyView
    text: str
    at: int


class ReportView(Struct, frozen=True):
    report_id: str
    at: int
    by: PartyView
    reason: Reason
    text: str
    message_id: str | None
    user_id: str | None
    lot_id: str | None
    lot_title: str | None
    handled_at: int | None
    handled_by: PartyView | None
    messages: list[ReportedMessage]
    """The message that it is about and up to five said before it, the oldest first, as they were when it was
    reported."""


class Reports(Struct, frozen=True):
    """The newest first."""

    reports: list[ReportView]
    cursor: str | None


def report_view(report: Report, lot_title: str | None = None) -> ReportView:
    return ReportView(
        report_id=report.report_id,
        at=report.at,
        by=_party(report.by),
        reason=report.reason,
        text=report.text,
        message_id=report.message_id,
        user_id=report.user_id,
        lot_id=report.lot_id,
        lot_title=lot_title,
        handled_at=report.handled_at,
        handled_by=_party(report.handled_by) if report.handled_by else None,
        messages=[ReportedMessage(one.message_id, _party(one.user), one.text, one.at) for one in report.messages],
    )


def _party(party: Party) -> PartyView:
    return PartyView(party.id, party.name)


read_new_report = Parser(NewReport)
