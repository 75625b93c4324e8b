"""The catalogue in SQL. What a change does is decided by `rules`, on the row that the transaction has locked."""

import re
import time
from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import ColumnElement, FromClause, Select, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blytz.auction.model import MAX_PRE_BIDS
from blytz.kit.sql.database import Database
from blytz.show import rules
from blytz.show.acts import Act
from blytz.show.model import MAX_LOTS, Lot, LotFacts, LotPreBid, LotStatus, Show, ShowCode
from blytz.show.running.decision import Decision, Notice
from blytz.show.sql.acts import record_act
from blytz.show.sql.rows import lot_of_row, row_of_lot, row_of_show, show_of_row
from blytz.show.sql.search import matching_shows
from blytz.show.sql.tables import LOTS, PRE_BIDS, SHOWS
from blytz.show.sql.writing import Clock, facts_of, locked_show, read_lot, write
from blytz.show.store import CURSOR, ShowFilter, ShowPage

MIGRATIONS: Final = "blytz.show.sql.migrations"
_WHILE_ORDERING: Final = -1_000_000_000
"""Positions from here down are used only within a transaction that changes the order: no two lots share one."""
_CURSOR = re.compile(CURSOR)


def _wall_clock() -> int:
    return time.time_ns() // 1_000_000


class SqlCatalogue:
    def __init__(self, database: Database, now: Clock = _wall_clock) -> None:
        """`now` is the clock that auctions run by."""
        self._database = database
        self._now = now

    async def create_show(self, show: Show, act: Act | None = None) -> Show:
        async with self._database.writing() as connection:
            stored = await locked_show(connection, show.show_id)
            if stored is None:
                await connection.execute(insert(SHOWS).values(row_of_show(show)))
                await record_act(connection, act)
            return stored or show

    async def show(self, show_id: str) -> Show | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(SHOWS).where(SHOWS.c.show_id == show_id))).first()
        return show_of_row(row) if row else None

    async def shows(self, wanted: ShowFilter, cursor: str | None, limit: int) -> ShowPage:
        query = page_query(wanted, cursor, limit + 1, is_sqlite=self._database.is_sqlite)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        shows = [show_of_row(row) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        return ShowPage(shows, f"{last.listed_rank}_{last.listed_at}_{last.id}" if last else None)

    async def change_show(
        self, show_id: str, fields: dict[str, Any], seen: int | None, act: Act | None = None
    ) -> Show | ShowCode:
        async with self._database.writing() as connection:
            show = await locked_show(connection, show_id)
            if show is None:
                return ShowCode.SHOW_NOT_FOUND
            changed = rules.change_show(show, fields, seen)
            if isinstance(changed, Show) and changed != show:
                decision = Decision(changed, notices=[Notice("show_changed")])
                changed = (await write(connection, show, decision, self._now())).show
                await record_act(connection, act)
            return changed

    async def lot_facts(self, show_ids: Sequence[str]) -> dict[str, LotFacts]:
        async with self._database.reading() as connection:
            return await facts_of(connection, show_ids)

    async def add_lot(self, lot: Lot, act: Act | None = None) -> Lot | ShowCode:
        async with self._database.writing() as connection:
            show = await locked_show(connection, lot.show_id)
            if show is None:
                return ShowCode.SHOW_NOT_FOUND
            if stored := await read_lot(connection, select(LOTS).where(LOTS.c.lot_id == lot.lot_id)):
                return stored
            if show.status.is_final:
                return ShowCode.SHOW_OVER
            last = select(
                func.coalesce(func.max(LOTS.c.number), 0).label("number"),
                func.coalesce(func.max(LOTS.c.position), -1).label("position"),
            ).where(LOTS.c.show_id == lot.show_id)
            row = (await connection.execute(last)).one()
            if row.number >= MAX_LOTS:
                return ShowCode.TOO_MANY
            added = replace(lot, number=row.number + 1, position=max(row.position, -1) + 1)
            await connection.execute(insert(LOTS).values(row_of_lot(added)))
            await write(connection, show, Decision(show, notices=[Notice("lot_added", added)]), self._now())
            await record_act(connection, act)
            return added

    async def lot(self, lot_id: str) -> Lot | None:
        async with self._database.reading() as connection:
            return await read_lot(connection, select(LOTS).where(LOTS.c.lot_id == lot_id))

    async def lots(self, show_id: str, after: int = -1, limit: int = MAX_LOTS) -> Sequence[Lot]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(queue_query(show_id, after, limit))).all()
        return [lot_of_row(row) for row in rows]

    async def change_lot(self, lot_id: str, fields: dict[str, Any], act: Act | None = None) -> Lot | ShowCode:
        async with self._database.writing() as connection:
            show, lot = await _locked(connection, lot_id)
            if lot is None or show is None:
                return ShowCode.LOT_NOT_FOUND
            changed = rules.change_lot(lot, fields)
            if isinstance(changed, Lot) and changed != lot:
                is_removed = changed.status is LotStatus.WITHDRAWN
                told = (
                    Notice("lot_removed", fields={"lot_id": lot_id})
                    if is_removed
                    else Notice("lot_changed", changed)
                )
                await write(connection, show, Decision(show, [changed], notices=[told]), self._now())
                await record_act(connection, act)
            return changed

    async def place_pre_bid(self, pre_bid: LotPreBid) -> Lot | ShowCode:
        of_bidder = (PRE_BIDS.c.lot_id == pre_bid.lot_id) & (PRE_BIDS.c.bidder_id == pre_bid.bidder.id)
        async with self._database.writing() as connection:
            show, lot = await _locked(connection, pre_bid.lot_id)
            if show is None or lot is None:
                return ShowCode.LOT_NOT_FOUND
            if code := rules.place_pre_bid(show, lot, pre_bid.bidder.id, pre_bid.amount):
                return code
            before = (await connection.execute(select(PRE_BIDS.c.amount).where(of_bidder))).scalar()
            if before == pre_bid.amount:
                return lot
            if before is None and lot.pre_bids >= MAX_PRE_BIDS:
                return ShowCode.TOO_MANY
            if before is not None:
                await connection.execute(delete(PRE_BIDS).where(of_bidder))
            row = {"bidder_id": pre_bid.bidder.id, "bidder_name": pre_bid.bidder.name, "amount": pre_bid.amount}
            await connection.execute(insert(PRE_BIDS).values(lot_id=pre_bid.lot_id, **row))
            return await self._count_pre_bids(connection, show, lot, 1 if before is None else 0)

    async def withdraw_pre_bid(self, lot_id: str, bidder_id: str) -> Lot | ShowCode:
        of_bidder = (PRE_BIDS.c.lot_id == lot_id) & (PRE_BIDS.c.bidder_id == bidder_id)
        async with self._database.writing() as connection:
            show, lot = await _locked(connection, lot_id)
            if show is None or lot is None:
                return ShowCode.LOT_NOT_FOUND
            if lot.status is not LotStatus.QUEUED:
                return ShowCode.LOT_NOT_QUEUED
            removed = await connection.execute(delete(PRE_BIDS).where(of_bidder))
            return await self._count_pre_bids(connection, show, lot, -removed.rowcount)

    async def _count_pre_bids(self, connection: AsyncConnection, show: Show, lot: Lot, more: int) -> Lot:
        if more:
            lot = replace(lot, pre_bids=lot.pre_bids + more)
            await write(connection, show, Decision(show, [lot], notices=[Notice("lot_changed", lot)]), self._now())
        return lot

    async def order_queue(self, show_id: str, lot_ids: Sequence[str], act: Act | None = None) -> bool:
        queued = (LOTS.c.show_id == show_id) & (LOTS.c.status == LotStatus.QUEUED)
        async with self._database.writing() as connection:
            show = await locked_show(connection, show_id)
            if show is None:
                return not lot_ids
            rows = (await connection.execute(select(LOTS.c.lot_id, LOTS.c.position).where(queued))).all()
            if sorted(lot_ids) != sorted(row.lot_id for row in rows):
                return False
            if not rows:
                return True
            positions = sorted(row.position for row in rows)
            places = [{"moved": lot_id, "to": to} for lot_id, to in zip(lot_ids, positions, strict=True)]
            aside = {"position": _WHILE_ORDERING - LOTS.c.position}
            await connection.execute(update(LOTS).where(queued).values(aside))
            # One statement for queues of any length, because compiled statements are cached.
            move = update(LOTS).where(LOTS.c.lot_id == bindparam("moved")).values(position=bindparam("to"))
            await connection.execute(move, places)
            order = {"positions": {place["moved"]: place["to"] for place in places}}
            told = Decision(show, notices=[Notice("queue_changed", fields=order)])
            await write(connection, show, told, self._now())
            await record_act(connection, act)
            return True


