"""What the gateway and shows both know of a chat message."""

from typing import Annotated

from msgspec import Meta, Struct

from blytz.kit.text import NAME

MessageId = Annotated[str, Meta(pattern=NAME, description="chosen by the client")]


class Said(Struct, frozen=True):
    """What became of a message. It was said, as the event `seq`, unless there is a `code`, which says why it was
    refused."""

    code: str | None = None
    seq: int | None = None
    retry_after_ms: int | None = None
    """When it may be said, where that is known."""
    is_changed: bool = False
    """Words that the seller does not allow are masked."""
    detail: str | None = None
    """Why it was refused, where the code alone does not say enough."""
