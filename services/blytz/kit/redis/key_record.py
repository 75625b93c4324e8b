"""Idempotency keys in Redis."""

from blytz.kit.idempotency import KEPT_S
from blytz.kit.redis.pipe import RedisPipe


class RedisKeyRecord:
    """`KeyRecord` as one string per key, which expires by itself."""

    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe

    async def claim(self, record_id: str, fingerprint: str, subject_id: str) -> tuple[str, str]:
        value = f"{fingerprint} {subject_id}"
        first = await self._pipe.call("SET", f"idempotency:{record_id}", value, "NX", "GET", "EX", KEPT_S)
        kept_fingerprint, _, kept_subject_id = (first.decode() if first else value).partition(" ")
        return kept_fingerprint, kept_subject_id
