"""The port through which topics read their logs (adapter: `live/redis/events.py`)."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from blytz.kit.topics import Entry, TopicState


class Reading(Struct, frozen=True):
    """A state and events of its log, read from the same dataset."""

    state: TopicState | None
    """None when there is no such topic."""
    events: Sequence[Entry]
    """Oldest first."""
    dataset: str


class Source(Protocol):
    """`dataset` and `read` raise `StoreUnavailable` and `Overloaded`."""

    def subscribe(self, topic: str) -> None: ...

    def unsubscribe(self, topic: str) -> None: ...

    async def dataset(self) -> str:
        """The name of the stored data, the same for all gateways. It changes whenever recorded events may have
        been lost, and may change when none was."""

    async def read(self, topic: str, after: int | None, limit: int) -> Reading:
        """The state and at most `limit` events: the first with `after < seq`, or the newest if `after` is None.
        Raises `CorruptRecord` too."""
