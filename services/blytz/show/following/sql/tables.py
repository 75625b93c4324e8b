"""The table of what users follow."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, Index, Table, Text, UniqueConstraint

from blytz.show.sql.tables import METADATA, Key

FOLLOWING: Final = Table(
    "following",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("user_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("followed_id", Text, nullable=False, comment="of a seller or of a show"),
    UniqueConstraint("user_id", "kind", "followed_id"),
    CheckConstraint("kind IN ('seller','show')", "kind"),
    Index("ix_following_newest", "user_id", "id"),
)
