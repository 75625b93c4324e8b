"""A reader's request to be subscribed to a topic."""

from msgspec import UNSET, Struct, UnsetType

from blytz.kit.problems import Problem
from blytz.live import protocol
from blytz.live.topics.fanout import Reader


class WatchRequest(Struct, frozen=True):
    """A reader's `watch`."""

    reader: Reader
    after: int | None = None
    epoch: str | None = None
    ref: str | UnsetType = UNSET
    follow: bool = False
    """Whether the reader is to be subscribed to what this topic opens, too."""
    is_sent: bool = True
    """By the client; else the topic itself made it, for a reader who needs a fresh snapshot."""

    def refuse(self, why: Problem) -> None:
        self.reader.send(protocol.encode(protocol.Error(why.code, why.detail, self.ref)))
