"""What is stored about the video of shows, in SQL (port: `show/video/store.py`)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, insert, or_, select, update

from blytz.kit.sql.database import Database
from blytz.show.acts import Act
from blytz.show.model import ShowStatus
from blytz.show.rules import RANKS
from blytz.show.sql.acts import record_act
from blytz.show.sql.tables import SHOWS, VIDEO_EVENTS
from blytz.show.video.rooms import VideoEvent


class SqlVideo:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: VideoEvent, now: int) -> bool:
        known = select(VIDEO_EVENTS.c.event_id).where(VIDEO_EVENTS.c.event_id == event.event_id)
        async with self._database.writing() as connection:
            if (await connection.execute(known)).first() is not None:
                return False
            row = {
                "event_id": event.event_id,
                "show_id": event.show_id,
                "change": event.change,
                "participant": event.participant,
                "track": event.track,
                "received_at": now,
                "is_new": 1,
            }
            await connection.execute(insert(VIDEO_EVENTS).values(row))
            return True

    async def is_anything_on(self) -> bool:
        show = select(SHOWS.c.id).where(SHOWS.c.listed_rank == RANKS[ShowStatus.LIVE])
        event = select(VIDEO_EVENTS.c.event_id).where(VIDEO_EVENTS.c.is_new == 1)
        async with self._database.reading() as connection:
            return bool((await connection.execute(select(or_(show.exists(), event.exists())))).scalar())

    async def new_events(self, limit: int) -> Sequence[tuple[VideoEvent, int]]:
        order = (VIDEO_EVENTS.c.received_at, VIDEO_EVENTS.c.event_id)
        query = select(VIDEO_EVENTS).where(VIDEO_EVENTS.c.is_new == 1).order_by(*order).limit(limit)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [(_event_of(row), row.received_at) for row in rows]

    async def finish(self, event_ids: Sequence[str]) -> None:
        done = update(VIDEO_EVENTS).where(VIDEO_EVENTS.c.event_id.in_(event_ids)).values(is_new=0)
        async with self._database.writing() as connection:
            await connection.execute(done)

    async def forget(self, before: int) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(VIDEO_EVENTS).where(VIDEO_EVENTS.c.received_at < before))

    async def shows_to_pause(self, now: int, limit: int) -> Sequence[str]:
        due = SHOWS.c.host_pause_at.is_not(None) & (SHOWS.c.host_pause_at <= now)
        return await self._show_ids(
            select(SHOWS.c.show_id).where(due).order_by(SHOWS.c.host_pause_at).limit(limit)
        )

    async def running(self, limit: int, after: str = "") -> Sequence[str]:
        runs = (SHOWS.c.listed_rank == RANKS[ShowStatus.LIVE]) & (SHOWS.c.show_id > after)
        return await self._show_ids(select(SHOWS.c.show_id).where(runs).order_by(SHOWS.c.show_id).limit(limit))

    async def over(self, show_ids: Sequence[str]) -> Sequence[str]:
        is_over = SHOWS.c.status.in_((ShowStatus.ENDED, ShowStatus.CANCELLED))
        return await self._show_ids(select(SHOWS.c.show_id).where(SHOWS.c.show_id.in_(show_ids), is_over))

    async def audit(self, act: Act) -> None:
        async with self._database.writing() as connection:
            await record_act(connection, act)

    async def _show_ids(self, query: Select[Any]) -> Sequence[str]:
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())


def _event_of(row: Any) -> VideoEvent:
    return VideoEvent(row.event_id, row.received_at, row.show_id, row.change, row.participant, row.track)
