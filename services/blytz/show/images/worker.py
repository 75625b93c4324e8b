"""One image: bytes on stdin become WebP files on stdout. A program of its own, started by `images/encoder.py`.

stdout begins with one line of JSON: `{"fault": why}`, or `{"sizes": [[width, height, bytes], ...]}` followed by
the files in this order. Only here is Pillow imported.
"""

import io
import json
import os
import resource
import sys
from typing import Any, Final

from PIL import Image, ImageCms

from blytz.show.images import rules
from blytz.show.images.model import MAX_PIXELS, Size

MAX_MEMORY: Final = 1_073_741_824
MAX_CPU_S: Final = 20
QUALITY: Final = 80
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_ORIENTATION: Final = 0x0112
_TURNED: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By the orientation that a camera has noted (EXIF 2.32, tag 274)."""


class Refused(Exception):
    """The message is for the seller."""


def files_of(data: bytes) -> list[tuple[Size, bytes]]:
    """The smallest first, without EXIF, GPS position, colour profile and text. Raises `Refused`."""
    image = _decoded(data)
    files = []
    for size in rules.sizes_of(Size(*image.size)):
        file = io.BytesIO()
        image.resize((size.width, size.height), Image.Resampling.LANCZOS).save(file, "WEBP", quality=QUALITY)
        files.append((size, file.getvalue()))
    return files


def _decoded(data: bytes) -> Image.Image:
    """In the largest size that is kept, upright, as sRGB with or without transparency."""
    # Ours is the lower bound, and checked before any pixel is decoded.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Refused(f"it has more than {MAX_PIXELS // 1_000_000} million pixels")
            orientation = image.getexif().get(_ORIENTATION, 1)
            is_sideways = orientation >= 5 and orientation in _TURNED
            upright = Size(*(reversed(image.size) if is_sideways else image.size))
            kept = rules.largest(upright)
            size = (kept.height, kept.width) if is_sideways else (kept.width, kept.height)
            # A JPEG is decoded smaller where that is enough, in a fraction of the memory.
            image.draft("RGB", size)
            profile = image.info.get("icc_profile")
            small = _in_colour(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    except (OSError, SyntaxError, ValueError, OverflowError, MemoryError) as error:
        raise Refused("it cannot be decoded: it is damaged, or of a kind that is not taken") from error
    turned = small.transpose(_TURNED[orientation]) if orientation in _TURNED else small
    clean = _in_srgb(turned, profile)
    # Some formats would write into a file what they find here.
    clean.info = {}
    return clean


def _in_colour(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits of grey.
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    is_transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    return image.convert("RGBA" if is_transparent else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Telephones take pictures in wider colours, which would look pale without their profile."""
    if not profile:
        return image
    try:
        source: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image.convert("RGB"), source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    assert converted is not None, "only a conversion in place gives nothing"
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    # Bids come first.
    os.nice(10)
    answer: dict[str, Any]
    try:
        files = files_of(sys.stdin.buffer.read())
    except Refused as refused:
        files, answer = [], {"fault": str(refused)}
    else:
        answer = {"sizes": [[size.width, size.height, len(content)] for size, content in files]}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + b"".join(content for _, content in files))


if __name__ == "__main__":
    main()
