"""Images in SQL."""

from typing import Any

from sqlalchemy import Select, func, select

from blytz.kit.sql.database import Database
from blytz.kit.sql.statements import insert_if_absent
from blytz.show.images.model import MAX_IMAGES, Image, Size
from blytz.show.images.sql.tables import IMAGES
from blytz.show.model import ShowCode


class SqlImages:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_seller(self, seller_id: str, content_hash: str) -> Image | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(_one(seller_id, content_hash))).first()
        return _image_of_row(row) if row else None

    async def add(self, image: Image) -> Image | ShowCode:
        row = {
            "image_id": image.image_id,
            "seller_id": image.seller_id,
            "hash": image.hash,
            "width": image.size.width,
            "height": image.size.height,
            "bytes": image.bytes,
            "created_at": image.created_at,
        }
        count = select(func.count()).select_from(IMAGES).where(IMAGES.c.seller_id == image.seller_id)
        async with self._database.writing() as connection:
            if (await connection.execute(count)).scalar_one() >= MAX_IMAGES:
                return ShowCode.TOO_MANY
            await connection.execute(insert_if_absent(IMAGES, is_sqlite=self._database.is_sqlite).values(row))
            return _image_of_row((await connection.execute(_one(image.seller_id, image.hash))).one())


def _one(seller_id: str, content_hash: str) -> Select[Any]:
    return select(IMAGES).where(IMAGES.c.seller_id == seller_id, IMAGES.c.hash == content_hash)


def _image_of_row(row: Any) -> Image:
    return Image(
        image_id=row.image_id,
        seller_id=row.seller_id,
        hash=row.hash,
        size=Size(row.width, row.height),
        bytes=row.bytes,
        created_at=row.created_at,
    )
