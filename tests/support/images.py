"""Pictures for tests."""

import io
from typing import Any

from PIL import Image


def picture(width: int = 640, height: int = 480, kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    """The left half is white, the right one black."""
    image = Image.new(mode, (width, height))
    image.paste(Image.new(mode, (width // 2, height), "white"), (0, 0))
    return as_file(image, kind, **options)


def as_file(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))
