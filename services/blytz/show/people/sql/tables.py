"""The tables of approvals and blocks. That of moderators is among those of shows, whose snapshots name them."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from blytz.show.sql.tables import METADATA, Key

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
