"""The table of reports."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text

from blytz.show.sql.tables import METADATA, Key

REPORTS: Final = Table(
    "reports",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("report_id", Text, nullable=False, unique=True),
    Column("show_id", Text, ForeignKey("shows.show_id"), nullable=False),
    Column("by_id", Text, nullable=False),
    Column("by_name", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("message_id", Text),
    Column("user_id", Text),
    Column("lot_id", Text),
    Column("reason", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("handled_at", BigInteger),
    Column("handled_by_id", Text),
    Column("handled_by_name", Text),
    Column("messages", Text, comment="JSON"),
    CheckConstraint("reason IN ('spam','abuse','fraud','illegal','other')", "reason"),
    CheckConstraint(
        "(handled_at IS NULL) = (handled_by_id IS NULL) AND (handled_at IS NULL) = (handled_by_name IS NULL)",
        "handled",
    ),
    Index("ix_reports_newest", "show_id", "id"),
    Index("ix_reports_user", "show_id", "by_id"),
)
