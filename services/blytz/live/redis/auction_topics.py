"""Auctions as topics (port: `kit/topics.py`)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, TypeVar

import msgspec

from blytz.auction import rules
from blytz.auction.model import Auction, is_rehearsal
from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.state import corrupt
from blytz.auction.redis.store import RedisStore
from blytz.auction.rehearsals import ModeratorsOf, no_moderators, readers_of
from blytz.auction.service import MIN_ARCHIVED_MS
from blytz.kit.ids import age_ms
from blytz.kit.problems import Overloaded, Problem, StoreUnavailable

T = TypeVar("T")
Archived = Callable[[str], Awaitable[Auction | None]]
"""Reads an auction from the archive. Raises `StoreUnavailable` and `Overloaded`."""
MAX_READ_AT_ONCE: Final = 4
"""Auctions that one gateway asks the databases about at once, however many are asked for."""
READ_WITHIN_S: Final = 10.0
"""With the seconds that loading what reads it takes on a busy machine, before the first one."""


class DatabaseAway(Problem):
    """The auction may be archived, and only the archive could say; or it is of a rehearsal, and only the catalogue
    knows who may see it. No `StoreUnavailable`, for which a topic waits:
    Redis is there, and whoever watches is told at once."""

    status, code, title = 503, "store_unavailable", "What only a database knows cannot be read now"
    retry_after_ms = 1_000


_NONE: Final[frozenset[str]] = frozenset()
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class AuctionTopicState:
    """An event carries every changing field of the state under the same name, so laying it over any earlier state
    gives the state after it."""

    events_are_whole = True

    def __init__(self, auction: Auction, readers: Collection[str] | None = None) -> None:
        """`readers` as in the port: those who might watch when the state was read."""
        self.readers = readers
        self.seq = auction.seq
        self.epoch = auction.listing.epoch
        self.is_final = auction.status.is_final
        self._view = rules.view(auction)

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
    """`TopicLog` of the auctions in one store. One that has left it is as it ended, without its events."""

    fault = staticmethod(corrupt)

    def __init__(
        self,
        store: RedisStore,
        archived: Archived | None = None,
        moderators_of: ModeratorsOf = no_moderators,
    ) -> None:
        """Without `archived`, an auction that has left the store does not exist."""
        self._store = store
        self._archived = archived
        self._moderators_of = moderators_of
        self._reading = asyncio.Semaphore(MAX_READ_AT_ONCE)

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
        auction = await self._store.get(subject_id) or await self._from_archive(subject_id)
        if auction is None:
            return None
        if not is_rehearsal(subject_id):
            return AuctionTopicState(auction)
        return AuctionTopicState(auction, await self._from_database(readers_of(auction, self._moderators_of)))

    async def _from_archive(self, auction_id: str) -> Auction | None:
        # One that was just made may be followed before it is there.
        if self._archived is None or age_ms(auction_id) < MIN_ARCHIVED_MS:
            return None
        return await self._from_database(self._archived(auction_id))

    async def _from_database(self, read: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(READ_WITHIN_S), self._reading:
                return await read
        except (StoreUnavailable, Overloaded, TimeoutError) as problem:
            raise DatabaseAway from problem
