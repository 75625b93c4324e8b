"""Taking an image: one at a time in each process, because decoding one may need 300 MB."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from blytz.identity import Principal
from blytz.kit.ids import new_id
from blytz.kit.problems import Conflict, Forbidden, Overloaded
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.show.images import rules
from blytz.show.images.model import MAX_IMAGES, Image
from blytz.show.images.store import Encoder, ImageFiles, ImageStore
from blytz.show.model import ShowCode

T = TypeVar("T")
WAIT_S: Final = 10.0
"""The longest wait for the images before this one."""
READ_S: Final = 15.0
"""In which the whole body has to come. The gateway has it before it asks us."""
TOO_MANY_IMAGES: Final = Conflict(f"at most {MAX_IMAGES} images of a seller are kept", code=ShowCode.TOO_MANY)


class ImageInvalid(Conflict):
    """The bytes are no image that is taken; the detail says why."""

    code = "image_invalid"


NOT_AN_IMAGE: Final = "it is not a JPEG, PNG or WebP"


class ImageService:
    """Raises `Forbidden`, `ImageInvalid`, `Conflict`, `RateLimited`, `Overloaded` and what its ports raise."""

    def __init__(
        self,
        store: ImageStore,
        files: ImageFiles,
        encoder: Encoder,
        now: Callable[[], int],
        stored_bytes_of_user: UserLimit | None = None,
    ) -> None:
        """`now` is in milliseconds since the Unix epoch, on the Redis clock."""
        self._store = store
        self._files = files
        self._encoder = encoder
        self._now = now
        self._stored_bytes_of_user = stored_bytes_of_user
        self._turns = asyncio.Semaphore(1)

    async def take(self, seller: Principal, read: Callable[[], Awaitable[bytes]]) -> Image:
        """For sellers. `read` gives the bytes, at most `MAX_IMAGE_BYTES`; it is called when it is their turn, so
        that no more than one upload is in memory. The same bytes again give the same image."""
        if not seller.has("seller", "admin"):
            raise Forbidden("only a seller may upload images")
        async with self._turn():
            data = await _within(READ_S, read())
            if not rules.is_image(data):
                raise ImageInvalid(NOT_AN_IMAGE)
            content_hash = await asyncio.to_thread(_hash, data)
            known = await self._store.of_seller(seller.id, content_hash)
            return known or await self._add(seller, content_hash, data)

    async def _add(self, seller: Principal, content_hash: str, data: bytes) -> Image:
        encoded = await self._encoder.encode(data)
        stored = sum(len(one.content) for one in encoded)
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(seller.id, stored)
        # Known to the seller and to the catalogue only when all of it is stored.
        await self._files.write({rules.file_name(content_hash, one.size.width): one.content for one in encoded})
        image = Image(
            image_id=new_id("img"),
            seller_id=seller.id,
            hash=content_hash,
            size=encoded[-1].size,
            bytes=stored,
            created_at=self._now(),
        )
        added = await self._store.add(image)
        if isinstance(added, ShowCode):
            raise TOO_MANY_IMAGES
        return added

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        await _within(WAIT_S, self._turns.acquire())
        try:
            yield
        finally:
            self._turns.release()


async def _within(seconds: float, waited_for: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await waited_for
    except TimeoutError:
        raise Overloaded from None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
