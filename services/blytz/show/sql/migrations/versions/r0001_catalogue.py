"""Shows and their lots, with a search index over the words of both."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "shows",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("show_id", sa.Text, nullable=False),
        sa.Column("seller_id", sa.Text, nullable=False),
        sa.Column("seller_name", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("tags", sa.Text, nullable=False, comment="JSON"),
        sa.Column("cover", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("visibility", sa.Text, nullable=False),
        sa.Column("scheduled_at", sa.BigInteger),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("settings", sa.Text, nullable=False, comment="JSON"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("is_listed", sa.SmallInteger, nullable=False, comment="1: in lists for everybody"),
        sa.Column("listed_rank", sa.SmallInteger, nullable=False),
        sa.Column("listed_at", sa.BigInteger, nullable=False),
        sa.Column("words", sa.Text, nullable=False, comment="for the search"),
        sa.PrimaryKeyConstraint("id", name="pk_shows"),
        sa.UniqueConstraint("show_id", name="uq_shows_show_id"),
        sa.CheckConstraint(
            "status IN ('draft','scheduled','live','paused','ended','cancelled')", name="ck_shows_status"
        ),
        sa.CheckConstraint("visibility IN ('public','unlisted','rehearsal')", name="ck_shows_visibility"),
        sa.CheckConstraint("version >= 1", name="ck_shows_version"),
        sa.CheckConstraint(
            "is_listed = 0 OR (visibility = 'public' AND status <> 'draft')", name="ck_shows_is_listed"
        ),
        sa.CheckConstraint("status <> 'scheduled' OR scheduled_at IS NOT NULL", name="ck_shows_scheduled"),
        sa.CheckConstraint("status NOT IN ('live','paused') OR started_at IS NOT NULL", name="ck_shows_started"),
        sa.CheckConstraint("(status IN ('ended','cancelled')) = (ended_at IS NOT NULL)", name="ck_shows_ended"),
    )
    for name, columns in (
        ("ix_shows_listed", ["is_listed"]),
        ("ix_shows_category", ["is_listed", "category"]),
        ("ix_shows_seller", ["seller_id"]),
    ):
        op.create_index(name, "shows", [*columns, "listed_rank", "listed_at", "id"])
    op.create_table(
        "lots",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("lot_id", sa.Text, nullable=False),
        sa.Column("show_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column(
            "position", sa.Integer, nullable=False, comment="below 0 when removed, and while the order changes"
        ),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("condition", sa.Text, nullable=False),
        sa.Column("images", sa.Text, nullable=False, comment="JSON"),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("unit", sa.Integer, nullable=False),
        sa.Column("terms", sa.Text, nullable=False, comment="JSON, with the hidden reserve"),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("auction_id", sa.Text),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("winner_id", sa.Text),
        sa.Column("winner_name", sa.Text),
        sa.Column("words", sa.Text, nullable=False, comment="for the search"),
        sa.PrimaryKeyConstraint("id", name="pk_lots"),
        sa.UniqueConstraint("lot_id", name="uq_lots_lot_id"),
        sa.UniqueConstraint("show_id", "number", name="uq_lots_show_id_number"),
        sa.UniqueConstraint("show_id", "position", name="uq_lots_show_id_position"),
        sa.ForeignKeyConstraint(["show_id"], ["shows.show_id"], name="fk_lots_show_id"),
        sa.CheckConstraint(
            "status IN ('queued','open','sold','unsold','passed','withdrawn')", name="ck_lots_status"
        ),
        sa.CheckConstraint("quantity >= 1 AND unit BETWEEN 1 AND quantity", name="ck_lots_quantity"),
        sa.CheckConstraint("run >= 0 AND price >= 0 AND number >= 1", name="ck_lots_counts"),
        sa.CheckConstraint("(winner_id IS NULL) = (winner_name IS NULL)", name="ck_lots_winner"),
        sa.CheckConstraint("status <> 'open' OR auction_id IS NOT NULL", name="ck_lots_open"),
    )
    op.create_index("ix_lots_status", "lots", ["show_id", "status"])
    index_words = _index_on_sqlite if op.get_bind().dialect.name == "sqlite" else _index_on_postgresql
    for table in ("shows", "lots"):
        index_words(table)


def _index_on_sqlite(table: str) -> None:
    """An index without a copy of the text (FTS5, external content), kept by triggers."""
    index = f"{table}_words"
    # The words are folded already (show/words.py): nothing is left for the tokenizer to decide.
    tokens = "tokenize='unicode61 remove_diacritics 0'"
    op.execute(f"CREATE VIRTUAL TABLE {index} USING fts5(words, content='{table}', content_rowid='id', {tokens})")
    add = f"INSERT INTO {index} (rowid, words) VALUES (new.id, new.words);"  # noqa: S608 # no input of a user
    remove = f"INSERT INTO {index} ({index}, rowid, words) VALUES ('delete', old.id, old.words);"  # noqa: S608
    for name, moment, statements in (
        ("insert", "INSERT", add),
        ("delete", "DELETE", remove),
        ("update", "UPDATE OF words", remove + add),
    ):
        op.execute(f"CREATE TRIGGER {index}_{name} AFTER {moment} ON {table} BEGIN {statements} END")


def _index_on_postgresql(table: str) -> None:
    # Not `to_tsvector`: its parser would split the words otherwise than show/words.py does.
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN words_vector tsvector"
        " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED"
    )
    op.execute(f"CREATE INDEX ix_{table}_words ON {table} USING gin (words_vector) WITH (fastupdate = off)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in ("lots", "shows"):
            op.execute(f"DROP TABLE {table}_words")
    op.drop_table("lots")
    op.drop_table("shows")
