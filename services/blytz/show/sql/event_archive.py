"""The events of shows in SQL (port: `show/events/archiver.py`)."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select

from blytz.kit.sql.database import Database
from blytz.show.events.archiver import LoggedEvent
from blytz.show.model import ShowStatus
from blytz.show.rules import RANKS
from blytz.show.sql.tables import SHOW_EVENTS, SHOWS


class SqlEventArchive:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def shows_to_copy(self, ended_after: int, limit: int) -> Sequence[str]:
        is_on = SHOWS.c.listed_rank == RANKS[ShowStatus.LIVE]
        # Those that ended last have the smallest `listed_at`.
        ended = (SHOWS.c.listed_rank == RANKS[ShowStatus.ENDED]) & (SHOWS.c.listed_at < -ended_after)
        query = select(SHOWS.c.show_id).where(is_on | ended).limit(limit)
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

    async def last(self, show_id: str, epoch: str) -> int:
        of_history = (SHOW_EVENTS.c.show_id == show_id) & (SHOW_EVENTS.c.epoch == epoch)
        async with self._database.reading() as connection:
            return (await connection.execute(select(func.max(SHOW_EVENTS.c.seq)).where(of_history))).scalar() or 0

    async def add(self, show_id: str, epoch: str, events: Sequence[LoggedEvent]) -> None:
        seqs = [event.seq for event in events]
        known = select(SHOW_EVENTS.c.seq).where(
            SHOW_EVENTS.c.show_id == show_id,
            SHOW_EVENTS.c.epoch == epoch,
            SHOW_EVENTS.c.seq.between(seqs[0], seqs[-1]),
        )
        async with self._database.writing() as connection:
            there = set((await connection.execute(known)).scalars())
            rows = [
                {
                    "show_id": show_id,
                    "epoch": epoch,
                    "seq": event.seq,
                    "public": event.public.decode(),
                    "private": event.private.decode(),
                }
                for event in events
                if event.seq not in there
            ]
            if rows:
                await connection.execute(insert(SHOW_EVENTS), rows)
