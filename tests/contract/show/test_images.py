"""What is stored of an image, and that it is paid for before it is stored."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from blytz.identity import Principal
from blytz.kit.problems import RateLimited
from blytz.kit.ratelimit.user_limit import Limit, UserLimit
from blytz.kit.sql.database import Database
from blytz.show.images.encoder import PillowEncoder
from blytz.show.images.folder import ImageFolder
from blytz.show.images.model import Image, Size
from blytz.show.images.service import ImageService
from blytz.show.images.sql.store import SqlImages
from blytz.show.sql.store import SqlCatalogue
from tests.support.images import picture


async def test_an_image_is_stored_once_for_each_seller(catalogue: SqlCatalogue, database: Database) -> None:
    images = SqlImages(database)
    image = Image(image_id="img_1", seller_id="usr_sam", hash="ab", size=Size(640, 480), bytes=1_000, created_at=1)
    other = replace(image, image_id="img_3", seller_id="usr_other")

    assert await images.of_seller("usr_sam", "ab") is None
    assert await images.add(image) == image
    assert await images.add(replace(image, image_id="img_2")) == image
    assert await images.add(other) == other
    assert await images.of_seller("usr_sam", "ab") == image


async def test_an_image_past_the_bytes_of_the_day_is_not_stored(
    catalogue: SqlCatalogue, database: Database, tmp_path: Path
) -> None:
    limit = UserLimit(Limit("bytes", 0.001, 1_000))
    service = ImageService(SqlImages(database), ImageFolder(tmp_path), PillowEncoder(), lambda: 1, limit)
    sam = Principal("usr_sam", "Sam", ("seller",), 0)

    async def read() -> bytes:
        return picture()

    limit.take("usr_sam", 999)
    with pytest.raises(RateLimited):
        await service.take(sam, read)

    assert _files_in(tmp_path) == []


def _files_in(folder: Path) -> list[Path]:
    return list(folder.glob("images/**/*"))
