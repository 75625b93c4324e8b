"""What users follow, in SQL."""

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from blytz.kit.sql.database import Database
from blytz.kit.sql.statements import insert_if_absent
from blytz.show.following.model import MAX_FOLLOWED, FollowedPage, FollowedSeller, Kind
from blytz.show.following.sql.tables import FOLLOWING
from blytz.show.model import Show, ShowStatus
from blytz.show.sql.rows import show_of_row
from blytz.show.sql.tables import SHOWS


class SqlFollowing:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def follow(self, user_id: str, kind: Kind, followed_id: str) -> bool:
        row = {"user_id": user_id, "kind": kind, "followed_id": followed_id}
        known = select(FOLLOWING.c.id).where(*(FOLLOWING.c[name] == value for name, value in row.items()))
        count = select(func.count()).select_from(FOLLOWING).where(FOLLOWING.c.user_id == user_id)
        async with self._database.writing() as connection:
            if (await connection.execute(known)).first():
                return True
            if (await connection.execute(count)).scalar_one() >= MAX_FOLLOWED:
                return False
            await connection.execute(insert_if_absent(FOLLOWING, is_sqlite=self._database.is_sqlite).values(row))
            return True

    async def unfollow(self, user_id: str, kind: Kind, followed_id: str) -> None:
        row = {"user_id": user_id, "kind": kind, "followed_id": followed_id}
        async with self._database.writing() as connection:
            await connection.execute(
                delete(FOLLOWING).where(*(FOLLOWING.c[name] == value for name, value in row.items()))
            )

    async def following(self, user_id: str, cursor: str | None, limit: int) -> FollowedPage:
        query = select(FOLLOWING).where(FOLLOWING.c.user_id == user_id)
        if cursor is not None:
            query = query.where(FOLLOWING.c.id < int(cursor))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.order_by(FOLLOWING.c.id.desc()).limit(limit + 1))).all()
            page = rows[:limit]
            names = await _names(connection, [row.followed_id for row in page if row.kind == "seller"])
            shows = await _shows(connection, [row.followed_id for row in page if row.kind == "show"])
        return FollowedPage(
            [FollowedSeller(row.followed_id, names.get(row.followed_id)) for row in page if row.kind == "seller"],
            [shows[row.followed_id] for row in page if row.followed_id in shows],
            str(page[-1].id) if len(rows) > limit else None,
        )


async def _names(connection: AsyncConnection, seller_ids: list[str]) -> dict[str, str]:
    newest = select(func.max(SHOWS.c.id)).where(SHOWS.c.seller_id.in_(seller_ids)).group_by(SHOWS.c.seller_id)
    query = select(SHOWS.c.seller_id, SHOWS.c.seller_name).where(SHOWS.c.id.in_(newest))
    return {row.seller_id: row.seller_name for row in await connection.execute(query)}


async def _shows(connection: AsyncConnection, show_ids: list[str]) -> dict[str, Show]:
    """Without those that have become drafts or rehearsals since."""
    query = select(SHOWS).where(
        SHOWS.c.show_id.in_(show_ids), SHOWS.c.status != ShowStatus.DRAFT, SHOWS.c.visibility != "rehearsal"
    )
    return {row.show_id: show_of_row(row) for row in await connection.execute(query)}
