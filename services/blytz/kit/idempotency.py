"""The `Idempotency-Key` of a request: a repeated request gets the first answer, and nothing is done twice.

Two records make this hold when an answer is lost. The `KeyRecord` is written before the act: it ties the key of a
user to one request, and keeps the id of what the act creates. The act itself stores `Operation.id` in the same
atomic step as its change, so that it recognises a repetition.
"""

import hashlib
from typing import Final, Protocol

from msgspec import Struct

from blytz.kit.problems import Conflict

KEPT_S: Final = 24 * 3_600
"""How long a key is remembered."""


BYTES_OF_KEY: Final = 300
"""What a remembered key takes up in Redis, at most."""


class KeyReused(Conflict):
    """The key came with another request within the last 24 hours."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was sent with another request")


class Operation(Struct, frozen=True):
    """One act that a client may ask for several times."""

    id: str
    subject_id: str
    """The id of what the act creates, the same in every repetition."""


EVERY_TIME: Final = Operation("", "")
"""The operation of a request without a key: each repetition is a new act."""


class KeyRecord(Protocol):
    async def claim(self, record_id: str, fingerprint: str, subject_id: str) -> tuple[str, str]:
        """Store both values for `KEPT_S` unless this record exists. Returns the values that it has afterwards.
        Raises `StoreUnavailable` and `Overloaded`."""


async def operation_of(
    record: KeyRecord, user_id: str, key: str, request: tuple[str, str, bytes], subject_id: str
) -> Operation:
    """`request` is method, path and body. Raises `KeyReused`, and what the record raises."""
    method, path, body = request
    record_id = _digest(user_id.encode(), key.encode())
    fingerprint = _digest(method.encode(), path.encode(), body)
    first_fingerprint, first_subject_id = await record.claim(record_id, fingerprint, subject_id)
    if first_fingerprint != fingerprint:
        raise KeyReused
    return Operation(_digest(record_id.encode(), fingerprint.encode()), first_subject_id)


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:32]
