"""Reports in SQL."""

from typing import Any, Final

import msgspec
from sqlalchemy import func, insert, select, update

from blytz.auction.model import Party
from blytz.kit.sql.database import Database
from blytz.show.acts import Act
from blytz.show.chat.service import SaidMessage
from blytz.show.reports.model import MAX_REPORTS, Report, ReportCode, ReportPage
from blytz.show.reports.sql.tables import REPORTS
from blytz.show.sql.acts import record_act
from blytz.show.sql.tables import LOTS

_write: Final = msgspec.json.Encoder().encode
_read: Final = msgspec.json.Decoder(tuple[SaidMessage, ...]).decode


class SqlReports:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, report: Report) -> Report | ReportCode:
        stored = select(REPORTS).where(REPORTS.c.report_id == report.report_id)
        theirs = (REPORTS.c.show_id == report.show_id) & (REPORTS.c.by_id == report.by.id)
        row = {
            "report_id": report.report_id,
            "show_id": report.show_id,
            "by_id": report.by.id,
            "by_name": report.by.name,
            "at": report.at,
            "message_id": report.message_id,
            "user_id": report.user_id,
            "lot_id": report.lot_id,
            "reason": report.reason,
            "text": report.text,
            "messages": _write(report.messages).decode() if report.messages else None,
        }
        async with self._database.writing() as connection:
            if found := (await connection.execute(stored)).first():
                return _report_of_row(found)
            count = select(func.count()).select_from(REPORTS).where(theirs)
            if (await connection.execute(count)).scalar_one() >= MAX_REPORTS:
                return ReportCode.TOO_MANY
            await connection.execute(insert(REPORTS).values(row))
        return report

    async def reports(self, show_id: str, cursor: str | None, limit: int) -> ReportPage:
        query = select(REPORTS).where(REPORTS.c.show_id == show_id)
        if cursor is not None:
            query = query.where(REPORTS.c.id < int(cursor))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.order_by(REPORTS.c.id.desc()).limit(limit + 1))).all()
            about = {row.lot_id for row in rows if row.lot_id is not None}
            titles = select(LOTS.c.lot_id, LOTS.c.title).where(LOTS.c.show_id == show_id, LOTS.c.lot_id.in_(about))
            lots = {row.lot_id: row.title for row in await connection.execute(titles)} if about else {}
        following = str(rows[limit - 1].id) if len(rows) > limit else None
        return ReportPage([_report_of_row(row) for row in rows[:limit]], lots, following)

    async def handle(self, show_id: str, report_id: str, by: Party, at: int, act: Act) -> Report | ReportCode:
        its = (REPORTS.c.show_id == show_id) & (REPORTS.c.report_id == report_id)
        values = {"handled_at": at, "handled_by_id": by.id, "handled_by_name": by.name}
        async with self._database.writing() as connection:
            handled = await connection.execute(
                update(REPORTS).where(its, REPORTS.c.handled_at.is_(None)).values(values)
            )
            if handled.rowcount:
                await record_act(connection, act)
            row = (await connection.execute(select(REPORTS).where(its))).first()
        return _report_of_row(row) if row else ReportCode.REPORT_NOT_FOUND


def _report_of_row(row: Any) -> Report:
    handled_by = None if row.handled_by_id is None else Party(row.handled_by_id, row.handled_by_name)
    return Report(
        report_id=row.report_id,
        show_id=row.show_id,
        by=Party(row.by_id, row.by_name),
        at=row.at,
        message_id=row.message_id,
        user_id=row.user_id,
        lot_id=row.lot_id,
        reason=row.reason,
        text=row.text,
        messages=_read(row.messages) if row.messages else (),
        handled_at=row.handled_at,
        handled_by=handled_by,
    )
