"""Fields and parameters that the calls of several services have."""

from typing import Annotated

from litestar.params import QueryParameter
from msgspec import Meta

from blytz.kit.text import LINE

Line = Annotated[str, Meta(min_length=1, max_length=140, pattern=LINE)]
Name = Annotated[str, Meta(min_length=1, max_length=80, pattern=LINE)]
Moment = Annotated[int, Meta(ge=0, le=2**53 - 1, description="milliseconds since the Unix epoch")]
PageLimit = Annotated[int, QueryParameter(ge=1, le=100)]
