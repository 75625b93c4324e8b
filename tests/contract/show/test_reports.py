"""What `ReportStore` promises, on SQLite and on PostgreSQL."""

from typing import Any

import pytest
from msgspec.structs import replace

from blytz.auction.model import Party
from blytz.kit.sql.database import Database
from blytz.show.acts import Verb
from blytz.show.chat.service import SaidMessage
from blytz.show.reports.model import MAX_REPORTS, Report, ReportCode
from blytz.show.reports.sql.store import SqlReports
from blytz.show.sql.acts import SqlAuditTrail
from blytz.show.sql.store import SqlCatalogue
from tests.support.shows import SELLER, act, lot, show


def report(number: int = 1, **fields: Any) -> Report:
    usual: dict[str, Any] = {"by": Party("usr_ann", "Ann"), "reason": "spam", "show_id": "shw_1"}
    return Report(report_id=f"rep_{number}", at=number, **{**usual, **fields})


@pytest.fixture
async def reports(catalogue: SqlCatalogue, database: Database) -> SqlReports:
    await catalogue.create_show(show())
    return SqlReports(database)


async def test_reports_come_in_pages_with_the_titles_of_their_lots(
    reports: SqlReports, catalogue: SqlCatalogue
) -> None:
    await catalogue.add_lot(lot(1))
    said = (SaidMessage("m0", SELLER, "Hello", 1), SaidMessage("m1", Party("usr_ben", "Ben"), "Buy elsewhere", 2))
    about_message = report(3, user_id="usr_ben", message_id="m1", messages=said)
    made = [report(1), report(2, lot_id="lot_1_1", text="Glued"), about_message]
    for one in made:
        assert await reports.add(one) == one
    assert await reports.add(report(1, text="Again")) == report(1)

    first = await reports.reports("shw_1", None, 2)
    last = await reports.reports("shw_1", first.cursor, 2)

    assert [*first.reports, *last.reports] == made[::-1]
    assert (first.lots, last.lots, last.cursor) == ({"lot_1_1": "Bowl 1"}, {}, None)


async def test_a_user_makes_a_bounded_number_of_reports_in_a_show(reports: SqlReports) -> None:
    for number in range(MAX_REPORTS):
        await reports.add(report(number))

    assert await reports.add(report(99)) is ReportCode.TOO_MANY
    other = report(100, by=Party("usr_ben", "Ben"))
    assert await reports.add(other) == other


async def test_the_first_who_handles_a_report_is_on_record(reports: SqlReports, database: Database) -> None:
    await reports.add(report())
    handled = act(Verb.REPORT_HANDLED, on="rep_1")
    mo = Party("usr_mo", "Mo")

    for by, at in ((mo, 5), (SELLER, 6)):
        done = await reports.handle("shw_1", "rep_1", by, at, handled)
        assert done == replace(report(), handled_at=5, handled_by=mo)

    assert await reports.handle("shw_1", "rep_9", mo, 5, handled) is ReportCode.REPORT_NOT_FOUND
    assert await reports.handle("shw_2", "rep_1", mo, 5, handled) is ReportCode.REPORT_NOT_FOUND
    assert (await SqlAuditTrail(database).acts("shw_1", SELLER.id, None, 9)).acts == [handled]
