"""What is stored of an image, and that it is paid for before it is stored."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from blytz.identity import Principal
from blytz.kit.problems import RateLimited
from blytz.kit.ratelimit.user_limit import Limit, UserLimit
from blytz.kit.sql.database import Database
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.images.encoder import PillowEncoder
from blytz.show.images.folder import ImageFolder
from blytz.show.images.model import Image, Size
from blytz.show.images.service import ImageInvalid, ImageService
from blytz.show.images.sql.store import SqlImages
from blytz.show.sql.store import SqlCatalogue
from tests.support.images import picture
from tests.support.metrics import value_of
from tests.support.wait import until


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
    service = ImageService(SqlImages(database), ImageFolder(tmp_path), PillowEncoder(Metrics()), lambda: 1, limit)
    sam = Principal("usr_sam", "Sam", ("seller",), 0)

    async def read() -> bytes:
        return picture()

    limit.take("usr_sam", 999)
    with pytest.raises(RateLimited):
        await service.take(sam, read)

    assert _files_in(tmp_path) == []


async def test_a_worker_that_dies_is_counted_and_its_image_refused() -> None:
    metrics = Metrics()
    encoding = asyncio.create_task(PillowEncoder(metrics).encode(picture(4_000, 3_000)))
    await until(lambda: bool(_workers()), "a worker has begun")
    os.kill(_workers()[0], signal.SIGKILL)
    with pytest.raises(ImageInvalid):
        await encoding
    assert value_of(metrics, "blytz_image_workers_failed_total") == 1


def _workers() -> list[int]:
    """The image workers of this process."""
    ids = [int(one) for path in Path("/proc/self/task").glob("*/children") for one in path.read_text().split()]
    return [one for one in ids if b"blytz.show.images.worker" in Path(f"/proc/{one}/cmdline").read_bytes()]


def _files_in(folder: Path) -> list[Path]:
    return list(folder.glob("images/**/*"))
