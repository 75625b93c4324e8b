"""The audit trail in SQL. Triggers of the database refuse every UPDATE and DELETE of it."""

from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Select, Table, Text, insert, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from blytz.auction.model import Party
from blytz.kit.sql.database import Database
from blytz.show.acts import MAX_DETAIL_LENGTH, Act, ActPage
from blytz.show.sql.tables import METADATA, Key

ACTS: Final = Table(
    "acts",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("show_id", Text, comment="empty: all shows of the seller"),
    Column("seller_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by_id", Text, nullable=False),
    Column("by_name", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("on_id", Text),
    Column("detail", Text, nullable=False),
    CheckConstraint("length(detail) <= 200", "detail"),
    Index("ix_acts_show", "show_id", "id"),
    Index("ix_acts_seller", "seller_id", "show_id", "id"),
)


async def record_act(connection: AsyncConnection, act: Act | None) -> None:
    """In the transaction of `connection`, so that what was done is on record exactly when it was done. None
    records nothing."""
    if act is None:
        return
    row = {
        "show_id": act.show_id,
        "seller_id": act.seller_id,
        "at": act.at,
        "by_id": act.by.id,
        "by_name": act.by.name,
        "verb": act.verb,
        "on_id": act.on,
        "detail": act.detail[:MAX_DETAIL_LENGTH],
    }
    await connection.execute(insert(ACTS).values(row))


class SqlAuditTrail:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, act: Act) -> None:
        async with self._database.writing() as connection:
            await record_act(connection, act)

    async def acts(self, show_id: str, seller_id: str, cursor: str | None, limit: int) -> ActPage:
        async with self._database.reading() as connection:
            rows = (await connection.execute(_page_query(show_id, seller_id, cursor, limit + 1))).all()
        following = str(rows[limit - 1].id) if len(rows) > limit else None
        return ActPage([_act_of_row(row) for row in rows[:limit]], following)


def _page_query(show_id: str, seller_id: str, cursor: str | None, limit: int) -> Select[Any]:
    """Two reads of an index, each no longer than the page."""
    parts = []
    for condition in (ACTS.c.show_id == show_id, (ACTS.c.seller_id == seller_id) & ACTS.c.show_id.is_(None)):
        part = select(ACTS).where(condition)
        if cursor is not None:
            part = part.where(ACTS.c.id < int(cursor))
        newest = part.order_by(ACTS.c.id.desc()).limit(limit).subquery()
        parts.append(select(newest))
    both = union_all(*parts).subquery()
    return select(both).order_by(both.c.id.desc()).limit(limit)


def _act_of_row(row: Any) -> Act:
    return Act(
        verb=row.verb,
        by=Party(row.by_id, row.by_name),
        at=row.at,
        seller_id=row.seller_id,
        show_id=row.show_id,
        on=row.on_id,
        detail=row.detail,
    )
