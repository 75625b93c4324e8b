"""What users have spent of their rate limits, in Redis, shared by all processes (port: `user_limit.py`)."""

from collections.abc import Sequence

from blytz.kit.answer import Answer
from blytz.kit.ratelimit.user_limit import Limit, Spent
from blytz.kit.redis.link import Part
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.redis.scripts import load_script


class RedisLedger:
    """A key expires about a second after everything is paid back. All keys are in one slot of a cluster, so that
    one call may carry many users."""

    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe
        self._script = load_script(__package__, "spend")

    def spend(self, limit: Limit, spent: Sequence[Spent]) -> Answer[list[int]]:
        cost_us = 1e6 / limit.per_s
        keys = [f"{{limits}}:{limit.name}:{each.user_id}" for each in spent]
        args: list[Part] = [f"{cost_us:.3f}", f"{limit.burst * cost_us:.0f}"]
        for each in spent:
            args += [each.units, each.since_us, each.owed_us]
        return self._pipe.run(self._script, keys, args)
