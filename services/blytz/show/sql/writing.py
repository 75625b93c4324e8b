"""Writes a decision about a show, with its intents, in the transaction that has read the show."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Select, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from blytz.auction.model import Party, PreBid
from blytz.show.chat.rules import NO_RULES, ChatRules
from blytz.show.events.log import Announcement
from blytz.show.model import Closing, Lot, LotCounts, LotFacts, LotStatus, Run, Show, ShowStatus
from blytz.show.running import rules
from blytz.show.running.auctions import Opening
from blytz.show.running.decision import Decision, Notice, Order
from blytz.show.running.notices import notice_view
from blytz.show.running.rules import requirements_of
from blytz.show.sql.rows import json_text, lot_of_row, row_of_lot, row_of_show, show_of_row
from blytz.show.sql.tables import CHAT_RULES, INTENTS, LOTS, MODERATORS, PRE_BIDS, RUNS, SHOWS

_OF_ROOM: Final = ("open_room", "close_room")

Clock = Callable[[], int]
"""The time in ms since the Unix epoch."""


PRE_BID_ID: Final = "pre-bid"
"""The `bid_id` of a pre-bid in the auction of its lot."""


_read_words: Final = msgspec.json.Decoder(tuple[str, ...]).decode


class Written(msgspec.Struct, frozen=True):
    """The show and its lots as they are afterwards."""

    show: Show
    facts: LotFacts
    voided: tuple[str, ...] = ()
    """The lots that had pre-bids which are void."""


class IntentBody(msgspec.Struct, omit_defaults=True):
    """As it is stored."""

    order: Order | None = None
    opening: Opening | None = None
    announcement: Announcement | None = None


async def locked_show(connection: AsyncConnection, show_id: str) -> Show | None:
    """Locked until the transaction ends, on PostgreSQL; SQLite has one writer anyway. Every transaction that
    changes a show or a lot of it locks the show first."""
    query = select(SHOWS).where(SHOWS.c.show_id == show_id).with_for_update()
    row = (await connection.execute(query)).first()
    return show_of_row(row) if row else None


async def read_lot(connection: AsyncConnection, query: Select[Any]) -> Lot | None:
    row = (await connection.execute(query)).first()
    return lot_of_row(row) if row else None


def facts_query(show_ids: Sequence[str]) -> Select[Any]:
    def having(status: LotStatus) -> Any:
        return func.count(case((LOTS.c.status == status, 1)))

    return (
        select(
            LOTS.c.show_id,
            func.count().label("total"),
            having(LotStatus.SOLD).label("sold"),
            having(LotStatus.QUEUED).label("queued"),
            having(LotStatus.OPEN).label("open"),
        )
        .where(LOTS.c.show_id.in_(show_ids), LOTS.c.status != LotStatus.WITHDRAWN)
        .group_by(LOTS.c.show_id)
    )


async def facts_of(connection: AsyncConnection, show_ids: Sequence[str]) -> dict[str, LotFacts]:
    """Of every show that has lots."""
    rows = (await connection.execute(facts_query(show_ids))).all()
    with_open_lots = [row.show_id for row in rows if row.open]
    open_lots: dict[str, list[str]] = {}
    if with_open_lots:
        is_open = LOTS.c.show_id.in_(with_open_lots) & (LOTS.c.status == LotStatus.OPEN)
        query = select(LOTS.c.show_id, LOTS.c.lot_id).where(is_open).order_by(LOTS.c.position)
        for show_id, lot_id in (await connection.execute(query)).all():
            open_lots.setdefault(show_id, []).append(lot_id)
    return {
        row.show_id: LotFacts(LotCounts(row.total, row.sold), row.queued, tuple(open_lots.get(row.show_id, ())))
        for row in rows
    }


async def moderators_of(connection: AsyncConnection, show_id: str) -> list[dict[str, str]]:
    """As those who watch the show see them, in the order in which they were named."""
    query = select(MODERATORS.c.user_id, MODERATORS.c.name).where(MODERATORS.c.show_id == show_id)
    rows = (await connection.execute(query.order_by(MODERATORS.c.id))).all()
    return [{"id": row.user_id, "name": row.name} for row in rows]


async def chat_rules_of(connection: AsyncConnection, seller_id: str) -> ChatRules:
    row = (await connection.execute(select(CHAT_RULES).where(CHAT_RULES.c.seller_id == seller_id))).first()
    return NO_RULES if row is None else ChatRules(_read_words(row.words), row.links, row.on_match)


async def write(connection: AsyncConnection, before: Show, decision: Decision, now: int) -> Written:
    """The show is locked."""
    for lot in decision.lots:
        left = {"position": -lot.number} if lot.status is LotStatus.WITHDRAWN else {}
        await connection.execute(update(LOTS).where(LOTS.c.lot_id == lot.lot_id).values(row_of_lot(lot) | left))
    pre_bids: Sequence[PreBid] = ()
    if decision.opened:
        pre_bids = await _take_pre_bids(connection, decision.opened.lot_id)
        await connection.execute(insert(RUNS).values(_row_of_run(decision.opened)))
    if decision.closed:
        await connection.execute(_closing(decision.closed))
    facts = (await facts_of(connection, [before.show_id])).get(before.show_id, LotFacts())
    of_its_own = len(decision.notices)
    decision = rules.conclude(before, decision, facts, now)
    show, notices = decision.show, decision.notices
    voided: Sequence[Lot] = ()
    if show.status.is_final and not before.status.is_final:
        voided = await _void_pre_bids(connection, show.show_id)
        # Before the end of the show, which is the last that is told of it.
        changed = (Notice("lot_changed", lot) for lot in voided)
        notices = [*notices[:of_its_own], *changed, *notices[of_its_own:]]
    if show != before:
        values = row_of_show(show) | {"next_lot_at": show.next_lot_at}
        await connection.execute(update(SHOWS).where(SHOWS.c.show_id == show.show_id).values(values))
    orders = [order for order in decision.orders if order.verb not in _OF_ROOM]
    bodies = [IntentBody(order=order, opening=_opening_of(order, show, decision, pre_bids)) for order in orders]
    if notices:
        # A change that nobody is told of: the log of a draft has a gap then, and is made anew. What it had is for
        # its seller and moderators only.
        untold = int(before.status is ShowStatus.DRAFT and show.status is not ShowStatus.DRAFT)
        bodies += await _announcements(connection, notices, show, facts, untold)
    # Last: a video server that does not answer must hold up nothing else.
    bodies += [IntentBody(order=order) for order in decision.orders if order.verb in _OF_ROOM]
    if bodies:
        rows = [{"show_id": show.show_id, "body": json_text(body), "created_at": now} for body in bodies]
        await connection.execute(insert(INTENTS), rows)
    return Written(show, facts, tuple(lot.lot_id for lot in voided))


async def _void_pre_bids(connection: AsyncConnection, show_id: str) -> list[Lot]:
    """The lots of the show that had any, which never open now."""
    with_pre_bids = (LOTS.c.show_id == show_id) & (LOTS.c.pre_bids > 0)
    query = select(LOTS).where(with_pre_bids).order_by(LOTS.c.position)
    lots = [lot_of_row(row) for row in (await connection.execute(query)).all()]
    if lots:
        of_show = select(LOTS.c.lot_id).where(with_pre_bids)
        await connection.execute(delete(PRE_BIDS).where(PRE_BIDS.c.lot_id.in_(of_show)))
        await connection.execute(update(LOTS).where(with_pre_bids).values(pre_bids=0))
    # Those that were removed are seen by nobody.
    return [replace(lot, pre_bids=0) for lot in lots if lot.status is not LotStatus.WITHDRAWN]


async def _announcements(
    connection: AsyncConnection, notices: Sequence[Notice], show: Show, facts: LotFacts, untold: int
) -> list[IntentBody]:
    counted = (
        update(SHOWS)
        .where(SHOWS.c.show_id == show.show_id)
        .values(changes=SHOWS.c.changes + untold + len(notices))
        .returning(SHOWS.c.changes)
    )
    last = (await connection.execute(counted)).scalar_one()
    bodies = []
    for change, notice in enumerate(notices, last - len(notices) + 1):
        # The chat begins with the show: only shows that are on are told of rules that change.
        chat_rules = (
            await chat_rules_of(connection, show.seller.id) if notice.kind == "show_started" else notice.chat_rules
        )
        told = Announcement(change, notice.kind, notice_view(notice, show, facts), chat_rules)
        bodies.append(IntentBody(announcement=told))
    return bodies


def _opening_of(order: Order, show: Show, decision: Decision, pre_bids: Sequence[PreBid]) -> Opening | None:
    run = decision.opened
    if order.verb != "open" or run is None:
        return None
    [lot] = decision.lots
    return Opening(
        auction_id=run.auction_id,
        show_id=show.show_id,
        lot_id=lot.lot_id,
        seller=show.seller,
        title=lot.title,
        description=lot.description,
        images=lot.images,
        terms=run.terms,
        requirements=requirements_of(show),
        pre_bids=tuple(pre_bids),
    )


async def _take_pre_bids(connection: AsyncConnection, lot_id: str) -> list[PreBid]:
    """They are the auction's from now on; the lot has none for another run."""
    query = select(PRE_BIDS).where(PRE_BIDS.c.lot_id == lot_id).order_by(PRE_BIDS.c.id)
    rows = (await connection.execute(query)).all()
    if rows:
        await connection.execute(delete(PRE_BIDS).where(PRE_BIDS.c.lot_id == lot_id))
    return [PreBid(Party(row.bidder_id, row.bidder_name), row.amount, PRE_BID_ID) for row in rows]


def _row_of_run(run: Run) -> dict[str, Any]:
    return msgspec.structs.asdict(run) | {"terms": json_text(run.terms)}


def _closing(closing: Closing) -> Any:
    winner = closing.winner if closing.outcome == "sold" else None
    return (
        update(RUNS)
        .where(RUNS.c.auction_id == closing.auction_id)
        .values(
            closed_at=closing.closed_at,
            outcome=closing.outcome,
            price=closing.price,
            winner_id=winner.id if winner else None,
            winner_name=winner.name if winner else None,
        )
    )


INTENT_BODIES: Final = msgspec.json.Decoder(IntentBody)
