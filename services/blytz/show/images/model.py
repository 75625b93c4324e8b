"""An image, and what is kept of it."""

from typing import Final

from msgspec import Struct

MAX_IMAGE_BYTES: Final = 10 * 1024 * 1024
"""Of an upload. `infra/nginx/site.conf` has the same bound."""
MAX_PIXELS: Final = 40_000_000
"""Of an upload: more than the cameras of telephones make by themselves."""
MAX_IMAGES: Final = 10_000
"""Of one seller."""


class Size(Struct, frozen=True):
    width: int
    height: int


class Encoded(Struct, frozen=True):
    """One size of an image as a file."""

    size: Size
    content: bytes


class Image(Struct, frozen=True, kw_only=True):
    image_id: str
    seller_id: str
    hash: str
    """SHA-256 of the upload, in hexadecimal."""
    size: Size
    """Of the largest file."""
    bytes: int
    """Of all its files."""
    created_at: int
    """Milliseconds since the Unix epoch."""
