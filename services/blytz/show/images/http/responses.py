"""The problems that an upload may answer with."""

from typing import Final

from blytz.identity.http.responses import TOKEN
from blytz.kit.http.responses import SQL_WRITE_FAILED, documented, malformed
from blytz.kit.problems import Forbidden, RateLimited, TooLarge
from blytz.show.images.model import MAX_IMAGE_BYTES
from blytz.show.images.service import NOT_AN_IMAGE, TOO_MANY_IMAGES, ImageInvalid

TOO_LARGE: Final = TooLarge(f"an image may have {MAX_IMAGE_BYTES} bytes")
CREATE: Final = documented(
    *TOKEN,
    RateLimited(retry_after_ms=150),
    Forbidden("only a seller may upload images"),
    ImageInvalid(NOT_AN_IMAGE),
    TOO_MANY_IMAGES,
    TOO_LARGE,
    *SQL_WRITE_FAILED,
    malformed("limit", "is not a known parameter"),
)
