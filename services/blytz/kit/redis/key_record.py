"""Idempotency keys in Redis."""

from blytz.kit.idempotency import KEPT_S
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.redis.scripts import load_script


class RedisKeyRecord:
    """`KeyRecord` as one string per key, which expires by itself."""

    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe
        self._claim_key = load_script(__package__, "claim_key")

    async def claim(self, record_id: str, fingerprint: str, subject_id: str) -> tuple[str, str]:
        value = f"{fingerprint} {subject_id}"
        first: bytes = await self._pipe.run(self._claim_key, (f"idempotency:{record_id}",), (value, KEPT_S))
        kept_fingerprint, _, kept_subject_id = first.decode().partition(" ")
        return kept_fingerprint, kept_subject_id
