"""How many connections each user has at which gateway, in Redis (port: `live/user_connections.py`)."""

from collections.abc import Sequence
from typing import Final, cast

from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.redis.scripts import load_script

GATEWAYS: Final = "{gateways}:alive"
"""Sorted set: gateway -> its last sign of life, in s since the Unix epoch."""
USER: Final = "{gateways}:user:"
"""Prefix of a user's key, a hash: gateway -> how many connections."""


class RedisConnectionCounts:
    """All keys are in one slot of a cluster, so that one call may carry many users."""

    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe
        self._script = load_script(__package__, "connection_counts")

    async def share(self, gateway: str, limit: int, counts: Sequence[tuple[str, int]]) -> Sequence[int]:
        keys = (GATEWAYS, *(USER + user_id for user_id, _ in counts))
        may_stay = await self._pipe.run(self._script, keys, (gateway, limit, *(count for _, count in counts)))
        return cast("list[int]", may_stay)
