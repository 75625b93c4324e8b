"""What the HTTP call of images takes and gives (protocol, section 7)."""

from dataclasses import dataclass, field

from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from msgspec import Struct

from blytz.show.images import rules
from blytz.show.images.model import Image


class ImageSize(Struct, frozen=True):
    url: str
    width: int
    height: int


class ImageView(Struct, frozen=True):
    """`url`, `width` and `height` are those of the largest size. An address is a path at the gateway, which may
    redirect to where the file is, and a lot or a show takes it as it is."""

    image_id: str
    url: str
    width: int
    height: int
    sizes: list[ImageSize]
    """The smallest first."""


def image_view(image: Image) -> ImageView:
    sizes = [
        ImageSize(f"/images/{rules.file_name(image.hash, size.width)}", size.width, size.height)
        for size in rules.sizes_of(image.size)
    ]
    return ImageView(image.image_id, sizes[-1].url, image.size.width, image.size.height, sizes)


def _bytes_of_an_image() -> RequestBody:
    kinds = ("image/jpeg", "image/png", "image/webp")
    return RequestBody({kind: OpenAPIMediaType(Schema()) for kind in kinds}, "the file as it is", required=True)


@dataclass
class ImageUpload(Operation):
    """Its body is not JSON, so Litestar cannot describe it."""

    request_body: RequestBody | None = field(default_factory=_bytes_of_an_image)

    def __post_init__(self) -> None:
        self.request_body = _bytes_of_an_image()
