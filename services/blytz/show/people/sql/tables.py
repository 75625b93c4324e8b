"""The tables of moderators, approvals and blocks."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from blytz.show.sql.tables import METADATA, Key

MODERATORS: Final = Table(
    "moderators",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("show_id", Text, ForeignKey("shows.show_id"), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("named_at", BigInteger, nullable=False),
    UniqueConstraint("show_id", "user_id"),
)

APPROVALS: Final = Table(
    "approvals",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("show_id", Text, ForeignKey("shows.show_id"), nullable=False),
    Column("user_id", Text, nullable=False),
    UniqueConstraint("show_id", "user_id"),
)

BLOCKS: Final = Table(
    "blocks",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("seller_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("blocked_at", BigInteger, nullable=False),
    UniqueConstraint("seller_id", "user_id"),
    Index("ix_blocks_newest", "seller_id", "id"),
)
