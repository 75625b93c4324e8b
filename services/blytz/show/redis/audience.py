"""How many watch a show, as the gateways report it (port: `Audience` in `show/store.py`)."""

import time
from collections.abc import Collection
from typing import Final

from blytz.kit.answer import Answer
from blytz.kit.presence import total_of
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.redis.pipe import RedisError, RedisPipe
from blytz.show.redis.keys import keys_of
from blytz.show.redis.log import corrupt

AWAY_S: Final = 1.0
"""After a failure Redis is not asked for so long, or each read would wait for a Redis that stands still."""


class RedisAudience:
    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe
        self._away_until = 0.0

    async def viewers(self, show_ids: Collection[str]) -> dict[str, int]:
        if not show_ids or time.monotonic() < self._away_until:
            return {}
        try:
            # All leave in one write, with whatever else is sent in this turn.
            now = self._pipe.now()
            reports = {show_id: self._pipe.call("HVALS", keys_of(show_id).viewers) for show_id in show_ids}
            now_s = await now // 1_000
            return {show_id: await _total(show_id, of_show, now_s) for show_id, of_show in reports.items()}
        except (StoreUnavailable, Overloaded):
            self._away_until = time.monotonic() + AWAY_S
            return {}


async def _total(show_id: str, reports: Answer[list[bytes]], now_s: int) -> int:
    try:
        return total_of(await reports, now_s)
    except RedisError as error:
        corrupt(f"viewers of {show_id}: {error!r}")
        return 0
