"""Running shows in SQL (port: `show/running/store.py`)."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Select, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from blytz.auction.model import Party
from blytz.kit.sql.database import Database
from blytz.show.acts import Act
from blytz.show.events.log import ShowSnapshot
from blytz.show.model import MAX_LOTS, OFFER_PREFIX, Closing, Lot, LotFacts, LotStatus, Show, ShowCode, ShowStatus
from blytz.show.public import short_lot_view, show_view
from blytz.show.rules import RANKS
from blytz.show.running import rules
from blytz.show.running.decision import Decision, Scene, UnitSale
from blytz.show.running.rules import Decide
from blytz.show.running.store import MAX_INTENTS, Acted, Intent, OpenRun, Which
from blytz.show.sql.acts import record_act
from blytz.show.sql.rows import json_text, lot_of_row, show_of_row
from blytz.show.sql.tables import INTENTS, LOTS, OPERATIONS, RUNS, SHOWS
from blytz.show.sql.writing import (
    INTENT_BODIES,
    chat_rules_of,
    facts_of,
    locked_show,
    moderators_of,
    read_lot,
    write,
)

_read_answer: Final = msgspec.json.Decoder(Acted).decode


class SqlRuns:
    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        """`now` is the time in ms since the Unix epoch, of the clock that auctions run by."""
        self._database = database
        self._now = now

    async def act(
        self, show_id: str, decide: Decide, lot: str | Which, operation_id: str = "", act: Act | None = None
    ) -> Acted | ShowCode:
        async with self._database.writing() as connection:
            show = await locked_show(connection, show_id)
            if show is None:
                return ShowCode.SHOW_NOT_FOUND
            if operation_id and (answer := await _answer_to(connection, operation_id)):
                return answer
            scene = await _scene(connection, show, lot)
            if isinstance(lot, str) and scene.lot is None:
                return ShowCode.LOT_NOT_FOUND
            now = self._now()
            decision = decide(scene, now)
            if isinstance(decision, ShowCode):
                return decision
            acted = await _write(connection, scene, decision, now)
            if act and (run := decision.opened):
                act = replace(act, on=run.lot_id, detail=run.auction_id)
            if acted.changed or decision.orders:
                await record_act(connection, act)
            if operation_id:
                row = {"operation_id": operation_id, "answer": json_text(acted), "created_at": now}
                await connection.execute(insert(OPERATIONS).values(row))
            return acted

    async def read(self, show_id: str, lot_id: str | None = None) -> Acted | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(SHOWS).where(SHOWS.c.show_id == show_id))).first()
            if row is None:
                return None
            facts = (await facts_of(connection, [show_id])).get(show_id, LotFacts())
            lot = await read_lot(connection, _lot_query(show_id, lot_id)) if lot_id else None
            return Acted(show_of_row(row), facts, lot, changed=False)

    async def close(self, closing: Closing) -> Acted | None:
        return await self._act_on_run(closing.auction_id, lambda scene, _: rules.close_lot(scene, closing))

    async def record_left(self, offer_id: str, left: int) -> Acted | None:
        return await self._act_on_run(offer_id, lambda scene, _: rules.record_left(scene, offer_id, left))

    async def _act_on_run(self, auction_id: str, decide: Decide) -> Acted | None:
        """None when there is no such run, or it is closed."""
        run = select(RUNS.c.show_id, RUNS.c.lot_id).where(
            RUNS.c.auction_id == auction_id, RUNS.c.closed_at.is_(None)
        )
        async with self._database.reading() as connection:
            if (await connection.execute(run)).first() is None:
                return None
        async with self._database.writing() as connection:
            found = (await connection.execute(run)).first()
            show = await locked_show(connection, found.show_id) if found else None
            # Another process may have closed it while this one waited for the lock.
            if found is None or show is None or (await connection.execute(run)).first() is None:
                return None
            scene = await _scene(connection, show, found.lot_id)
            now = self._now()
            decision = decide(scene, now)
            assert not isinstance(decision, ShowCode), "what has happened is never refused"
            return await _write(connection, scene, decision, now)

    async def open_runs(self, limit: int, *, prefix: str = "", after: int = 0) -> Sequence[OpenRun]:
        # An order names its run. One to another run may wait for long, until that one is repaired.
        names_it = INTENTS.c.body.contains(RUNS.c.auction_id)
        intents = select(INTENTS.c.id).where(INTENTS.c.show_id == RUNS.c.show_id, names_it)
        query = (
            select(RUNS.c.id, RUNS.c.auction_id, RUNS.c.opened_at)
            .where(RUNS.c.closed_at.is_(None), RUNS.c.id > after, ~intents.exists())
            .order_by(RUNS.c.id)
            .limit(limit)
        )
        if prefix:
            query = query.where(RUNS.c.auction_id.startswith(prefix, autoescape=True))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [OpenRun(row.id, row.auction_id, row.opened_at) for row in rows]

    async def is_anything_on(self) -> bool:
        on = (
            select(SHOWS.c.id).where(SHOWS.c.listed_rank == RANKS[ShowStatus.LIVE]),
            select(RUNS.c.id).where(RUNS.c.closed_at.is_(None)),
            select(INTENTS.c.id),
        )
        async with self._database.reading() as connection:
            return bool((await connection.execute(select(or_(*(one.exists() for one in on))))).scalar())

    async def open_among(self, auction_ids: Sequence[str]) -> Collection[str]:
        query = select(RUNS.c.auction_id).where(RUNS.c.auction_id.in_(auction_ids), RUNS.c.closed_at.is_(None))
        async with self._database.reading() as connection:
            return set((await connection.execute(query)).scalars())

    async def earlier_offers(self, lot_id: str, run: int, closed_after: int) -> Sequence[str]:
        query = (
            select(RUNS.c.auction_id)
            .where(RUNS.c.lot_id == lot_id, RUNS.c.run < run, RUNS.c.closed_at > closed_after)
            .where(RUNS.c.auction_id.startswith(OFFER_PREFIX, autoescape=True))
            .order_by(RUNS.c.run.desc())
        )
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

    async def open_auctions(self, *, show_id: str | None = None, seller_id: str | None = None) -> Sequence[str]:
        query = select(RUNS.c.auction_id).where(RUNS.c.closed_at.is_(None))
        if show_id is not None:
            query = query.where(RUNS.c.show_id == show_id)
        if seller_id is not None:
            query = query.join(SHOWS, SHOWS.c.show_id == RUNS.c.show_id).where(SHOWS.c.seller_id == seller_id)
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

    async def shows_on(self, seller_id: str) -> Sequence[str]:
        is_on = (SHOWS.c.seller_id == seller_id) & (SHOWS.c.listed_rank == RANKS[ShowStatus.LIVE])
        async with self._database.reading() as connection:
            return list((await connection.execute(select(SHOWS.c.show_id).where(is_on))).scalars())

    async def intents(self, show_id: str) -> Sequence[Intent]:
        query = select(INTENTS).where(INTENTS.c.show_id == show_id).order_by(INTENTS.c.id).limit(MAX_INTENTS)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        bodies = [(row.id, INTENT_BODIES.decode(row.body)) for row in rows]
        return [Intent(number, body.order, body.opening, body.announcement) for number, body in bodies]

    async def finish(self, intent_ids: Sequence[int]) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(INTENTS).where(INTENTS.c.id.in_(intent_ids)))

    async def shows_with_intents(self, before: int, limit: int) -> Sequence[str]:
        oldest = func.min(INTENTS.c.id)
        query = (
            select(INTENTS.c.show_id)
            .where(INTENTS.c.created_at < before)
            .group_by(INTENTS.c.show_id)
            .order_by(oldest)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

    async def shows_due(self, now: int, limit: int) -> Sequence[tuple[str, int]]:
        due = SHOWS.c.next_lot_at.is_not(None) & (SHOWS.c.next_lot_at <= now)
        query = select(SHOWS.c.show_id, SHOWS.c.next_lot_at).where(due).order_by(SHOWS.c.next_lot_at).limit(limit)
        async with self._database.reading() as connection:
            return [(row.show_id, row.next_lot_at) for row in (await connection.execute(query)).all()]

    async def snapshot(self, show_id: str) -> ShowSnapshot | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(SHOWS).where(SHOWS.c.show_id == show_id))).first()
            show = show_of_row(row) if row else None
            if row is None or show is None:
                return None
            in_queue = (LOTS.c.show_id == show_id) & (LOTS.c.position >= 0)
            lots = (await connection.execute(select(LOTS).where(in_queue).order_by(LOTS.c.position))).all()
            facts = (await facts_of(connection, [show_id])).get(show_id, LotFacts())
            moderators = await moderators_of(connection, show_id)
            chat_rules = await chat_rules_of(connection, show.seller.id)
        readers = [show.seller.id] if show.visibility == "rehearsal" else None
        views = [short_lot_view(lot_of_row(lot)) for lot in lots[:MAX_LOTS]]
        return ShowSnapshot(row.changes, show_view(show, facts), views, moderators, readers, chat_rules=chat_rules)

    async def forget_operations(self, before: int) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(OPERATIONS).where(OPERATIONS.c.created_at < before))


async def _answer_to(connection: AsyncConnection, operation_id: str) -> Acted | None:
    query = select(OPERATIONS.c.answer).where(OPERATIONS.c.operation_id == operation_id)
    answer = (await connection.execute(query)).scalar()
    return None if answer is None else _read_answer(answer)


async def _write(connection: AsyncConnection, scene: Scene, decision: Decision, now: int) -> Acted:
    written = await write(connection, scene.show, decision, now)
    lot = decision.lots[0] if decision.lots else scene.lot
    is_changed = bool(decision.lots) or written.show != scene.show
    return Acted(written.show, written.facts, lot, is_changed, written.voided)


def _lot_query(show_id: str, lot_id: str) -> Select[Any]:
    return select(LOTS).where(LOTS.c.lot_id == lot_id, LOTS.c.show_id == show_id)


async def _scene(connection: AsyncConnection, show: Show, which: str | Which) -> Scene:
    facts = (await facts_of(connection, [show.show_id])).get(show.show_id, LotFacts())
    lot: Lot | None = None
    if which is Which.NEXT:
        queued = (LOTS.c.show_id == show.show_id) & (LOTS.c.status == LotStatus.QUEUED)
        lot = await read_lot(connection, select(LOTS).where(queued).order_by(LOTS.c.position).limit(1))
    elif isinstance(which, str):
        lot = await read_lot(connection, _lot_query(show.show_id, which))
    runs: list[Any] = []
    if facts.open_lots:
        open_runs = (RUNS.c.show_id == show.show_id) & RUNS.c.closed_at.is_(None)
        runs = list(
            (await connection.execute(select(RUNS.c.auction_id).where(open_runs).order_by(RUNS.c.id))).scalars()
        )
    return Scene(show, facts, lot, runs, await _last_sale(connection, lot))


async def _last_sale(connection: AsyncConnection, lot: Lot | None) -> UnitSale | None:
    if lot is None or lot.unit == 1:
        return None
    earlier = (RUNS.c.lot_id == lot.lot_id) & (RUNS.c.unit < lot.unit) & (RUNS.c.outcome == "sold")
    query = select(RUNS.c.price, RUNS.c.winner_id, RUNS.c.winner_name).where(earlier)
    row = (await connection.execute(query.order_by(RUNS.c.id.desc()).limit(1))).first()
    if row is None:
        return None
    return UnitSale(row.price, None if row.winner_id is None else Party(row.winner_id, row.winner_name))
