"""Closed auctions, and their logs in chunks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "auctions",
        sa.Column("auction_id", _ID, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, comment="ms since the Unix epoch, as all times"),
        sa.Column("closed_at", sa.BigInteger, nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False, comment="in minor units; 0 without a bid"),
        sa.Column("leader_id", sa.Text),
        sa.Column("bid_count", sa.Integer, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False, comment="JSON, zlib: the listing and the final state"),
        sa.Column("receipts", sa.LargeBinary, nullable=False, comment="JSON, zlib: bidder, bid_id, the answer"),
        sa.Column("events", sa.Integer, nullable=False, comment="how many the log has"),
        sa.Column("log_sha256", sa.Text, nullable=False, comment="of the lines of all chunks"),
        sa.PrimaryKeyConstraint("auction_id", name="pk_auctions"),
        sa.CheckConstraint("status IN ('sold','unsold','cancelled')", name="ck_auctions_status"),
        sa.CheckConstraint("price >= 0 AND bid_count >= 0 AND events >= 1", name="ck_auctions_counts"),
        sa.CheckConstraint("status <> 'sold' OR leader_id IS NOT NULL", name="ck_auctions_sold"),
    )
    op.create_index("ix_auctions_status", "auctions", ["status", "auction_id"])
    op.create_index("ix_auctions_seller", "auctions", ["seller_id", "auction_id"])
    op.create_table(
        "events",
        sa.Column("auction_id", _ID, nullable=False),
        sa.Column("first_seq", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("lines", sa.LargeBinary, nullable=False, comment="zlib: one event a line, in two parts"),
        sa.PrimaryKeyConstraint("auction_id", "first_seq", name="pk_events"),
        sa.ForeignKeyConstraint(["auction_id"], ["auctions.auction_id"], name="fk_events_auction"),
        sa.CheckConstraint("first_seq >= 1 AND last_seq >= first_seq", name="ck_events_seq"),
    )


def downgrade() -> None:
    op.drop_table("events")
    op.drop_table("auctions")
