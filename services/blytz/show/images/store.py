"""The ports of images: their rows, their files, and what makes files of an upload."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from blytz.show.images.model import Encoded, Image
from blytz.show.model import ShowCode


class ImageStore(Protocol):
    """All raise `StoreUnavailable` and `Overloaded`."""

    async def of_seller(self, seller_id: str, content_hash: str) -> Image | None: ...

    async def add(self, image: Image) -> Image | ShowCode:
        """The same content of the same seller again gives the image that is there. Refuses `too_many`."""


class ImageFiles(Protocol):
    async def write(self, files: Mapping[str, bytes]) -> None:
        """All files of one image, by name. Raises `StoreUnavailable` unless all of them are stored, each whole.
        The same again changes nothing."""


class Encoder(Protocol):
    async def encode(self, data: bytes) -> Sequence[Encoded]:
        """In the sizes of `rules.sizes_of`. Raises `ImageInvalid`, and `Overloaded` where it cannot begin."""
