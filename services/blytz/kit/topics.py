"""What the live gateway watches: topics, each a log of numbered events with the state that they lead to.

`live` recovers and sends topics of every kind in one way; what the kinds differ in is behind these ports. The name
of a topic is its kind and an id: `auction:auc_1`, `show:shw_1`.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

Entry = tuple[int, bytes]
"""`seq` and public JSON of an event, as they stand in the log."""


class TopicState(Protocol):
    """The state of one topic after the event `seq`, in the memory of one gateway."""

    seq: int
    epoch: str
    events_are_whole: bool
    """Whether the last event alone, laid over any earlier state, gives the state after it; else each event is laid
    over the state after the one before."""

    @property
    def readers(self) -> Collection[str] | None:
        """The users who may watch, besides moderators and admins; None for everybody."""

    @property
    def is_final(self) -> bool:
        """Whether this was the last event."""

    def lay(self, events: Sequence[bytes]) -> None:
        """Lay the public JSON of these events over the state, in their order."""

    def encode(self) -> bytes:
        """The public state as a JSON object with at least one member."""

    def open_topics(self) -> frozenset[str]:
        """The topics that who follows this one watches too."""

    def take_opened(self) -> frozenset[str]:
        """Those that events have opened since the last call. Some may be closed again."""


class TopicLog(Protocol):
    """How the topics of one kind stand in Redis. `subject_id` is the name of a topic without its kind."""

    def channel_of(self, subject_id: str) -> bytes:
        """The sharded channel on which events are announced, each as its public JSON."""

    def events_of(self, subject_id: str) -> bytes:
        """The stream of all events: ids `<seq>-0`, the public JSON as the value of the first field."""

    def viewers_of(self, subject_id: str) -> bytes:
        """The hash in which gateways report how many watch."""

    def kept_by_viewers(self, subject_id: str) -> Sequence[bytes]:
        """Keys that have an end, which is put off while somebody watches."""

    async def state(self, subject_id: str) -> TopicState | None:
        """None when there is no such thing. The first command is sent before the first wait. Raises
        `StoreUnavailable`, `Overloaded` and `CorruptRecord`."""

    def fault(self, text: str) -> Exception:
        """The exception for what is not valid in Redis; it is a `CorruptRecord`."""
