"""How much memory Redis uses and may use, as metrics for the alert `BlytzRedisMemory`."""

import asyncio
import contextlib
import re
from typing import Final

from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.telemetry.metrics import Metrics

READ_EVERY_S: Final = 10.0
_NUMBER: Final = re.compile(rb"^(used_memory|maxmemory):(\d+)", re.MULTILINE)


class RedisMemory:
    def __init__(self, pipe: RedisPipe, metrics: Metrics) -> None:
        self._pipe = pipe
        self._bytes = {b"used_memory": 0, b"maxmemory": 0}
        used, limit = "blytz_redis_memory_used_bytes", "blytz_redis_memory_max_bytes"
        metrics.gauge(used, "Memory that Redis uses", lambda: self._bytes[b"used_memory"])
        metrics.gauge(
            limit, "Its maxmemory, past which it refuses bids; 0 is no limit", lambda: self._bytes[b"maxmemory"]
        )

    async def follow(self) -> None:
        """Run under a `TaskSupervisor`."""
        while True:
            with contextlib.suppress(StoreUnavailable, Overloaded):
                info: bytes = await self._pipe.call("INFO", "memory")
                self._bytes |= {name: int(value) for name, value in _NUMBER.findall(info)}
            await asyncio.sleep(READ_EVERY_S)
