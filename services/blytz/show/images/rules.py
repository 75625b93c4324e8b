"""In which sizes an image is kept, and what its files are called."""

from typing import Final

from blytz.show.images.model import Size

WIDTHS: Final = (320, 800, 1_600)
"""Pixels. An image that is smaller is not made larger."""
MAX_HEIGHT: Final = 3_200
_SIGNATURES: Final = ((b"\xff\xd8\xff", 0), (b"\x89PNG\r\n\x1a\n", 0), (b"WEBP", 8))
"""Of JPEG, PNG and WebP, with where they stand."""


def is_image(data: bytes) -> bool:
    """Whether the first bytes are those of a format that is taken."""
    return any(data.startswith(signature, at) for signature, at in _SIGNATURES)


def largest(size: Size) -> Size:
    """The same proportions within the bounds."""
    shrunk = min(1.0, WIDTHS[-1] / size.width, MAX_HEIGHT / size.height)
    return Size(max(1, round(size.width * shrunk)), max(1, round(size.height * shrunk)))


def sizes_of(size: Size) -> list[Size]:
    """All sizes of an image whose largest is this one, the smallest first."""
    smaller = [width for width in WIDTHS if width < size.width]
    return [*(Size(width, max(1, round(size.height * width / size.width))) for width in smaller), size]


def file_name(content_hash: str, width: int) -> str:
    """Within the folder of images, and at the gateway within `/images/`. Another content has another name."""
    return f"{content_hash[:2]}/{content_hash}-{width}.webp"
