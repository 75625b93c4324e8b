"""The archive of closed auctions in SQL. Rows are only added; two archivers that add the same auction at the same
time add it once."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from blytz.auction.archive import Copy
from blytz.auction.model import REHEARSAL_PREFIX, Auction, Event, Status
from blytz.auction.rules import Seen
from blytz.auction.sql.packing import (
    EVENTS_IN_CHUNK,
    Row,
    auction_of,
    events_of,
    packed,
    receipts_of,
    unpacked,
)
from blytz.auction.sql.tables import AUCTIONS, EVENTS
from blytz.kit.sql.database import Database

MIGRATIONS: Final = "blytz.auction.sql.migrations"


class SqlArchive:
    """`AuctionArchive`. Long logs and receipts are packed and unpacked in another thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, copy: Copy) -> None:
        auction = copy.auction
        auction_id = auction.listing.auction_id
        row, chunks = await asyncio.to_thread(packed, copy)
        values = {
            "auction_id": auction_id,
            "seller_id": auction.listing.seller.id,
            "title": auction.listing.title,
            "status": auction.status.value,
            "opened_at": auction.opened_at,
            "closed_at": auction.clock,
            "price": auction.price,
            "leader_id": auction.leader.id if auction.leader else None,
            "bid_count": auction.bid_count,
            "state": row.state,
            "receipts": row.receipts,
            "events": row.events,
            "log_sha256": row.log_sha256,
        }
        logs = [
            {
                "auction_id": auction_id,
                "first_seq": first_seq,
                "last_seq": min(first_seq + EVENTS_IN_CHUNK - 1, row.events),
                "lines": chunk,
            }
            for first_seq, chunk in zip(range(1, row.events + 1, EVENTS_IN_CHUNK), chunks, strict=True)
        ]
        known = select(AUCTIONS.c.auction_id).where(AUCTIONS.c.auction_id == auction_id)
        try:
            async with self._database.writing() as connection:
                if (await connection.execute(known)).first() is None:
                    await connection.execute(insert(AUCTIONS).values(values))
                    await connection.execute(insert(EVENTS), logs)
        except IntegrityError:
            # Another archiver added it since. Anything else that the constraints refuse is a fault of ours.
            if await self.get(auction_id) is None:
                raise

    async def copy(self, auction_id: str) -> Copy | None:
        row_query = select(AUCTIONS).where(AUCTIONS.c.auction_id == auction_id)
        log_query = select(EVENTS.c.lines).where(EVENTS.c.auction_id == auction_id).order_by(EVENTS.c.first_seq)
        async with self._database.reading() as connection:
            row = (await connection.execute(row_query)).first()
            chunks = (await connection.execute(log_query)).scalars().all()
        if row is None:
            return None
        stored = Row(row.state, row.receipts, row.events, row.log_sha256)
        return await asyncio.to_thread(unpacked, stored, chunks)

    async def get(self, auction_id: str) -> Auction | None:
        query = select(AUCTIONS.c.state).where(AUCTIONS.c.auction_id == auction_id)
        async with self._database.reading() as connection:
            state = (await connection.execute(query)).scalar()
        return None if state is None else auction_of(state)

    async def page(self, status: Status | None, before: str | None, limit: int) -> Sequence[Auction]:
        query = (
            select(AUCTIONS.c.state)
            .where(~AUCTIONS.c.auction_id.startswith(REHEARSAL_PREFIX, autoescape=True))
            .order_by(AUCTIONS.c.auction_id.desc())
            .limit(limit)
        )
        if status is not None:
            query = query.where(AUCTIONS.c.status == status.value)
        if before is not None:
            query = query.where(AUCTIONS.c.auction_id < before)
        async with self._database.reading() as connection:
            states = (await connection.execute(query)).scalars().all()
        return [auction_of(state) for state in states]

    async def events(self, auction_id: str, after: int, limit: int) -> Sequence[Event]:
        query = (
            select(EVENTS.c.first_seq, EVENTS.c.lines)
            .where(EVENTS.c.auction_id == auction_id, EVENTS.c.last_seq > min(after, 2**31 - 1))
            .order_by(EVENTS.c.first_seq)
            .limit((limit - 1) // EVENTS_IN_CHUNK + 2)
        )
        async with self._database.reading() as connection:
            chunks = (await connection.execute(query)).all()
        found: list[Event] = []
        for first_seq, chunk in chunks:
            if len(found) < limit:
                found += events_of(chunk, first_seq, after, limit - len(found))
        return found

    async def seen(self, auction_id: str, bidder_id: str, bid_id: str) -> Seen | None:
        query = select(AUCTIONS.c.receipts).where(AUCTIONS.c.auction_id == auction_id)
        async with self._database.reading() as connection:
            receipts = (await connection.execute(query)).scalar()
        if receipts is None:
            return None
        found = await asyncio.to_thread(receipts_of, receipts)
        return next((seen for bidder, bid, seen in found if (bidder, bid) == (bidder_id, bid_id)), None)

    async def ids(self, after: str = "", limit: int = 500) -> Sequence[str]:
        """At most `limit` ids of archived auctions, the oldest first, beginning after one of them."""
        query = select(AUCTIONS.c.auction_id).where(AUCTIONS.c.auction_id > after)
        async with self._database.reading() as connection:
            return (await connection.execute(query.order_by(AUCTIONS.c.auction_id).limit(limit))).scalars().all()
