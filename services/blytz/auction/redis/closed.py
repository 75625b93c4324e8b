"""The closed auctions in Redis: which are to be archived or deleted, and what Redis holds of one."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from blytz.auction.archive import Copy, HeldAuction
from blytz.auction.redis import audit
from blytz.auction.redis.index import Index
from blytz.auction.redis.keys import ARCHIVED, CLOSED, keys_of
from blytz.auction.redis.schedule import RESCHEDULE
from blytz.auction.replay import Difference, Entry
from blytz.auction.service import MIN_ARCHIVED_MS
from blytz.kit.answer import Answer
from blytz.kit.redis.pipe import RedisError, RedisPipe
from blytz.kit.redis.scripts import load_script

RETRY_MS: Final = 3_600_000
"""An auction that differs is tried again after an hour."""
PAGE: Final = 500
"""Entries of a log, and receipts, read in one call, so that no bid waits for it."""


class RedisClosed:
    """`ClosedAuctions` in Redis."""

    def __init__(self, pipe: RedisPipe, keep_ms: int, keep: int) -> None:
        """An archived auction may go `keep_ms` after its end, and the oldest ones earlier when there are more than
        `keep`; but none before `MIN_ARCHIVED_MS`."""
        self._pipe = pipe
        self._index = Index(pipe)
        self._keep_ms = keep_ms
        self._keep = keep
        self._delete = load_script(__package__, "delete")
        self._move = load_script(__package__, "move_closed")

    async def to_archive(self, limit: int) -> Sequence[str]:
        return await self._due(CLOSED, await self._pipe.now(), limit)

    async def to_release(self, limit: int) -> Sequence[str]:
        excess = min(await self._pipe.call("ZCARD", ARCHIVED) - self._keep, limit)
        now = await self._pipe.now()
        due = await self._due(ARCHIVED, now - self._keep_ms, limit)
        if excess > len(due):
            return await self._due(ARCHIVED, now - min(self._keep_ms, MIN_ARCHIVED_MS), excess)
        return due

    async def counts(self) -> tuple[int, int]:
        now = await self._pipe.now()
        held = await self._pipe.call("ZCARD", CLOSED) + await self._pipe.call("ZCARD", ARCHIVED)
        # An entry of time 0 is the rest of a creation that was interrupted.
        oldest = await self._pipe.call("ZRANGE", CLOSED, "(0", now, "BYSCORE", "LIMIT", 0, 1, "WITHSCORES")
        return held, max(0, now - int(float(oldest[1]))) if oldest else 0

    async def read(self, auction_id: str) -> HeldAuction | None:
        keys = keys_of(auction_id)
        try:
            state = await self._pipe.call("HGETALL", keys.state)
            log = [entry async for entry in self._log(keys.events)]
            bids = {name: answer async for name, answer in self._bids(keys.bids)}
            # Another archiver may have deleted it while it was read. All its keys go in one step.
            is_there = await self._pipe.call("EXISTS", keys.state)
        except RedisError as error:
            raise Difference("Redis", str(error)) from error
        if not is_there:
            if log and not state:
                raise Difference("the state", "is missing, though there is a log")
            return None
        fields = {name.decode(): value for name, value in zip(state[::2], state[1::2], strict=True)}
        return _Held(audit.Record(auction_id=auction_id, state=fields, log=log, bids=bids))

    async def set_archived(self, auction_id: str, closed_at: int) -> None:
        await self._pipe.run(self._move, (CLOSED, ARCHIVED), (auction_id, closed_at))

    async def set_unarchived(self, auction_id: str) -> None:
        await self._pipe.run(self._move, (ARCHIVED, CLOSED), (auction_id, await self._pipe.now()))

    async def postpone(self, auction_id: str) -> None:
        again_at = await self._pipe.now() + RETRY_MS
        # A script, because a full memory must not keep the others from being archived.
        await self._pipe.run(RESCHEDULE, (CLOSED,), (auction_id, again_at, ""))
        await self._pipe.run(self._move, (ARCHIVED, CLOSED), (auction_id, again_at))

    async def release(self, auction_id: str) -> bool:
        try:
            is_deleted = await self._pipe.run(self._delete, keys_of(auction_id).stored, ())
        except RedisError as error:
            raise Difference("Redis", str(error)) from error
        if not is_deleted:
            return False
        await self._index.remove(auction_id)
        # Last: while one of them has it, a step that was interrupted is done again.
        await self._pipe.call("ZREM", CLOSED, auction_id)
        await self._pipe.call("ZREM", ARCHIVED, auction_id)
        return True

    async def _due(self, key: str, until: int, limit: int) -> Sequence[str]:
        due = await self._pipe.call("ZRANGE", key, "-inf", until, "BYSCORE", "LIMIT", 0, limit)
        return [auction_id.decode() for auction_id in due]

    async def _log(self, key: bytes) -> AsyncIterator[Entry]:
        last = "-"
        while page := await self._pipe.call("XRANGE", key, last, "+", "COUNT", PAGE):
            for entry_id, fields in page:
                found = dict(zip(fields[::2], fields[1::2], strict=True))
                yield Entry(entry_id.decode(), found.get(b"public", b""), found.get(b"private", b""))
            last = f"({page[-1][0].decode()}"

    async def _bids(self, key: bytes) -> AsyncIterator[tuple[str, str]]:
        """HSCAN returns every field of a hash that does not change, some of them twice."""
        cursor = b"0"
        while True:
            answer: Answer[Any] = self._pipe.call("HSCAN", key, cursor, "COUNT", PAGE)
            cursor, found = await answer
            for name, value in zip(found[::2], found[1::2], strict=True):
                yield name.decode(errors="backslashreplace"), value.decode(errors="backslashreplace")
            if cursor == b"0":
                return


class _Held:
    def __init__(self, record: audit.Record) -> None:
        self._record = record

    def replayed(self) -> Copy:
        replayed = audit.verify(self._record)
        if not replayed.auction.status.is_final:
            raise Difference("the state", f"is {replayed.auction.status.value}, not that of a closed auction")
        return Copy(replayed.auction, self._record.log, replayed.seen)

    def check_against(self, copy: Copy) -> None:
        audit.compare(self._record, copy.auction, copy.seen)
        if copy.log != self._record.log:
            raise Difference("the log", "is not the one that was archived")
