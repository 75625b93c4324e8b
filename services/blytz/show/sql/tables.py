"""The tables of the catalogue, as its newest migration leaves them. The database checks what it can by itself."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Key = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers the rows of an INTEGER PRIMARY KEY by itself. The number also joins a row to its search index."""


def _where(index: Index, condition: str) -> Index:
    """Of those rows only."""
    for dialect in ("sqlite", "postgresql"):
        index.dialect_options[dialect]["where"] = text(condition)
    return index


SHOWS: Final = Table(
    "shows",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("show_id", Text, nullable=False, unique=True),
    Column("seller_id", Text, nullable=False),
    Column("seller_name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("category", Text),
    Column("tags", Text, nullable=False, comment="JSON"),
    Column("cover", Text),
    Column("status", Text, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("scheduled_at", BigInteger),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("settings", Text, nullable=False, comment="JSON"),
    Column("version", Integer, nullable=False),
    Column("is_listed", SmallInteger, nullable=False, comment="1: in lists for everybody"),
    Column("listed_rank", SmallInteger, nullable=False),
    Column("listed_at", BigInteger, nullable=False),
    Column("words", Text, nullable=False, comment="for the search"),
    Column(
        "is_ending", SmallInteger, nullable=False, server_default="0", comment="1: ends with its last open lot"
    ),
    Column("next_lot_at", BigInteger),
    Column("changes", Integer, nullable=False, server_default="0", comment="told to those who watch"),
    Column("host_state", Text, nullable=False, server_default="absent"),
    Column("host_since", BigInteger),
    Column("host_pause_at", BigInteger),
    Column("pause_reason", Text),
    CheckConstraint("status IN ('draft','scheduled','live','paused','ended','cancelled')", "status"),
    CheckConstraint("visibility IN ('public','unlisted','rehearsal')", "visibility"),
    CheckConstraint("version >= 1", "version"),
    CheckConstraint("is_listed = 0 OR (visibility = 'public' AND status <> 'draft')", "is_listed"),
    CheckConstraint("status <> 'scheduled' OR scheduled_at IS NOT NULL", "scheduled"),
    CheckConstraint("status NOT IN ('live','paused') OR started_at IS NOT NULL", "started"),
    CheckConstraint("(status IN ('ended','cancelled')) = (ended_at IS NOT NULL)", "ended"),
    CheckConstraint("host_state IN ('absent','live','away')", "host_state"),
    CheckConstraint("pause_reason IN ('seller','host_away')", "pause_reason"),
    # Each filter of a list, in the order of the list.
    Index("ix_shows_listed", "is_listed", "listed_rank", "listed_at", "id"),
    Index("ix_shows_category", "is_listed", "category", "listed_rank", "listed_at", "id"),
    Index("ix_shows_seller", "seller_id", "listed_rank", "listed_at", "id"),
    _where(Index("ix_shows_next_lot_at", "next_lot_at"), "next_lot_at IS NOT NULL"),
    Index("ix_shows_rank", "listed_rank", "listed_at"),
    _where(Index("ix_shows_host_pause_at", "host_pause_at"), "host_pause_at IS NOT NULL"),
)

LOTS: Final = Table(
    "lots",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("lot_id", Text, nullable=False, unique=True),
    Column("show_id", Text, ForeignKey("shows.show_id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("position", Integer, nullable=False, comment="below 0 when removed, and while the order changes"),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("images", Text, nullable=False, comment="JSON"),
    Column("quantity", Integer, nullable=False),
    Column("unit", Integer, nullable=False),
    Column("terms", Text, nullable=False, comment="JSON, with the hidden reserve"),
    Column("status", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("auction_id", Text),
    Column("price", BigInteger, nullable=False),
    Column("winner_id", Text),
    Column("winner_name", Text),
    Column("words", Text, nullable=False, comment="for the search"),
    Column("pre_bids", Integer, nullable=False, server_default="0"),
    Column("units_left", Integer, comment="units of an offer that are not sold"),
    UniqueConstraint("show_id", "number"),
    UniqueConstraint("show_id", "position"),
    CheckConstraint("status IN ('queued','open','sold','unsold','passed','withdrawn')", "status"),
    CheckConstraint("quantity >= 1 AND unit BETWEEN 1 AND quantity", "quantity"),
    CheckConstraint("run >= 0 AND price >= 0 AND number >= 1", "counts"),
    CheckConstraint("(winner_id IS NULL) = (winner_name IS NULL)", "winner"),
    CheckConstraint("status <> 'open' OR auction_id IS NOT NULL", "open"),
    Index("ix_lots_status", "show_id", "status"),
)

PRE_BIDS: Final = Table(
    "pre_bids",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True, comment="the order of arrival"),
    Column("lot_id", Text, ForeignKey("lots.lot_id"), nullable=False),
    Column("bidder_id", Text, nullable=False),
    Column("bidder_name", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    UniqueConstraint("lot_id", "bidder_id"),
    CheckConstraint("amount BETWEEN 1 AND 1000000000000", "amount"),
    sqlite_autoincrement=True,
)

RUNS: Final = Table(
    "runs",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("auction_id", Text, nullable=False, unique=True),
    Column("show_id", Text, ForeignKey("shows.show_id"), nullable=False),
    Column("lot_id", Text, ForeignKey("lots.lot_id"), nullable=False),
    Column("run", Integer, nullable=False),
    Column("unit", Integer, nullable=False),
    Column("terms", Text, nullable=False, comment="JSON, with the hidden reserve"),
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("outcome", Text),
    Column("price", BigInteger, nullable=False, server_default="0"),
    Column("winner_id", Text),
    Column("winner_name", Text),
    UniqueConstraint("lot_id", "run"),
    CheckConstraint("outcome IN ('sold','unsold','cancelled')", "outcome"),
    CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", "closed"),
    CheckConstraint("(winner_id IS NULL) = (winner_name IS NULL)", "winner"),
    CheckConstraint("outcome <> 'sold' OR winner_id IS NOT NULL OR auction_id LIKE 'ofr_%'", "sold"),
    CheckConstraint("run >= 1 AND unit >= 1 AND price >= 0", "counts"),
    Index("ix_runs_show", "show_id", "id"),
    # However many calls open it at once: a lot is in one auction.
    _where(Index("uq_runs_open", "lot_id", unique=True), "closed_at IS NULL"),
)

INTENTS: Final = Table(
    "intents",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("show_id", Text, ForeignKey("shows.show_id"), nullable=False),
    Column("body", Text, nullable=False, comment="JSON"),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_intents_show", "show_id", "id"),
    Index("ix_intents_created_at", "created_at"),
    # An id is never given again: a late worker that finishes an old one must not finish another's.
    sqlite_autoincrement=True,
)

OPERATIONS: Final = Table(
    "operations",
    METADATA,
    Column("operation_id", Text, primary_key=True),
    Column("answer", Text, nullable=False, comment="JSON"),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_operations_created_at", "created_at"),
)

SHOW_EVENTS: Final = Table(
    "show_events",
    METADATA,
    Column("show_id", Text, ForeignKey("shows.show_id"), primary_key=True),
    Column("epoch", Text, primary_key=True, comment="names the history in Redis"),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("public", Text, nullable=False, comment="JSON"),
    Column("private", Text, nullable=False, comment="JSON"),
)

VIDEO_EVENTS: Final = Table(
    "video_events",
    METADATA,
    Column("event_id", Text, primary_key=True),
    Column("show_id", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("participant", Text, nullable=False, comment="identity in the room"),
    Column("track", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("is_new", SmallInteger, nullable=False, comment="1: its show was not looked at since"),
    CheckConstraint("change IN ('camera_on','camera_off','left')", "change"),
    Index("ix_video_events_received_at", "received_at"),
)
_where(Index("ix_video_events_new", VIDEO_EVENTS.c.received_at), "is_new = 1")

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

CHAT_RULES: Final = Table(
    "chat_rules",
    METADATA,
    Column("seller_id", Text, primary_key=True),
    Column("words", Text, nullable=False, comment="JSON"),
    Column("links", Text, nullable=False),
    Column("on_match", Text, nullable=False),
    CheckConstraint("links IN ('text','allowed')", "links"),
    CheckConstraint("on_match IN ('refuse','mask')", "on_match"),
)
