"""Runs of lots, pre-bids, the intents that decisions leave, answers to repeated requests, the plan of a show."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column(
        "shows",
        sa.Column(
            "is_ending",
            sa.SmallInteger,
            nullable=False,
            server_default="0",
            comment="1: ends with its last open lot",
        ),
    )
    op.add_column("shows", sa.Column("next_lot_at", sa.BigInteger))
    op.add_column(
        "shows",
        sa.Column("changes", sa.Integer, nullable=False, server_default="0", comment="told to those who watch"),
    )
    _index_where("ix_shows_next_lot_at", "shows", "next_lot_at", "next_lot_at IS NOT NULL")
    op.add_column("lots", sa.Column("pre_bids", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "pre_bids",
        sa.Column("id", _KEY, autoincrement=True, nullable=False, comment="the order of arrival"),
        sa.Column("lot_id", sa.Text, nullable=False),
        sa.Column("bidder_id", sa.Text, nullable=False),
        sa.Column("bidder_name", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pre_bids"),
        sa.UniqueConstraint("lot_id", "bidder_id", name="uq_pre_bids_lot_id_bidder_id"),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.lot_id"], name="fk_pre_bids_lot_id"),
        sa.CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="ck_pre_bids_amount"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "runs",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("auction_id", sa.Text, nullable=False),
        sa.Column("show_id", sa.Text, nullable=False),
        sa.Column("lot_id", sa.Text, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("unit", sa.Integer, nullable=False),
        sa.Column("terms", sa.Text, nullable=False, comment="JSON, with the hidden reserve"),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("outcome", sa.Text),
        sa.Column("price", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("winner_id", sa.Text),
        sa.Column("winner_name", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("auction_id", name="uq_runs_auction_id"),
        sa.UniqueConstraint("lot_id", "run", name="uq_runs_lot_id_run"),
        sa.ForeignKeyConstraint(["show_id"], ["shows.show_id"], name="fk_runs_show_id"),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.lot_id"], name="fk_runs_lot_id"),
        sa.CheckConstraint("outcome IN ('sold','unsold','cancelled')", name="ck_runs_outcome"),
        sa.CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="ck_runs_closed"),
        sa.CheckConstraint("(winner_id IS NULL) = (winner_name IS NULL)", name="ck_runs_winner"),
        sa.CheckConstraint("outcome <> 'sold' OR winner_id IS NOT NULL", name="ck_runs_sold"),
        sa.CheckConstraint("run >= 1 AND unit >= 1 AND price >= 0", name="ck_runs_counts"),
    )
    op.create_index("ix_runs_show", "runs", ["show_id", "id"])
    _index_where("uq_runs_open", "runs", "lot_id", "closed_at IS NULL", unique=True)
    op.create_table(
        "intents",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("show_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False, comment="JSON"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_intents"),
        sa.ForeignKeyConstraint(["show_id"], ["shows.show_id"], name="fk_intents_show_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_intents_show", "intents", ["show_id", "id"])
    op.create_index("ix_intents_created_at", "intents", ["created_at"])
    op.create_table(
        "operations",
        sa.Column("operation_id", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False, comment="JSON"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("operation_id", name="pk_operations"),
    )
    op.create_index("ix_operations_created_at", "operations", ["created_at"])
    op.create_index("ix_shows_rank", "shows", ["listed_rank", "listed_at"])
    op.create_table(
        "show_events",
        sa.Column("show_id", sa.Text, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False, comment="names the history in Redis"),
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("public", sa.Text, nullable=False, comment="JSON"),
        sa.Column("private", sa.Text, nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("show_id", "epoch", "seq", name="pk_show_events"),
        sa.ForeignKeyConstraint(["show_id"], ["shows.show_id"], name="fk_show_events_show_id"),
    )


def _index_where(name: str, table: str, column: str, condition: str, *, unique: bool = False) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], unique=unique, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for table in ("show_events", "operations", "intents", "runs", "pre_bids"):
        op.drop_table(table)
    op.drop_column("lots", "pre_bids")
    op.drop_index("ix_shows_rank", "shows")
    op.drop_index("ix_shows_next_lot_at", "shows")
    for column in ("changes", "next_lot_at", "is_ending"):
        op.drop_column("shows", column)
