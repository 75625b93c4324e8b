"""The table of images. Their files are in the data folder."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table, Text, UniqueConstraint

from blytz.show.sql.tables import METADATA, Key

IMAGES: Final = Table(
    "images",
    METADATA,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("image_id", Text, nullable=False, unique=True),
    Column("seller_id", Text, nullable=False),
    Column("hash", Text, nullable=False, comment="SHA-256 of the upload"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("seller_id", "hash"),
    CheckConstraint("width >= 1 AND height >= 1 AND bytes >= 1", "size"),
)
