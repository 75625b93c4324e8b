"""The cache of the catalogue in Redis: one for all processes, so that a write of one is seen by all.

A value carries the version of its scope, which is a show, or all lists. A write raises the version after it is
committed, so a value that was read before it is not taken any more, even when it is kept later. The values are in
one hash, with a bound on their bytes.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.redis.scripts import load_script
from blytz.kit.telemetry.metrics import Metrics

VALUES: Final = "{catalogue}:values"
VERSIONS: Final = "{catalogue}:versions"
KEPT_S: Final = 27
"""A value is used so long at most. With the 3 s of `answers.py` it is the bound on what a lost connection could
make stale: 30 s."""
MAX_BYTES: Final = 16_000_000
MAX_VALUE_BYTES: Final = 200_000
MAX_SCOPES: Final = 20_000

FILLED_WITHIN_MS: Final = 2_000
"""After this long another process reads the catalogue for the same value."""
WAIT_S: Final = 0.5
"""How long to wait for a value that another process is reading."""
LOOK_EVERY_S: Final = 0.02
AWAY_S: Final = 1.0
"""After a failure Redis is not asked for so long, or each read would wait for a Redis that stands still."""

Fill = Callable[[], Awaitable[bytes]]


class CatalogueCache:
    """Without Redis every read goes to the catalogue."""

    def __init__(self, pipe: RedisPipe, metrics: Metrics) -> None:
        self._pipe = pipe
        self._keep_script = load_script(__package__, "keep")
        self._invalidate_script = load_script(__package__, "invalidate")
        self._filling: dict[tuple[str, str], asyncio.Task[bytes]] = {}
        self._running: dict[str, asyncio.Task[bytes]] = {}
        self._next: dict[str, asyncio.Task[bytes]] = {}
        """Reads of the catalogue while Redis is away: those at work, and those that begin after them."""
        self._connection = -1
        self._away_until = 0.0
        self.reads = metrics.counter("blytz_catalogue_reads", "Reads of the catalogue, by what answered", "by")

    async def read(self, name: str, scope: str, fill: Fill) -> bytes:
        """The value of this name, or what `fill` gives, which is kept. One process at a time fills. Raises what
        `fill` raises."""
        if self._is_away:
            return await self._read_past_redis(name, fill)
        try:
            await self._forget_what_may_be_stale()
            version, value = await self._look_up(name, scope)
        except (StoreUnavailable, Overloaded):
            self._look_away()
            return await self._read_past_redis(name, fill)
        if value is not None:
            self.reads.add("cache")
            return value
        # By the version too: a value that was read before a write is nothing for those who come after it.
        task = self._filling.get((name, version))
        if task is None:
            task = asyncio.create_task(self._fill(name, scope, version, fill), name="fill cache")
            self._filling[name, version] = task
            task.add_done_callback(lambda _: self._filling.pop((name, version), None))
        return await asyncio.shield(task)

    async def _read_past_redis(self, name: str, fill: Fill) -> bytes:
        """Readers share the fill that has not begun when they come: one that has begun may not know of what they
        have written. So a value is read by one at a time, however many ask for it."""
        task = self._next.get(name)
        if task is None:
            task = asyncio.create_task(
                self._fill_after(name, self._running.get(name), fill), name="read catalogue"
            )
            self._next[name] = task
        return await asyncio.shield(task)

    async def _fill_after(self, name: str, before: asyncio.Task[bytes] | None, fill: Fill) -> bytes:
        if before is not None:
            await asyncio.wait([before])
        task = self._running[name] = self._next.pop(name)
        self.reads.add("catalogue")
        try:
            return await fill()
        finally:
            if self._running[name] is task:
                del self._running[name]

    async def invalidate(self, *scopes: str) -> None:
        """To be called after each write, before it is answered."""
        try:
            await self._pipe.run(self._invalidate_script, (VALUES, VERSIONS), (MAX_SCOPES, *scopes))
        except (StoreUnavailable, Overloaded):
            self._connection = -1

    async def versions(self, scopes: Collection[str]) -> list[Any] | None:
        """Those of these scopes, in their order: the same as before only when nothing was written since. None when
        Redis cannot tell."""
        if self._is_away:
            return None
        try:
            await self._forget_what_may_be_stale()
            # Another Redis, or one that has lost its data, may count from the beginning again.
            connection = self._pipe.times_connected
            return [connection, *await self._pipe.call("HMGET", VERSIONS, "epoch", *scopes)]
        except (StoreUnavailable, Overloaded):
            self._look_away()
            return None

    @property
    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until

    def _look_away(self) -> None:
        self._away_until = time.monotonic() + AWAY_S

    async def _forget_what_may_be_stale(self) -> None:
        """A write of this process while Redis was away has invalidated nothing."""
        connection = self._pipe.times_connected
        if self._connection != connection:
            await self._pipe.run(self._invalidate_script, (VALUES, VERSIONS), (MAX_SCOPES,))
            self._connection = connection

    async def _look_up(self, name: str, scope: str) -> tuple[str, bytes | None]:
        # Both leave in one write. Whatever is written between the two only makes the value invalid.
        value, versions = self._pipe.call("HGET", VALUES, name), self._pipe.call("HMGET", VERSIONS, "epoch", scope)
        kept, (epoch, number) = await value, await versions
        version = f"{(epoch or b'0').decode()}.{(number or b'0').decode()}"
        if kept is None:
            return version, None
        of_version, expires_at, content = kept.split(b" ", 2)
        is_valid = of_version.decode() == version and int(expires_at) > time.time()
        return version, content if is_valid else None

    async def _fill(self, name: str, scope: str, version: str, fill: Fill) -> bytes:
        lock = f"{{catalogue}}:filling:{version}:{name}"
        try:
            is_first = await self._pipe.call("SET", lock, "1", "NX", "PX", FILLED_WITHIN_MS)
            if not is_first and (value := await self._filled_elsewhere(name, scope, version)):
                self.reads.add("cache")
                return value
        except (StoreUnavailable, Overloaded):
            pass
        self.reads.add("catalogue")
        value = await fill()
        if len(value) <= MAX_VALUE_BYTES:
            await self._keep(name, scope, version, value)
        return value

    async def _filled_elsewhere(self, name: str, scope: str, version: str) -> bytes | None:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            await asyncio.sleep(LOOK_EVERY_S)
            now, value = await self._look_up(name, scope)
            if value is not None or now != version:
                return value
        return None

    async def _keep(self, name: str, scope: str, version: str, value: bytes) -> None:
        args = (name, scope, version, int(time.time()) + KEPT_S, value, MAX_BYTES)
        with contextlib.suppress(StoreUnavailable, Overloaded):
            await self._pipe.run(self._keep_script, (VALUES, VERSIONS), args)
