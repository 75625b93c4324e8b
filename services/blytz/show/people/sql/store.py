"""Moderators, approvals and blocks in SQL."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Table, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blytz.kit.sql.database import Database
from blytz.kit.sql.statements import insert_if_absent
from blytz.show.acts import Act
from blytz.show.model import Show, ShowCode, ShowStatus
from blytz.show.people.model import (
    MAX_APPROVALS,
    MAX_BLOCKS,
    MAX_MODERATORS,
    Block,
    BlockPage,
    Moderator,
)
from blytz.show.people.sql.tables import APPROVALS, BLOCKS
from blytz.show.running.decision import Decision, Notice
from blytz.show.sql.acts import record_act
from blytz.show.sql.tables import MODERATORS, RUNS, SHOWS
from blytz.show.sql.writing import locked_show, moderators_of, write

_OVER: Final = (ShowStatus.ENDED, ShowStatus.CANCELLED)


class SqlPeople:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def name_moderator(self, show_id: str, moderator: Moderator, act: Act) -> Moderator | ShowCode:
        theirs = (MODERATORS.c.show_id == show_id) & (MODERATORS.c.user_id == moderator.user_id)
        async with self._database.writing() as connection:
            show = await locked_show(connection, show_id)
            if show is None or show.status.is_final:
                return ShowCode.SHOW_NOT_FOUND if show is None else ShowCode.SHOW_OVER
            row = (await connection.execute(select(MODERATORS).where(theirs))).first()
            if row is not None and row.name == moderator.name:
                return _moderator_of_row(row)
            if row is None:
                if await _count(connection, MODERATORS, MODERATORS.c.show_id == show_id) >= MAX_MODERATORS:
                    return ShowCode.TOO_MANY
                values = {"show_id": show_id, "user_id": moderator.user_id, "named_at": moderator.named_at}
                await connection.execute(insert(MODERATORS).values(values | {"name": moderator.name}))
            else:
                await connection.execute(update(MODERATORS).where(theirs).values(name=moderator.name))
                moderator = msgspec.structs.replace(moderator, named_at=row.named_at)
            await record_act(connection, act)
            await _tell_moderators(connection, show, act.at)
            return moderator

    async def remove_moderator(self, show_id: str, user_id: str, act: Act) -> None:
        theirs = (MODERATORS.c.show_id == show_id) & (MODERATORS.c.user_id == user_id)
        async with self._database.writing() as connection:
            show = await locked_show(connection, show_id)
            removed = await connection.execute(delete(MODERATORS).where(theirs))
            if show is not None and removed.rowcount:
                await record_act(connection, act)
                await _tell_moderators(connection, show, act.at)

    async def moderators(self, show_id: str) -> Sequence[Moderator]:
        query = select(MODERATORS).where(MODERATORS.c.show_id == show_id).order_by(MODERATORS.c.id)
        return [_moderator_of_row(row) for row in await self._rows(query.limit(MAX_MODERATORS))]

    async def is_moderator(self, show_id: str, user_id: str) -> bool:
        named = select(MODERATORS.c.id).join(SHOWS, SHOWS.c.show_id == MODERATORS.c.show_id)
        theirs = (MODERATORS.c.show_id == show_id) & (MODERATORS.c.user_id == user_id)
        return bool(await self._rows(named.where(theirs, SHOWS.c.status.not_in(_OVER))))

    async def moderators_of_run(self, auction_id: str) -> Collection[str]:
        """Of the show that has this run, while it is not over."""
        of_show = select(MODERATORS.c.user_id).join(SHOWS, SHOWS.c.show_id == MODERATORS.c.show_id)
        named = of_show.join(RUNS, RUNS.c.show_id == SHOWS.c.show_id).where(
            RUNS.c.auction_id == auction_id, SHOWS.c.status.not_in(_OVER)
        )
        return [row.user_id for row in await self._rows(named.limit(MAX_MODERATORS))]

    async def approve(self, show_id: str, user_id: str, act: Act) -> ShowCode | None:
        values = {"show_id": show_id, "user_id": user_id}
        theirs = (APPROVALS.c.show_id == show_id) & (APPROVALS.c.user_id == user_id)
        async with self._database.writing() as connection:
            if code := await _why_closed(connection, show_id):
                return code
            if (await connection.execute(select(APPROVALS.c.id).where(theirs))).first():
                return None
            if await _count(connection, APPROVALS, APPROVALS.c.show_id == show_id) >= MAX_APPROVALS:
                return ShowCode.TOO_MANY
            await connection.execute(insert(APPROVALS).values(values))
            await record_act(connection, act)
            return None

    async def withdraw_approval(self, show_id: str, user_id: str, act: Act) -> None:
        await self._remove(APPROVALS, (APPROVALS.c.show_id == show_id) & (APPROVALS.c.user_id == user_id), act)

    async def is_approved(self, show_id: str, user_id: str) -> bool:
        theirs = (APPROVALS.c.show_id == show_id) & (APPROVALS.c.user_id == user_id)
        return bool(await self._rows(select(APPROVALS.c.id).where(theirs)))

    async def approved(self, show_id: str) -> Sequence[str]:
        query = select(APPROVALS.c.user_id).where(APPROVALS.c.show_id == show_id).limit(MAX_APPROVALS)
        return [row.user_id for row in await self._rows(query)]

    async def block(self, seller_id: str, block: Block, act: Act) -> Block | ShowCode:
        values = {"seller_id": seller_id, "user_id": block.user_id, "blocked_at": block.blocked_at}
        theirs = (BLOCKS.c.seller_id == seller_id) & (BLOCKS.c.user_id == block.user_id)
        async with self._database.writing() as connection:
            if row := (await connection.execute(select(BLOCKS).where(theirs))).first():
                return Block(row.user_id, row.blocked_at)
            if await _count(connection, BLOCKS, BLOCKS.c.seller_id == seller_id) >= MAX_BLOCKS:
                return ShowCode.TOO_MANY
            statement = insert_if_absent(BLOCKS, is_sqlite=self._database.is_sqlite)
            inserted = await connection.execute(statement.values(values))
            if inserted.rowcount:
                await record_act(connection, act)
            return block

    async def unblock(self, seller_id: str, user_id: str, act: Act) -> None:
        await self._remove(BLOCKS, (BLOCKS.c.seller_id == seller_id) & (BLOCKS.c.user_id == user_id), act)

    async def is_blocked(self, seller_id: str, user_id: str) -> bool:
        theirs = (BLOCKS.c.seller_id == seller_id) & (BLOCKS.c.user_id == user_id)
        return bool(await self._rows(select(BLOCKS.c.id).where(theirs)))

    async def blocked(self, seller_id: str) -> Sequence[str]:
        query = select(BLOCKS.c.user_id).where(BLOCKS.c.seller_id == seller_id).limit(MAX_BLOCKS)
        return [row.user_id for row in await self._rows(query)]

    async def blocks(self, seller_id: str, cursor: str | None, limit: int) -> BlockPage:
        query = select(BLOCKS).where(BLOCKS.c.seller_id == seller_id)
        if cursor is not None:
            query = query.where(BLOCKS.c.id < int(cursor))
        rows = await self._rows(query.order_by(BLOCKS.c.id.desc()).limit(limit + 1))
        following = str(rows[limit - 1].id) if len(rows) > limit else None
        return BlockPage([Block(row.user_id, row.blocked_at) for row in rows[:limit]], following)

    async def _rows(self, query: Any) -> Sequence[Any]:
        async with self._database.reading() as connection:
            return (await connection.execute(query)).all()

    async def _remove(self, table: Table, which: ColumnElement[bool], act: Act) -> None:
        async with self._database.writing() as connection:
            removed = await connection.execute(delete(table).where(which))
            if removed.rowcount:
                await record_act(connection, act)


async def _tell_moderators(connection: AsyncConnection, show: Show, now: int) -> None:
    """Those who watch the show, and the chat, which exempts moderators from slow mode."""
    named = {"moderators": await moderators_of(connection, show.show_id)}
    await write(connection, show, Decision(show, notices=[Notice("show_changed", fields=named)]), now)


async def _why_closed(connection: AsyncConnection, show_id: str) -> ShowCode | None:
    """Locks the show, so that its people are counted and added by one transaction at a time."""
    show = await locked_show(connection, show_id)
    if show is None:
        return ShowCode.SHOW_NOT_FOUND
    return ShowCode.SHOW_OVER if show.status.is_final else None


async def _count(connection: AsyncConnection, table: Table, which: ColumnElement[bool]) -> int:
    return (await connection.execute(select(func.count()).select_from(table).where(which))).scalar_one()


def _moderator_of_row(row: Any) -> Moderator:
    return Moderator(row.user_id, row.name, row.named_at)
