"""Fields and parameters that the calls of several services have."""

from typing import Annotated

from litestar.params import HeaderParameter, QueryParameter
from msgspec import Meta

from blytz.kit.text import IMAGE_URL, LINE, NAME, TEXT

Line = Annotated[str, Meta(min_length=1, max_length=140, pattern=LINE)]
Name = Annotated[str, Meta(min_length=1, max_length=80, pattern=LINE)]
Moment = Annotated[int, Meta(ge=0, le=2**53 - 1, description="milliseconds since the Unix epoch")]
PageLimit = Annotated[int, QueryParameter(ge=1, le=100)]
Cursor = Annotated[str | None, QueryParameter(pattern=NAME, description="of the page before")]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        pattern=NAME,
        description="sent again within 24 hours: the first answer, and nothing is done twice",
    ),
]
Text = Annotated[str, Meta(max_length=5_000, pattern=TEXT)]
ImageUrl = Annotated[str, Meta(max_length=2_048, pattern=IMAGE_URL)]
ImageUrls = Annotated[tuple[ImageUrl, ...], Meta(max_length=10)]
