"""Lots at a fixed price: what is left of them, runs that are sold without a winner, terms that name their kind."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TERMS = (("lots", "terms"), ("runs", "terms"))
_HOLDING_TERMS = (("intents", "body"), ("operations", "answer"))
_OLD, _NEW = '"terms":{', '"terms":{"format":"auction",'
_ONE_WINNER = "outcome <> 'sold' OR winner_id IS NOT NULL"
_ONE_WINNER_OR_OFFER = f"{_ONE_WINNER} OR auction_id LIKE 'ofr_%'"


def upgrade() -> None:
    op.add_column("lots", sa.Column("units_left", sa.Integer, comment="units of an offer that are not sold"))
    _check_sold(_ONE_WINNER, _ONE_WINNER_OR_OFFER)
    # Until now every lot was auctioned, and its terms were written with all of their fields.
    for table, column in _TERMS:
        _replace(table, column, '{"currency"', '{"format":"auction","currency"')
    for table, column in _HOLDING_TERMS:
        _replace(table, column, f'{_OLD}"currency"', f'{_NEW}"currency"')


def downgrade() -> None:
    # An older version cannot read other terms.
    fixed = '{"format":"fixed"%'
    of_fixed = (
        "SELECT lot_id FROM lots WHERE terms LIKE :fixed UNION SELECT lot_id FROM runs WHERE terms LIKE :fixed"
    )
    for table in ("pre_bids", "runs", "lots"):
        op.execute(sa.text(f"DELETE FROM {table} WHERE lot_id IN ({of_fixed})").bindparams(fixed=fixed))  # noqa: S608
    for table, column in _HOLDING_TERMS:
        op.execute(
            sa.text(f"DELETE FROM {table} WHERE {column} LIKE :fixed").bindparams(fixed=f"%{fixed}")  # noqa: S608
        )
        _replace(table, column, _NEW, _OLD)
    for table, column in _TERMS:
        _replace(table, column, '{"format":"auction",', "{")
    _check_sold(_ONE_WINNER_OR_OFFER, _ONE_WINNER)
    op.drop_column("lots", "units_left")


def _replace(table: str, column: str, old: str, new: str) -> None:
    # The names are those above.
    statement = f"UPDATE {table} SET {column} = replace({column}, :old, :new)"  # noqa: S608
    op.execute(sa.text(statement).bindparams(old=old, new=new))


def _check_sold(before: str, after: str) -> None:
    # SQLite changes a constraint by copying the table.
    with op.batch_alter_table("runs", copy_from=_runs(before)) as runs:
        runs.drop_constraint("ck_runs_sold", type_="check")
        runs.create_check_constraint("ck_runs_sold", after)


def _runs(sold: str) -> sa.Table:
    """The table as it is: what SQLite tells of it does not have its constraints."""
    key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    is_open = sa.text("closed_at IS NULL")
    return sa.Table(
        "runs",
        sa.MetaData(),
        sa.Column("id", key, autoincrement=True, nullable=False),
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
        sa.CheckConstraint(sold, name="ck_runs_sold"),
        sa.CheckConstraint("run >= 1 AND unit >= 1 AND price >= 0", name="ck_runs_counts"),
        sa.Index("ix_runs_show", "show_id", "id"),
        sa.Index("uq_runs_open", "lot_id", unique=True, sqlite_where=is_open, postgresql_where=is_open),
    )
