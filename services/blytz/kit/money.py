"""Money is a whole number of minor units (cents); a float never touches it."""

from typing import Annotated

from msgspec import Meta

MOST = 1_000_000_000_000
"""The largest amount anywhere: ten thousand million dollars in cents, far inside 2**53."""

Amount = Annotated[int, Meta(ge=1, le=MOST, description="minor units of the auction's currency")]
# Python's `$` would also hold before a final line break.
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217")]
