"""The tables of the archive, as its newest migration leaves them."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

METADATA: Final = MetaData()

AuctionId = Text(collation="C").with_variant(Text(), "sqlite")
"""Ordered byte by byte on both databases, as Redis orders ids: pages of both are merged."""

AUCTIONS: Final = Table(
    "auctions",
    METADATA,
    Column("auction_id", AuctionId, primary_key=True),
    Column("seller_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("opened_at", BigInteger, comment="ms since the Unix epoch, as all times"),
    Column("closed_at", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False, comment="in minor units; 0 without a bid"),
    Column("leader_id", Text),
    Column("bid_count", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False, comment="JSON, zlib: the listing and the final state"),
    Column("receipts", LargeBinary, nullable=False, comment="JSON, zlib: bidder, bid_id, the answer"),
    Column("events", Integer, nullable=False, comment="how many the log has"),
    Column("log_sha256", Text, nullable=False, comment="of the lines of all chunks"),
    CheckConstraint("status IN ('sold','unsold','cancelled')", "ck_auctions_status"),
    CheckConstraint("price >= 0 AND bid_count >= 0 AND events >= 1", "ck_auctions_counts"),
    CheckConstraint("status <> 'sold' OR leader_id IS NOT NULL", "ck_auctions_sold"),
    # A page of one status, newest first; and the auctions of one seller, for people.
    Index("ix_auctions_status", "status", "auction_id"),
    Index("ix_auctions_seller", "seller_id", "auction_id"),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("auction_id", AuctionId, ForeignKey("auctions.auction_id", name="fk_events_auction"), primary_key=True),
    Column("first_seq", Integer, primary_key=True, autoincrement=False),
    Column("last_seq", Integer, nullable=False),
    Column("lines", LargeBinary, nullable=False, comment="zlib: one event a line, in two parts"),
    CheckConstraint("first_seq >= 1 AND last_seq >= first_seq", "ck_events_seq"),
)