async def _locked(connection: AsyncConnection, lot_id: str) -> tuple[Show | None, Lot | None]:
    """A lot with its show, which is locked."""
    of_lot = select(LOTS).where(LOTS.c.lot_id == lot_id)
    found = await read_lot(connection, of_lot)
    show = await locked_show(connection, found.show_id) if found else None
    # Read again: another transaction may have changed it while this one waited for the lock.
    return show, await read_lot(connection, of_lot)


def page_query(wanted: ShowFilter, cursor: str | None, limit: int, *, is_sqlite: bool) -> Select[Any]:
    """Raises ValueError for a cursor that no page had."""
    conditions = _conditions(wanted)
    if not wanted.words:
        return select(SHOWS).where(*conditions, *_after(cursor, SHOWS)).order_by(*_order(SHOWS)).limit(limit)
    matching = matching_shows(wanted.words, conditions, is_sqlite=is_sqlite).subquery("matching")
    # Whole rows are read for the shows of the page only.
    page = (
        select(matching.c.id)
        .where(*_after(cursor, matching))
        .order_by(*_order(matching))
        .limit(limit)
        .subquery("page")
    )
    return select(SHOWS).join(page, page.c.id == SHOWS.c.id).order_by(*_order(SHOWS))


def queue_query(show_id: str, after: int = -1, limit: int = MAX_LOTS) -> Select[Any]:
    in_queue = (LOTS.c.show_id == show_id) & (LOTS.c.position > after)
    return select(LOTS).where(in_queue).order_by(LOTS.c.position).limit(limit)


def _conditions(wanted: ShowFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.only_public:
        found.append(SHOWS.c.is_listed == 1)
    if wanted.status is not None:
        found += [SHOWS.c.status == wanted.status, SHOWS.c.listed_rank == rules.RANKS[wanted.status]]
    if wanted.category is not None:
        found.append(SHOWS.c.category == wanted.category)
    if wanted.seller_id is not None:
        found.append(SHOWS.c.seller_id == wanted.seller_id)
    return found


def _order(of: FromClause) -> tuple[ColumnElement[Any], ...]:
    return of.c.listed_rank, of.c.listed_at, of.c.id


def _after(cursor: str | None, of: FromClause) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise ValueError(cursor)
    return [tuple_(*_order(of)) > tuple_(*(int(part) for part in parts.groups()))]
