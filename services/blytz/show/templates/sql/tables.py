"""The table of templates."""

from typing import Final

from sqlalchemy import Column, Table, Text, UniqueConstraint

from blytz.show.sql.tables import METADATA, Key

TEMPLATES: Final = Table(
    "terms_templates",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("template_id", Text, nullable=False, unique=True),
    Column("seller_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("terms", Text, nullable=False, comment="JSON, with the hidden reserve"),
    UniqueConstraint("seller_id", "name"),
)
