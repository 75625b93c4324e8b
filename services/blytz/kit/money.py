"""Money is a whole number of minor units (cents); a float never touches it."""

from typing import Annotated

from msgspec import Meta

from blytz.kit.text import CURRENCY

MAX_AMOUNT = 1_000_000_000_000
"""The largest amount anywhere: ten thousand million dollars in cents, far inside 2**53."""

Amount = Annotated[int, Meta(ge=1, le=MAX_AMOUNT, description="minor units of the auction's currency")]
Currency = Annotated[str, Meta(pattern=CURRENCY, description="ISO 4217")]
