"""Auctions as topics (port: `kit/topics.py`)."""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from blytz.auction import rules
from blytz.auction.model import Auction
from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.state import corrupt
from blytz.auction.redis.store import RedisStore

_NONE: Final[frozenset[str]] = frozenset()
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class AuctionTopicState:
    """An event carries every changing field of the state under the same name, so laying it over any earlier state
    gives the state after it."""

    events_are_whole = True

    def __init__(self, auction: Auction) -> None:
        self.seq = auction.seq
        self.epoch = auction.listing.epoch
        self.is_final = auction.status.is_final
        self._view = rules.view(auction)

    @property
    def readers(self) -> Collection[str] | None:
        return None

    def lay(self, events: Sequence[bytes]) -> None:
        event = _decode(events[-1])
        self._view.update((name, event[name]) for name in event.keys() & self._view.keys())
        self.seq = event["seq"]
        self.is_final = event["kind"] in ("sold", "unsold", "cancelled")

    def encode(self) -> bytes:
        return _encode(self._view)

    def open_topics(self) -> frozenset[str]:
        return _NONE

    def take_opened(self) -> frozenset[str]:
        return _NONE


class AuctionTopics:
    """`TopicLog` of the auctions in one store."""

    fault = staticmethod(corrupt)

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def channel_of(self, subject_id: str) -> bytes:
        return keys_of(subject_id).feed

    def events_of(self, subject_id: str) -> bytes:
        return keys_of(subject_id).events

    def viewers_of(self, subject_id: str) -> bytes:
        return keys_of(subject_id).viewers

    def kept_by_viewers(self, subject_id: str) -> Sequence[bytes]:  # noqa: ARG002 - of the port
        """An auction is kept until it is deleted."""
        return ()

    async def state(self, subject_id: str) -> AuctionTopicState | None:
        auction = await self._store.get(subject_id)
        return None if auction is None else AuctionTopicState(auction)
