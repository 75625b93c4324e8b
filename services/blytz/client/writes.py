"""Writes on the socket that are sent until there is an answer: bids and chat messages."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace


class BidResult(Struct, frozen=True):
    """`pending` means that the outcome is not known yet: the same bid_id may be sent again."""

    bid_id: str
    outcome: Literal["accepted", "outbid", "refused", "pending"]
    code: str | None = None
    seq: int | None = None
    price: int | None = None
    minimum: int | None = None
    ends_at: int | None = None
    replayed: bool = False
    detail: str | None = None


class SayResult(Struct, frozen=True):
    """`pending` means that the outcome is not known yet: the same message_id may be sent again."""

    message_id: str
    outcome: Literal["said", "refused", "pending"]
    code: str | None = None
    seq: int | None = None
    retry_after_ms: int | None = None
    """When a refused message may be said, where that is known."""
    detail: str | None = None


Result = BidResult | SayResult
_ANSWERS: Final[dict[str, tuple[type[Result], str]]] = {
    "bid_result": (BidResult, "bid_id"),
    "say_result": (SayResult, "message_id"),
}


class Pending:
    """One write without an answer. `last` is what is known of it meanwhile."""

    def __init__(self, message: dict[str, Any], last: Result) -> None:
        self.message, self.last = message, last
        self.result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()


class PendingWrites:
    """By `ref`, in the order in which they were sent: the same bid may be pending twice at once."""

    def __init__(self) -> None:
        self._by_ref: dict[str, list[Pending]] = {}

    def add(self, message: dict[str, Any], last: Result) -> Pending:
        pending = Pending(message, last)
        self._by_ref.setdefault(message["ref"], []).append(pending)
        return pending

    def remove(self, pending: Pending) -> None:
        ref = pending.message["ref"]
        self._by_ref[ref].remove(pending)
        if not self._by_ref[ref]:
            del self._by_ref[ref]

    def messages(self) -> Iterator[dict[str, Any]]:
        for writes in self._by_ref.values():
            yield from (pending.message for pending in writes)

    def answer(self, message: dict[str, Any]) -> Pending | None:
        """Gives a `bid_result` or `say_result` to the write that waits for it. What is returned is to be sent
        again: the server does not know yet."""
        kind, id_name = _ANSWERS[message["type"]]
        pending = self._waiting(ref_of(kind, message[id_name]))
        if pending is None:
            return None
        result = kind(**{name: message[name] for name in kind.__struct_fields__ if name in message})
        if result.outcome != "pending" and result.code != "store_unavailable":
            pending.result.set_result(result)
            return None
        pending.last = replace(result, outcome="pending")
        return pending

    def refuse(self, ref: str, code: str, detail: str | None) -> bool:
        """After an `error`. False when no write waits under this ref."""
        pending = self._waiting(ref)
        if pending:
            pending.result.set_result(replace(pending.last, outcome="refused", code=code, detail=detail))
        return pending is not None

    def _waiting(self, ref: str) -> Pending | None:
        return next((pending for pending in self._by_ref.get(ref, ()) if not pending.result.done()), None)


def ref_of(kind: type[Result], write_id: str) -> str:
    """No bid_id has a colon, so a bid and a message with the same id are told apart."""
    return write_id if kind is BidResult else f"say:{write_id}"
