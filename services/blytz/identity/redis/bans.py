"""Bans and revocations in Redis, and the copy of them that each process keeps.

The one module that knows these keys; they are in one slot. Each change raises the version in the
same step, and every process that sees a new version reads everything again.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import msgspec

from blytz.identity.bans import MAX_BANS, SEEN_WITHIN_S, Ban, Bans, TooManyBans
from blytz.identity.claims import MAX_TOKEN_AGE_S, SKEW_S
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.redis.link import Part
from blytz.kit.redis.pipe import RedisPipe, Script

BANS: Final = "{identity}:bans"
"""Hash: user id -> `Ban` as JSON."""
REVOKED: Final = "{identity}:revoked"
"""Hash: user id -> tokens issued before this moment, in ms, are worth nothing."""
VERSION: Final = "{identity}:version"
AGAIN_AFTER_S: Final = 60.0
"""Everything is read again, whatever the version says: a Redis that came back from a copy may lie about it."""
LOOKED_AGAIN_AFTER_S: Final = 0.1
MAX_FORGOTTEN_AT_ONCE: Final = 100
_PAGE: Final = 1_000
_REVOKED_COUNTS_FOR_MS: Final = (MAX_TOKEN_AGE_S + 2 * SKEW_S) * 1_000

_CHANGE: Final = Script(
    """-- KEYS 1 what is changed (hash)  2 version   ARGV 1 HSET or HDEL  2... its words
redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
return redis.call('INCR', KEYS[2])
"""
)

_decode = msgspec.json.Decoder(Ban).decode
_encode = msgspec.json.Encoder().encode


class RedisBans:
    """`bans` is the copy. Changes are durable when the call returns, and count in this process at once, in all
    others within `SEEN_WITHIN_S` and the time it takes to read them. The calls raise what the pipe raises."""

    def __init__(self, pipe: RedisPipe) -> None:
        self.bans = Bans()
        self._pipe = pipe
        self._version: bytes | None = None
        self._read_at = float("-inf")

    async def ban(self, user_id: str, reason: str, by: str) -> Ban:
        """A second ban of the same user replaces the first. Raises `TooManyBans`."""
        self._require_room(len(self.bans.banned), user_id in self.bans.banned)
        ban = Ban(user_id, reason, by, await self._pipe.now())
        await self._change("HSET", BANS, user_id, _encode(ban))
        return ban

    async def lift(self, user_id: str) -> None:
        """Nothing happens to who is not banned."""
        await self._change("HDEL", BANS, user_id)

    async def revoke(self, user_id: str, before: int | None = None) -> int:
        """Ends every token that was issued to them before this moment (ms, None is now), and gives the moment that
        holds, which never goes back. Raises `TooManyBans`, and ValueError for a moment still to come."""
        revoked = self.bans.revoked_before
        now = await self._pipe.now()
        if before is not None and before > now:
            raise ValueError("is still to come")
        before = max(now if before is None else before, revoked.get(user_id, 0))
        old = [name for name, before in revoked.items() if before < now - _REVOKED_COUNTS_FOR_MS]
        self._require_room(len(revoked) - len(old), user_id in revoked)
        if old := [name for name in old if name != user_id][:MAX_FORGOTTEN_AT_ONCE]:
            await self._change("HDEL", REVOKED, *old)
        await self._change("HSET", REVOKED, user_id, before)
        return before

    async def look(self) -> bool:
        """Brings the copy up to date; whether anything may have changed."""
        version = await self._pipe.call("GET", VERSION)
        if version == self._version and time.monotonic() < self._read_at + AGAIN_AFTER_S:
            return False
        banned = {user_id.decode(): _decode(ban) async for user_id, ban in self._entries(BANS)}
        revoked = {user_id.decode(): int(before) async for user_id, before in self._entries(REVOKED)}
        self.bans.banned, self.bans.revoked_before = banned, revoked
        self._version, self._read_at = version, time.monotonic()
        return True

    async def follow(self, on_change: Callable[[], Awaitable[None]] | None = None) -> None:
        """Run under a `TaskSupervisor`. `on_change` is awaited after the copy has changed."""
        while True:
            pause_s = SEEN_WITHIN_S
            try:
                if await self.look() and on_change:
                    await on_change()
            except (StoreUnavailable, Overloaded):
                # The known bans go on counting. While Redis is away no bid is accepted; when it is overloaded,
                # some still are.
                pause_s = LOOKED_AGAIN_AFTER_S
            await asyncio.sleep(pause_s)

    async def _change(self, *command: Part) -> None:
        verb, key, *words = command
        await self._pipe.run(_CHANGE, (key, VERSION), (verb, *words))
        # The change is made; if the copy misses the message, the next poll finds it.
        with contextlib.suppress(StoreUnavailable, Overloaded):
            await self.look()

    async def _entries(self, key: str) -> AsyncIterator[tuple[bytes, bytes]]:
        cursor: Part = 0
        while True:
            cursor, page = await self._pipe.call("HSCAN", key, cursor, "COUNT", _PAGE)
            for entry in zip(page[::2], page[1::2], strict=True):
                yield entry
            if int(cursor) == 0:
                return

    @staticmethod
    def _require_room(kept: int, is_known: bool) -> None:
        if kept >= MAX_BANS and not is_known:
            raise TooManyBans(f"at most {MAX_BANS} users can be kept; lift old ones first")
